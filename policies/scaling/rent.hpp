#pragma once

#include "policies/capacity/service_model.hpp"
#include "policies/config/config.hpp"
#include "policies/domain/error.hpp"
#include "policies/domain/id.hpp"
#include "policies/domain/machine.hpp"
#include "policies/domain/price.hpp"
#include "policies/domain/reason.hpp"
#include "policies/domain/time.hpp"
#include "policies/gate/gate.hpp"
#include "policies/scaling/levels.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Rent, wait or pay the API: the break-even rule (ski rental) as one pure function.
///
/// Overflow to an API is "renting skis"; a machine is "buying" them. `debt` is the API money that
/// one more machine would have saved, less what that machine would have cost, never below zero.
/// When it reaches what a rental commits (price x (boot + minimum bill)), machines are ordered, as
/// many as the overflow keeps busy. A machine is released when the money lost by keeping it has
/// reached what booting it again would cost.
///
/// A model that no priced API serves has no such money. There the rental itself is the reference:
/// machines are ordered when, for `patience` without a break, the backlog (and what was refused)
/// was more engine time than the present workers finish in that time; and a machine earns its price
/// while it works, nothing while it idles.
///
/// `break-even` orders one machine at a time, `break-even+k` as many as the overflow keeps busy.
///
/// `level-memory` does the same sum for each further machine by itself (levels.hpp). What level k
/// earns now, v[k], follows from the excess, which is all that own workers did not take; for levels
/// that do not serve it is no less than their share of what an API just got, however busy the
/// machines look. Level k is ordered when v[k] less its price has added up to half of what a rental
/// commits, and given back when its price less v[k] has added up to one boot bill, except that a
/// load after which the level usually earned its price stops that sum, for four boot bills of plain
/// idling at most. Beside each level runs its shadow, the same without memory; `account` is what
/// memory has saved against it. Memory that has lost two boot bills in all is not listened to any
/// more.
///
/// What counts: a machine whose delete is only to be proved is no machine of the rule any more,
/// unless it failed, though it counts for safety.max_machines. An ordered one counts until it
/// serves as booting. A machine is not given back before it has served for max(minimum bill, boot),
/// nothing is given back while another one boots, and a boot is cancelled only when its minimum
/// bill is used up, nobody waits, and going on costs more than a burst like the present one would
/// save.
///
/// Amounts are int64 nano-units of the report currency. Only the averages that size an order are
/// doubles: estimates, never booked and never compared with a budget.
namespace evenkeel::scaling {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

/// Numbers of the rule that have no key in the policy. They are durations of the real world, so a
/// demo divides them by its speed: `scaled`.
struct Constants {
    /// Engine times of a profile are real ones; in a demo a second of the clock holds this many.
    std::int64_t speed{1};
    milliseconds boot_seed{420'000};       ///< boot time until one was measured
    milliseconds warm_floor{300'000};      ///< idling may always cost a boot of this length
    milliseconds over_window{60'000};      ///< of the averages of overflow
    milliseconds slow_window{900'000};     ///< of the forecast's slow average (trust < 1 only)
    milliseconds period{5'000};            ///< signals are taken over at least this long
    milliseconds stock_memory{600'000};    ///< an offer that was sold out is passed over so long
    milliseconds failure_window{900'000};  ///< three failed orders within: no orders for as long
    int failures_max{3};
    int warm_ups_max{3};                  ///< machines of one offer that failed in a row: suspended
    milliseconds suspend_first{600'000};  ///< for so long, doubled each time,
    milliseconds suspend_most{21'600'000};  ///< up to this
    milliseconds restart_gap{600'000};      ///< a longer stop starts the signals anew
    // level-memory, see specs of the rule in rent.hpp
    milliseconds level_period{10'000};           ///< its tick
    milliseconds level_window{30'000};           ///< of the averages of what own workers leave over
    milliseconds missed_window{10'000};          ///< of the averages of what an API got
    std::int64_t level_theta_millis{500};        ///< of a commitment: lost without it, ordered
    std::int64_t level_idle_most_millis{4'000};  ///< of a boot bill: idling that memory may cost
    std::int64_t level_credit_millis{2'000};     ///< of a boot bill: what memory may lose in all
    std::int64_t level_cap_millis{20'000};       ///< and what it may save up
    int level_trust_after{8};                    ///< boot times after which half is believed
    int levels_max{64};
    [[nodiscard]] static Constants scaled(std::int64_t speed);
};

/// What a machine of this rule looks like to the rule. Leave out those that are gone.
struct MachineView {
    MachineId id{};
    MachineState state{MachineState::wanted};
    bool ending{false};     ///< its end was asked for (state may still be creating or unknown)
    BootTime ordered_at{};  ///< when it was wanted
    std::optional<BootTime> serving_at{};
    /// It ends because it was of no use: its place is taken until it is proved gone.
    bool failed{false};
    int in_flight{0};
    BootTime last_busy{};         ///< gate::SourceCounters::last_busy; serving_at if never
    std::int64_t worth{0};        ///< cumulative report nanos, gate::SourceCounters::worth
    std::int64_t hour_report{0};  ///< its price, report nanos an hour
};

/// One thing that could be ordered now, in the order of the policy's `offers`.
struct OfferView {
    NameIx offer{};
    Price price{};                ///< per hour, as quoted
    std::int64_t hour_report{0};  ///< the same in report nanos an hour, rounded up
    milliseconds min_bill{0};     ///< the provider's minimum
    milliseconds price_age{0};    ///< since the quote was read
    bool in_stock{false};
    /// Why nothing may be ordered from its provider now, whatever its stock (hold_provider,
    /// hold_undeleted); none: it may.
    Reason closed{};
    int provider_room{0};         ///< machines its provider may still have (max_machines - live)
    capacity::Profile profile{};  ///< what its engine will be able to do
};

/// What the money rules leave; nothing = no such limit. Report nanos.
struct Room {
    std::optional<std::int64_t> budget{};  ///< least headroom of the budgets that count rentals
    std::optional<std::int64_t> day{};     ///< safety.max_per_day less what today cost and holds
    std::optional<std::int64_t> rate{};    ///< safety.max_rate_per_hour less what runs now
    int creates_last_hour{0};
    int machines_total{0};  ///< of all rules, not gone
};

struct ScalingSnapshot {
    Now now{};
    gate::ModelCounters demand{};  ///< cumulative, of the rule's model
    bool api_priced{true};         ///< some priced API may serve the model
    std::vector<MachineView> machines{};
    std::vector<OfferView> offers{};
    std::optional<milliseconds> boot_measured{};  ///< 80th percentile, order to serving
    /// Rented-engine-seconds that the own workers finish per second (0 when there are none).
    double own_rate{0};
    milliseconds patience{4'000};  ///< slo.patience of a short prompt's first-token budget
    Room room{};
    bool frozen{false};
    bool budget_blocks{false};  ///< some budget says no_new_machines
    bool ledger_ok{true};
    /// What the requests that wait would cost at worth_it.against; nothing: no price is known.
    std::optional<std::int64_t> queue_elsewhere{};
};

/// How the machines of one offer did lately.
struct OfferRecord {
    int failed{0};       ///< in a row, none of which served
    int suspensions{0};  ///< since one served
    UtcTime suspended_until{};
};

/// What the counters grew by since signals were taken last. Any of it may be below zero: a grant
/// that is given back is counted back.
struct Gathered {
    nanoseconds time{0};
    std::int64_t overflow{0};  ///< report nanos; what was refused included
    std::int64_t overflow_in{0};
    std::int64_t overflow_out{0};
    std::int64_t refused_in{0};
    std::int64_t refused_out{0};
    std::int64_t rented{0};  ///< report nanos
    std::int64_t rented_in{0};
    std::int64_t rented_out{0};
    std::int64_t own_in{0};
    std::int64_t own_out{0};
    std::map<MachineId, std::int64_t> worth{};
};

/// What the rule remembers from tick to tick. Saved with each decision and every 10 s; a restart
/// goes on with it, as if it had not been, for counters of a new process begin at zero.
struct RentState {
    std::int64_t debt{0};  ///< report nanos
    double over{0};        ///< average of machines missing at full efficiency
    double worth{0};       ///< average report nanos a second that one more machine would absorb
    double worth_slow{0};  ///< the same over slow_window
    std::map<MachineId, std::int64_t> idle{};    ///< report nanos lost by keeping each machine
    std::map<NameIx, UtcTime> sold_out_until{};  ///< stock memory
    std::map<NameIx, OfferRecord> records{};
    std::vector<UtcTime> failures{};  ///< failed orders within failure_window
    UtcTime frozen_until{};           ///< after too many of them
    UtcTime at{};                     ///< of the last tick; zero before the first
    Gathered gathered{};
    LevelMemory memory{};                      ///< of level-memory
    std::optional<nanoseconds> backlog_for{};  ///< model without priced API: too long for so long
    std::optional<nanoseconds> waits_for{};    ///< start_when.wait_over has been passed for so long

    // Of this process only; not serialised.
    bool started{false};
    BootTime taken_at{};          ///< of the last tick
    gate::ModelCounters taken{};  ///< counters then
    std::map<MachineId, std::int64_t> worth_taken{};
};

/// The durable part, with a version in front. Deterministic: equal states give equal bytes.
[[nodiscard]] std::string to_bytes(const RentState& state);
/// Errc::corrupt for bytes that are cut or of an unknown version; start with RentState{} then.
[[nodiscard]] Result<RentState> from_bytes(std::string_view bytes);

enum class DecisionKind : std::uint8_t { order, release, hold };
[[nodiscard]] constexpr std::string_view to_text(DecisionKind kind) noexcept {
    switch (kind) {
        case DecisionKind::order:
            return "order";
        case DecisionKind::release:
            return "release";
        case DecisionKind::hold:
            return "hold";
    }
    return "";
}

struct Decision {
    DecisionKind kind{DecisionKind::hold};
    int count{0};         ///< order: machines
    NameIx offer{};       ///< order: from whom
    MachineId machine{};  ///< release: which one; booting ones end at once
    Reason reason{};
};

struct Outcome {
    RentState state{};
    std::vector<Decision> decisions{};
};

/// One tick. Call it at any pace: signals are summed until `period` has passed.
/// `hold` is returned each time machines would be ordered and a limit says no; report it when it
/// changes.
[[nodiscard]] Outcome step(
    const RentState& state,
    const ScalingSnapshot& snapshot,
    const config::Scaling& policy,
    const config::Safety& safety,
    const Constants& constants);

/// Tells the rule that an order ended without a machine. `sold_out`: the offer had none.
void order_failed(
    RentState& state, NameIx offer, bool sold_out, UtcTime now, const Constants& constants);

/// Tells the rule that a machine of `offer` was of no use: never healthy, rejected, wrong, dearer,
/// or lost before it served (FAULTS F16, F17, F38). After `warm_ups_max` in a row the offer is
/// suspended; after a suspension one more failure begins the next one, twice as long.
void machine_failed(RentState& state, NameIx offer, UtcTime now, const Constants& constants);
/// Tells the rule that a machine of `offer` serves: its record is clean again.
void machine_served(RentState& state, NameIx offer);

/// The boot time the rule counts with: the policy's, else measured, else the seed.
[[nodiscard]] milliseconds boot_time(
    const config::Scaling& policy,
    const std::optional<milliseconds>& measured,
    const Constants& constants);

/// What one order commits: price x (boot + minimum bill), report nanos, rounded up.
[[nodiscard]] std::int64_t commit_cost(
    std::int64_t hour_report, milliseconds boot, milliseconds min_bill);

}  // namespace evenkeel::scaling
