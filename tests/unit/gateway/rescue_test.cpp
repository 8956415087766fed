#include "tests/unit/gateway/rig.hpp"

#include <gtest/gtest.h>

#include <atomic>

/// A streamed request leaves a worker that will be late, as long as nothing of its answer was seen.
namespace evenkeel::inference::test {
namespace {

using Steady = std::chrono::steady_clock;

/// Says at once that it will stream, as engines do, and then nothing.
void silent_after_head(FakeEngine::Turn& turn) {
    turn.line->send(stream_head());
    (void)turn.line->closed_by_peer(4s);
    turn.keep = false;
}

struct Rescue : testing::Test {
    static Rig::Setup with_api() {
        Rig::Setup setup;
        setup.overflow = true;
        setup.first_token = setup.max_wait = 1'200ms;
        return setup;
    }
    Rig rig{with_api()};
    FakeEngine seller{good_engine};
    std::atomic<int> troubles{0};

    Rescue() {
        rig.api(seller.port());
        rig.gateway->on_source_trouble([this](NameIx, const Error&) { ++troubles; });
    }
    ~Rescue() override { rig.gateway->on_source_trouble({}); }
    /// One that is known to read 7,000 prompt tokens a second.
    NameIx worker_of_known_speed(const FakeEngine& engine) {
        const NameIx source = rig.worker("w", engine.port());
        rig.gateway->source_speed(source, {.prefill_tok_s = 7'000, .step_s = 0.016});
        return source;
    }
    [[nodiscard]] std::int64_t rescued() const {
        std::int64_t sum = 0;
        for (const auto& model : rig.gateway->counters().gate.models) {
            sum += model.rescued;
        }
        return sum;
    }
};

TEST_F(Rescue, AStreamThatWillBeLateGoesToTheApi) {
    FakeEngine engine{silent_after_head};
    worker_of_known_speed(engine);
    const auto start = Steady::now();
    const Reply reply = rig.caller().chat(chat_body(true));
    EXPECT_LT(Steady::now() - start, 1'200ms) << "in time";
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.headers.at("x-evenkeel-source"), "seller-m");
    EXPECT_TRUE(reply.whole);
    EXPECT_EQ(engine.requests().size(), 1u);
    EXPECT_EQ(rescued(), 1);
    EXPECT_EQ(troubles.load(), 0) << "the worker has not failed";
    const auto records = rig.books.wait_records(1);
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].kind, SourceKind::api);
    EXPECT_EQ(records[0].outcome, Outcome::answered);
    EXPECT_TRUE(rig.wait_until([&] { return rig.gateway->counters().totals.in_flight == 0; }));
}

TEST_F(Rescue, AnAnswerThatHasBegunStays) {
    FakeEngine engine{[](auto& turn) {
        turn.line->send(stream_head() + chunked(event("one")));
        std::this_thread::sleep_for(1'500ms);
        turn.line->send(chunked(done_event) + std::string{last_chunk});
    }};
    worker_of_known_speed(engine);
    const Reply reply = rig.caller().chat(chat_body(true));
    EXPECT_EQ(reply.headers.at("x-evenkeel-source"), "w");
    EXPECT_TRUE(reply.whole);
    EXPECT_TRUE(seller.requests().empty());
    EXPECT_EQ(rescued(), 0);
}

/// Some send comments to keep the line open long before they have read the prompt.
TEST_F(Rescue, ACommentIsNoAnswer) {
    FakeEngine engine{[](auto& turn) {
        turn.line->send(stream_head() + chunked(": still here\n\n"));
        (void)turn.line->closed_by_peer(4s);
        turn.keep = false;
    }};
    worker_of_known_speed(engine);
    const Reply reply = rig.caller().chat(chat_body(true));
    EXPECT_EQ(reply.headers.at("x-evenkeel-source"), "seller-m");
    EXPECT_EQ(reply.body.find("still here"), std::string::npos);
    EXPECT_EQ(rescued(), 1);
}

TEST_F(Rescue, NobodyIsJudgedWhoseSpeedIsNotKnown) {
    FakeEngine engine{[](auto& turn) {
        std::this_thread::sleep_for(1'500ms);
        good_engine(turn);
    }};
    rig.worker("w", engine.port());
    EXPECT_EQ(rig.caller().chat(chat_body(true)).headers.at("x-evenkeel-source"), "w");
    EXPECT_EQ(rescued(), 0);
}

TEST_F(Rescue, ASpeedSurvivesAChangeOfTheSource) {
    FakeEngine engine{silent_after_head};
    worker_of_known_speed(engine);
    rig.worker("w", engine.port(), /*slots=*/2);  // as every reload does
    EXPECT_EQ(rig.caller().chat(chat_body(true)).headers.at("x-evenkeel-source"), "seller-m");
    EXPECT_EQ(rescued(), 1);
}

/// Engines send their head before they have read the prompt.
TEST(GatewayFaults, F45AStreamThatEndsBeforeItsFirstEventIsRetriedElsewhere) {
    FakeEngine broken{[](auto& turn) {
        turn.line->send(stream_head());
        std::this_thread::sleep_for(300ms);
        turn.keep = false;
    }};
    FakeEngine good{good_engine};
    Rig rig;
    rig.worker("broken", broken.port(), 1);
    Caller caller = rig.caller();
    caller.start(chat_body(true));
    ASSERT_TRUE(rig.wait_until([&] { return broken.requests().size() == 1; }));
    rig.worker("good", good.port());
    const Reply reply = caller.finish();
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.headers.at("x-evenkeel-source"), "good");
    EXPECT_EQ(rig.books.wait_records(1).at(0).outcome, Outcome::answered);
}

}  // namespace
}  // namespace evenkeel::inference::test
