#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

/// Every metric that /metrics serves: the one place where its name, type, labels and meaning
/// stand. docs/metrics.md is made of it.
namespace evenkeel::agent::metrics {

enum class Type : std::uint8_t { counter, gauge, histogram };

[[nodiscard]] constexpr std::string_view to_text(Type type) noexcept {
    return type == Type::counter ? "counter" : type == Type::gauge ? "gauge" : "histogram";
}

struct Metric {
    std::string_view name{};
    Type type{Type::gauge};
    std::array<std::string_view, 5> labels{};  ///< up to the first empty one
    std::string_view help{};                   ///< a sentence without quotes or backslashes
    [[nodiscard]] constexpr std::size_t label_count() const noexcept {
        std::size_t count = 0;
        while (count < labels.size() && !labels[count].empty()) {
            ++count;
        }
        return count;
    }
};

using enum Type;

// The agent and its configuration
inline constexpr Metric build_info{
    "evenkeel_build_info", gauge, {"version", "commit"}, "Always 1; says what runs."};
inline constexpr Metric reload_ok{
    "evenkeel_config_last_reload_successful",
    gauge,
    {},
    "Whether the configuration files were taken when they were last read (1) or refused (0)."};
inline constexpr Metric reload_at{
    "evenkeel_config_last_reload_timestamp_seconds",
    gauge,
    {},
    "When the policy in force was taken."};
inline constexpr Metric policy_revision{
    "evenkeel_policy_revision", gauge, {}, "Number of the policy in force."};

// Requests
inline constexpr Metric requests{
    "evenkeel_requests_total",
    counter,
    {"route", "model", "source", "kind", "outcome"},
    "Requests that ended, by who served them; source and kind are none where nobody did."};
inline constexpr Metric tokens{
    "evenkeel_tokens_total",
    counter,
    {"model", "source", "direction"},
    "Tokens of requests that ended: input (read anew), cached and output."};
inline constexpr Metric request_duration{
    "evenkeel_request_duration_seconds",
    histogram,
    {"route", "source"},
    "From the arrival of a request to its end."};
inline constexpr Metric first_token{
    "evenkeel_time_to_first_token_seconds",
    histogram,
    {"route", "source"},
    "From the arrival of a request to the first byte of its answer; requests without one are "
    "left out."};
inline constexpr Metric queue_wait{
    "evenkeel_queue_wait_seconds",
    histogram,
    {"route", "source"},
    "From the arrival of a request until a source had it, or it was refused."};
inline constexpr Metric route_decisions{
    "evenkeel_route_decisions_total",
    counter,
    {"route", "chosen", "reason"},
    "Requests by the source that was chosen and why; chosen is none where none was."};
inline constexpr Metric queue_requests{
    "evenkeel_queue_requests",
    gauge,
    {"source"},
    "Requests that wait. A queue belongs to a model and is shown at the first of its workers, "
    "own before rented; source is none while it has no worker."};
inline constexpr Metric inflight_requests{
    "evenkeel_inflight_requests", gauge, {"source"}, "Requests that a source has now."};
inline constexpr Metric slots{
    "evenkeel_slots", gauge, {"source"}, "Requests that a source takes at once."};

// Money
inline constexpr Metric cost{
    "evenkeel_cost_total",
    counter,
    {"source", "kind", "phase", "currency"},
    "Money that was posted to the ledger. A counter never falls: what a bill gives back is in "
    "evenkeel_cost_credit until later cost has used it up."};
inline constexpr Metric cost_credit{
    "evenkeel_cost_credit",
    gauge,
    {"source", "currency"},
    "Given back by bills and not yet taken off evenkeel_cost_total: cost less credit is what the "
    "ledger posted."};
inline constexpr Metric cost_rate{
    "evenkeel_cost_rate_per_hour",
    gauge,
    {"kind", "currency"},
    "What is spent by the hour now, in the report currency: rented machines, and electricity of "
    "own hardware. APIs are paid by the token and have no rate of their own."};
inline constexpr Metric rental_daily_limit{
    "evenkeel_rental_daily_limit",
    gauge,
    {"currency"},
    "The most that machines may cost a day (safety.max_per_day)."};
inline constexpr Metric budget_limit{
    "evenkeel_budget_limit", gauge, {"budget", "currency"}, "Limit of a budget in its window."};
inline constexpr Metric budget_spent{
    "evenkeel_budget_spent",
    gauge,
    {"budget", "currency"},
    "Spent of a budget in the present window; falls to zero when the next one begins."};
inline constexpr Metric budget_forecast{
    "evenkeel_budget_forecast",
    gauge,
    {"budget", "currency"},
    "Spent at the end of the window if it goes on at the mean pace of this window so far, of which "
    "at least a tenth counts as over."};
inline constexpr Metric price{
    "evenkeel_price",
    gauge,
    {"offer", "unit", "currency"},
    "What an offer costs: for an hour or a million tokens (mtok)."};
inline constexpr Metric price_seen{
    "evenkeel_price_seen_timestamp_seconds",
    gauge,
    {"offer", "unit", "currency"},
    "When that price was last seen at its seller, or stated in the configuration."};
inline constexpr Metric price_age_limit{
    "evenkeel_price_age_limit_seconds",
    gauge,
    {"offer", "unit", "currency"},
    "Older than this and nothing is rented at that price."};
inline constexpr Metric fx_rate{
    "evenkeel_fx_rate_timestamp_seconds",
    gauge,
    {"currency"},
    "Date of the exchange rate between that currency and the report currency."};

// Machines and providers
inline constexpr Metric machines{
    "evenkeel_machines", gauge, {"provider", "state"}, "Rented machines that are not gone."};
inline constexpr Metric machine_age{
    "evenkeel_machine_age_seconds",
    gauge,
    {"provider", "phase"},
    "Age of the oldest machine in that paid phase, since its create call; 0 without one."};
inline constexpr Metric machine_paid{
    "evenkeel_machine_paid_seconds_total",
    counter,
    {"provider", "phase"},
    "Machine time that was posted to the ledger; a phase is posted when it ends."};
inline constexpr Metric machines_overdue{
    "evenkeel_machines_overdue",
    gauge,
    {"provider"},
    "Machines past their latest end: max_life and the time to drain after it."};
inline constexpr Metric unknown_machines{
    "evenkeel_unknown_machines",
    gauge,
    {"provider"},
    "Machines that carry our mark and stand in no row of the ledger."};
inline constexpr Metric destroy_failures{
    "evenkeel_destroy_failures_total",
    counter,
    {"provider"},
    "Deletes that the provider did not take; each is tried again."};
inline constexpr Metric leak_scan{
    "evenkeel_leak_scan_last_success_timestamp_seconds",
    gauge,
    {"provider"},
    "When the newest complete list of machines was asked for that was answered; 0: never."};
inline constexpr Metric provider_requests{
    "evenkeel_provider_requests_total",
    counter,
    {"provider", "outcome"},
    "Calls to a provider by how they ended: ok, or the kind of error."};
inline constexpr Metric provider_balance{
    "evenkeel_provider_balance",
    gauge,
    {"provider", "currency"},
    "What is left in a prepaid account."};
inline constexpr Metric bill_difference{
    "evenkeel_bill_difference",
    gauge,
    {"provider", "currency"},
    "What bills said beyond what the ledger had booked, summed since the start and booked as "
    "adjustments; below zero: less."};
inline constexpr Metric bill_alarms{
    "evenkeel_bill_alarms_total",
    counter,
    {"provider"},
    "Bills that differed by more than our clock can be off."};

// Own GPUs
inline constexpr Metric gpu_power{
    "evenkeel_gpu_power_watts", gauge, {"gpu"}, "What a GPU of this host draws."};
inline constexpr Metric gpu_energy{
    "evenkeel_gpu_energy_joules_total",
    counter,
    {"gpu"},
    "Energy of a GPU by its own counter, since its driver was loaded."};
inline constexpr Metric gpu_memory{
    "evenkeel_gpu_memory_used_bytes", gauge, {"gpu"}, "Memory of a GPU that is in use."};
inline constexpr Metric gpu_utilization{
    "evenkeel_gpu_utilization_ratio",
    gauge,
    {"gpu"},
    "Share of the last interval in which any kernel ran, 0 to 1."};
inline constexpr Metric gpu_temperature{
    "evenkeel_gpu_temperature_celsius", gauge, {"gpu"}, "Temperature of a GPU."};

// The ledger
inline constexpr Metric ledger_rows{
    "evenkeel_ledger_rows_total",
    counter,
    {},
    "Operations (requests, holds, steps of machines, decisions, ...) written to the ledger."};
inline constexpr Metric ledger_write{
    "evenkeel_ledger_write_duration_seconds",
    histogram,
    {},
    "Time of one commit of the ledger, the sync of the disk included."};
inline constexpr Metric ledger_chain_ok{
    "evenkeel_ledger_chain_ok",
    gauge,
    {},
    "Whether the hash chain of the ledger holds: with scrapes, at most once a minute, the newest "
    "256 transactions and 1,024 older ones in turn are checked. Once 0, it stays so until a "
    "restart."};

/// All of them, in the order in which they are served.
inline constexpr std::array all_metrics{
    &build_info,
    &reload_ok,
    &reload_at,
    &policy_revision,
    &requests,
    &tokens,
    &request_duration,
    &first_token,
    &queue_wait,
    &route_decisions,
    &queue_requests,
    &inflight_requests,
    &slots,
    &cost,
    &cost_credit,
    &cost_rate,
    &rental_daily_limit,
    &budget_limit,
    &budget_spent,
    &budget_forecast,
    &price,
    &price_seen,
    &price_age_limit,
    &fx_rate,
    &machines,
    &machine_age,
    &machine_paid,
    &machines_overdue,
    &unknown_machines,
    &destroy_failures,
    &leak_scan,
    &provider_requests,
    &provider_balance,
    &bill_difference,
    &bill_alarms,
    &gpu_power,
    &gpu_energy,
    &gpu_memory,
    &gpu_utilization,
    &gpu_temperature,
    &ledger_rows,
    &ledger_write,
    &ledger_chain_ok};

}  // namespace evenkeel::agent::metrics
