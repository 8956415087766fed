#include "providers/sandbox/sandbox.hpp"

#include "providers/sandbox/wire.hpp"

#include <fmt/format.h>

#include <cstring>
#include <mutex>
#include <set>

namespace evenkeel::providers {

namespace {

/// A client that several threads may use, one exchange at a time.
class Line {
public:
    explicit Line(std::unique_ptr<HttpClient> client) : client_{std::move(client)} {}
    Result<HttpResponse> send(const HttpRequest& request, const std::stop_token& stop) {
        const std::scoped_lock lock{mutex_};
        return client_->send(request, stop);
    }

private:
    std::mutex mutex_{};
    std::unique_ptr<HttpClient> client_;
};

/// Sends `request` and hands a complete answer to `parse`.
template <class Parse>
auto ask(Line& line, const HttpRequest& request, const std::stop_token& stop, Parse parse)
    -> decltype(parse(HttpResponse{})) {
    const auto response = line.send(request, stop);
    if (!response) {
        return std::unexpected{response.error()};
    }
    return parse(*response);
}

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
          spend_{std::move(spend)},
          safety_{std::move(safety)},
          clock_{clock} {}

    std::string_view name() const noexcept override { return name_; }
    StartForm start_form() const noexcept override { return StartForm::own; }

    Result<std::vector<MarketOffer>> offers(std::stop_token stop) override {
        return ask(
            spend_, sandbox::make_offers_request(), stop, [this](const HttpResponse& answer) {
                return sandbox::parse_offers(answer, clock_.read().utc);
            });
    }

    Result<RemoteMachine> create(const MachineSpec& spec, std::stop_token stop) override {
        HttpRequest request = sandbox::make_create_request(spec);
        const auto response = spend_.send(request, stop);
        explicit_bzero(request.body.data(), request.body.size());  // it names the engine's key
        if (!response) {
            return std::unexpected{response.error()};
        }
        return sandbox::parse_created(*response, spec);
    }

    Result<std::vector<RemoteMachine>> list(std::stop_token stop) override;

    Result<RemoteMachine> get(const std::string& remote_id, std::stop_token stop) override {
        if (!sandbox::is_remote_id(remote_id)) {
            return fail(Errc::invalid_argument, "not an id of the sandbox cloud");
        }
        auto machine =
            ask(safety_, sandbox::make_get_request(remote_id), stop, &sandbox::parse_machine);
        if (machine && machine->remote_id != remote_id) {
            return fail(Errc::invalid_response, "the sandbox cloud answered about another machine");
        }
        return machine;
    }

    Result<void> destroy(const std::string& remote_id, std::stop_token stop) override {
        if (!sandbox::is_remote_id(remote_id)) {
            return fail(Errc::invalid_argument, "not an id of the sandbox cloud");
        }
        return ask(
            safety_, sandbox::make_destroy_request(remote_id), stop, &sandbox::parse_destroyed);
    }

    Result<std::vector<BillLine>> billing(std::stop_token stop) override {
        return ask(safety_, sandbox::make_bill_request(owner_mark_), stop, &sandbox::parse_bill);
    }

    /// The sandbox cloud has no account: it bills afterwards and shows no standing.
    Result<Account> account(std::stop_token) override { return Account{}; }

private:
    std::string name_;
    std::string owner_mark_;
    Line spend_;
    Line safety_;
    const Clock& clock_;
};

Result<std::vector<RemoteMachine>> Sandbox::list(std::stop_token stop) {
    std::vector<RemoteMachine> machines;
    std::set<std::string> ids;
    std::optional<std::int64_t> total;
    std::string after;
    for (int pages = 0; pages < sandbox::pages_max; ++pages) {
        auto page = ask(safety_, sandbox::make_list_request(after), stop, &sandbox::parse_page);
        if (!page) {
            return std::unexpected{page.error()};
        }
        if (total && *total != page->total) {
            return fail(Errc::unavailable, "the sandbox cloud's list changed while it was read");
        }
        total = page->total;
        for (RemoteMachine& machine : page->machines) {
            if (!ids.insert(machine.remote_id).second) {
                return fail(
                    Errc::invalid_response, "the sandbox cloud's list names a machine twice");
            }
            machines.push_back(std::move(machine));
        }
        if (page->next.empty()) {
            if (static_cast<std::int64_t>(machines.size()) != *total) {
                return fail(
                    Errc::invalid_response,
                    fmt::format(
                        "the sandbox cloud's list has {} machines and says {}",
                        machines.size(),
                        *total));
            }
            return machines;
        }
        after = std::move(page->next);
    }
    return fail(Errc::invalid_response, "the sandbox cloud's list does not end");
}

}  // namespace

Result<std::unique_ptr<Provider>> make_sandbox(DriverOptions options, const Clock& clock) {
    const HttpOptions http{
        .base_url = options.base_url,
        .bearer = options.credential,
        .connect_limit = options.connect_limit,
        .total_limit = options.total_limit,
        .ca_file = options.ca_file};
    auto spend = make_curl_client(http);
    if (!spend) {
        return std::unexpected{spend.error()};
    }
    auto safety = make_curl_client(http);
    if (!safety) {
        return std::unexpected{safety.error()};
    }
    return make_sandbox(
        std::move(options.name),
        std::move(options.owner_mark),
        *std::move(spend),
        *std::move(safety),
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
