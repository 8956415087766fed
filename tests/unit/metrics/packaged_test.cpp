#include "tests/unit/metrics/full_view.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include <regex>
#include <sstream>

/// The shipped alerts and the dashboard ask only for what is served.
namespace evenkeel::agent::metrics::test {
namespace {

namespace json = boost::json;

/// Names of metrics in PromQL.
std::set<std::string> names_in(const std::string& text) {
    static const std::regex name{"evenkeel_[a-z0-9_]+"};
    std::set<std::string> names;
    for (std::sregex_iterator it{text.begin(), text.end(), name}, end; it != end; ++it) {
        names.insert(it->str());
    }
    return names;
}

/// Samples that an agent which knows everything serves.
std::set<std::string> served() {
    std::set<std::string> names;
    for (const Sample& sample : Answer{full_text()}.samples) {
        names.insert(sample.name);
    }
    return names;
}

void expect_served(const std::string& expression) {
    static const std::set<std::string> known = served();
    const auto names = names_in(expression);
    EXPECT_FALSE(names.empty()) << "asks for nothing of ours: " << expression;
    for (const std::string& name : names) {
        EXPECT_TRUE(known.contains(name)) << name << " is not served: " << expression;
    }
}

/// What follows "expr:" in the rules.
std::vector<std::string> rule_expressions() {
    std::vector<std::string> expressions;
    std::istringstream lines{file_text("packaging/prometheus/evenkeel.rules.yaml")};
    for (std::string line; std::getline(lines, line);) {
        if (const auto at = line.find("expr: "); at != std::string::npos) {
            expressions.push_back(line.substr(at + 6));
        }
    }
    return expressions;
}

TEST(ShippedAlerts, AskForWhatIsServed) {
    const auto expressions = rule_expressions();
    EXPECT_EQ(expressions.size(), 11u);
    for (const std::string& expression : expressions) {
        expect_served(expression);
    }
}

TEST(ShippedAlerts, AreAllThereAndAllTested) {
    const std::string rules = file_text("packaging/prometheus/evenkeel.rules.yaml");
    const std::string tests = file_text("packaging/prometheus/evenkeel.rules.test.yaml");
    const std::string docs = file_text("docs/metrics.md");
    for (const char* alert :
         {"EvenkeelUnknownMachine",
          "EvenkeelLeakScanOld",
          "EvenkeelMachineOverdue",
          "EvenkeelCostRateAboveDailyLimit",
          "EvenkeelPriceOld",
          "EvenkeelDestroyFailing",
          "EvenkeelBudgetForecastOverLimit",
          "EvenkeelLedgerChainBroken",
          "EvenkeelReloadFailed",
          "EvenkeelBillDiffers",
          "EvenkeelGone"}) {
        EXPECT_NE(rules.find("- alert: " + std::string{alert} + "\n"), std::string::npos) << alert;
        // Once quiet, once fired with its whole text.
        EXPECT_NE(
            tests.find("alertname: " + std::string{alert} + ", exp_alerts: []"), std::string::npos)
            << alert;
        EXPECT_NE(
            tests.find("alertname: " + std::string{alert} + "\n        exp_alerts:\n"),
            std::string::npos)
            << alert;
        EXPECT_NE(docs.find("`" + std::string{alert} + "`"), std::string::npos) << alert;
    }
    const std::regex alert{"- alert: "};
    const std::regex advice{"description: '[^']*`?evenkeel "};
    const auto count = [&rules](const std::regex& what) {
        return std::distance(
            std::sregex_iterator{rules.begin(), rules.end(), what}, std::sregex_iterator{});
    };
    EXPECT_EQ(count(alert), 11);
    EXPECT_EQ(count(advice), 11) << "each says what to do, with a command";
}

TEST(ShippedDashboard, IsSoundAndAsksForWhatIsServed) {
    boost::system::error_code code;
    const json::value root = json::parse(file_text("packaging/grafana/evenkeel.json"), code);
    ASSERT_FALSE(code) << code.message();
    std::set<std::int64_t> ids;
    int asked = 0;
    std::set<std::string> shown;
    for (const json::value& panel : root.at("panels").as_array()) {
        const std::string title{panel.at("title").as_string().c_str()};
        EXPECT_FALSE(title.empty());
        EXPECT_TRUE(ids.insert(panel.at("id").as_int64()).second) << title;
        const auto& place = panel.at("gridPos");
        EXPECT_LE(place.at("x").as_int64() + place.at("w").as_int64(), 24) << title;
        if (panel.at("type").as_string() == "row") {
            continue;
        }
        // A Prometheus of the user's choice, never one of ours by name.
        EXPECT_EQ(panel.at("datasource").at("uid").as_string(), "${datasource}") << title;
        for (const json::value& target : panel.at("targets").as_array()) {
            const std::string expression{target.at("expr").as_string().c_str()};
            expect_served(expression);
            EXPECT_NE(expression.find("instance=~\"$instance\""), std::string::npos) << title;
            shown.merge(names_in(expression));
            ++asked;
        }
    }
    EXPECT_GT(asked, 30);
    for (const char* must :
         {"evenkeel_cost_total",
          "evenkeel_budget_forecast",
          "evenkeel_unknown_machines",
          "evenkeel_gpu_power_watts",
          "evenkeel_bill_difference",
          "evenkeel_time_to_first_token_seconds_bucket"}) {
        EXPECT_TRUE(shown.contains(must)) << must;
    }
}

}  // namespace
}  // namespace evenkeel::agent::metrics::test
