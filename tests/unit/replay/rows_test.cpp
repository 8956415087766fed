#include "policies/replay/rows.hpp"

#include "policies/replay/waits.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>

namespace evenkeel::replay {
namespace {

using namespace std::chrono_literals;

std::vector<TraceRow> all(const OpenRows& open) {
    std::vector<TraceRow> rows;
    EXPECT_TRUE(for_each_row(open, [&](const TraceRow& row) { rows.push_back(row); }));
    return rows;
}

TEST(Rows, WindowIsHalfOpenAndKeepsTimes) {
    const std::vector<TraceRow> rows{{1s, 1, 1}, {2s, 2, 2}, {3s, 3, 3}};
    EXPECT_EQ(all(window_of(rows_of(rows), 1s, 3s)), (std::vector{rows[0], rows[1]}));
    EXPECT_EQ(all(window_of(rows_of(rows), 2s, 2s)).size(), 0u);
    EXPECT_EQ(all(window_of(rows_of(rows), 0s, 10s)), rows);
    EXPECT_EQ(all(rows_of(rows)), rows) << "they can be opened again";
}

TEST(Rows, SumsAreThoseOfTheWholeTrace) {
    const std::vector<TraceRow> rows{{1s, 10, 1}, {2s, 20, 2}, {4s, 30, 6}};
    const auto sums = sums_of(rows_of(rows));
    ASSERT_TRUE(sums);
    EXPECT_EQ(sums->requests, 3);
    EXPECT_EQ(sums->tokens_in, 60);
    EXPECT_EQ(sums->first, 1s);
    EXPECT_EQ(sums->last, 4s);
    EXPECT_DOUBLE_EQ(sums->mean_out(), 3.0);
    EXPECT_EQ(sums_of(rows_of(rows))->mean_in(), 20.0);
}

TEST(Rows, DisorderIsRefused) {
    const std::vector<TraceRow> rows{{2s, 1, 1}, {1s, 2, 2}};
    const auto read = for_each_row(rows_of(rows), [](const TraceRow&) {});
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, Errc::invalid_argument);
}

/// Wherever the text is cut, the reader gives the rows that the whole text gives, in order.
RC_GTEST_PROP(Rows, APieceMayEndAnywhere, ()) {
    std::string text = "arrival_s,client,input_tokens,output_tokens\n";
    const int count = *rc::gen::inRange(1, 60);
    std::int64_t at_ms = 0;
    for (int i = 0; i < count; ++i) {
        at_ms = std::max<std::int64_t>(0, at_ms + *rc::gen::inRange(-300, 700));
        text += std::to_string(at_ms / 1'000) + "." +
                std::to_string(1'000 + at_ms % 1'000).substr(1) + "," + std::to_string(i) + "," +
                std::to_string(i) + ",1\n";
    }
    const auto whole = parse_trace(text);
    TraceReader reader;
    std::vector<TraceRow> rows;
    std::string_view rest = text;
    bool good = true;
    while (!rest.empty() && good) {
        const auto piece = static_cast<std::size_t>(*rc::gen::inRange(1, 90));
        good = reader.feed(rest.substr(0, piece), rows).has_value();
        rest.remove_prefix(std::min(piece, rest.size()));
    }
    good = good && reader.end(rows).has_value();
    RC_ASSERT(good == whole.has_value());
    if (good) {
        RC_ASSERT(rows == whole->rows);
        RC_ASSERT(std::ranges::is_sorted(rows, {}, &TraceRow::at));
    }
}

TEST(Rows, ALineWithoutEndIsRefused) {
    TraceReader reader;
    std::vector<TraceRow> rows;
    ASSERT_TRUE(reader.feed("arrival_s,client,input_tokens,output_tokens\n1,", rows));
    const std::string endless(40'000, '1');
    ASSERT_TRUE(reader.feed(endless, rows));
    const auto fed = reader.feed(endless, rows);
    ASSERT_FALSE(fed);
    EXPECT_NE(fed.error().message.find("line 2"), std::string::npos) << fed.error().message;
}

TEST(Waits, EqualTimesAreGivenExactly) {
    Waits waits;
    for (int i = 0; i < 1'000; ++i) {
        waits.add(1'500ms);
    }
    EXPECT_DOUBLE_EQ(waits.quantile(0.5), 1.5);
    EXPECT_DOUBLE_EQ(waits.quantile(0.99), 1.5);
    EXPECT_DOUBLE_EQ(Waits{}.quantile(0.5), 0.0);
}

RC_GTEST_PROP(Waits, QuantilesAreNearTheSortedOnes, ()) {
    const auto times = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::int64_t>>(
        rc::gen::inRange<std::int64_t>(0, 1LL << 50)));
    Waits waits;
    for (const std::int64_t time : times) {
        waits.add(std::chrono::nanoseconds{time});
    }
    std::vector<std::int64_t> sorted = times;
    std::ranges::sort(sorted);
    for (const double share : {0.0, 0.5, 0.95, 0.99}) {
        const auto place = std::min(
            static_cast<std::size_t>(share * static_cast<double>(sorted.size())),
            sorted.size() - 1);
        const double exact = static_cast<double>(sorted[place]) * 1e-9;
        RC_ASSERT(std::abs(waits.quantile(share) - exact) <= exact / 100 + 1e-9);
    }
}

}  // namespace
}  // namespace evenkeel::replay
