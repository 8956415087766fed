#include "policies/domain/duration.hpp"

#include <gtest/gtest.h>

namespace evenkeel {
namespace {

using namespace std::chrono_literals;

TEST(Duration, ReadsAndRefuses) {
    EXPECT_EQ(parse_duration("80ms"), 80ms);
    EXPECT_EQ(parse_duration("45s"), 45s);
    EXPECT_EQ(parse_duration("58m20s"), 3'500s);
    EXPECT_EQ(parse_duration("1h30m"), 90min);
    EXPECT_EQ(parse_duration("3d"), 72h);
    EXPECT_EQ(parse_duration("0s"), 0s);
    for (const char* text :
         {"",
          "5",
          "s",
          "m",
          "-5s",
          "1.5s",
          "5 s",
          "5mo",
          "5s ",
          "401d",
          "9999999999h",
          "99999999999999999999s"}) {
        EXPECT_FALSE(parse_duration(text)) << text;
    }
}

}  // namespace
}  // namespace evenkeel
