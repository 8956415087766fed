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
    void apply(std::shared_ptr<const routing::Catalogue> catalogue);
    /// `spending`: false while frozen, stopping, or with a ledger that cannot be written.
    struct Conditions {
        bool frozen{false};
        bool ledger_ok{true};
        bool stopping{false};
    };
    void tick(const gate::Counters& counters, const Conditions& conditions);
    /// Told by the fleet: learns boot times and failed orders.
    void stepped(const lifecycle::Step& step);

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
    void perform(Rule& rule, const scaling::Decision& decision);
    void place(Rule& rule, const scaling::Decision& decision);
    void measure_own(Rule& rule, const gate::Counters& counters, const capacity::Profile& rented);
    [[nodiscard]] std::int64_t report(Money amount) const;

    Parts parts_;
    std::shared_ptr<const routing::Catalogue> catalogue_{};
    scaling::Constants constants_{};
    std::map<std::string, Rule> rules_{};
    std::map<NameIx, std::string> stored_{};  ///< states found at the start, by model
    std::deque<std::chrono::milliseconds> boots_{};
    std::deque<DecisionView> decisions_{};
};

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
