#include "agent/web/query.hpp"

#include <gtest/gtest.h>

#include <array>

namespace evenkeel::web {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 3> allowed{"since", "until", "by"};
const UtcTime now{std::chrono::sys_days{std::chrono::November / 23 / 2026} + 10h};

std::string why_not(std::string_view text) {
    const auto query = Query::parse(text, allowed);
    return query ? "" : query.error().message;
}

TEST(PageQuery, IsTakenApart) {
    const auto query = Query::parse("since=30d&by=a%20b%26%C3%A9+c&&until=", allowed);
    ASSERT_TRUE(query) << query.error().message;
    EXPECT_EQ(query->text("since"), "30d");
    EXPECT_EQ(query->text("by"), "a b&\xC3\xA9 c");
    EXPECT_EQ(query->given("until"), std::nullopt) << "empty is not given";
    EXPECT_EQ(Query::parse("", allowed)->given("since"), std::nullopt);
}

TEST(PageQuery, F70RefusesWhatNobodyMeans) {
    EXPECT_NE(why_not("since=1d&since=2d"), "");
    EXPECT_NE(why_not("other=1"), "");
    EXPECT_NE(why_not("since=%4"), "");
    EXPECT_NE(why_not("since=%zz"), "");
    EXPECT_NE(why_not("since=%00"), "");
    EXPECT_NE(why_not("since=a%0Ab"), "");
    EXPECT_NE(why_not("since=" + std::string(300, 'x')), "");
    EXPECT_NE(why_not(std::string(3'000, '&')), "");
    const std::string echoed = why_not("<script>alert(1)</script>=1");
    EXPECT_NE(echoed, "");
    EXPECT_FALSE(echoed.contains("script")) << "what was sent is not said back";
}

TEST(PageQuery, NumbersHaveLimits) {
    const auto of = [](const std::string& text) {
        return Query::parse("since=" + text, allowed)->number("since", 7, 100);
    };
    EXPECT_EQ(*of("5"), 5);
    EXPECT_EQ(*of("100"), 100);
    EXPECT_EQ(*of(""), 7);
    for (const char* text : {"101", "-1", "1.5", "x", "9999999999999999999999"}) {
        EXPECT_FALSE(of(text)) << text;
    }
}

TEST(PageQuery, InstantsAreAgesOrDays) {
    const auto zone = ledger::Zone::load("+10:00");
    const auto of = [&](const std::string& text) {
        return Query::parse("since=" + text, allowed)->instant("since", now, 24h, *zone);
    };
    EXPECT_EQ(*of(""), now - 24h);
    EXPECT_EQ(*of("36h"), now - 36h);
    EXPECT_EQ(*of("7d"), now - 7 * 24h);
    EXPECT_EQ(
        *of("2026-11-01"), UtcTime{std::chrono::sys_days{std::chrono::October / 31 / 2026} + 14h});
    for (const char* text : {"yesterday", "7w", "-1d", "99999999999d", "2026-13-01", "1d2"}) {
        EXPECT_FALSE(of(text)) << text;
    }
}

}  // namespace
}  // namespace evenkeel::web
