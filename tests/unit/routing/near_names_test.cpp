#include "policies/routing/near_names.hpp"

#include <gtest/gtest.h>

#include <array>

namespace evenkeel::routing {
namespace {

TEST(NearNames, FindsSlipsOfTheFingersAndNothingElse) {
    constexpr std::array<std::string_view, 3> names{"qwq-32b", "opus", "deepseek-r1-70b"};
    EXPECT_EQ(nearest_name("qwq-32", names), "qwq-32b");
    EXPECT_EQ(nearest_name("qwp-32b", names), "qwq-32b");
    EXPECT_EQ(nearest_name("opsu", names), "");
    EXPECT_EQ(nearest_name("opux", names), "opus");
    EXPECT_EQ(nearest_name("deepseek-r1-7b", names), "deepseek-r1-70b");
    EXPECT_EQ(nearest_name("gpt-5", names), "");
    EXPECT_EQ(nearest_name("", names), "");
    EXPECT_EQ(nearest_name(std::string(5'000, 'q'), names), "");
    EXPECT_EQ(nearest_name("opus", {}), "");
}

TEST(NearNames, F72ClientTextIsMadeHarmless) {
    EXPECT_EQ(printable("a\r\nSet-Cookie: b"), "a??Set-Cookie: b");
    EXPECT_EQ(printable("caf\xc3\xa9\x7f\x1b[2J"), "caf????[2J");
    EXPECT_EQ(printable(std::string(200, 'x')), std::string(64, 'x') + "...");
    EXPECT_EQ(printable(""), "");
}

}  // namespace
}  // namespace evenkeel::routing
