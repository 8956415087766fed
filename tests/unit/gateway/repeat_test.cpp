#include "inference/gateway/replays.hpp"
#include "tests/unit/gateway/rig.hpp"

#include <gtest/gtest.h>

/// The same request again, told by its Idempotency-Key.
namespace evenkeel::inference::test {
namespace {

const std::string path = "/v1/chat/completions";

std::string named(const std::string& text) {
    return "Authorization: Bearer good\r\nIdempotency-Key: " + text + "\r\n";
}

class GatewayRepeat : public testing::TestWithParam<bool> {};

TEST_P(GatewayRepeat, F61OneCallAndTheSameAnswerLater) {
    FakeEngine engine{good_engine};
    Rig rig;
    rig.worker("w", engine.port());
    Caller caller = rig.caller();
    const Reply first = caller.request("POST", path, chat_body(GetParam()), named("a"));
    const Reply again = caller.request("POST", path, chat_body(GetParam()), named("a"));
    EXPECT_EQ(first.status, 200);
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(again.body, first.body);
    EXPECT_EQ(again.headers.at("content-type"), first.headers.at("content-type"));
    EXPECT_EQ(again.headers.at("x-evenkeel-reason"), "repeated");
    EXPECT_NE(again.headers.at("x-request-id"), first.headers.at("x-request-id"));
    EXPECT_EQ(engine.requests().size(), 1u);
    const auto records = rig.books.wait_records(2);
    EXPECT_EQ(records.at(1).outcome, Outcome::answered);
    EXPECT_EQ(records.at(1).usage, Usage{});
    EXPECT_EQ(records.at(1).reason.code, ReasonCode::repeated);
    EXPECT_EQ(caller.request("POST", path, chat_body(GetParam()), named("b")).status, 200);
    EXPECT_EQ(engine.requests().size(), 2u) << "another name is another request";
}

TEST_P(GatewayRepeat, F61OneCallAndTheSameAnswerAtOnce) {
    FakeEngine engine{[](FakeEngine::Turn& turn) {
        std::this_thread::sleep_for(100ms);
        good_engine(turn);
    }};
    Rig rig{Rig::Setup{.options = {.threads = 3}}};
    rig.worker("w", engine.port(), 16);
    std::vector<std::thread> clients;
    std::mutex mutex;
    std::vector<Reply> replies;
    for (int i = 0; i < 8; ++i) {
        clients.emplace_back([&] {
            const Reply reply =
                rig.caller().request("POST", path, chat_body(GetParam()), named("a"));
            const std::lock_guard lock{mutex};
            replies.push_back(reply);
        });
    }
    for (std::thread& client : clients) {
        client.join();
    }
    for (const Reply& reply : replies) {
        EXPECT_EQ(reply.status, 200);
        EXPECT_EQ(reply.body, replies.front().body);
    }
    EXPECT_EQ(engine.requests().size(), 1u);
    EXPECT_EQ(rig.books.wait_records(8).size(), 8u);
}

INSTANTIATE_TEST_SUITE_P(PlainAndStreamed, GatewayRepeat, testing::Bool());

TEST(GatewayRepeats, F61AnotherBodyUnderTheSameNameIsRefused) {
    FakeEngine engine{good_engine};
    Rig rig;
    rig.worker("w", engine.port());
    Caller caller = rig.caller();
    EXPECT_EQ(caller.request("POST", path, chat_body(false), named("a")).status, 200);
    const Reply other = caller.request("POST", path, chat_body(false, R"(,"seed":1)"), named("a"));
    EXPECT_EQ(other.status, 422);
    EXPECT_NE(other.body.find("idempotency_key_reused"), std::string::npos);
    EXPECT_EQ(caller.request("POST", path, chat_body(false), named("two words")).status, 400);
    EXPECT_EQ(
        caller.request("POST", path, chat_body(false), named(std::string(256, 'x'))).status, 400);
    EXPECT_EQ(engine.requests().size(), 1u);
}

TEST(GatewayRepeats, AfterAFailureTheNextOneIsAFirstOne) {
    FakeEngine engine{[](FakeEngine::Turn& turn) {
        if (turn.number == 1) {
            turn.line->send("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n");
            return;
        }
        good_engine(turn);
    }};
    Rig rig;
    rig.worker("w", engine.port());
    Caller caller = rig.caller();
    EXPECT_EQ(caller.request("POST", path, chat_body(false), named("a")).status, 400);
    EXPECT_EQ(caller.request("POST", path, chat_body(false), named("a")).status, 200);
    EXPECT_EQ(engine.requests().size(), 2u);
}

TEST(Replays, AreForgottenInTimeAndWithinTheirRoom) {
    Replays replays;
    const Replays::TimePoint start{};
    const auto look = [&](const std::string& text, Replays::TimePoint now) {
        return replays.look({NameIx{1}, text}, 7, now, [] {}).state;
    };
    EXPECT_EQ(look("a", start), Replays::State::first);
    replays.keep({NameIx{1}, "a"}, {.body = "x"}, start);
    EXPECT_EQ(look("a", start + 23h), Replays::State::kept);
    EXPECT_EQ(replays.look({NameIx{2}, "a"}, 7, start, [] {}).state, Replays::State::first)
        << "of another client";
    EXPECT_EQ(look("a", start + 24h), Replays::State::first);
    const std::string large(Replays::answer_bytes_max, 'x');
    for (int i = 0; i < 100; ++i) {
        const std::string text = "n" + std::to_string(i);
        EXPECT_EQ(look(text, start), Replays::State::first);
        replays.keep({NameIx{1}, text}, {.body = large}, start);
    }
    EXPECT_EQ(look("n99", start), Replays::State::kept);
    EXPECT_EQ(look("n0", start), Replays::State::first);
    EXPECT_EQ(look("a", start + 24h), Replays::State::running) << "one that runs stays";
}

}  // namespace
}  // namespace evenkeel::inference::test
