#include "policies/domain/id.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace evenkeel {
namespace {

TEST(IdGenerator, NeverGoesBackwardsWhateverTheClockDoes) {
    IdGenerator ids{7};
    std::int64_t last = 0;
    UtcTime now = std::chrono::sys_days{std::chrono::November / 25 / 2026};
    for (int i = 0; i < 50'000; ++i) {
        if (i % 1000 == 0) {
            now -= std::chrono::hours{24};
        }
        const std::int64_t id = ids.next(now);
        ASSERT_GT(id, last);
        last = id;
    }
    EXPECT_EQ((last >> 14) & 255, 7);
}

TEST(IdGenerator, GoesOnAfterWhatWasStored) {
    IdGenerator first{0};
    const UtcTime now = std::chrono::sys_days{std::chrono::November / 25 / 2026};
    const std::int64_t stored = first.next(now);
    IdGenerator second{0, stored};
    EXPECT_GT(second.next(now - std::chrono::hours{1}), stored);
}

TEST(IdText, RefusesWhatItDidNotWrite) {
    for (const char* text : {"", "0", "8000000000000", "000000000000U", "00000000000000"}) {
        EXPECT_EQ(id_from_text(text), std::nullopt) << text;
    }
}

TEST(RequestIdText, IsFoundByEveryIdThatAnAnswerShows) {
    const RequestId id{*id_from_text("06ZCJQYF00000")};
    EXPECT_EQ(request_id_text(id), "req_06ZCJQYF00000");
    for (const char* text :
         {"req_06ZCJQYF00000", "06ZCJQYF00000", "msg_06ZCJQYF00000", "chatcmpl-06ZCJQYF00000"}) {
        EXPECT_EQ(request_id_from(text), id) << text;
    }
    for (const char* text : {"", "req_", "req_req_06ZCJQYF00000", "resp_06ZCJQYF00000"}) {
        EXPECT_EQ(request_id_from(text), std::nullopt) << text;
    }
}

RC_GTEST_PROP(IdTextProperty, ReadsBackTheSame, ()) {
    const auto id = *rc::gen::inRange<std::int64_t>(0, std::numeric_limits<std::int64_t>::max());
    RC_ASSERT(id_from_text(id_to_text(id)) == id);
}

TEST(IdTime, AnIdTellsWhenItWasMadeAndBoundsThoseOfLater) {
    IdGenerator ids{3};
    const UtcTime at =
        std::chrono::sys_days{std::chrono::November / 25 / 2026} + std::chrono::milliseconds{123};
    const std::int64_t id = ids.next(at);
    EXPECT_EQ(id_time(id), at);
    EXPECT_LE(least_id_at(at), id);
    EXPECT_GT(least_id_at(at + std::chrono::milliseconds{1}), id);
    EXPECT_EQ(least_id_at(UtcTime{}), 0) << "before the first id there could be";
}

}  // namespace
}  // namespace evenkeel
