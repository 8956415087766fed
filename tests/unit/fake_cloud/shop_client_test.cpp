#include "tests/fakes/cloud/shop_client.hpp"

#include "caller.hpp"

/// What sockets would do to answers, as a driver sees it.
namespace evenkeel::fakes::cloud::test {
namespace {

class FakeShopClient : public testing::Test {
protected:
    Result<providers::HttpResponse> get(std::stop_token stop = {}) {
        return client_->send({.target = "/v2/pods"}, stop);
    }
    Result<providers::HttpResponse> create() {
        return client_->send(
            {.method = "POST",
             .target = "/v2/pods",
             .body = Caller::create_body(Vendor::runpod, first_name)},
            {});
    }
    void put_on(Trouble trouble, std::int64_t value = 0) {
        shop_.world().put_on(Vendor::runpod, trouble, 1, value, clock_.read().utc);
    }

    Shop shop_{{.rate_limits = false}};
    ManualClock clock_{{.boot = BootTime{1h}, .utc = UtcTime{1'764'000'000s}}};
    std::unique_ptr<providers::HttpClient> client_{
        make_shop_client(shop_, Vendor::runpod, "fake-token", clock_)};
};

TEST_F(FakeShopClient, PassesAnswersOn) {
    ASSERT_TRUE(create());
    clock_.advance(2min);
    const auto answer = get();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
    EXPECT_TRUE(answer->body.contains(R"("status":"RUNNING")"));
    EXPECT_EQ(shop_.calls().back().user_agent, "evenkeel/test");
}

TEST_F(FakeShopClient, LostAnswersAreUnknownForPostsAlone) {
    put_on(Trouble::create_lost);
    EXPECT_EQ(create().error().code, Errc::outcome_unknown);
    EXPECT_EQ(shop_.world().live(Vendor::runpod).size(), 1u);
    put_on(Trouble::outage);
    EXPECT_EQ(get().error().code, Errc::unavailable);
}

TEST_F(FakeShopClient, LateAnswersAreLostBeyondTheLimit) {
    put_on(Trouble::slow, 59'999);
    EXPECT_TRUE(get());
    put_on(Trouble::slow, 60'000);
    EXPECT_EQ(create().error().code, Errc::outcome_unknown);
    EXPECT_EQ(shop_.world().live(Vendor::runpod).size(), 1u);
}

TEST_F(FakeShopClient, BodiesBeyondTheLimitBreakTheContract) {
    for (const Trouble trouble : {Trouble::huge_body, Trouble::gzip_bomb, Trouble::endless_body}) {
        put_on(trouble);
        EXPECT_EQ(get().error().code, Errc::invalid_response) << kind_of(trouble).name;
        put_on(trouble);
        EXPECT_EQ(create().error().code, Errc::outcome_unknown) << kind_of(trouble).name;
    }
}

TEST_F(FakeShopClient, ReadsHowLongToWait) {
    put_on(Trouble::storm_429, 12);
    const auto answer = get();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 429);
    EXPECT_EQ(answer->retry_after, 12s);
}

TEST_F(FakeShopClient, SendsNothingOnceStopped) {
    std::stop_source source;
    source.request_stop();
    EXPECT_EQ(get(source.get_token()).error().code, Errc::cancelled);
    EXPECT_TRUE(shop_.calls().empty());
}

}  // namespace
}  // namespace evenkeel::fakes::cloud::test
