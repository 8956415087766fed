#include "agent/metrics/metrics.hpp"

#include "agent/metrics/collect.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"
#include "tests/unit/metrics/full_view.hpp"

#include <stdexcept>

/// What is said of an agent, value by value.
namespace evenkeel::agent::metrics::test {
namespace {

using namespace std::chrono_literals;
using Of = std::map<std::string, std::string>;

TEST(MetricsValues, RequestsTokensAndTimes) {
    const Answer answer{full_text()};
    const Of desk{{"route", "default"}, {"source", "desk"}};
    EXPECT_EQ(
        answer.value(
            "evenkeel_requests_total",
            {{"route", "default"},
             {"model", "qwq-32b"},
             {"source", "desk"},
             {"kind", "own"},
             {"outcome", "cut"}}),
        1);
    EXPECT_EQ(
        answer.value(
            "evenkeel_requests_total",
            {{"route", "default"},
             {"model", "qwq-32b"},
             {"source", "none"},
             {"kind", "none"},
             {"outcome", "refused"}}),
        1);
    EXPECT_EQ(answer.sum("evenkeel_requests_total"), 4);
    const auto token = [&](const char* direction) {
        return answer.value(
            "evenkeel_tokens_total",
            {{"model", "qwq-32b"}, {"source", "desk"}, {"direction", direction}});
    };
    EXPECT_EQ(token("input"), 110);
    EXPECT_EQ(token("cached"), 40);
    EXPECT_EQ(token("output"), 25);
    EXPECT_EQ(answer.value("evenkeel_request_duration_seconds_count", desk), 2);
    EXPECT_DOUBLE_EQ(answer.value("evenkeel_request_duration_seconds_sum", desk), 13.0);
    const auto bucket = [&](const char* name, const char* limit) {
        Of labels = desk;
        labels["le"] = limit;
        return answer.value(std::string{name} + "_bucket", labels);
    };
    EXPECT_EQ(bucket("evenkeel_request_duration_seconds", "2.5"), 0);
    EXPECT_EQ(bucket("evenkeel_request_duration_seconds", "5"), 1);
    EXPECT_EQ(bucket("evenkeel_request_duration_seconds", "10"), 2);
    EXPECT_EQ(bucket("evenkeel_request_duration_seconds", "+Inf"), 2);
    EXPECT_EQ(bucket("evenkeel_time_to_first_token_seconds", "0.5"), 1);
    EXPECT_EQ(bucket("evenkeel_queue_wait_seconds", "0.01"), 1);
    EXPECT_EQ(
        answer.value(
            "evenkeel_route_decisions_total",
            {{"route", "hard"}, {"chosen", "claude"}, {"reason", "api_overflow"}}),
        1);
    EXPECT_EQ(
        answer.value(
            "evenkeel_route_decisions_total",
            {{"route", "default"}, {"chosen", "none"}, {"reason", "queue_full"}}),
        1);
}

TEST(MetricsValues, AQueueIsCountedOnce) {
    const Answer answer{full_text()};
    EXPECT_EQ(answer.value("evenkeel_queue_requests", {{"source", "desk"}}), 3);
    EXPECT_EQ(answer.value("evenkeel_queue_requests", {{"source", "runpod-1"}}), 0);
    EXPECT_EQ(answer.value("evenkeel_queue_requests", {{"source", "none"}}), 2);
    EXPECT_FALSE(answer.has("evenkeel_queue_requests", {{"source", "claude"}}));
    EXPECT_EQ(answer.sum("evenkeel_queue_requests"), 5);
    EXPECT_EQ(answer.value("evenkeel_inflight_requests", {{"source", "claude"}}), 2);
    EXPECT_EQ(answer.value("evenkeel_slots", {{"source", "runpod-1"}}), 16);
}

TEST(MetricsValues, Money) {
    const Answer answer{full_text()};
    EXPECT_DOUBLE_EQ(
        answer.value(
            "evenkeel_cost_total",
            {{"source", "runpod-1"}, {"kind", "rental"}, {"phase", "boot"}, {"currency", "USD"}}),
        0.5145);
    EXPECT_DOUBLE_EQ(
        answer.value("evenkeel_cost_credit", {{"source", "runpod-1"}, {"currency", "USD"}}),
        0.014500001);
    EXPECT_DOUBLE_EQ(
        answer.value("evenkeel_cost_rate_per_hour", {{"kind", "rental"}, {"currency", "USD"}}),
        4.41);
    EXPECT_DOUBLE_EQ(
        answer.value("evenkeel_cost_rate_per_hour", {{"kind", "own"}, {"currency", "USD"}}), 0.19);
    EXPECT_EQ(answer.value("evenkeel_rental_daily_limit", {{"currency", "USD"}}), 60);
    const Of budget{{"budget", "everything"}, {"currency", "USD"}};
    EXPECT_EQ(answer.value("evenkeel_budget_limit", budget), 100);
    EXPECT_EQ(answer.value("evenkeel_budget_spent", budget), 30);
    EXPECT_EQ(answer.value("evenkeel_budget_forecast", budget), 60);
    const auto price_of = [](const char* offer, const char* unit) {
        return Of{{"offer", offer}, {"unit", unit}, {"currency", "USD"}};
    };
    EXPECT_DOUBLE_EQ(answer.value("evenkeel_price", price_of("h100", "hour")), 2.89);
    EXPECT_EQ(answer.value("evenkeel_price", price_of("claude", "input_mtok")), 4);
    EXPECT_EQ(answer.value("evenkeel_price", price_of("claude", "cache_write_mtok")), 5);
    EXPECT_EQ(answer.value("evenkeel_price", price_of("claude", "output_mtok_over_200000")), 30);
    EXPECT_EQ(
        answer.value("evenkeel_price_seen_timestamp_seconds", price_of("h100", "hour")),
        1'795'435'200 - 26 * 3'600);
    EXPECT_FALSE(
        answer.has("evenkeel_price_seen_timestamp_seconds", price_of("claude", "input_mtok")));
    EXPECT_EQ(
        answer.value("evenkeel_price_age_limit_seconds", price_of("h100", "hour")), 24 * 3'600);
    EXPECT_EQ(
        answer.value("evenkeel_fx_rate_timestamp_seconds", {{"currency", "AUD"}}), 1'782'777'600);
}

/// A counter that appears with its first amount hides it from rate().
TEST(MetricsValues, MoneyAndMachineTimeBeginAtZero) {
    const View view = full_view();
    const ledger::Figures nothing;
    Families families;
    collect({.view = view, .booked = nothing}, families);
    const Answer answer{families.text()};
    const auto cost_of = [&](const char* source, const char* kind, const char* phase) {
        return answer.value(
            "evenkeel_cost_total",
            {{"source", source}, {"kind", kind}, {"phase", phase}, {"currency", "USD"}});
    };
    EXPECT_EQ(cost_of("runpod-2", "rental", "boot"), 0);
    EXPECT_EQ(cost_of("runpod-2", "rental", "delete"), 0);
    EXPECT_EQ(cost_of("claude", "api", "request"), 0);
    EXPECT_EQ(answer.sum("evenkeel_cost_total"), 0);
    EXPECT_EQ(
        answer.value(
            "evenkeel_machine_paid_seconds_total", {{"provider", "runpod"}, {"phase", "serve"}}),
        0);
}

TEST(MetricsValues, MachinesAndProviders) {
    const Answer answer{full_text()};
    const auto at = [](const char* label, const char* value) {
        return Of{{"provider", "runpod"}, {label, value}};
    };
    const Of runpod{{"provider", "runpod"}};
    EXPECT_EQ(answer.value("evenkeel_machines", at("state", "serving")), 2);
    EXPECT_EQ(answer.value("evenkeel_machines", at("state", "unknown")), 0) << "never absent";
    EXPECT_EQ(
        answer.value(
            "evenkeel_machines", {{"provider", "gone-from-the-files"}, {"state", "deleting"}}),
        1)
        << "a machine counts though its provider is configured no more";
    EXPECT_DOUBLE_EQ(answer.value("evenkeel_machine_age_seconds", at("phase", "serve")), 21'600.5);
    EXPECT_EQ(answer.value("evenkeel_machine_age_seconds", at("phase", "boot")), 0);
    EXPECT_EQ(answer.value("evenkeel_machine_paid_seconds_total", at("phase", "boot")), 420);
    EXPECT_EQ(answer.value("evenkeel_machines_overdue", runpod), 1);
    EXPECT_EQ(answer.value("evenkeel_unknown_machines", runpod), 1) << "only those with our mark";
    EXPECT_EQ(answer.value("evenkeel_destroy_failures_total", runpod), 2);
    EXPECT_EQ(
        answer.value("evenkeel_leak_scan_last_success_timestamp_seconds", runpod),
        1'795'435'200 - 40);
    EXPECT_EQ(answer.value("evenkeel_provider_requests_total", at("outcome", "ok")), 1'234);
    EXPECT_EQ(answer.value("evenkeel_provider_requests_total", at("outcome", "rate_limited")), 5);
    EXPECT_DOUBLE_EQ(answer.value("evenkeel_provider_balance", at("currency", "USD")), 41.2);
    EXPECT_DOUBLE_EQ(answer.value("evenkeel_bill_difference", at("currency", "USD")), -0.014500001);
    EXPECT_EQ(answer.value("evenkeel_bill_alarms_total", runpod), 1);
    const char* const scan = "evenkeel_leak_scan_last_success_timestamp_seconds";
    EXPECT_FALSE(answer.has(scan, {{"provider", "keyless"}})) << "nobody can ask there";
    EXPECT_EQ(answer.value(scan, {{"provider", "gone-from-the-files"}}), 0)
        << "where a machine of ours is and nobody looks, that is an alarm";
}

TEST(MetricsValues, GpusLedgerAndTheAgent) {
    const Answer answer{full_text()};
    const Of gpu{{"gpu", "0"}};
    EXPECT_DOUBLE_EQ(answer.value("evenkeel_gpu_power_watts", gpu), 571.5);
    EXPECT_EQ(answer.value("evenkeel_gpu_energy_joules_total", gpu), 9);
    EXPECT_EQ(answer.value("evenkeel_gpu_memory_used_bytes", gpu), 27'900'000'000);
    EXPECT_DOUBLE_EQ(answer.value("evenkeel_gpu_utilization_ratio", gpu), 0.97);
    EXPECT_EQ(answer.value("evenkeel_gpu_temperature_celsius", gpu), 74);
    EXPECT_EQ(answer.value("evenkeel_ledger_rows_total"), 6);
    EXPECT_EQ(answer.value("evenkeel_ledger_write_duration_seconds_count"), 1);
    EXPECT_EQ(answer.value("evenkeel_ledger_write_duration_seconds_bucket", {{"le", "0.005"}}), 1);
    EXPECT_EQ(answer.value("evenkeel_ledger_write_duration_seconds_bucket", {{"le", "0.0025"}}), 0);
    EXPECT_EQ(answer.value("evenkeel_ledger_chain_ok"), 1);
    EXPECT_EQ(answer.value("evenkeel_build_info", {{"version", "0.1.0"}, {"commit", "abc123"}}), 1);
    EXPECT_EQ(answer.value("evenkeel_policy_revision"), 37);
    EXPECT_EQ(answer.value("evenkeel_config_last_reload_successful"), 1);
}

TEST(MetricsValues, WhatIsNotKnownIsLeftOut) {
    View view;
    view.version = "0.1.0";
    view.currency.report = usd;
    const ledger::Figures nothing;
    Families families;
    collect({.view = view, .booked = nothing, .reload_ok = false, .chain_ok = false}, families);
    const Answer answer{families.text()};
    EXPECT_EQ(answer.value("evenkeel_config_last_reload_successful"), 0);
    EXPECT_EQ(answer.value("evenkeel_ledger_chain_ok"), 0);
    for (const char* absent :
         {"evenkeel_policy_revision",
          "evenkeel_requests_total",
          "evenkeel_gpu_power_watts",
          "evenkeel_provider_balance",
          "evenkeel_rental_daily_limit"}) {
        EXPECT_FALSE(answer.families().contains(absent)) << absent;
        EXPECT_FALSE(answer.types.contains(absent)) << absent;
    }
}

TEST(MetricsText, LabelsAreEscaped) {
    Families families;
    const std::string odd = "a\"b\\c\nd{x=\"y\"} 7";
    families.add(slots, {odd}, 3);
    const std::string text = families.text();
    EXPECT_NE(text.find(R"(source="a\"b\\c\nd{x=\"y\"} 7")"), std::string::npos) << text;
    EXPECT_EQ(Answer{text}.value("evenkeel_slots", {{"source", odd}}), 3);
}

TEST(MetricsText, OnlyTheTableIsServed) {
    Families families;
    EXPECT_THROW(families.add(slots, {}, 1), std::logic_error);
    EXPECT_THROW(families.add(slots, {"a", "b"}, 1), std::logic_error);
    EXPECT_THROW(families.add(request_duration, {"a", "b"}, 1), std::logic_error);
    const Metric other{.name = "evenkeel_other"};
    EXPECT_THROW(families.add(other, {}, 1), std::logic_error);
}

TEST(MetricsText, MoneyKeepsItsDigits) {
    Families families;
    // Nine million with nine decimals: as near as a double comes.
    families.add(budget_spent, {"b", "USD"}, amount_of(Money{9'007'199'254'740'991, usd}));
    EXPECT_NE(families.text().find(" 9007199.254740991\n"), std::string::npos) << families.text();
}

TEST(GrowingSum, GoesOnWhereADriverBeganAnew) {
    GrowingSum sum;
    EXPECT_EQ(sum.next(100), 100);
    EXPECT_EQ(sum.next(150), 150);
    EXPECT_EQ(sum.next(5), 155);
    EXPECT_EQ(sum.next(5), 155);
    EXPECT_EQ(sum.next(25), 175);
}

TEST(MetricsCounters, OfAGpuGrowOnly) {
    const ledger::TemporaryFolder folder;
    Metrics metrics{folder.path()};
    View view = full_view();
    const ledger::Figures figures = full_figures();
    const auto joules = [&](std::int64_t millijoules) {
        auto gpus = std::make_shared<inference::gpu::Snapshot>(*view.gpus);
        gpus->gpus[0].sample.energy_millijoules = millijoules;
        view.gpus = gpus;
        return Answer{metrics.text(view, figures, true, BootTime{})}.value(
            "evenkeel_gpu_energy_joules_total", {{"gpu", "0"}});
    };
    EXPECT_EQ(joules(9'000), 9);
    EXPECT_EQ(joules(1'000), 10);
    EXPECT_EQ(joules(2'000), 11);
}

}  // namespace
}  // namespace evenkeel::agent::metrics::test
