#include "agent/ledger/zone.hpp"

#include <gtest/gtest.h>

#include <string>

namespace evenkeel::ledger {
namespace {

using namespace std::chrono;

UtcTime utc(int y, unsigned m, unsigned d, int h = 0, int min = 0) {
    return sys_days{year{y} / month{m} / day{d}} + hours{h} + minutes{min};
}

Zone zone(const char* name) {
    auto loaded = Zone::load(name);
    EXPECT_TRUE(loaded) << name << ": " << loaded.error().message;
    return *loaded;
}

struct OffsetCase {
    const char* zone;
    UtcTime at;
    int minutes;
};

class ZoneOffset : public testing::TestWithParam<OffsetCase> {};

TEST_P(ZoneOffset, MatchesTheRules) {
    const auto& [name, at, wanted] = GetParam();
    EXPECT_EQ(zone(name).offset(floor<seconds>(at)), minutes{wanted}) << name;
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    ZoneOffset,
    testing::Values(
        OffsetCase{"UTC", utc(2026, 7, 1), 0},
        OffsetCase{"Australia/Sydney", utc(2026, 1, 1), 660},
        OffsetCase{"Australia/Sydney", utc(2026, 7, 1), 600},
        // 2026-04-05 03:00 AEDT -> 02:00 AEST at 16:00 UTC the day before
        OffsetCase{"Australia/Sydney", utc(2026, 4, 4, 15, 59), 660},
        OffsetCase{"Australia/Sydney", utc(2026, 4, 4, 16, 0), 600},
        OffsetCase{"Australia/Sydney", utc(2026, 10, 3, 15, 59), 600},
        OffsetCase{"Australia/Sydney", utc(2026, 10, 3, 16, 0), 660},
        // far beyond the last stored transition: the footer's rule
        OffsetCase{"Australia/Sydney", utc(2099, 1, 1), 660},
        OffsetCase{"Australia/Sydney", utc(2099, 7, 1), 600},
        OffsetCase{"Europe/Berlin", utc(2026, 3, 29, 0, 59), 60},
        OffsetCase{"Europe/Berlin", utc(2026, 3, 29, 1, 0), 120},
        OffsetCase{"Europe/Berlin", utc(2077, 10, 31, 0, 59), 120},
        OffsetCase{"Europe/Berlin", utc(2077, 10, 31, 1, 0), 60},
        OffsetCase{"America/New_York", utc(2026, 11, 1, 5, 59), -240},
        OffsetCase{"America/New_York", utc(2026, 11, 1, 6, 0), -300},
        OffsetCase{"Asia/Kolkata", utc(2026, 5, 5), 330},
        OffsetCase{"+10:00", utc(2026, 5, 5), 600},
        OffsetCase{"-03:30", utc(2026, 5, 5), -210}));

TEST(ZoneLoad, NamesWhatIsWrong) {
    for (const char* bad :
         {"Mars/Olympus", "../etc/passwd", "/etc/localtime", "", "+99:00", "a b"}) {
        const auto loaded = Zone::load(bad);
        ASSERT_FALSE(loaded) << bad;
        EXPECT_EQ(loaded.error().code, Errc::invalid_argument) << bad;
        EXPECT_NE(loaded.error().message.find(bad), std::string::npos) << bad;
    }
}

TEST(ZoneLoad, SurvivesEveryTruncation) {
    // A version 2 file with one transition and a footer, built by hand.
    const auto big = [](std::int64_t value, int width) {
        std::string bytes;
        for (int i = width - 1; i >= 0; --i) {
            bytes += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xFF);
        }
        return bytes;
    };
    const auto body = [&](int width) {
        std::string bytes = std::string("TZif2") + std::string(15, '\0');
        for (const int count : {0, 0, 0, 1, 2, 8}) {
            bytes += big(count, 4);
        }
        bytes += big(1'000'000'000, width) + std::string(1, '\1');
        bytes += big(3600, 4) + std::string("\0\0", 2) + big(7200, 4) + std::string("\1\4", 2);
        return bytes + std::string("AAA\0BBB\0", 8);
    };
    const std::string whole = body(4) + body(8) + "\nAAA-1BBB,M3.5.0,M10.5.0/3\n";
    ASSERT_TRUE(Zone::parse("X", whole));
    EXPECT_EQ(Zone::parse("X", whole)->offset(sys_seconds{1'000'000'001s}), hours{2});
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_FALSE(Zone::parse("X", whole.substr(0, size))) << size;
    }
    for (std::size_t at = 0; at < whole.size(); ++at) {
        for (const char flip : {'\x7F', '\xFF', '\0'}) {
            std::string damaged = whole;
            damaged[at] = flip;
            if (const auto parsed = Zone::parse("X", damaged)) {
                static_cast<void>(parsed->offset(sys_seconds{1'800'000'000s}));
            }
        }
    }
}

struct WindowCase {
    const char* name;
    const char* zone;
    config::BudgetPer per;
    UtcTime at;
    UtcTime start;
    UtcTime end;
};

class F100Window : public testing::TestWithParam<WindowCase> {};

TEST_P(F100Window, HoldsTheInstant) {
    const WindowCase& c = GetParam();
    const Zone local = zone(c.zone);
    EXPECT_EQ(window_start(c.per, local, c.at), c.start);
    EXPECT_EQ(window_end(c.per, local, c.at), c.end);
}

using enum config::BudgetPer;
INSTANTIATE_TEST_SUITE_P(
    Table,
    F100Window,
    testing::Values(
        WindowCase{
            "UtcDay", "UTC", day, utc(2026, 11, 23, 10), utc(2026, 11, 23), utc(2026, 11, 24)},
        WindowCase{
            "LastMicrosecond",
            "UTC",
            day,
            utc(2026, 11, 24) - microseconds{1},
            utc(2026, 11, 23),
            utc(2026, 11, 24)},
        WindowCase{"LeapDay", "UTC", month, utc(2028, 2, 29, 23), utc(2028, 2, 1), utc(2028, 3, 1)},
        WindowCase{
            "YearEnd", "UTC", month, utc(2026, 12, 31, 23), utc(2026, 12, 1), utc(2027, 1, 1)},
        WindowCase{
            "SydneyMonth",
            "Australia/Sydney",
            month,
            utc(2026, 10, 31, 14),
            utc(2026, 10, 31, 13),
            utc(2026, 11, 30, 13)},
        WindowCase{
            "DayOf25Hours",
            "Australia/Sydney",
            day,
            utc(2026, 4, 5, 1),
            utc(2026, 4, 4, 13),
            utc(2026, 4, 5, 14)},
        WindowCase{
            "DayOf23Hours",
            "Australia/Sydney",
            day,
            utc(2026, 10, 4, 1),
            utc(2026, 10, 3, 14),
            utc(2026, 10, 4, 13)},
        WindowCase{
            "HalfHourZone",
            "Asia/Kolkata",
            hour,
            utc(2026, 5, 5, 10, 45),
            utc(2026, 5, 5, 10, 30),
            utc(2026, 5, 5, 11, 30)},
        // Midnight does not exist on that day in Beirut: the day starts at the jump.
        WindowCase{
            "MidnightSkipped",
            "Asia/Beirut",
            day,
            utc(2026, 3, 29, 5),
            utc(2026, 3, 28, 22),
            utc(2026, 3, 29, 21)}),
    [](const auto& info) { return info.param.name; });

TEST(F100Windows, TileTheYear) {
    for (const char* name : {"UTC", "Australia/Sydney", "America/New_York", "Asia/Kolkata"}) {
        const Zone local = zone(name);
        for (const auto per : {hour, day, month}) {
            UtcTime at = window_start(per, local, utc(2026, 1, 15));
            const UtcTime stop = utc(2027, 1, 15);
            while (at < stop) {
                const UtcTime end = window_end(per, local, at);
                ASSERT_LT(at, end) << name;
                ASSERT_EQ(window_start(per, local, at), at) << name;
                ASSERT_EQ(window_start(per, local, end - microseconds{1}), at) << name;
                ASSERT_EQ(window_start(per, local, end), end) << name;
                at = end;
            }
        }
    }
}

TEST(ZoneDays, AreNumbered) {
    EXPECT_EQ(day_number(zone("UTC"), utc(2026, 11, 23, 23, 59)), 20261123);
    EXPECT_EQ(day_number(zone("Australia/Sydney"), utc(2026, 11, 23, 23, 59)), 20261124);
    EXPECT_EQ(day_of(20261123), (year_month_day{year{2026} / 11 / std::chrono::day{23}}));
}

}  // namespace
}  // namespace evenkeel::ledger
