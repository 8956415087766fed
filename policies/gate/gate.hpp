#pragma once

#include "policies/domain/id.hpp"
#include "policies/domain/money.hpp"
#include "policies/domain/prefix.hpp"
#include "policies/domain/reason.hpp"
#include "policies/domain/source.hpp"
#include "policies/domain/time.hpp"
#include "policies/gate/limits.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <vector>

/// The one truth about admission: queues, worker slots, budget headroom (DESIGN section 3).
/// Sans-I/O: every call gets the time and appends what is to be done to the caller's Effects. The
/// daemon guards one Gate with one mutex under which there is no I/O; replay and the simulator
/// drive the same class without it. No strings, no virtual calls; memory grows only with the slab:
/// once as many requests have been alive at the same time as ever will be, nothing is allocated.
///
/// Who gets what:
/// - Own workers come before rented ones; among one kind the one with the largest share of free
///   slots, then the lowest rank (workers of known speed: the lowest rank, then the share).
///   Waiting requests of a model are served by deficit round robin over keys (cost = tokens in +
///   out, `drr_quantum_tokens` a turn); within a key short prompts first, ties by arrival, except
///   those that no API may answer: they come first of all, in order of arrival, for nobody else
///   would ever take them. A retried request goes before them all: it has already had its turn.
/// - Affinity: a request whose beginning (Arrival::marks) a worker has served goes back there while
///   that worker has a free slot, is of the same kind as the one it would get else, has no more in
///   flight than `load_bound` of its share and one, is not short of cache, and is not known to give
///   its first token later, though it need not read that beginning again. Of the first few waiting
///   requests that count as equal, a worker with a free slot takes first one that it has served.
/// - A request that may still go to an API is put on a worker of known speed only where it will
///   probably be in time: first token within 0.9 of its limit behind the prompts that worker has
///   already, its further tokens within theirs, and its prompt and output in the cache. Others
///   take any free slot.
/// - Rescue: when a streamed request has no first token shortly before the API could no longer
///   make it, its worker will not make it either, and somebody else would, it is recalled
///   (EffectKind::recall). The caller ends the exchange, if nothing was streamed, and says `leave`.
/// - From `overflow_at` on a request also waits for its APIs, first come first served, and takes
///   the first of them with a free slot and money in every budget. It keeps its place in the queue
///   of its model, so whichever is free first answers it.
/// - At `give_up_at` it is refused: `budget_spent` when money alone stood in the way, `no_source`
///   when nothing that could take it is known, else `wait_over`.
/// - Money: settled + held + hold <= refuse_at and < local_only_at for every budget of the request,
///   its key's own among them, checked and set aside in one step, so no budget is ever passed (I5).
///   Work of a worker that has an internal price is held and settled likewise, in
///   Arrival::internal_budgets and its key's own; `local_only_at` does not keep it out.
/// - Allowances of its key and its route (RateLimit) are asked once, at arrival, before anything
///   else. A request counts in them from then on until it ends; its tokens count as estimated until
///   they are known.
namespace evenkeel::gate {

/// Names one request from arrival to finish. A stale handle (wrong generation) is ignored safely;
/// the default one names nothing.
struct Handle {
    std::uint32_t index{0};
    std::uint32_t generation{0};
    friend constexpr bool operator==(Handle, Handle) = default;
};

/// How fast a worker is, learned or seeded, in seconds of the clock that the gate is given.
/// Estimates: they place requests and cost nothing.
struct Speed {
    double prefill_tok_s{0};    ///< prompt tokens a second; 0 = not known: only slots count
    double step_s{0};           ///< one decode step, however small the batch
    double step_per_seq_s{0};   ///< and more for each sequence in it
    std::int64_t kv_tokens{0};  ///< cache room of all sequences together; 0 = not known
    friend constexpr bool operator==(const Speed&, const Speed&) = default;
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
    Speed speed{};          ///< of a worker
};

/// One API a request may overflow to, already priced.
struct ApiChoice {
    NameIx source{};
    std::uint64_t budgets{0};         ///< counted beside Arrival::budgets when this API is taken
    Money hold{};                     ///< set aside, in the billed currency, rounded up
    std::int64_t hold_report{0};      ///< the same in nano-units of the report currency
    std::int64_t hold_tokens_out{0};  ///< output tokens that the hold pays for
    std::int64_t expected_report{0};  ///< what it will probably cost, report currency
};

/// A worker that is preferred for what its cache holds has, of what is in flight on the workers of
/// its kind and model, at most this much of the share that its slots are of theirs, and one more.
inline constexpr double load_bound = 1.25;
inline constexpr std::size_t api_choices_max = 4;
inline constexpr std::size_t budgets_max = 64;
/// Sources one request may fail on before it is refused with `source_failed`.
inline constexpr std::size_t tries_max = 4;
/// Tokens a key may send each time its turn comes (deficit round robin).
inline constexpr std::int64_t drr_quantum_tokens = 4'096;
/// No request counts as more than this in the round robin, however large it says it is.
inline constexpr std::int64_t drr_cost_max = 1 << 20;
/// Earlier policies whose budget bits an arrival may still carry; older ones count in all budgets.
inline constexpr std::size_t revisions_max = 8;

struct Arrival {
    std::uint16_t loop{0};    ///< the data-path thread that owns the connection
    std::uint64_t cookie{0};  ///< given back in every effect
    NameIx key{};
    NameIx route{};
    NameIx model{};        ///< whose own and rented workers may answer; none = APIs only
    bool own_only{false};  ///< never to a rented worker: the data stays in the house
    std::array<ApiChoice, api_choices_max> apis{};  ///< tried in this order
    std::uint8_t api_count{0};
    std::uint8_t apis_first{0};  ///< so many of them come before the workers, from arrival on
    std::int64_t revision{0};    ///< of the policy that numbers the budgets below
    std::uint64_t budgets{0};    ///< bit i: budget i of the policy counts this request's API money
    std::uint64_t internal_budgets{0};  ///< likewise, what a worker is charged for it
    /// Set aside there and in its key's own budget while a worker has it, nano-units of the report
    /// currency; -1 = work of workers has no price.
    std::int64_t internal_hold{-1};
    std::int64_t tokens_in{0};
    std::int64_t tokens_out{0};  ///< guess
    /// Output tokens to keep cache room for: the guess and a mean deviation more; 0 = the guess.
    std::int64_t tokens_out_room{0};
    /// Beginnings of its conversation that some worker may have in its cache. Two that are equal
    /// are taken to be the same, so whatever must not mix (keys) is hashed with them.
    PrefixMarks marks{};
    BootTime overflow_at{};  ///< from then on it goes to an API instead of waiting
    BootTime give_up_at{};   ///< refused then
    BootTime first_token_by{BootTime::max()};      ///< when its first token is late; max = never
    std::chrono::nanoseconds per_output_token{0};  ///< a slower stream is late; 0 = never
    std::chrono::nanoseconds api_first_token{0};   ///< what its APIs need for the first token
    bool streams{false};  ///< `first_token` will be told: only then can it be rescued
};

enum class EffectKind : std::uint8_t {
    grant,   ///< send it to `source`; for an API, put `hold` on disk first
    queued,  ///< waits; the caller may start keep-alive
    refuse,  ///< the end: answer with `reason`; the handle is dead
    /// `source` will be late and somebody else would not: if nothing has been streamed, end the
    /// exchange and call `leave`; else ignore it. Comes at most once a grant.
    recall,
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
    std::uint64_t budgets{0};  ///< of a grant with a hold: budgets it counts in, of its revision
    /// budget_spent carries the budget's NameIx as its third number, limit_* that of the key or
    /// route, and as their first when there is room again.
    Reason reason{};
};
using Effects = std::vector<Effect>;

/// What budgets the policy has, as far as admission needs them. Amounts in report-currency nanos.
struct BudgetLimit {
    NameIx name{};
    std::int64_t limit{0};
    std::int64_t settled{0};  ///< in the current window, from the ledger
    std::int64_t held{0};     ///< in Policy: open holds of earlier runs; in Counters: all open ones
    std::int64_t local_only_at{-1};  ///< settled + held from which APIs are off; -1 = never
    std::int64_t refuse_at{-1};      ///< likewise, everything that is charged refused
    UtcTime resets{};                ///< when its next window begins; {} = not known
};

/// Parts of placement that can be left out, for comparison in replay. The daemon has them all.
struct Routing {
    bool rescue{true};         ///< late requests leave their worker before their first token
    bool short_first{true};    ///< short prompts first among those of a key that wait
    bool output_room{true};    ///< cache room for `tokens_out_room` instead of the plain guess
    bool short_backlog{true};  ///< prompts wait in the gate, not in line at a worker
    bool affinity{true};       ///< conversations go back to the worker that has their beginning
    friend constexpr bool operator==(const Routing&, const Routing&) = default;
};
/// None of them: the router before rescue and its companions.
inline constexpr Routing old_router{
    .rescue = false,
    .short_first = false,
    .output_room = false,
    .short_backlog = false,
    .affinity = false};

/// What one client key may do, beside the budgets of the policy.
struct KeyLimits {
    RateLimit rate{};        ///< `rate.name` is the key
    std::int64_t money{-1};  ///< report nanos in one window; -1 = no limit
    UtcTime resets{};        ///< when the next window begins, with nothing settled; {} = never
    /// The limit or its window is new, and what was spent before is still to be told (`key_spent`):
    /// until then, or until the next window, nothing of the key that is charged begins.
    bool spent_unknown{false};
    friend bool operator==(const KeyLimits&, const KeyLimits&) = default;
};

struct Policy {
    std::int64_t revision{0};            ///< Arrival::revision of requests planned under it
    int queue_limit{10'000};             ///< requests waiting at once, all models together
    std::vector<BudgetLimit> budgets{};  ///< at most budgets_max; index = bit in Arrival::budgets
    std::vector<RateLimit> limits{};     ///< of routes
    Routing routing{};
};

/// How a granted request ended. After `go_on` only what came since, so that all of it adds up;
/// numbers may then be below zero: what was told before had been estimated.
struct Finish {
    /// External money, or the internal price of a worker's tokens, report currency; replaces the
    /// hold.
    std::int64_t charged_report{0};
    std::int64_t tokens_in{0};
    std::int64_t tokens_out{0};
    bool answered{true};  ///< false counts as a failure of the source
};

/// Cumulative since construction, except the gauges; what the rent rule and status read.
/// A grant counts when it is given; one that is retried or cancelled is counted back, so a figure
/// may step down by what that one request had added. At every moment
/// arrived = served_own + served_rental + overflowed + bought + refused + left + queued.
/// "API price" is `expected_report` of the request's first ApiChoice, 0 when it has none.
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
    std::int64_t own_tokens_in{0};
    std::int64_t own_tokens_out{0};
    std::int64_t rescued{0};             ///< left a worker that would have been late
    std::int64_t returned{0};            ///< went to the worker that has their beginning
    std::int64_t returned_tokens_in{0};  ///< of those beginnings: prompt tokens not read again
    std::int64_t bought{0};  ///< went to an API the route prefers to workers (apis_first)
    /// Cancelled by the client, or turned away by `stop` or by a limit of its key or route: no work
    /// that more machines would have done.
    std::int64_t left{0};
    std::int64_t refused{0};        ///< for lack of room, money or a source that works
    std::int64_t refused_worth{0};  ///< report nanos: API price of the refused ones
    std::int64_t refused_tokens_in{0};
    std::int64_t refused_tokens_out{0};
    // gauges
    std::int64_t queued{0};
    std::int64_t queued_tokens_in{0};
    std::int64_t queued_tokens_out{0};
    BootTime oldest_arrival{};  ///< of those queued; meaningless when queued == 0
};
/// At every moment granted = finished + failed + cancelled + recalled + in_flight.
struct SourceCounters {
    NameIx source{};
    SourceKind kind{SourceKind::own};
    NameIx model{};
    bool takes_work{true};
    int slots{0};
    int in_flight{0};
    std::int64_t granted{0};
    std::int64_t finished{0};   ///< answered
    std::int64_t failed{0};     ///< retried, or finished without an answer
    std::int64_t cancelled{0};  ///< granted, but the client left before the grant was used
    std::int64_t recalled{0};   ///< left before the first token, to be in time elsewhere
    std::int64_t worth{0};      ///< report nanos: API price of the work granted to it
    std::int64_t tokens_in{0};  ///< as reported by finish and go_on
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
    /// `memory` outlives the gate; all its growing tables come from there. Throws
    /// std::length_error for more than `budgets_max` budgets (the configuration refuses them).
    explicit Gate(
        const Policy& policy, std::pmr::memory_resource* memory = std::pmr::get_default_resource());
    ~Gate();
    Gate(Gate&&) noexcept;
    Gate& operator=(Gate&&) noexcept;

    /// A new request. Exactly one of grant or refuse follows for it, now or later (queued may come
    /// first), unless `cancel` is called before. Refused at once: `queue_full`, `stopping`,
    /// `limit_requests`, `limit_tokens` and `limit_in_flight`, `no_source` (neither model nor API
    /// named), `budget_spent` and `key_budget_spent` (nobody may answer without money, and it is
    /// settled, not only held, so waiting cannot help).
    Handle arrive(const Arrival& arrival, Now now, Effects& effects);
    /// The client left while the request waited, or after its grant was not yet used. O(1). Gives
    /// slot and hold back. Unknown handles are ignored.
    void cancel(Handle handle, Now now, Effects& effects);
    /// A granted request ended; its slot passes to its successor at once.
    void finish(Handle handle, const Finish& finish, Now now, Effects& effects);
    /// The granted source failed before the first byte reached the client and is owed nothing:
    /// gives slot and hold back and tries another source (never the same again): a free worker;
    /// an API when it was due or no other worker exists; else it waits at the head of its queue.
    /// Ends in grant, queued or refuse; `source_failed` when nothing untried is left.
    void retry(Handle handle, Now now, Effects& effects);
    /// The worker of a granted request died in mid-answer, and another is to write the rest. What
    /// the first part was (`so_far`, not `answered`) is settled, whatever comes after: its money at
    /// once, its tokens in the allowances when the request ends. Then as `retry`, but never at an
    /// API, never rescued, and refused at `give_up_at`.
    void go_on(Handle handle, BootTime give_up_at, const Finish& so_far, Now now, Effects& effects);
    /// Sets aside more for a request that has a hold; false, and nothing is set aside, when a
    /// budget says no or the request is not there.
    [[nodiscard]] bool top_up(Handle handle, std::int64_t more_report);
    /// The first token of a granted request has come from its worker. Needed for those that said
    /// `streams`; ignored for others, for APIs and the second time.
    void first_token(Handle handle, Now now, Effects& effects);
    /// The answer to `recall`: nothing was streamed and the exchange is over. Gives the slot back
    /// and tries another source, never the same again: a worker that will be in time, else an API,
    /// else it waits at the head of its queue. Ends in grant, queued or refuse. Ignored for a
    /// request that was not recalled.
    void leave(Handle handle, Now now, Effects& effects);
    /// Adds, changes or drains a source. A source with `takes_work` and free slots grants at once,
    /// exactly min(free slots, requests that wait and may go there). Fewer slots than are in use
    /// ends nothing: they fall free one by one. A worker that stops taking work, or is removed, is
    /// taken to have lost its cache.
    void worker_changed(const Worker& worker, Now now, Effects& effects);
    /// What the engine of a worker says of itself now: tokens in its cache, and how many requests
    /// it has accepted but not begun for lack of room there. Grants count on top until the next
    /// report. Never needed; without it both are estimated.
    void worker_load(
        NameIx source, std::int64_t cache_tokens, int waiting, Now now, Effects& effects);
    /// Forgets a source that takes no work and has nothing in flight. False, and nothing changes,
    /// when it still does or has; true also when it was not known.
    bool worker_removed(NameIx source);
    /// New limits and budgets, from the next admission on (nothing in flight is ended). A budget
    /// that keeps its name keeps what is settled and held in it, whatever `policy` says there: the
    /// gate knows better; when its scope or window changed, call `budget_booked` after. Requests
    /// in flight keep their holds under the budget of the same name. Throws std::length_error for
    /// more than `budgets_max` budgets.
    void apply(const Policy& policy, Now now, Effects& effects);
    /// Sets what is settled in budget `name` (start, window rollover: then what the new window
    /// holds so far). Everything finished before counts as contained in `settled_report`, so read
    /// it from books that have them all, or use `budget_added`. Open holds stay. Requests that the
    /// freed money lets go are granted by the next `due`, which `next_due` then asks for at once.
    /// `resets`: when its next window begins; {} = as before.
    void budget_booked(NameIx name, std::int64_t settled_report, Now now, UtcTime resets = {});
    /// When the next window of budget `name` begins; {} = not known.
    [[nodiscard]] UtcTime budget_resets(NameIx name) const;
    /// Adds money that others spent in budget `name` (machine time; negative corrects). Needs no
    /// reading of the books, so it cannot miss a request that finishes meanwhile.
    void budget_added(NameIx name, std::int64_t report, Now now);
    /// What a key may do from the next admission on. What it has used counts on; a money limit that
    /// is new, as one `spent_unknown` is, begins with what the key's requests hold now. Its windows
    /// follow each other by `resets`; tell it that of the next.
    void key_changed(const KeyLimits& limits, Now now, Effects& effects);
    /// What a key had spent in its window when its limit was told as `spent_unknown`; later calls
    /// are ignored. The next `due`, which `next_due` then asks for at once, grants what fits.
    void key_spent(NameIx key, std::int64_t report, Now now);
    /// A request of an earlier run, so that a restart gives no allowance twice. Oldest first,
    /// before the first arrival, after the limits were set.
    void recall(NameIx key, NameIx route, std::int64_t tokens, BootTime at);
    /// Refuses everything queued and everything that arrives from now on.
    void stop(Now now, Effects& effects);
    /// Overflows and refusals whose time has come, earliest first.
    void due(Now now, Effects& effects);
    /// When `due` must run next; BootTime::max() when nothing waits for a time.
    [[nodiscard]] BootTime next_due() const;
    /// Overwrites `out`; its vectors keep their memory.
    void counters(Counters& out) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace evenkeel::gate
