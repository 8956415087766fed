#include "providers/http/rate_headers.hpp"

#include <gtest/gtest.h>

namespace evenkeel::providers {
namespace {

using namespace std::chrono_literals;

std::vector<RateHint> read(std::initializer_list<std::string_view> lines) {
    RateHeaders headers;
    for (const std::string_view line : lines) {
        headers.add(line);
    }
    return headers.take();
}

TEST(RateHeaders, PlainFormInAnyCase) {
    const RateHint expected{
        .limit = 5'000, .remaining = 1'137, .resets_at = UtcTime{1'415'984'218s}};
    EXPECT_EQ(
        read(
            {"ratelimit-limit: 5000\r\n",
             "RateLimit-Remaining:1137\r\n",
             "RATELIMIT-RESET: 1415984218\r\n"}),
        std::vector{expected});
    EXPECT_EQ(
        read({"x-ratelimit-limit: 5000", "X-RateLimit-Remaining: 1137", "x-ratelimit-reset: 30"}),
        (std::vector{RateHint{.limit = 5'000, .remaining = 1'137, .resets_in = 30s}}))
        << "a small reset is seconds from now";
}

TEST(RateHeaders, StructuredForm) {
    const std::vector<RateHint> expected{
        {.name = "minute", .limit = 60, .remaining = 0, .resets_in = 12s},
        {.name = "hour", .limit = 3'000, .remaining = 2'800, .resets_in = 1'812s},
        {.name = "day", .limit = 50'000, .remaining = 49'500, .resets_in = 45'012s}};
    EXPECT_EQ(
        read(
            {R"(RateLimit: "minute";r=0;t=12, "hour";r=2800;t=1812, "day";r=49500;t=45012)",
             R"(ratelimit-policy: "minute";q=60;w=60, "hour";q=3000;w=3600, )"
             R"("day";q=50000;w=86400)"}),
        expected);
}

TEST(RateHeaders, WhatCannotBeReadIsLeftOut) {
    for (const std::string_view line :
         {"ratelimit-remaining: many",
          "ratelimit-remaining: -1",
          "ratelimit-remaining:",
          "ratelimit-remaining: 99999999999999999999",
          "content-type: x",
          "ratelimit",
          ":",
          "ratelimit-reset: 99999999999999",
          "RateLimit: ;;;,,,",
          ""}) {
        const auto hints = read({line});
        for (const RateHint& hint : hints) {
            EXPECT_EQ(hint.remaining, std::nullopt) << line;
            EXPECT_EQ(hint.resets_at, std::nullopt) << line;
        }
    }
    EXPECT_EQ(
        read({R"(RateLimit: "minute";r=x;t=3;pk=:abc:;r, "hour";r=1)"}),
        (std::vector<RateHint>{
            {.name = "minute", .resets_in = 3s}, {.name = "hour", .remaining = 1}}));
}

TEST(RateHeaders, KeepsAFewWindowsOnly) {
    std::string line = "RateLimit: ";
    for (int i = 0; i < 1'000; ++i) {
        line += "\"w" + std::to_string(i) + "\";r=1,";
    }
    EXPECT_EQ(read({line}).size(), RateHeaders::hints_max);
}

}  // namespace
}  // namespace evenkeel::providers
