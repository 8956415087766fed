#pragma once

#include "agent/control/exposure.hpp"
#include "agent/control/fleet.hpp"
#include "agent/control/market.hpp"
#include "agent/control/speeds.hpp"
#include "agent/control/view.hpp"
#include "policies/breakeven/exact.hpp"
#include "policies/scaling/rent.hpp"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace evenkeel::agent {

/// Carries the rent rule out: gathers its snapshot each tick, performs what it decides, remembers
/// its state. One rule per `scaling` entry. Lives on the control thread.
class Renter {
public:
    struct Parts {
        const Clock& clock;
        ledger::Ledger& ledger;
        Fleet& fleet;
        Market& market;
        Exposure& exposure;
        routing::NameTable& names;
        const Speeds* speeds{nullptr};  ///< outlives this; without it only seeds are known
    };
    explicit Renter(Parts parts) : parts_{parts} {}

    void recover(const std::vector<ledger::RentStateRow>& states);
    /// What `rule: auto` follows, as an earlier run of the agent left it. Before `apply`.
    void recover_rules(const std::vector<ledger::RuleReplay>& replays);
    void apply(std::shared_ptr<const routing::Catalogue> catalogue);
    /// The rule in force of each scaling entry, by its name.
    [[nodiscard]] std::map<std::string, config::RentRule> rules() const;
    /// Takes what a nightly replay found, and writes into it what `rule: auto` follows from now on.
    /// An entry with that rule changes to the recommended one, at most once in `follow_every`: a
    /// decision in the ledger; debts, machines and money stay as they are.
    void follow(ledger::RuleReplay& replay);
    /// `spending`: false while frozen, stopping, or with a ledger that cannot be written.
    struct Conditions {
        bool frozen{false};
        bool ledger_ok{true};
        bool stopping{false};
    };
    void tick(const gate::Counters& counters, const Conditions& conditions);
    /// Told by the fleet: learns boot times and failed orders.
    void stepped(const lifecycle::Step& step);

    /// From order to serving, as the rule that orders such machines reckons.
    [[nodiscard]] std::chrono::milliseconds boot_time(const lifecycle::Machine& machine) const;

    [[nodiscard]] const std::deque<DecisionView>& decisions() const noexcept { return decisions_; }
    void note(std::string what, std::string subject, const Reason& reason);

private:
    struct Rule {
        config::Scaling scaling{};
        NameIx model{};
        scaling::RentState state{};
        ReasonCode last_hold{ReasonCode::none};
        BootTime saved{};
        /// Own work finished so far, as seconds of a rented engine; for models without an API.
        std::int64_t own_tokens_in{0};
        std::int64_t own_tokens_out{0};
        BootTime own_since{};
        double own_rate{0};
    };
    [[nodiscard]] scaling::ScalingSnapshot snapshot(
        Rule& rule, const gate::Counters& counters, const Conditions& conditions);
    /// What the requests that wait would cost at the model of worth_it, report nanos.
    [[nodiscard]] std::optional<std::int64_t> queue_elsewhere(
        const config::Scaling& scaling,
        const gate::ModelCounters& demand,
        std::chrono::sys_days today) const;
    /// Four of five boots took no longer; nothing before the first.
    [[nodiscard]] std::optional<std::chrono::milliseconds> boot_measured() const;
    void perform(Rule& rule, const scaling::Decision& decision);
    void place(Rule& rule, const scaling::Decision& decision);
    void measure_own(Rule& rule, const gate::Counters& counters, const capacity::Profile& rented);
    [[nodiscard]] std::int64_t report(Money amount) const;

    struct Followed {
        config::RentRule rule{};
        UtcTime since{};
    };

    Parts parts_;
    std::shared_ptr<const routing::Catalogue> catalogue_{};
    scaling::Constants constants_{};
    std::map<std::string, Rule> rules_{};
    std::map<std::string, Followed> followed_{};  ///< by the entry's name
    std::map<NameIx, std::string> stored_{};      ///< states found at the start, by model
    std::deque<std::chrono::milliseconds> boots_{};
    std::deque<DecisionView> decisions_{};
};

/// Less than a day: the quiet hour of the night may move.
inline constexpr std::chrono::hours follow_every{20};

/// What is reckoned with where no seed is about this GPU and model either.
[[nodiscard]] capacity::Profile nearest_profile(std::string_view gpu, std::string_view model);

/// How fast an engine on `gpu` is with `model`, when a seed is about that GPU and a model of that
/// size, as its name says ("qwq-32b"). Nothing otherwise: a machine is not judged by a guess.
[[nodiscard]] std::optional<capacity::Profile> rental_profile(
    std::string_view gpu, std::string_view model);

/// The same where the seed's own model is about as large: only then is its speed near enough to
/// place requests by before it was measured, and its cache of the same size.
[[nodiscard]] std::optional<capacity::Profile> placing_profile(
    std::string_view gpu, std::string_view model);

/// Tokens a second, read and written together four to one, that such an engine makes at a full
/// batch; nothing where no seed is about it. An estimate.
[[nodiscard]] std::optional<breakeven::Exact> tokens_per_s(
    std::string_view gpu, std::string_view model);

}  // namespace evenkeel::agent
