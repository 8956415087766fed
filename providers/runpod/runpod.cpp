#include "providers/runpod/runpod.hpp"

#include "providers/drivers.hpp"
#include "providers/http/wire_tools.hpp"
#include "providers/runpod/bill.hpp"
#include "providers/runpod/candidates.hpp"
#include "providers/runpod/wire.hpp"

#include <algorithm>

namespace evenkeel::providers {

namespace {

constexpr std::size_t no_user_data = 0;

class RunPod final : public Provider {
public:
    RunPod(DriverOptions options, ClientPair clients, const Clock& clock, Pause pause)
        : options_{std::move(options)},
          cloud_{runpod::upper(options_.cloud)},
          lines_{
              std::move(clients.spend),
              std::move(clients.safety),
              {.budget = std::make_shared<RateBudget>(
                   "RunPod", scaled(runpod_rate_rules(), options_.speed)),
               .clock = clock,
               .pause = std::move(pause)}},
          clock_{clock},
          candidates_{runpod::Candidates::refusal_counts / options_.speed} {}

    std::string_view name() const noexcept override { return options_.name; }
    StartForm start_form() const noexcept override { return StartForm::container; }

    Result<std::vector<MarketOffer>> offers(std::stop_token stop) override;
    Result<RemoteMachine> create(const MachineSpec& spec, std::stop_token stop) override;
    Result<std::vector<RemoteMachine>> list(std::stop_token stop) override {
        return ask(lines_.safety, runpod::make_list_request(), stop, &runpod::parse_list);
    }
    Result<RemoteMachine> get(const std::string& remote_id, std::stop_token stop) override;
    Result<void> destroy(const std::string& remote_id, std::stop_token stop) override;
    Result<std::vector<BillLine>> billing(std::stop_token stop) override;
    Result<Account> account(std::stop_token stop) override;

private:
    DriverOptions options_;
    std::string cloud_;
    Lines lines_;
    const Clock& clock_;
    std::mutex mutex_{};
    runpod::Candidates candidates_;  ///< under `mutex_`
};

Result<std::vector<MarketOffer>> RunPod::offers(std::stop_token stop) {
    auto offers =
        ask(lines_.spend,
            runpod::make_catalog_request(cloud_),
            stop,
            [this](const HttpResponse& response) {
                return runpod::parse_catalog(response, cloud_, options_.regions, clock_.read().utc);
            });
    if (offers) {
        const std::scoped_lock lock{mutex_};
        candidates_.offered(*offers);
    }
    return offers;
}

Result<RemoteMachine> RunPod::create(const MachineSpec& spec, std::stop_token stop) {
    // A pod is told by its arguments; a cloud-init text has no place here.
    if (auto fit = check_spec(spec, no_user_data); !fit) {
        return std::unexpected{fit.error()};
    }
    if (spec.image.empty() || spec.env.size() >= runpod::env_max) {
        return fail(
            Errc::rejected,
            fmt::format(
                "not sent: a pod needs an image (models.*.offers[].image) and fewer than {} "
                "variables",
                runpod::env_max));
    }
    const auto response =
        send_launch(lines_.spend, runpod::make_create_request(spec, cloud_), stop);
    if (!response) {
        return std::unexpected{response.error()};
    }
    auto machine = runpod::parse_created(*response, spec);
    const std::scoped_lock lock{mutex_};
    if (machine) {
        candidates_.accepted(spec.sku);
    } else if (
        machine.error().code == Errc::no_capacity && !runpod::says_full(*response) &&
        candidates_.refused(spec.sku, runpod::upper(spec.region), clock_.read().boot)) {
        machine.error().code = response->status == 403 ? Errc::unauthorized : Errc::rejected;
        machine.error().message += " (every place refuses alike: the request or the key is wrong)";
    }
    return machine;
}

Result<RemoteMachine> RunPod::get(const std::string& remote_id, std::stop_token stop) {
    if (!is_path_id(remote_id)) {
        return fail(Errc::invalid_argument, "not an id of a pod");
    }
    return ask_machine(
        lines_.safety,
        runpod::make_get_request(remote_id),
        stop,
        "RunPod",
        remote_id,
        &runpod::parse_machine);
}

Result<void> RunPod::destroy(const std::string& remote_id, std::stop_token stop) {
    if (!is_path_id(remote_id)) {
        return fail(Errc::invalid_argument, "not an id of a pod");
    }
    return ask(
        lines_.safety,
        runpod::make_destroy_request(remote_id),
        stop,
        &runpod::parse_destroyed,
        CallClass::destroy);
}

Result<std::vector<BillLine>> RunPod::billing(std::stop_token stop) {
    // Dated before it is asked: what the answer leaves out must have been over by then.
    const UtcTime asked = clock_.read().utc;
    return ask(
        lines_.safety, runpod::make_bill_request(asked), stop, [&](const HttpResponse& response) {
            return runpod::parse_bill(response, asked, runpod::settles_after / options_.speed);
        });
}

Result<Account> RunPod::account(std::stop_token stop) {
    const auto balance =
        ask(lines_.safety, runpod::make_balance_request(), stop, &runpod::parse_balance);
    if (!balance) {
        Error error = balance.error();
        if (error.code == Errc::outcome_unknown) {
            error.code = Errc::unavailable;  // a question, although it is a POST
        }
        return std::unexpected{std::move(error)};
    }
    Account account{.balance = balance->left};
    if (balance->left.nanos() <= 0) {
        account.trouble = "RunPod's balance is used up: it deletes pods and creates none";
    } else if (balance->spend_per_hour && *balance->spend_per_hour >= balance->left) {
        account.trouble =
            "RunPod's balance lasts less than an hour at the present rate: at zero it deletes pods";
    }
    return account;
}

}  // namespace

RateRules runpod_rate_rules() {
    return {
        .windows = {
            {"minute", 60, std::chrono::minutes{1}},
            {"hour", 3'000, std::chrono::hours{1}},
            {"day", 50'000, std::chrono::hours{24}}}};
}

Result<std::unique_ptr<Provider>> make_runpod(
    DriverOptions options, ClientPair clients, const Clock& clock, Pause pause) {
    const std::string cloud = runpod::upper(options.cloud);
    if (cloud != "SECURE" && cloud != "COMMUNITY") {
        return fail(
            Errc::invalid_argument,
            fmt::format("{}: cloud must be 'secure' or 'community'", options.name));
    }
    return std::make_unique<RunPod>(
        std::move(options), std::move(clients), clock, std::move(pause));
}

Result<std::unique_ptr<Provider>> make_runpod(DriverOptions options, const Clock& clock) {
    auto clients = make_client_pair(options, runpod::vendor_url);
    if (!clients) {
        return std::unexpected{clients.error()};
    }
    return make_runpod(std::move(options), *std::move(clients), clock);
}

}  // namespace evenkeel::providers
