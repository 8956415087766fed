#include "providers/lambda/lambda.hpp"

#include "providers/drivers.hpp"
#include "providers/http/wire_tools.hpp"
#include "providers/lambda/wire.hpp"

namespace evenkeel::providers {

namespace {

class Lambda final : public Provider {
public:
    Lambda(DriverOptions options, ClientPair clients, const Clock& clock, Pause pause)
        : options_{std::move(options)},
          lines_{
              std::move(clients.spend),
              std::move(clients.safety),
              {.budget = std::make_shared<RateBudget>(
                   "Lambda", scaled(lambda_rate_rules(), options_.speed)),
               .clock = clock,
               .pause = std::move(pause)}},
          clock_{clock} {}

    std::string_view name() const noexcept override { return options_.name; }
    StartForm start_form() const noexcept override { return StartForm::cloud_init; }
    /// File systems are mounted by name: https://docs.lambda.ai/public-cloud/filesystems/
    VolumePlace volume_place(std::string_view volume) const override {
        return {.path = fmt::format("/lambda/nfs/{}", volume)};
    }

    Result<std::vector<MarketOffer>> offers(std::stop_token stop) override {
        return ask(
            lines_.spend, lambda::make_types_request(), stop, [this](const HttpResponse& response) {
                return with_speed(
                    lambda::parse_types(response, options_.regions, clock_.read().utc),
                    options_.speed);
            });
    }

    Result<RemoteMachine> create(const MachineSpec& spec, std::stop_token stop) override {
        if (auto fit = check_spec(spec, lambda::user_data_max); !fit) {
            return std::unexpected{fit.error()};
        }
        if (options_.ssh_keys.size() != 1) {
            return fail(
                Errc::rejected,
                fmt::format(
                    "not sent: Lambda wants exactly one SSH key: name it in "
                    "providers.{}.ssh_keys",
                    options_.name));
        }
        const auto response = send_launch(
            lines_.spend, lambda::make_launch_request(spec, options_.ssh_keys.front()), stop);
        if (!response) {
            return std::unexpected{response.error()};
        }
        return lambda::parse_launched(*response, spec);
    }

    Result<std::vector<RemoteMachine>> list(std::stop_token stop) override {
        return ask(lines_.safety, lambda::make_list_request(), stop, &lambda::parse_list);
    }

    Result<RemoteMachine> get(const std::string& remote_id, std::stop_token stop) override {
        if (!is_path_id(remote_id)) {
            return fail(Errc::invalid_argument, "not an id of an instance");
        }
        return ask_machine(
            lines_.safety,
            lambda::make_get_request(remote_id),
            stop,
            "Lambda",
            remote_id,
            &lambda::parse_machine);
    }

    Result<void> destroy(const std::string& remote_id, std::stop_token stop) override {
        if (!is_path_id(remote_id)) {
            return fail(Errc::invalid_argument, "not an id of an instance");
        }
        return ask(
            lines_.safety,
            lambda::make_terminate_request(remote_id),
            stop,
            [&](const HttpResponse& response) {
                return lambda::parse_terminated(response, remote_id);
            },
            CallClass::destroy);
    }

    /// The API has no bill: what the ledger measured stands.
    Result<std::vector<BillLine>> billing(std::stop_token) override {
        return std::vector<BillLine>{};
    }
    Result<Account> account(std::stop_token) override { return Account{}; }

private:
    DriverOptions options_;
    Lines lines_;
    const Clock& clock_;
};

}  // namespace

RateRules lambda_rate_rules() {
    // One request a second and one launch in 12, with a margin: what is sent a second apart does
    // not arrive so.
    return {
        .gap = std::chrono::milliseconds{1'100}, .launch_gap = std::chrono::milliseconds{12'100}};
}

std::unique_ptr<Provider> make_lambda(
    DriverOptions options, ClientPair clients, const Clock& clock, Pause pause) {
    return std::make_unique<Lambda>(
        std::move(options), std::move(clients), clock, std::move(pause));
}

Result<std::unique_ptr<Provider>> make_lambda(DriverOptions options, const Clock& clock) {
    auto clients = make_client_pair(options, lambda::vendor_url);
    if (!clients) {
        return std::unexpected{clients.error()};
    }
    return make_lambda(std::move(options), *std::move(clients), clock);
}

}  // namespace evenkeel::providers
