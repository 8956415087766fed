#include "agent/metrics/table.hpp"

#include "tests/unit/metrics/full_view.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

/// Names, types and labels are a promise to dashboards and alerts: they are typed in here once
/// more, so that no change of the table goes unseen.
namespace evenkeel::agent::metrics::test {
namespace {

struct Wanted {
    const char* name;
    const char* type;
    std::set<std::string> labels;
};

const std::vector<Wanted>& promised() {
    static const std::vector<Wanted> all{
        {"evenkeel_build_info", "gauge", {"version", "commit"}},
        {"evenkeel_config_last_reload_successful", "gauge", {}},
        {"evenkeel_config_last_reload_timestamp_seconds", "gauge", {}},
        {"evenkeel_policy_revision", "gauge", {}},
        {"evenkeel_requests_total", "counter", {"route", "model", "source", "kind", "outcome"}},
        {"evenkeel_tokens_total", "counter", {"model", "source", "direction"}},
        {"evenkeel_request_duration_seconds", "histogram", {"route", "source"}},
        {"evenkeel_time_to_first_token_seconds", "histogram", {"route", "source"}},
        {"evenkeel_queue_wait_seconds", "histogram", {"route", "source"}},
        {"evenkeel_queue_requests", "gauge", {"source"}},
        {"evenkeel_inflight_requests", "gauge", {"source"}},
        {"evenkeel_slots", "gauge", {"source"}},
        {"evenkeel_cost_total", "counter", {"source", "kind", "phase", "currency"}},
        {"evenkeel_cost_rate_per_hour", "gauge", {"kind", "currency"}},
        {"evenkeel_budget_limit", "gauge", {"budget", "currency"}},
        {"evenkeel_budget_spent", "gauge", {"budget", "currency"}},
        {"evenkeel_budget_forecast", "gauge", {"budget", "currency"}},
        {"evenkeel_machines", "gauge", {"provider", "state"}},
        {"evenkeel_machine_age_seconds", "gauge", {"provider", "phase"}},
        {"evenkeel_machine_paid_seconds_total", "counter", {"provider", "phase"}},
        {"evenkeel_unknown_machines", "gauge", {"provider"}},
        {"evenkeel_destroy_failures_total", "counter", {"provider"}},
        {"evenkeel_leak_scan_last_success_timestamp_seconds", "gauge", {"provider"}},
        {"evenkeel_price", "gauge", {"offer", "unit", "currency"}},
        {"evenkeel_price_seen_timestamp_seconds", "gauge", {"offer", "unit", "currency"}},
        {"evenkeel_fx_rate_timestamp_seconds", "gauge", {"currency"}},
        {"evenkeel_provider_requests_total", "counter", {"provider", "outcome"}},
        {"evenkeel_provider_balance", "gauge", {"provider", "currency"}},
        {"evenkeel_gpu_power_watts", "gauge", {"gpu"}},
        {"evenkeel_gpu_energy_joules_total", "counter", {"gpu"}},
        {"evenkeel_gpu_memory_used_bytes", "gauge", {"gpu"}},
        {"evenkeel_gpu_utilization_ratio", "gauge", {"gpu"}},
        {"evenkeel_gpu_temperature_celsius", "gauge", {"gpu"}},
        {"evenkeel_route_decisions_total", "counter", {"route", "chosen", "reason"}},
        {"evenkeel_ledger_rows_total", "counter", {}},
        {"evenkeel_ledger_write_duration_seconds", "histogram", {}},
        {"evenkeel_ledger_chain_ok", "gauge", {}},
        // Beyond the first list: what alerts compare with, what bills said, what a counter holds
        // back.
        {"evenkeel_cost_credit", "gauge", {"source", "currency"}},
        {"evenkeel_rental_daily_limit", "gauge", {"currency"}},
        {"evenkeel_price_age_limit_seconds", "gauge", {"offer", "unit", "currency"}},
        {"evenkeel_machines_overdue", "gauge", {"provider"}},
        {"evenkeel_bill_difference", "gauge", {"provider", "currency"}},
        {"evenkeel_bill_alarms_total", "counter", {"provider"}}};
    return all;
}

TEST(MetricsTable, IsWhatWasPromised) {
    EXPECT_EQ(all_metrics.size(), promised().size());
    for (const Wanted& wanted : promised()) {
        const auto found = std::ranges::find_if(
            all_metrics, [&](const Metric* metric) { return metric->name == wanted.name; });
        ASSERT_NE(found, all_metrics.end()) << wanted.name;
        EXPECT_EQ(to_text((*found)->type), wanted.type) << wanted.name;
        std::set<std::string> labels;
        for (std::size_t i = 0; i < (*found)->label_count(); ++i) {
            labels.insert(std::string{(*found)->labels[i]});
        }
        EXPECT_EQ(labels, wanted.labels) << wanted.name;
    }
}

TEST(MetricsTable, AnAgentThatKnowsAllServesAllWithTheseLabels) {
    const Answer answer{full_text()};
    EXPECT_EQ(answer.families().size(), promised().size());
    for (const Wanted& wanted : promised()) {
        ASSERT_TRUE(answer.types.contains(wanted.name)) << wanted.name;
        EXPECT_EQ(answer.types.at(wanted.name), wanted.type) << wanted.name;
        EXPECT_TRUE(answer.families().contains(wanted.name)) << wanted.name;
        EXPECT_FALSE(answer.helps.at(wanted.name).empty()) << wanted.name;
    }
    for (const Sample& sample : answer.samples) {
        const auto wanted = std::ranges::find_if(promised(), [&](const Wanted& each) {
            return each.name == answer.family_of(sample.name);
        });
        ASSERT_NE(wanted, promised().end()) << sample.name;
        std::set<std::string> labels;
        for (const auto& [label, value] : sample.labels) {
            if (label != "le") {
                labels.insert(label);
            }
        }
        EXPECT_EQ(labels, wanted->labels) << sample.name;
    }
}

TEST(MetricsTable, NothingInItTellsOneClientFromAnother) {
    for (const Metric* metric : all_metrics) {
        for (const std::string_view label : metric->labels) {
            for (const char* never : {"key", "team", "tag", "request", "id", "prompt", "user"}) {
                EXPECT_NE(label, never) << metric->name;
            }
        }
        // prometheus-cpp writes them as they are.
        EXPECT_EQ(metric->help.find_first_of("\\\"\n"), std::string_view::npos) << metric->name;
        EXPECT_TRUE(metric->help.ends_with('.')) << metric->name;
    }
}

}  // namespace
}  // namespace evenkeel::agent::metrics::test
