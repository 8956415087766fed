#include "agent/web/sessions.hpp"

#include "agent/ledger/sha256.hpp"

#include <gtest/gtest.h>

namespace evenkeel::web {
namespace {

using namespace std::chrono_literals;

class PageSessions : public testing::Test {
protected:
    [[nodiscard]] std::string token(const std::string& user = "root") {
        return sessions_.make_token(user, now_).value_or("none");
    }
    [[nodiscard]] Errc refusal(std::string_view token) {
        const auto opened = sessions_.open(token, now_);
        return opened ? Errc::conflict : opened.error().code;
    }

    Sessions sessions_{ledger::random_bytes};
    BootTime now_{1h};
};

TEST_F(PageSessions, ATokenOpensOneSessionOnce) {
    const std::string first = token("ann");
    const auto opened = sessions_.open(first, now_);
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(opened->user, "ann");
    EXPECT_EQ(sessions_.user_of(opened->cookie, now_), "ann");
    EXPECT_EQ(refusal(first), Errc::unauthorized) << "used";
    EXPECT_EQ(sessions_.user_of(first, now_), std::nullopt) << "a token is no cookie";
    EXPECT_EQ(sessions_.user_of("", now_), std::nullopt);
}

TEST_F(PageSessions, BothGrowOld) {
    const std::string late = token();
    const auto opened = sessions_.open(token(), now_);
    now_ += 10min;
    EXPECT_EQ(refusal(late), Errc::unauthorized);
    now_ += 11h;
    EXPECT_TRUE(sessions_.user_of(opened->cookie, now_));
    now_ += 50min;
    EXPECT_FALSE(sessions_.user_of(opened->cookie, now_));
}

TEST_F(PageSessions, GuessingIsEndedForAWhile) {
    const std::string good = token();
    for (std::size_t i = 0; i < Sessions::wrong_max; ++i) {
        EXPECT_EQ(refusal("ekp-guess"), Errc::unauthorized);
    }
    EXPECT_EQ(refusal(good), Errc::rate_limited) << "not even looked at";
    now_ += Sessions::wrong_window;
    EXPECT_TRUE(sessions_.open(good, now_)) << "and not used up";
}

TEST_F(PageSessions, CloseAsAPersonOrAReloadSays) {
    const auto one = sessions_.open(token(), now_);
    const auto other = sessions_.open(token(), now_);
    sessions_.close(one->cookie);
    EXPECT_FALSE(sessions_.user_of(one->cookie, now_));
    EXPECT_TRUE(sessions_.user_of(other->cookie, now_));
}

TEST_F(PageSessions, EndWhenActionsWereNotAllowedMeanwhile) {
    sessions_.follow(3);
    const auto one = sessions_.open(token(), now_);
    const std::string open = token();
    sessions_.follow(3);
    EXPECT_TRUE(sessions_.user_of(one->cookie, now_));
    sessions_.follow(5);  // nobody asked while revision 4 did not allow them
    EXPECT_FALSE(sessions_.user_of(one->cookie, now_));
    EXPECT_EQ(refusal(open), Errc::unauthorized);
    const auto other = sessions_.open(token(), now_);
    sessions_.follow(0);
    EXPECT_FALSE(sessions_.user_of(other->cookie, now_));
}

TEST_F(PageSessions, TheOldestMakesRoom) {
    std::vector<std::string> tokens;
    for (std::size_t i = 0; i <= Sessions::tokens_max; ++i) {
        tokens.push_back(token());
    }
    EXPECT_EQ(refusal(tokens.front()), Errc::unauthorized);
    EXPECT_TRUE(sessions_.open(tokens.back(), now_));
    std::vector<std::string> cookies;
    for (std::size_t i = 0; i <= Sessions::sessions_max; ++i) {
        cookies.push_back(sessions_.open(token(), now_)->cookie);
    }
    EXPECT_FALSE(sessions_.user_of(cookies.front(), now_));
    EXPECT_TRUE(sessions_.user_of(cookies.back(), now_));
}

TEST(PageSessionsWithoutLuck, GiveNothingThatCouldBeGuessed) {
    Sessions sessions{[](std::size_t) { return std::string{}; }};
    EXPECT_FALSE(sessions.make_token("root", BootTime{1h}));
}

}  // namespace
}  // namespace evenkeel::web
