#pragma once

#include "agent/control/provider_figures.hpp"
#include "agent/ledger/rows.hpp"
#include "agent/report/prices.hpp"
#include "inference/gpu/sampler.hpp"
#include "policies/config/config.hpp"
#include "policies/domain/money.hpp"
#include "policies/domain/time.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

/// What a person may see of the running agent: one consistent picture, made by the control thread,
/// read by the admin API. Names are text here; nothing of it is used for decisions.
namespace evenkeel::agent {

/// How fast a worker was measured to be.
struct MeasuredView {
    std::int64_t step_us{0};       ///< one decode step, however small the batch
    std::int64_t step_more_us{0};  ///< and for each request in it
    std::int64_t prompt_tokens_per_s{0};
    std::int64_t windows{0};  ///< busy spans it was measured over
};

struct SourceView {
    std::string name{};
    std::string kind{};  ///< own | rental | api
    std::string what{};  ///< "RTX 5090 (own)"
    std::string model{};
    std::string state{};
    bool synthetic{false};
    int busy{0};
    int slots{0};
    std::int64_t queue{0};
    std::int64_t tokens_per_s{0};
    std::int64_t granted{0};
    std::int64_t failed{0};
    std::optional<Money> cost_rate{};  ///< an hour; nothing for sources paid by the token
    std::int64_t for_s{0};             ///< in this state
    std::vector<int> gpus{};           ///< own: indices of those of its hardware
    std::optional<MeasuredView> measured{};
};

struct QueueView {
    std::string model{};
    std::int64_t depth{0};
    std::int64_t oldest_ms{0};
    std::int64_t tokens{0};
};

struct MachineView {
    std::string id{};
    std::string name{};     ///< of its source: "runpod-1"
    std::string machine{};  ///< its own: "ek-1a2b3c4d-..."
    std::string provider{};
    std::string remote_id{};
    std::string gpu{};
    std::string model{};
    std::string state{};
    int in_flight{0};
    std::string reason{};
    std::string ends{};
    bool synthetic{false};
    std::int64_t state_for_ms{0};
    std::int64_t age_ms{0};
    Money paid{};
    Money rate{};  ///< an hour
    std::optional<std::int64_t> useful_percent{};
    std::optional<std::string> gone_how{};
    std::string phase{};  ///< the paid one that is open: "serve"; empty: none
    bool overdue{false};  ///< past the end that was written on it when it was ordered
};

/// A machine at a provider that no row of ours knows.
struct UnknownView {
    std::string provider{};
    std::string remote_id{};
    std::string name{};
    std::string gpu{};
    bool ours{false};             ///< it carries our mark; without it nobody here may touch it
    std::string verdict{};        ///< wait | report | look_alike
    std::string ends{};           ///< who ends it, or what a person can do
    std::int64_t age_ms{0};       ///< since its creation, as the provider states it; 0: not stated
    std::optional<Money> rate{};  ///< an hour
    std::optional<Money> paid{};  ///< an estimate: age times rate
    bool synthetic{false};
};

/// A provider that rents machines.
struct ProviderView {
    std::string name{};
    std::string driver{};  ///< digitalocean, runpod, ...
    bool known{false};     ///< its account answered with our key
    std::optional<Money> balance{};
    std::vector<std::string> troubles{};  ///< with its offers and the account, a sentence each
    ProviderFigures figures{};
};

struct BudgetView {
    std::string name{};
    std::string per{};
    Money limit{};
    Money spent{};
    Money held{};
    UtcTime from{};   ///< of the present window
    UtcTime until{};  ///< its end, exclusive
};

struct DecisionView {
    UtcTime at{};
    std::string what{};
    std::string subject{};
    std::string sentence{};
};

/// How renting is decided for one scaling entry, and what the newest nightly replay says of it.
struct RuleView {
    std::string scaling{};
    std::string model{};
    std::string rule{};  ///< in force
    bool automatic{false};
    std::optional<ledger::RuleReplay> replay{};
};

struct RequestsView {
    std::int64_t total{0};
    std::int64_t answered{0};
    std::int64_t refused{0};
    std::int64_t cut{0};
    std::int64_t failed{0};
    std::int64_t client_gone{0};
    std::int64_t invalid{0};
    std::int64_t own{0};
    std::int64_t rental{0};
    std::int64_t api{0};
};

struct View {
    std::string version{};
    std::string host{};
    std::int64_t pid{0};
    UtcTime started{};
    UtcTime made{};
    std::int64_t uptime_s{0};
    std::int64_t policy_revision{0};
    UtcTime policy_loaded{};
    /// Revision since which dashboard.control has been true without a break; 0: it is not.
    std::int64_t control_since{0};
    std::int64_t speed{1};
    std::string state{};  ///< starting | serving | stopping
    bool frozen{false};
    int rented{0};
    int rented_max{0};
    Money cost_rate{};                   ///< of rented machines, an hour, report currency
    Money own_rate{};                    ///< of the electricity of own hardware, likewise
    std::optional<Money> max_per_day{};  ///< safety's limit on machines, report currency
    config::CurrencyRules currency{};
    std::shared_ptr<const config::Config> config{};  ///< in force; null before the first
    std::vector<SourceView> sources{};
    std::vector<QueueView> queues{};
    std::vector<MachineView> machines{};       ///< not gone
    std::vector<MachineView> machines_gone{};  ///< of the last day, newest first
    Money unposted{};  ///< what machines cost since their last posting, report currency
    std::vector<BudgetView> budgets{};
    RequestsView requests{};
    bool ledger_ok{true};
    std::string ledger_path{};
    std::vector<RuleView> rules{};
    std::vector<DecisionView> decisions{};  ///< newest first
    std::vector<std::string> warnings{};
    std::vector<UnknownView> unknown{};  ///< of the newest list of each provider
    std::vector<ProviderView> providers{};
    std::vector<report::PriceRow> prices{};
    std::string frozen_by{};             ///< who, when and why, when frozen
    std::vector<std::string> hazards{};  ///< what may cost money unseen, one sentence each
    bool money_hazard{false};            ///< there are some: exit status 6
    /// The newest look at the owner's GPUs; never null.
    std::shared_ptr<const inference::gpu::Snapshot> gpus{
        std::make_shared<inference::gpu::Snapshot>()};
};

/// The latest View. The control thread publishes, any thread reads; neither waits long.
class Board {
public:
    void publish(std::shared_ptr<const View> view) {
        const std::lock_guard lock{mutex_};
        view_ = std::move(view);
    }
    [[nodiscard]] std::shared_ptr<const View> read() const {
        const std::lock_guard lock{mutex_};
        return view_;
    }
    /// Whether the files were taken when they were last read.
    void reloaded(bool taken) noexcept { reload_ok_ = taken; }
    [[nodiscard]] bool reload_ok() const noexcept { return reload_ok_; }

private:
    std::atomic<bool> reload_ok_{true};
    mutable std::mutex mutex_;
    std::shared_ptr<const View> view_{std::make_shared<View>()};
};

}  // namespace evenkeel::agent
