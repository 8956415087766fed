#include "providers/http/rfc3339.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace evenkeel::providers {
namespace {

TEST(Rfc3339, WritesMicroseconds) {
    EXPECT_EQ(format_rfc3339(from_us(0)), "1970-01-01T00:00:00.000000Z");
    EXPECT_EQ(format_rfc3339(from_us(1'772'600'767'000'008)), "2026-03-04T05:06:07.000008Z");
    EXPECT_EQ(format_rfc3339(from_us(-1)), "1969-12-31T23:59:59.999999Z");
}

TEST(Rfc3339, ReadsOffsetsAndDecimals) {
    const auto micros = [](const char* text) {
        const auto time = parse_rfc3339(text);
        return time ? to_us(*time) : -1;
    };
    EXPECT_EQ(micros("2026-03-04T05:06:07.000008Z"), 1'772'600'767'000'008);
    EXPECT_EQ(micros("2026-03-04T05:06:07Z"), 1'772'600'767'000'000);
    EXPECT_EQ(micros("2026-03-04t15:06:07.5+10:00"), 1'772'600'767'500'000);
    EXPECT_EQ(micros("2026-03-03T23:36:07-05:30"), 1'772'600'767'000'000);
    EXPECT_EQ(micros("2026-03-04T05:06:07.123456789Z"), 1'772'600'767'123'456);
    EXPECT_EQ(micros("2024-02-29T00:00:00Z"), 1'709'164'800'000'000);
    EXPECT_EQ(micros("2016-12-31T23:59:60Z"), micros("2016-12-31T23:59:59Z"));
}

TEST(Rfc3339, RefusesTheRest) {
    for (const char* text : {
             "",
             "2026-03-04",
             "2026-03-04T05:06:07",
             "2026-03-04 05:06:07Z",
             "2026-02-29T00:00:00Z",
             "2026-13-01T00:00:00Z",
             "2026-00-01T00:00:00Z",
             "2026-03-04T24:00:00Z",
             "2026-03-04T05:60:00Z",
             "2026-03-04T05:06:61Z",
             "2026-03-04T05:06:07.Z",
             "2026-03-04T05:06:07.1234567890Z",
             "2026-03-04T05:06:07+1:00",
             "2026-03-04T05:06:07+24:00",
             "2026-03-04T05:06:07Zx",
             "26-03-04T05:06:07Z",
             "2026-03-04T05:06:-7Z",
             "2026-03-04T05:06:07z ",
         }) {
        EXPECT_FALSE(parse_rfc3339(text)) << text;
    }
}

RC_GTEST_PROP(Rfc3339, RoundTrips, ()) {
    const auto us =
        *rc::gen::inRange<std::int64_t>(-62'167'219'200'000'000, 253'402'300'799'000'000);
    RC_ASSERT(parse_rfc3339(format_rfc3339(from_us(us))) == from_us(us));
}

}  // namespace
}  // namespace evenkeel::providers
