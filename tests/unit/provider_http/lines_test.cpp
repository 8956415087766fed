#include "providers/http/lines.hpp"

#include "tests/unit/provider_http/scripted_client.hpp"

#include <gtest/gtest.h>

namespace evenkeel::providers {
namespace {

using namespace std::chrono_literals;
using testing::ScriptedClient;

struct TwoLines : ::testing::Test {
    Lines make(RateRules rules) {
        auto spending = std::make_unique<ScriptedClient>();
        auto safe = std::make_unique<ScriptedClient>();
        spend = spending.get();
        safety = safe.get();
        return Lines{
            std::move(spending),
            std::move(safe),
            {.budget = std::make_shared<RateBudget>("X", std::move(rules)),
             .clock = clock,
             .pause = [this](std::chrono::milliseconds pause, const std::stop_token& stop) {
                 paused += pause;
                 clock.advance(pause);
                 return !stop.stop_requested();
             }}};
    }
    ManualClock clock{Now{.boot = BootTime{1h}, .utc = UtcTime{1'000'000h}}};
    std::chrono::milliseconds paused{0};
    ScriptedClient* spend{nullptr};
    ScriptedClient* safety{nullptr};
};

TEST_F(TwoLines, F12ShareOneBudget) {
    Lines lines = make({});
    spend->answers.push_back(HttpResponse{.status = 429, .retry_after = 12s});
    const auto first = lines.spend.send({}, {});
    ASSERT_TRUE(first);
    EXPECT_EQ(first->retry_after, 12s);
    const auto other = lines.safety.send({}, {});
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, Errc::rate_limited);
    EXPECT_EQ(other.error().retry_after, 12s);
    EXPECT_TRUE(safety->sent.empty()) << "refused locally";
    clock.advance(12s);
    safety->answers.push_back(HttpResponse{.status = 200});
    EXPECT_TRUE(lines.safety.send({}, {}));
}

TEST_F(TwoLines, SpendingStopsWhereTheReserveBegins) {
    Lines lines = make({});
    spend->answers.push_back(
        HttpResponse{.status = 200, .rate = {{.limit = 10, .remaining = 3, .resets_in = 60s}}});
    safety->answers.push_back(HttpResponse{.status = 200});
    ASSERT_TRUE(lines.spend.send({}, {}));
    EXPECT_EQ(lines.spend.send({}, {}).error().code, Errc::rate_limited);
    EXPECT_TRUE(lines.safety.send({}, {}));
    EXPECT_EQ(spend->sent.size(), 1u);
}

TEST_F(TwoLines, A429AlwaysSaysWhenToComeBack) {
    Lines lines = make({});
    safety->answers.push_back(HttpResponse{.status = 429});
    EXPECT_EQ(lines.safety.send({}, {})->retry_after, RateBudget::pause_default);
}

TEST_F(TwoLines, WaitForTheirPace) {
    Lines lines = make({.gap = 1s});
    for (int i = 0; i < 3; ++i) {
        safety->answers.push_back(HttpResponse{.status = 200});
        EXPECT_TRUE(lines.safety.send({}, {}));
    }
    EXPECT_EQ(paused, 2s);
    std::stop_source stop;
    stop.request_stop();
    EXPECT_EQ(lines.safety.send({}, stop.get_token()).error().code, Errc::cancelled);
    EXPECT_EQ(safety->sent.size(), 3u) << "stopped while waiting: nothing was sent";
}

TEST(LinePause, EndsEarlyWhenStopped) {
    std::stop_source stop;
    stop.request_stop();
    EXPECT_FALSE(sleeping_pause()(1h, stop.get_token()));
    EXPECT_TRUE(sleeping_pause()(1ms, {}));
}

// ---- pages ------------------------------------------------------------------------------------

struct Paging : ::testing::Test {
    using Page = PageOf<int>;
    Result<std::vector<int>> read(int pages_max = 5, std::chrono::milliseconds limit = read_limit) {
        std::size_t at = 0;
        return read_pages<int>(
            "X's list",
            pages_max,
            [&](const std::string& next) -> Result<Page> {
                asked.push_back(next);
                return at < pages.size() ? pages[at++] : fail(Errc::unavailable, "no more");
            },
            [](int item) { return std::to_string(item); },
            limit);
    }
    std::vector<Result<Page>> pages{};
    std::vector<std::string> asked{};
};

TEST_F(Paging, ReadsToTheEnd) {
    pages = {Page{{1, 2}, "b", 3}, Page{{3}, "", 3}};
    const auto items = read();
    ASSERT_TRUE(items) << items.error().message;
    EXPECT_EQ(*items, (std::vector{1, 2, 3}));
    EXPECT_EQ(asked, (std::vector<std::string>{"", "b"}));
}

TEST_F(Paging, NeverReturnsAPartOfAList) {
    pages = {Page{{1}, "b", 2}, fail(Errc::unavailable, "down")};
    EXPECT_EQ(read().error().code, Errc::unavailable);
    pages = {Page{{1}, "b", 2}, Page{{2}, "", 3}};
    EXPECT_EQ(read().error().code, Errc::unavailable) << "it changed while it was read";
    pages = {Page{{1}, "b", 2}, Page{{1}, "", 2}};
    EXPECT_EQ(read().error().code, Errc::invalid_response) << "the same one twice";
    pages = {Page{{1}, "", 2}};
    EXPECT_EQ(read().error().code, Errc::invalid_response) << "shorter than it says";
    pages = {Page{{1}, "b", {}}, Page{{2}, "c", {}}, Page{{3}, "", {}}};
    EXPECT_EQ(read(2).error().code, Errc::invalid_response) << "it does not end";
}

TEST_F(Paging, F32AListThatTakesTooLongIsGivenUpAndNoneOfItIsUsed) {
    pages = {Page{{1}, "b", {}}, Page{{2}, "", {}}};
    const auto late = read(5, -1ms);
    EXPECT_EQ(late.error().code, Errc::unavailable) << late.error().message;
    EXPECT_TRUE(asked.empty());
}

TEST_F(Paging, F35AListOfMoreEntriesThanAnybodyRentsIsRefused) {
    Page large{{}, "", {}};
    for (int i = 0; i <= static_cast<int>(list_items_max); ++i) {
        large.items.push_back(i);
    }
    pages = {large};
    EXPECT_EQ(read().error().code, Errc::invalid_response);
    large.items.pop_back();
    pages = {large};
    EXPECT_TRUE(read());
}

}  // namespace
}  // namespace evenkeel::providers
