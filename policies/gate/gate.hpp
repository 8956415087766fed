#pragma once

#include "policies/domain/id.hpp"
#include "policies/domain/money.hpp"
#include "policies/domain/reason.hpp"
#include "policies/domain/source.hpp"
#include "policies/domain/time.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

/// The one truth about admission: queues, worker slots, budget headroom (DESIGN section 3).
/// Sans-I/O: every call gets the time and appends what is to be done to the caller's Effects. The
/// daemon guards one Gate with one mutex under which there is no I/O; replay and the simulator
/// drive the same class without it. No strings, no virtual calls; memory grows only with the slab.
namespace evenkeel::gate {

/// Names one request from arrival to finish. A stale handle (wrong generation) is ignored safely.
struct Handle {
    std::uint32_t index{0};
    std::uint32_t generation{0};
    friend constexpr bool operator==(Handle, Handle) = default;
};

/// A source that can answer: an own or rented worker, or an API.
struct Worker {
    NameIx source{};
    SourceKind kind{SourceKind::own};
    NameIx model{};  ///< the queue it takes from
    NameIx provider{};
    int slots{1};           ///< requests at once
    std::int64_t rank{0};   ///< lower is preferred among workers of one kind (age, price)
    bool takes_work{true};  ///< false: drains; with nothing in flight it may be removed
};

/// One API a request may overflow to, already priced.
struct ApiChoice {
    NameIx source{};
    Money hold{};                     ///< set aside, in the billed currency, rounded up
    std::int64_t hold_report{0};      ///< the same in nano-units of the report currency
    std::int64_t expected_report{0};  ///< what it will probably cost, report currency
};

inline constexpr std::size_t api_choices_max = 4;
inline constexpr std::size_t budgets_max = 64;

struct Arrival {
    std::uint16_t loop{0};    ///< the data-path thread that owns the connection
    std::uint64_t cookie{0};  ///< given back in every effect
    NameIx key{};
    NameIx route{};
    NameIx model{};  ///< whose own and rented workers may answer; none = APIs only
    std::array<ApiChoice, api_choices_max> apis{};
    std::uint8_t api_count{0};
    std::uint64_t budgets{0};  ///< bit i: budget i of the policy counts this request's API money
    std::int64_t tokens_in{0};
    std::int64_t tokens_out{0};  ///< guess
    BootTime overflow_at{};      ///< from then on it goes to an API instead of waiting
    BootTime give_up_at{};       ///< refused then
};

enum class EffectKind : std::uint8_t {
    grant,   ///< send it to `source`; for an API, hold `hold` on disk first
    queued,  ///< waits; the caller may start keep-alive
    refuse,  ///< the end: answer with `reason`; the handle is dead
};

struct Effect {
    EffectKind kind{EffectKind::queued};
    Handle handle{};
    std::uint16_t loop{0};
    std::uint64_t cookie{0};
    NameIx source{};
    SourceKind source_kind{SourceKind::own};
    Money hold{};
    std::int64_t hold_report{0};
    Reason reason{};
};
using Effects = std::vector<Effect>;

/// What budgets the policy has, as far as admission needs them. Amounts in report-currency nanos.
struct BudgetLimit {
    NameIx name{};
    std::int64_t limit{0};
    std::int64_t settled{0};         ///< in the current window, from the ledger
    std::int64_t held{0};            ///< open holds of earlier runs that still count
    std::int64_t local_only_at{-1};  ///< settled + held from which APIs are off; -1 = never
    std::int64_t refuse_at{-1};      ///< likewise, every paid call refused
};

struct Policy {
    int queue_limit{10'000};
    std::vector<BudgetLimit> budgets{};  ///< at most budgets_max; index = bit in Arrival::budgets
};

/// How a granted request ended.
struct Finish {
    std::int64_t paid_report{0};  ///< external money, report currency; replaces the hold
    std::int64_t tokens_in{0};
    std::int64_t tokens_out{0};
    bool answered{true};
};

/// Cumulative since construction, except the gauges; what the rent rule and status read.
struct ModelCounters {
    NameIx model{};
    std::int64_t arrived{0};
    std::int64_t served_own{0};
    std::int64_t served_rental{0};
    std::int64_t rental_worth{0};   ///< report nanos: API price of what rented machines took
    std::int64_t overflowed{0};     ///< went to an API for lack of own capacity
    std::int64_t overflow_cost{0};  ///< report nanos, expected
    std::int64_t overflow_tokens_in{0};
    std::int64_t overflow_tokens_out{0};
    std::int64_t rental_tokens_in{0};
    std::int64_t rental_tokens_out{0};
    std::int64_t refused{0};        ///< for lack of room or money
    std::int64_t refused_worth{0};  ///< report nanos: API price of the refused ones
    std::int64_t refused_tokens_in{0};
    std::int64_t refused_tokens_out{0};
    // gauges
    std::int64_t queued{0};
    std::int64_t queued_tokens_in{0};
    std::int64_t queued_tokens_out{0};
    BootTime oldest_arrival{};  ///< of those queued; meaningless when queued == 0
};
struct SourceCounters {
    NameIx source{};
    SourceKind kind{SourceKind::own};
    NameIx model{};
    bool takes_work{true};
    int slots{0};
    int in_flight{0};
    std::int64_t granted{0};
    std::int64_t finished{0};
    std::int64_t failed{0};
    std::int64_t worth{0};  ///< report nanos: API price of the work granted to it
    std::int64_t tokens_in{0};
    std::int64_t tokens_out{0};
    BootTime last_busy{};  ///< when in_flight last fell to zero (or the start)
};
struct Counters {
    std::vector<ModelCounters> models{};
    std::vector<SourceCounters> sources{};
    std::vector<BudgetLimit> budgets{};  ///< with what is settled and held now
};

class Gate {
public:
    explicit Gate(Policy policy);
    ~Gate();
    Gate(Gate&&) noexcept;
    Gate& operator=(Gate&&) noexcept;

    /// A new request. Exactly one of grant or refuse follows for it, now or later (queued may come
    /// first), unless `cancel` is called before.
    Handle arrive(const Arrival& arrival, Now now, Effects& effects);
    /// The client left while the request waited, or after its grant was not yet used. O(1). Gives
    /// slot and hold back. Unknown handles are ignored.
    void cancel(Handle handle, Now now, Effects& effects);
    /// A granted request ended; its slot passes to its successor at once.
    void finish(Handle handle, const Finish& finish, Now now, Effects& effects);
    /// The granted source failed before the first byte reached the client: gives the slot back and
    /// tries another source (never the same again). Ends in grant, queued or refuse.
    void retry(Handle handle, Now now, Effects& effects);
    /// Adds, changes or drains a source. A source with `takes_work` and free slots grants at once.
    void worker_changed(const Worker& worker, Now now, Effects& effects);
    /// Forgets a source that takes no work and has nothing in flight. False when it still has.
    bool worker_removed(NameIx source);
    /// New limits and budgets; requests in flight keep their holds under the budget of the same
    /// name.
    void apply(Policy policy, Now now, Effects& effects);
    /// Replaces what counts as settled and held by others in budget `name` (window rollover,
    /// machine money booked by control).
    void budget_booked(NameIx name, std::int64_t settled_report, Now now);
    /// Refuses everything queued and everything that arrives from now on.
    void stop(Now now, Effects& effects);
    /// Overflows and refusals whose time has come.
    void due(Now now, Effects& effects);
    /// When `due` must run next; BootTime::max() when nothing waits.
    [[nodiscard]] BootTime next_due() const;
    void counters(Counters& out) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace evenkeel::gate
