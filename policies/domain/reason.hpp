#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace evenkeel {

/// Why something was decided. One list for requests, renting and machines, so that log, ledger,
/// answer header and page use the same words. Append only: the numbers are stored in the ledger.
enum class ReasonCode : std::uint16_t {
    none = 0,
    // requests
    own_free = 1,           ///< an own worker had room
    rental_free = 2,        ///< a rented worker had room
    own_waited = 3,         ///< got an own worker after waiting {0} ms
    rental_waited = 4,      ///< got a rented worker after waiting {0} ms
    api_overflow = 5,       ///< went to an API after {0} ms: no own capacity in time
    api_only = 6,           ///< the route has only API offers
    api_worker_failed = 7,  ///< the worker failed before the first byte
    rescued = 8,            ///< left a worker that would have been late, after {0} ms
    repeated = 9,           ///< the answer that the same Idempotency-Key got before
    queue_full = 20,        ///< {0} requests already wait
    wait_over = 21,         ///< no source within {0} ms
    budget_spent = 22,      ///< a budget says no: {0} of {1} nano-units used
    no_source = 23,         ///< nothing serves this model now, and nothing may be rented or bought
    stopping = 24,          ///< the agent is shutting down
    cost_over = 25,         ///< the cheapest source costs {0} nano-units, the route allows {1}
    source_failed = 26,     ///< every source tried failed before the first byte
    limit_requests = 27,    ///< a key or route has used its {1} requests a minute: {0} ms
    limit_tokens = 28,      ///< a key or route has used its {1} tokens a minute: {0} ms
    limit_in_flight = 29,   ///< a key or route has {1} requests running
    key_budget_spent = 30,  ///< the key's own limit: {0} of {1} nano-units used, new in {2} s
    // renting
    rent_debt = 40,       ///< overflow has cost {0} nano-units, a rental commits {1}; order {2}
    rent_min = 41,        ///< below the policy's minimum of {0} machines
    rent_release = 42,    ///< idling has cost {0} nano-units, booting again costs {1}
    rent_idle_stop = 43,  ///< idle for {0} ms, limit {1} ms
    rent_max_life = 44,   ///< alive for {0} ms, limit {1} ms
    rent_over_max = 45,   ///< {0} machines, the policy now allows {1}
    rent_boot_cancelled = 46,  ///< the demand that ordered it is gone
    rent_backlog = 47,         ///< {0} ms of engine work have waited for {1} ms; order {2}
    rent_level = 48,      ///< without one more {0} nano-units were lost, it commits {1}; order {2}
    rent_held_long = 49,  ///< kept for its usual load, idling has cost {0} nano-units, limit {1}
    rule_followed = 58,   ///< rule {1} in place of {0} saves {2} nano-units a replayed month
    hold_max = 60,        ///< would rent, but {0} of {1} machines exist
    hold_price = 61,      ///< would rent, but the price is {0} nano-units an hour, limit {1}
    hold_price_age = 62,  ///< would rent, but the price is {0} s old, limit {1}
    hold_budget = 63,     ///< would rent, but {0} nano-units are left and {1} are needed
    hold_creates = 64,    ///< would rent, but {0} creates in the last hour, limit {1}
    hold_frozen = 65,     ///< would rent, but spending is frozen
    hold_stock = 66,      ///< would rent, but no offer has stock
    hold_rate = 67,       ///< would rent, but {0} nano-units an hour would pass the limit {1}
    hold_ledger = 68,     ///< would rent, but the ledger cannot be written
    hold_failures = 69,   ///< would rent, but {0} orders failed lately
    hold_provider = 70,   ///< would rent, but the provider's calls have failed for {0} ms
    hold_undeleted = 71,  ///< would rent, but a delete at the provider is unproved for {0} ms
    hold_suspended = 72,  ///< would rent, but {0} machines in a row failed; waits {1} ms more
    hold_balance = 73,    ///< would rent, but the account has {0} nano-units and {1} are needed
    hold_wait = 74,       ///< would rent, but waits over {0} ms have lasted for {1} ms, {2} wanted
    hold_queue = 75,      ///< would rent, but {0} tokens wait, {1} wanted
    hold_worth = 76,      ///< would rent, but what waits costs {0} nano-units elsewhere, {1} here
    // machines
    machine_boot_late = 80,    ///< not reachable within {0} ms
    machine_rejected = 81,     ///< failed acceptance
    machine_dearer = 82,       ///< {0} nano-units an hour, intent said {1}
    machine_lost = 83,         ///< vanished from the provider's lists
    machine_orphan = 84,       ///< ours by mark, in no row
    machine_duplicate = 85,    ///< a second machine for one intent
    asked_by_owner = 86,       ///< drain or destroy asked by a person
    agent_stopping = 87,       ///< the agent stops and on_stop is destroy
    machine_not_asked = 88,    ///< the agent restarted before the create was asked
    machine_no_capacity = 89,  ///< the provider has none now
    machine_refused = 90,      ///< the provider refused the order
    machine_never_seen = 91,   ///< no answer to the create, and no such machine within {0} ms
    machine_wrong_gpu = 92,    ///< not the GPUs the intent said
    machine_stopped = 93,      ///< stopped by the provider: bills, serves nothing
    machine_engine_lost = 94,  ///< its engine was silent for {0} ms
    machine_unreachable = 95,  ///< the provider could not be reached for {0} ms
    machine_reaped = 96,       ///< destroyed by `evenkeel reap`, without the agent
    machine_slow = 97,         ///< gave a stream {0} tokens a second, its GPU should give {1}
};

/// A reason with its numbers, as stored in the ledger; text is made only when somebody reads it.
struct Reason {
    ReasonCode code{ReasonCode::none};
    std::array<std::int64_t, 3> args{};
    friend constexpr bool operator==(const Reason&, const Reason&) = default;
};

/// Stable snake_case name, for example "rent_debt".
[[nodiscard]] std::string_view to_text(ReasonCode code) noexcept;
/// One sentence for people, money given in `currency` (three letters, may be empty).
[[nodiscard]] std::string sentence(const Reason& reason, std::string_view currency);

}  // namespace evenkeel
