#include "daemon_process.hpp"
#include "lab/demo/document.hpp"
#include "scene.hpp"

#include <boost/json/value.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <csignal>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

/// /metrics of a real daemon, judged by Prometheus' own tool, and the shipped alerts and dashboard.
namespace evenkeel::integration {
namespace {

/// Sample line -> value, and metric -> type.
struct Scrape {
    std::map<std::string, double> samples{};
    std::map<std::string, std::string> types{};
    std::string text{};

    /// The sum of all samples of a name.
    [[nodiscard]] double sum(const std::string& name) const {
        double sum = 0;
        for (const auto& [line, value] : samples) {
            if (line == name || line.starts_with(name + "{")) {
                sum += value;
            }
        }
        return sum;
    }
};

Scrape scrape(std::uint16_t port) {
    Scrape scraped{.text = fetch(port, "GET", "/metrics").body};
    std::istringstream lines{scraped.text};
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("# TYPE ")) {
            const auto space = line.rfind(' ');
            scraped.types[line.substr(7, space - 7)] = line.substr(space + 1);
        } else if (!line.starts_with('#')) {
            const auto space = line.rfind(' ');
            const bool fresh =
                scraped.samples.emplace(line.substr(0, space), std::stod(line.substr(space + 1)))
                    .second;
            EXPECT_TRUE(fresh) << "twice: " << line;
        }
    }
    return scraped;
}

/// Counters, and the parts of histograms.
bool only_grows(const Scrape& scraped, const std::string& sample) {
    const std::string name = sample.substr(0, sample.find('{'));
    for (const auto& [metric, type] : scraped.types) {
        const bool counter = type == "counter" && name == metric;
        const bool part = type == "histogram" && name.starts_with(metric + "_");
        if (counter || part) {
            return true;
        }
    }
    return false;
}

lab::demo::ToolResult promtool(const std::string& command) {
    const auto program =
        std::filesystem::path{EVENKEEL_SOURCE_DIR} / "build/tools/prometheus/usr/bin/promtool";
    EXPECT_TRUE(std::filesystem::exists(program)) << "./scripts/setup.sh --tests unpacks it";
    auto result =
        lab::demo::run_tool("/bin/sh", {"-c", program.string() + " " + command + " 2>&1"}, 60s);
    return result ? *result : lab::demo::ToolResult{.err = result.error().message};
}

void expect_clean(const Folder& folder, const std::string& text) {
    const auto file = folder.path() / "scraped.txt";
    std::ofstream{file} << text;
    const auto result = promtool("check metrics < " + file.string());
    EXPECT_EQ(result.status, 0) << result.out << result.err;
    EXPECT_EQ(result.out, "");
}

TEST(MetricsScrape, ARunningAgentCountsWhatItDidAndPromtoolFindsNothing) {
    const Folder folder;
    Scene scene{quick_world(60)};
    edit_file(scene.stage().config() + "/policy.yaml", "min: 0", "min: 1");  // one is rented
    const auto started = scene.start_daemon(10s);
    ASSERT_TRUE(started) << started.error().message;
    const std::uint16_t port = scene.stage().ports().admin;
    const Scrape first = scrape(port);
    expect_clean(folder, first.text);
    EXPECT_EQ(first.sum("evenkeel_requests_total"), 0);
    EXPECT_EQ(first.sum("evenkeel_ledger_chain_ok"), 1);
    EXPECT_EQ(first.sum("evenkeel_config_last_reload_successful"), 1);

    scene.burst(40, 600, 150);
    const std::string booted =
        R"(evenkeel_machine_paid_seconds_total{provider="sandbox",phase="boot"})";
    ASSERT_TRUE(eventually(20s, [&] {
        const Scrape now = scrape(port);
        return now.sum("evenkeel_requests_total") == 40 && now.samples.contains(booted) &&
               now.samples.at(booted) > 0;
    })) << scrape(port).text;
    Scrape before = scrape(port);
    expect_clean(folder, before.text);
    EXPECT_EQ(before.sum("evenkeel_request_duration_seconds_count"), 40);
    EXPECT_EQ(before.sum("evenkeel_route_decisions_total"), 40);
    EXPECT_GT(before.sum("evenkeel_tokens_total"), 0);
    EXPECT_GT(before.sum("evenkeel_provider_requests_total"), 0);
    EXPECT_GT(before.sum("evenkeel_leak_scan_last_success_timestamp_seconds"), 1.7e9);
    EXPECT_GT(before.sum("evenkeel_ledger_rows_total"), 40);

    EXPECT_GT(before.sum("evenkeel_machines"), 0);

    // Until the machine was deleted and its last phase posted: no counter falls meanwhile.
    const auto asked =
        scene.stage().tool({"nodes", "destroy", "sandbox-1", "--yes", "--now", "--wait", "1s"});
    ASSERT_TRUE(asked) << asked.error().message;
    EXPECT_TRUE(asked->status == 0 || asked->status == 6) << "proved, or not yet: " << asked->err;
    const std::string deleted =
        R"(evenkeel_machine_paid_seconds_total{provider="sandbox",phase="delete"})";
    const bool over = eventually(30s, [&] {
        const Scrape now = scrape(port);
        for (const auto& [sample, value] : before.samples) {
            if (only_grows(before, sample)) {
                const auto later = now.samples.find(sample);
                EXPECT_NE(later, now.samples.end()) << sample;
                EXPECT_GE(later == now.samples.end() ? 0 : later->second, value) << sample;
            }
        }
        before = now;
        return testing::Test::HasFailure() || now.samples.at(deleted) > 0;
    });
    EXPECT_TRUE(over);
    EXPECT_GT(
        before.samples.at("evenkeel_cost_total{source=\"sandbox-1\",kind=\"rental\",phase="
                          "\"boot\",currency=\"USD\"}"),
        0);
    expect_clean(folder, before.text);
    EXPECT_EQ(before.sum("evenkeel_unknown_machines"), 0);
    EXPECT_EQ(before.text.find(scene.stage().client_key()), std::string::npos);
    EXPECT_EQ(fetch(port, "POST", "/metrics").status, 405);
}

TEST(MetricsScrape, CostIsWhatTheReportSays) {
    Scene scene{quick_world(60)};
    const auto started = scene.start_daemon(10s);
    ASSERT_TRUE(started) << started.error().message;
    scene.burst(30, 600, 150);
    const std::uint16_t port = scene.stage().ports().admin;
    // The books and the counters are asked one after the other, so until nothing moves in between.
    std::string seen;
    const bool equal = eventually(40s, [&] {
        const Scrape now = scrape(port);
        const double counted = now.sum("evenkeel_cost_total") - now.sum("evenkeel_cost_credit");
        const auto report = scene.stage().tool({"report", "spend", "--json"});
        const auto spend = report ? lab::demo::parse_object(report->out, "spend")
                                  : Result<json::object>{std::unexpected{report.error()}};
        if (!spend) {
            seen = spend.error().message;
            return false;
        }
        const double paid = std::stod(std::string{spend->at("total").at("cost").as_string()});
        seen = fmt::format("counted {} paid {}", counted, paid);
        return paid > 0 && now.sum("evenkeel_requests_total") == 30 &&
               std::abs(counted - paid) < 1e-9;
    });
    EXPECT_TRUE(equal) << seen;
}

TEST(MetricsScrape, ARefusedReloadIsSeen) {
    DaemonProcess daemon;
    daemon.start();
    ASSERT_TRUE(daemon.ready());
    const auto shows = [&](double wanted) {
        return eventually(10s, [&] {
            const Scrape now = scrape(daemon.admin());
            const auto found = now.samples.find("evenkeel_config_last_reload_successful");
            return found != now.samples.end() && found->second == wanted;
        });
    };
    EXPECT_TRUE(shows(1));
    daemon.replace("policy.yaml", "max_wait: 200ms", "max_wait: soon");
    daemon.signal(SIGHUP);
    EXPECT_TRUE(shows(0));
    daemon.replace("policy.yaml", "max_wait: soon", "max_wait: 300ms");
    daemon.signal(SIGHUP);
    EXPECT_TRUE(shows(1));
    EXPECT_EQ(scrape(daemon.admin()).sum("evenkeel_policy_revision"), 2);
}

/// Each expression of the dashboard as a rule of its own, so that promtool reads it.
TEST(MetricsDashboard, ItsExpressionsArePromQl) {
    const Folder folder;
    std::ostringstream text;
    text << std::ifstream{
        std::filesystem::path{EVENKEEL_SOURCE_DIR} / "packaging/grafana/evenkeel.json"}
                .rdbuf();
    const auto root = lab::demo::parse_object(text.str(), "dashboard");
    ASSERT_TRUE(root) << root.error().message;
    const auto file = folder.path() / "dashboard.rules.yaml";
    std::ofstream rules{file};
    rules << "groups:\n- name: dashboard\n  rules:\n";
    int count = 0;
    for (const json::value& panel : root->at("panels").as_array()) {
        const json::value* targets = panel.as_object().if_contains("targets");
        if (targets == nullptr) {
            continue;
        }
        for (const json::value& target : targets->as_array()) {
            rules << "  - record: r" << count++ << "\n    expr: |\n      "
                  << target.at("expr").as_string().c_str() << '\n';
        }
    }
    rules.close();
    ASSERT_GT(count, 30);
    const auto result = promtool("check rules " + file.string());
    EXPECT_EQ(result.status, 0) << result.out;
    EXPECT_NE(result.out.find(fmt::format("{} rules found", count)), std::string::npos)
        << result.out;
}

}  // namespace
}  // namespace evenkeel::integration
