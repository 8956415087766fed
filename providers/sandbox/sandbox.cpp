#include "providers/sandbox/sandbox.hpp"

#include "providers/http/lines.hpp"
#include "providers/http/wire_tools.hpp"
#include "providers/sandbox/wire.hpp"

namespace evenkeel::providers {

namespace {

class Sandbox final : public Provider {
public:
    Sandbox(
        std::string name,
        std::string owner_mark,
        std::unique_ptr<HttpClient> spend,
        std::unique_ptr<HttpClient> safety,
        const Clock& clock)
        : name_{std::move(name)},
          owner_mark_{std::move(owner_mark)},
          lines_{
              std::move(spend),
              std::move(safety),
              {.budget = std::make_shared<RateBudget>("the sandbox cloud"), .clock = clock}},
          clock_{clock} {}

    std::string_view name() const noexcept override { return name_; }
    StartForm start_form() const noexcept override { return StartForm::own; }

    Result<std::vector<MarketOffer>> offers(std::stop_token stop) override {
        return ask(
            lines_.spend, sandbox::make_offers_request(), stop, [this](const HttpResponse& answer) {
                return sandbox::parse_offers(answer, clock_.read().utc);
            });
    }

    Result<RemoteMachine> create(const MachineSpec& spec, std::stop_token stop) override {
        const auto response = send_launch(lines_.spend, sandbox::make_create_request(spec), stop);
        if (!response) {
            return std::unexpected{response.error()};
        }
        return sandbox::parse_created(*response, spec);
    }

    Result<std::vector<RemoteMachine>> list(std::stop_token stop) override;

    Result<RemoteMachine> get(const std::string& remote_id, std::stop_token stop) override {
        if (!is_path_id(remote_id)) {
            return fail(Errc::invalid_argument, "not an id of the sandbox cloud");
        }
        return ask_machine(
            lines_.safety,
            sandbox::make_get_request(remote_id),
            stop,
            "the sandbox cloud",
            remote_id,
            &sandbox::parse_machine);
    }

    Result<void> destroy(const std::string& remote_id, std::stop_token stop) override {
        if (!is_path_id(remote_id)) {
            return fail(Errc::invalid_argument, "not an id of the sandbox cloud");
        }
        return ask(
            lines_.safety,
            sandbox::make_destroy_request(remote_id),
            stop,
            &sandbox::parse_destroyed,
            CallClass::destroy);
    }

    Result<std::vector<BillLine>> billing(std::stop_token stop) override {
        return ask(
            lines_.safety, sandbox::make_bill_request(owner_mark_), stop, &sandbox::parse_bill);
    }

    /// The sandbox cloud has no account: it bills afterwards and shows no standing.
    Result<Account> account(std::stop_token) override { return Account{}; }

private:
    std::string name_;
    std::string owner_mark_;
    Lines lines_;
    const Clock& clock_;
};

Result<std::vector<RemoteMachine>> Sandbox::list(std::stop_token stop) {
    return read_pages<RemoteMachine>(
        "the sandbox cloud's list",
        sandbox::pages_max,
        [&](const std::string& after) {
            return ask(
                lines_.safety, sandbox::make_list_request(after), stop, &sandbox::parse_page);
        },
        [](const RemoteMachine& machine) { return std::string_view{machine.remote_id}; });
}

}  // namespace

Result<std::unique_ptr<Provider>> make_sandbox(DriverOptions options, const Clock& clock) {
    auto clients = make_client_pair(options, "");
    if (!clients) {
        return std::unexpected{clients.error()};
    }
    return make_sandbox(
        std::move(options.name),
        std::move(options.owner_mark),
        std::move(clients->spend),
        std::move(clients->safety),
        clock);
}

std::unique_ptr<Provider> make_sandbox(
    std::string name,
    std::string owner_mark,
    std::unique_ptr<HttpClient> spend,
    std::unique_ptr<HttpClient> safety,
    const Clock& clock) {
    return std::make_unique<Sandbox>(
        std::move(name), std::move(owner_mark), std::move(spend), std::move(safety), clock);
}

}  // namespace evenkeel::providers
