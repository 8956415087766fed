#include "policies/domain/reason.hpp"

#include "policies/domain/money.hpp"

#include <fmt/format.h>

#include <array>

namespace evenkeel {

namespace {

/// How an argument of a sentence is written.
enum class Arg : std::uint8_t { number, money, milliseconds, seconds, rent_rule };

/// In the order of config::RentRule, which is above this folder.
constexpr std::array<std::string_view, 4> rent_rules{
    "never", "break-even", "break-even+k", "level-memory"};

struct Entry {
    ReasonCode code;
    std::string_view name;
    std::string_view sentence;  ///< fmt string over up to three rendered arguments
    std::array<Arg, 3> args{};
};

using enum ReasonCode;
constexpr auto n = Arg::number;
constexpr auto m = Arg::money;
constexpr auto ms = Arg::milliseconds;
constexpr auto s = Arg::seconds;
constexpr auto r = Arg::rent_rule;

constexpr Entry entries[] = {
    {none, "none", "no reason was recorded"},
    {own_free, "own_free", "an own worker had room"},
    {rental_free, "rental_free", "a rented worker had room"},
    {own_waited, "own_waited", "an own worker became free after {0}", {ms}},
    {rental_waited, "rental_waited", "a rented worker became free after {0}", {ms}},
    {api_overflow, "api_overflow", "no own capacity within {0}: went to an API", {ms}},
    {api_only, "api_only", "the route has only API offers"},
    {api_worker_failed, "api_worker_failed", "the worker failed before its first byte"},
    {rescued, "rescued", "after {0} it left a worker that would have been late", {ms}},
    {repeated, "repeated", "the same Idempotency-Key was answered before"},
    {queue_full, "queue_full", "{0} requests wait already", {n}},
    {wait_over, "wait_over", "no source became free within {0}", {ms}},
    {budget_spent, "budget_spent", "a budget is used up: {0} of {1}", {m, m}},
    {no_source, "no_source", "nothing serves this model now"},
    {stopping, "stopping", "the agent is shutting down"},
    {cost_over, "cost_over", "the cheapest source costs {0}, the route allows {1}", {m, m}},
    {source_failed, "source_failed", "every source failed before its first byte"},
    {limit_requests, "limit_requests", "{1} requests a minute are used up, room in {0}", {ms, n}},
    {limit_tokens, "limit_tokens", "{1} tokens a minute are used up, room in {0}", {ms, n}},
    {limit_in_flight, "limit_in_flight", "{1} requests are running already", {n, n}},
    {key_budget_spent,
     "key_budget_spent",
     "the key's limit is used up: {0} of {1}, again in {2}",
     {m, m, s}},
    {rent_debt, "rent_debt", "overflow has cost {0}, a rental commits {1}; orders {2}", {m, m, n}},
    {rent_min, "rent_min", "fewer machines than the policy's minimum of {0}", {n}},
    {rent_release, "rent_release", "idling has cost {0}, booting again costs {1}", {m, m}},
    {rent_idle_stop, "rent_idle_stop", "idle for {0}, limit {1}", {ms, ms}},
    {rent_max_life, "rent_max_life", "alive for {0}, limit {1}", {ms, ms}},
    {rent_over_max, "rent_over_max", "{0} machines, the policy allows {1}", {n, n}},
    {rent_boot_cancelled, "rent_boot_cancelled", "the demand that ordered it is gone"},
    {rent_backlog, "rent_backlog", "{0} of work have waited for {1}; orders {2}", {ms, ms, n}},
    {rent_level,
     "rent_level",
     "{0} lost for want of one more machine, it commits {1}; orders {2}",
     {m, m, n}},
    {rent_held_long,
     "rent_held_long",
     "kept for the load that usually follows, idling has cost {0}, limit {1}",
     {m, m}},
    {rule_followed,
     "rule_followed",
     "rule {1} in place of {0}: in the replay of the last days it saves {2}",
     {r, r, m}},
    {hold_max, "hold_max", "would rent, but {0} of {1} machines exist", {n, n}},
    {hold_wait,
     "hold_wait",
     "would rent, but waits over {0} have lasted for {1}, {2} are wanted",
     {ms, ms, ms}},
    {hold_queue, "hold_queue", "would rent, but {0} tokens wait, {1} are wanted", {n, n}},
    {hold_worth,
     "hold_worth",
     "would rent, but what waits would cost {0} elsewhere, a machine {1}",
     {m, m}},
    {hold_price, "hold_price", "would rent, but it costs {0} an hour, limit {1}", {m, m}},
    {hold_price_age, "hold_price_age", "would rent, but the price is {0} old, limit {1}", {s, s}},
    {hold_budget, "hold_budget", "would rent, but {0} are left and {1} are needed", {m, m}},
    {hold_creates, "hold_creates", "would rent, but {0} creates in an hour, limit {1}", {n, n}},
    {hold_frozen, "hold_frozen", "would rent, but spending is frozen"},
    {hold_stock, "hold_stock", "would rent, but no offer has stock"},
    {hold_rate, "hold_rate", "would rent, but {0} an hour would pass the limit {1}", {m, m}},
    {hold_ledger, "hold_ledger", "would rent, but the ledger cannot be written"},
    {hold_failures, "hold_failures", "would rent, but {0} orders failed lately", {n}},
    {hold_provider, "hold_provider", "would rent, but its provider has failed for {0}", {ms}},
    {hold_balance,
     "hold_balance",
     "would rent, but the account has {0} and an hour costs {1}",
     {m, m}},
    {hold_undeleted, "hold_undeleted", "would rent, but a delete is unproved for {0}", {ms}},
    {hold_suspended,
     "hold_suspended",
     "would rent, but {0} machines in a row failed: not for another {1}",
     {n, ms}},
    {machine_boot_late, "machine_boot_late", "not reachable within {0}", {ms}},
    {machine_rejected, "machine_rejected", "failed its acceptance test"},
    {machine_dearer, "machine_dearer", "costs {0} an hour, the intent said {1}", {m, m}},
    {machine_lost, "machine_lost", "vanished from the provider's lists"},
    {machine_orphan, "machine_orphan", "carries our mark but is in no row"},
    {machine_duplicate, "machine_duplicate", "a second machine for one intent"},
    {asked_by_owner, "asked_by_owner", "asked for by a person"},
    {agent_stopping, "agent_stopping", "the agent stops"},
    {machine_not_asked, "machine_not_asked", "the agent restarted before the order was sent"},
    {machine_no_capacity, "machine_no_capacity", "the provider has none now"},
    {machine_refused, "machine_refused", "the provider refused the order"},
    {machine_never_seen, "machine_never_seen", "no answer, and it did not appear within {0}", {ms}},
    {machine_wrong_gpu, "machine_wrong_gpu", "it has not the GPUs that were ordered"},
    {machine_stopped, "machine_stopped", "the provider stopped it"},
    {machine_engine_lost, "machine_engine_lost", "its engine was silent for {0}", {ms}},
    {machine_unreachable, "machine_unreachable", "the provider was not reachable for {0}", {ms}},
    {machine_reaped, "machine_reaped", "destroyed by the reaper while the agent did not"},
    {machine_slow, "machine_slow", "gave a stream {0} tokens a second instead of {1}", {n, n}},
};

const Entry& find(ReasonCode code) noexcept {
    for (const Entry& entry : entries) {
        if (entry.code == code) {
            return entry;
        }
    }
    return entries[0];
}

std::string render(std::int64_t value, Arg arg, std::string_view currency) {
    switch (arg) {
        case Arg::number:
            return fmt::format("{}", value);
        case Arg::money: {
            const Money amount{value, Currency::parse(currency).value_or(Currency{})};
            return currency.empty() ? rounded_text(amount, 4)
                                    : fmt::format("{} {}", rounded_text(amount, 4), currency);
        }
        case Arg::milliseconds:
            return value < 1000 ? fmt::format("{} ms", value)
                                : fmt::format("{} s", format_decimal(value / 100, 1));
        case Arg::seconds:
            return fmt::format("{} s", value);
        case Arg::rent_rule:
            return value >= 0 && value < std::ssize(rent_rules)
                       ? std::string{rent_rules[static_cast<std::size_t>(value)]}
                       : fmt::format("{}", value);
    }
    return {};
}

}  // namespace

std::string_view to_text(ReasonCode code) noexcept {
    return find(code).name;
}

std::string sentence(const Reason& reason, std::string_view currency) {
    const Entry& entry = find(reason.code);
    return fmt::format(
        fmt::runtime(entry.sentence),
        render(reason.args[0], entry.args[0], currency),
        render(reason.args[1], entry.args[1], currency),
        render(reason.args[2], entry.args[2], currency));
}

}  // namespace evenkeel
