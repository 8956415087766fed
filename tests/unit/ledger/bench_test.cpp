#include "tests/unit/ledger/ledger_fixture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace evenkeel::ledger {
namespace {

using Steady = std::chrono::steady_clock;

/// Figures for docs/ledger.md; run the release build: unit_ledger
/// --gtest_filter='*NightlyFigures*'.
class NightlyFigures : public LedgerTest {
protected:
    static std::int64_t micros(Steady::duration time) {
        return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
    }
    static std::int64_t at(std::vector<std::int64_t>& sorted, std::size_t permille) {
        std::ranges::sort(sorted);
        return sorted[std::min(sorted.size() - 1, sorted.size() * permille / 1'000)];
    }
};

TEST_F(NightlyFigures, RowsPerSecondAndHoldLatency) {
    Options with;
    const TemporaryFolder on_disk{std::filesystem::temp_directory_path()};
    with.dir = on_disk.path() / "state";
    with.clock = &clock_;
    open(with);
    store_names(*ledger_);

    constexpr std::int64_t rows = 200'000;
    auto begun = Steady::now();
    for (std::int64_t id = 1; id <= rows; ++id) {
        const Request request = own_request(id);
        while (!ledger_->record(request)) {
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        }
    }
    ASSERT_TRUE(ledger_->flush());
    const std::int64_t own_us = micros(Steady::now() - begun);

    std::vector<std::int64_t> alone;
    for (std::int64_t id = 1; id <= 2'000; ++id) {
        begun = Steady::now();
        const auto held = hold(hold_for(rows + id, 1'000));
        alone.push_back(micros(Steady::now() - begun));
        ASSERT_TRUE(held);
        ASSERT_TRUE(ledger_->record(api_request(rows + id, 900, *held)));
    }
    std::vector<std::int64_t> together(16 * 250);
    std::vector<std::jthread> callers;
    begun = Steady::now();
    for (std::int64_t caller = 0; caller < 16; ++caller) {
        callers.emplace_back([&, caller] {
            for (std::int64_t i = 0; i < 250; ++i) {
                const std::int64_t id = 10'000'000 + caller * 1'000 + i;
                const auto from = Steady::now();
                const auto held = hold(hold_for(id, 1'000));
                together[static_cast<std::size_t>(caller * 250 + i)] = micros(Steady::now() - from);
                if (held) {
                    static_cast<void>(ledger_->record(api_request(id, 900, *held)));
                }
            }
        });
    }
    callers.clear();
    const std::int64_t paid_us = micros(Steady::now() - begun);
    ASSERT_TRUE(ledger_->flush());
    const Health health = ledger_->health();
    begun = Steady::now();
    ASSERT_TRUE(ledger_->close());
    ledger_.reset();
    open(with);
    const std::int64_t start_us = micros(Steady::now() - begun);
    fmt::print(
        "own rows/s {}  hold alone us p50 {} p99 {}  hold of 16 us p50 {} p99 {}  paid requests/s "
        "{}  commits {} slowest {} us  close and start {} us\n",
        rows * 1'000'000 / own_us,
        at(alone, 500),
        at(alone, 990),
        at(together, 500),
        at(together, 990),
        16 * 250 * 1'000'000LL / paid_us,
        health.commits,
        health.slowest_commit_us,
        start_us);
    EXPECT_EQ(health.problem, "");
    begun = Steady::now();
    const auto found = Reader::open(with.dir)->verify();
    fmt::print("verify of {} requests: {} us\n", found->requests, micros(Steady::now() - begun));
    EXPECT_TRUE(found->ok());
    ledger_.reset();
}

}  // namespace
}  // namespace evenkeel::ledger
