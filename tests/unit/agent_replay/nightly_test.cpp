#include "agent/replay/nightly.hpp"

#include "tests/unit/agent_replay/past.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

namespace evenkeel::agent {
namespace {

using ledger::test_start;
using namespace std::chrono_literals;

TEST(QuietHour, IsTheLeastAskedForOfTheNight) {
    const auto zone = ledger::Zone::load("+10:00");
    ASSERT_TRUE(zone);
    EXPECT_EQ(quiet_hour(*zone, {}), 3);
    std::vector<std::pair<UtcTime, std::int64_t>> hours;
    const UtcTime midnight = UtcTime{std::chrono::sys_days{std::chrono::November / 1 / 2026}} - 10h;
    for (int i = 0; i < 48; ++i) {
        const int hour = i % 24;
        hours.emplace_back(midnight + 1h * i, hour == 5 ? 1 : hour == 1 || hour == 13 ? 0 : 9);
    }
    EXPECT_EQ(quiet_hour(*zone, hours), 1) << "13 h is quiet too, but no night";
    hours[1].second = 5;
    EXPECT_EQ(quiet_hour(*zone, hours), 5);
}

struct NightCase {
    const char* name;
    std::chrono::minutes now;  ///< since local midnight
    std::optional<std::chrono::minutes> last;
    std::chrono::minutes uptime;
    bool due;
};
void PrintTo(const NightCase& one, std::ostream* out) {
    *out << one.name;
}

class NightDue : public testing::TestWithParam<NightCase> {};

TEST_P(NightDue, Table) {
    const auto zone = ledger::Zone::load("+10:00");
    ASSERT_TRUE(zone);
    const UtcTime midnight =
        UtcTime{std::chrono::sys_days{std::chrono::November / 10 / 2026}} - 10h;
    const NightCase& one = GetParam();
    const auto last = one.last ? std::optional{midnight + *one.last} : std::nullopt;
    EXPECT_EQ(night_due(*zone, 3, midnight + one.now, last, one.uptime), one.due);
}

INSTANTIATE_TEST_SUITE_P(
    Nights,
    NightDue,
    testing::Values(
        NightCase{"TheHourBegins", 180min, -1260min, 24h, true},
        NightCase{"AMinuteBefore", 179min, -1260min, 24h, false},
        NightCase{"HadItsOwn", 200min, 181min, 24h, false},
        NightCase{"JustStartedInTheHour", 200min, -1260min, 0min, true},
        NightCase{"JustStartedAtNoon", 720min, -1260min, 9min, false},
        NightCase{"OffAtNightUpAtNoon", 720min, -1260min, 10min, true},
        NightCase{"OffAtNightHadOneAtNoon", 725min, 720min, 15min, false},
        NightCase{"EveningBeforeTheNextNight", 60min, -600min, 24h, false},
        NightCase{"NeverHadOne", 720min, std::nullopt, 10min, true},
        NightCase{"NeverHadOneAndJustStarted", 720min, std::nullopt, 1min, false}),
    [](const auto& info) { return std::string{info.param.name}; });

class RulesAtNight : public Past {
protected:
    [[nodiscard]] static std::shared_ptr<const routing::Catalogue> catalogue() {
        routing::NameTable names;
        return routing::compile(past_config(), 7, names);
    }
    /// Three quiet days, then two hours of more than the desk can do.
    void fill_peak() {
        for (int i = 0; i < 60; ++i) {
            book(asked(test_start - 75h + 1h * i, 1'000, 100));
        }
        for (int i = 0; i < 3'000; ++i) {
            book(asked(test_start - 2h + 2400ms * i, 12'000, 2'500));
        }
        ASSERT_TRUE(ledger_->flush());
    }
    [[nodiscard]] Result<std::vector<ledger::RuleReplay>> replay(
        config::RentRule in_force, ReplayLimit limit = {.time = 300s}) {
        ledger::Reader reader = this->reader();
        return replay_rules(reader, *catalogue(), {{"h100", in_force}}, state(), test_start, limit);
    }
};

TEST_F(RulesAtNight, TooLittleHistoryRecommendsNothing) {
    fill(test_start, 2, 1'500);
    const auto rows = replay(config::RentRule::break_even);
    ASSERT_TRUE(rows) << rows.error().message;
    ASSERT_EQ(rows->size(), 1u);
    const ledger::RuleReplay& row = rows->front();
    EXPECT_EQ(row.scaling, "h100");
    EXPECT_EQ(row.policy, 7);
    EXPECT_EQ(row.requests, 1'500);
    EXPECT_EQ(row.recommended, "");
    EXPECT_EQ(row.note, "too little history: 1500 requests in 48 hours, it takes 1000 in 3 days");
    EXPECT_TRUE(row.outcomes.empty());
}

TEST_F(RulesAtNight, APeakThatApisAnswerIsWorthRentingFor) {
    fill_peak();
    const auto rows = replay(config::RentRule::never);
    ASSERT_TRUE(rows) << rows.error().message;
    const ledger::RuleReplay& row = rows->front();
    EXPECT_EQ(row.note, "");
    ASSERT_EQ(row.outcomes.size(), config::rent_rules.size());
    EXPECT_EQ(row.outcomes[0].rule, "never");
    EXPECT_EQ(row.outcomes[0].machine_starts, 0);
    EXPECT_EQ(row.outcomes[0].requests, 3'060);
    EXPECT_EQ(row.rule, "never");
    EXPECT_NE(row.recommended, "never");
    EXPECT_NE(row.recommended, "");
    const auto best = std::ranges::find(row.outcomes, row.recommended, &ledger::RuleOutcome::rule);
    ASSERT_NE(best, row.outcomes.end());
    for (const ledger::RuleOutcome& one : row.outcomes) {
        EXPECT_LE(best->j, one.j) << one.rule;
    }
    EXPECT_GT(best->machine_starts, 0);
}

/// Late answers would cost nothing, and to rent nothing would always be the best.
TEST_F(RulesAtNight, WithoutTheApisPriceNothingIsRecommended) {
    fill_peak();
    config::Config config = past_config();
    config.routes[0].stay_own = true;
    routing::NameTable names;
    const auto kept_at_home = routing::compile(std::move(config), 7, names);
    ledger::Reader reader = this->reader();
    const auto rows = replay_rules(
        reader,
        *kept_at_home,
        {{"h100", config::RentRule::level_memory}},
        state(),
        test_start,
        {.time = 300s});
    ASSERT_TRUE(rows) << rows.error().message;
    EXPECT_EQ(rows->front().recommended, "");
    EXPECT_NE(rows->front().note.find("no API has a price"), std::string::npos);
}

TEST_F(RulesAtNight, WithoutTheTimeForADayItSaysSo) {
    fill_peak();
    int looks = 0;
    const auto rows =
        replay(config::RentRule::never, {.time = 1s, .spent = [&looks] { return 10s * looks++; }});
    ASSERT_TRUE(rows);
    EXPECT_EQ(rows->front().recommended, "");
    EXPECT_NE(rows->front().note.find("take more than"), std::string::npos) << rows->front().note;
}

TEST_F(RulesAtNight, AThreadOfItsOwnDoesIt) {
    fill(test_start, 1, 20);
    Nightly nightly{state(), ledger::Zone{}};
    EXPECT_FALSE(nightly.take());
    nightly.begin(catalogue(), {{"h100", config::RentRule::never}}, test_start);
    EXPECT_TRUE(nightly.is_busy());
    std::optional<NightlyResult> result;
    for (int i = 0; i < 1'500 && !result; ++i) {
        std::this_thread::sleep_for(20ms);
        result = nightly.take();
    }
    ASSERT_TRUE(result);
    EXPECT_FALSE(nightly.is_busy());
    const NightlyResult& found = *result;
    ASSERT_EQ(found.replays.size(), 1u);
    EXPECT_EQ(found.replays[0].rule, "never");
    EXPECT_NE(found.replays[0].note, "");
    // 20 requests evenly over a day, the last at 8:48: at 2:48, but none after 3:00 before 4:00.
    EXPECT_EQ(found.quiet, 3);
    nightly.begin(catalogue(), {}, test_start);  // and again; the destructor waits
}

TEST_F(RulesAtNight, TheNewestOfEachEntryIsKept) {
    EXPECT_TRUE(reader().rule_replays()->empty());
    ledger::RuleReplay row{
        .at = test_start,
        .scaling = "h100",
        .policy = 7,
        .since = test_start - 720h,
        .until = test_start,
        .requests = 5'000,
        .currency = usd,
        .rule = "never",
        .recommended = "break-even+k",
        .follows = "break-even+k",
        .outcomes = {
            {.rule = "never",
             .api = Money{9, usd},
             .total = Money{9, usd},
             .j = Money{10, usd},
             .requests = 5'000,
             .within_limit = 4'000},
            {.rule = "break-even+k",
             .rental = Money{4, usd},
             .total = Money{4, usd},
             .j = Money{5, usd},
             .requests = 5'000,
             .within_limit = 5'000,
             .machine_starts = 3}}};
    ledger_->rule_replay(row);
    ledger_->rule_replay(row);
    row.scaling = "other";
    ledger_->rule_replay(row);
    row.scaling = "h100";
    row.at += 24h;
    row.outcomes.pop_back();
    row.recommended.clear();
    row.note = "too little history";
    ledger_->rule_replay(row);
    ASSERT_TRUE(ledger_->flush());
    const auto rows = reader().rule_replays();
    ASSERT_TRUE(rows) << rows.error().message;
    ASSERT_EQ(rows->size(), 2u);
    EXPECT_EQ((*rows)[0].scaling, "h100");
    EXPECT_EQ((*rows)[0].at, test_start + 24h);
    EXPECT_EQ((*rows)[0].note, "too little history");
    EXPECT_EQ((*rows)[0].outcomes.size(), 1u);
    const ledger::RuleReplay& other = (*rows)[1];
    EXPECT_EQ(other.recommended, "break-even+k");
    EXPECT_EQ(other.follows, "break-even+k");
    EXPECT_EQ(other.since, test_start - 720h);
    ASSERT_EQ(other.outcomes.size(), 2u);
    EXPECT_EQ(other.outcomes[1].j, (Money{5, usd}));
    EXPECT_EQ(other.outcomes[1].machine_starts, 3);
    EXPECT_EQ(other.outcomes[0].within_limit, 4'000);
    expect_sound();
}

}  // namespace
}  // namespace evenkeel::agent
