#include "agent/metrics/metrics.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"
#include "tests/unit/metrics/full_view.hpp"

#include <fmt/format.h>

#include <chrono>

namespace evenkeel::agent::metrics::test {
namespace {

using Steady = std::chrono::steady_clock;

double micros(Steady::duration time) {
    return std::chrono::duration<double, std::micro>(time).count();
}

/// Figures for docs/metrics.md; run the release build: unit_metrics
/// --gtest_filter='*NightlyFigures*'.
TEST(MetricsBench, NightlyFigures) {
    ledger::Activity activity;
    ledger::NameTexts names;
    for (std::int32_t i = 1; i <= 100; ++i) {
        names.emplace(NameIx{i}, "name-" + std::to_string(i));
    }
    // Twenty routes to four models on six sources each: 480 series.
    std::vector<ledger::BookedRequest> requests;
    for (std::int32_t i = 0; i < 2'048; ++i) {
        requests.push_back(
            {.route = NameIx{1 + i % 20},
             .model = NameIx{30 + i / 20 % 4},
             .source = NameIx{50 + i / 80 % 6},
             .reason = i % 3 == 0 ? ReasonCode::own_free : ReasonCode::own_waited,
             .wait_ms = i * 7 % 90'000,
             .ttft_ms = 1 + i * 11 % 90'000,
             .total_ms = i * 13 % 700'000,
             .usage = {.prompt = 900, .cached = 300, .cache_write = 0, .completion = 200}});
    }
    const ledger::Booked booked{.requests = requests};
    constexpr int rounds = 500;
    activity.add(booked, names);
    auto begun = Steady::now();
    for (int i = 0; i < rounds; ++i) {
        activity.add(booked, names);
    }
    const double each_ns = micros(Steady::now() - begun) * 1e3 / (rounds * 2'048.0);

    const ledger::TemporaryFolder folder;
    Metrics metrics{folder.path()};
    const View view = full_view();
    std::string text;
    constexpr int scrapes = 50;
    begun = Steady::now();
    for (int i = 0; i < scrapes; ++i) {
        text = metrics.text(view, activity.read(), true, BootTime{});
    }
    const double scrape_us = micros(Steady::now() - begun) / scrapes;
    fmt::print(
        "each request {:.0f} ns  series {}  scrape {:.0f} us  {} bytes  {} samples\n",
        each_ns,
        activity.read().requests.size(),
        scrape_us,
        text.size(),
        Answer{text}.samples.size());
    EXPECT_LT(each_ns, 5'000);
    EXPECT_LT(scrape_us, 500'000);
}

}  // namespace
}  // namespace evenkeel::agent::metrics::test
