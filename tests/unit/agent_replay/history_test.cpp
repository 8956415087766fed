#include "tests/unit/agent_replay/past.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace evenkeel::agent {
namespace {

using ledger::test_start;
using namespace std::chrono_literals;

class History : public Past {
protected:
    [[nodiscard]] static std::vector<replay::TraceRow> rows(
        ledger::Reader& reader, const Demand& demand, const std::string& model) {
        const auto open = requests_for(reader, past_config(), demand, model);
        EXPECT_TRUE(open) << open.error().message;
        std::vector<replay::TraceRow> all;
        const auto read =
            replay::for_each_row(*open, [&](const replay::TraceRow& row) { all.push_back(row); });
        EXPECT_TRUE(read) << read.error().message;
        return all;
    }
    [[nodiscard]] static Demand demand(ledger::Reader& reader, Span span) {
        auto demand = read_demand(reader, past_config(), span);
        EXPECT_TRUE(demand) << demand.error().message;
        return demand ? std::move(*demand) : Demand{};
    }
};

TEST_F(History, TellsWhoseDemandEachRequestWas) {
    book(asked(test_start + 1s, 100, 10));
    book(overflowed(test_start + 2s, 300, 50));  // the API's model answered for ours
    ledger::Request bought = overflowed(test_start + 3s, 7'000, 900);
    bought.reason = {ReasonCode::api_only};
    book(bought);
    book(refused(test_start + 4s));
    ledger::Request wrong = refused(test_start + 5s);
    wrong.outcome = Outcome::invalid;
    book(wrong);
    ledger::Request lost = asked(test_start + 6s, 0, 0);
    lost.model = lost.route = NameIx{};
    lost.outcome = Outcome::cut;
    book(lost);
    ASSERT_TRUE(ledger_->flush());

    ledger::Reader reader = this->reader();
    const Demand all = demand(reader, {test_start, test_start + 1h});
    EXPECT_EQ(all.nameless, 1);
    EXPECT_EQ(all.all().requests, 4);
    const ModelDemand ours = all.of("reference-32b");
    EXPECT_EQ(ours.requests, 3);
    EXPECT_EQ(ours.sized, 2);
    EXPECT_EQ(ours.tokens_in, 400);
    EXPECT_EQ(ours.length(), 3s);
    EXPECT_EQ(all.of("big").requests, 1);
    EXPECT_EQ(all.of("gpt").requests, 0);

    const std::vector<replay::TraceRow> expected{
        {.at = 1s, .tokens_in = 100, .tokens_out = 10},
        {.at = 2s, .tokens_in = 300, .tokens_out = 50},
        {.at = 4s, .tokens_in = 200, .tokens_out = 30}};  // refused: the mean of the others
    EXPECT_EQ(rows(reader, all, "reference-32b"), expected);
    EXPECT_EQ(rows(reader, all, "big").size(), 1u);
}

TEST_F(History, ARequestThatWasMovedOnIsOne) {
    ledger::Request request = asked(test_start + 1s, 100, 10);
    book(request);
    request.source = api;
    request.kind = SourceKind::api;
    request.model = big;
    request.reason = {ReasonCode::rescued};
    book(request);
    book(overflowed(test_start + 2s, 100, 10));
    ASSERT_TRUE(ledger_->flush());
    ledger::Reader reader = this->reader();
    const Demand all = demand(reader, {test_start, test_start + 1h});
    EXPECT_EQ(all.all().requests, 2);
    EXPECT_EQ(rows(reader, all, "reference-32b").size(), 2u);
}

TEST_F(History, OnlyTheSpanCounts) {
    for (const auto at : {-1s, 0s, 59s, 60s}) {
        book(asked(test_start + at, 100, 10));
    }
    ASSERT_TRUE(ledger_->flush());
    ledger::Reader reader = this->reader();
    const Demand minute = demand(reader, {test_start, test_start + 1min});
    const auto found = rows(reader, minute, "reference-32b");
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].at, 0s);
    EXPECT_EQ(found[1].at, 59s);
    EXPECT_EQ(minute.of("reference-32b").requests, 2);
}

TEST_F(History, ManyPagesAreReadInOrder) {
    fill(test_start, 2, 20'000);
    ledger::Reader reader = this->reader();
    const Demand all = demand(reader, {test_start - 48h, test_start});
    const auto found = rows(reader, all, "reference-32b");
    EXPECT_EQ(std::ssize(found), 20'000);
    EXPECT_TRUE(std::ranges::is_sorted(found, {}, &replay::TraceRow::at));
    const auto days = reader.requests_by_day(test_start, 3);
    ASSERT_TRUE(days);
    EXPECT_EQ(*days, (std::vector<std::int64_t>{10'000, 10'000, 0}));
}

TEST_F(History, WithoutASizeThereIsNothingToReplay) {
    book(refused(test_start));
    ASSERT_TRUE(ledger_->flush());
    ledger::Reader reader = this->reader();
    const Demand all = demand(reader, {test_start, test_start + 1h});
    EXPECT_EQ(all.of("reference-32b").replayed(), 0);
    EXPECT_TRUE(rows(reader, all, "reference-32b").empty());
}

TEST(HistoryTime, IsADayOrHowLongAgo) {
    const auto zone = ledger::Zone::load("+10:00");
    ASSERT_TRUE(zone);
    const auto at = [&](const char* text, Edge edge) {
        return time_from(text, edge, *zone, test_start).value();
    };
    const UtcTime midnight = UtcTime{std::chrono::sys_days{std::chrono::November / 1 / 2026}} - 10h;
    EXPECT_EQ(at("2026-11-01", Edge::since), midnight);
    EXPECT_EQ(at("2026-11-01", Edge::until), midnight + 24h);
    EXPECT_EQ(at("30d", Edge::since), test_start - 30 * 24h);
    EXPECT_EQ(at("90m", Edge::until), test_start - 90min);
    for (const char* bad : {"", "2026-13-01", "2026-11-1", "yesterday", "-3d", "2026-1x-01"}) {
        EXPECT_FALSE(time_from(bad, Edge::since, *zone, test_start)) << bad;
    }
}

}  // namespace
}  // namespace evenkeel::agent
