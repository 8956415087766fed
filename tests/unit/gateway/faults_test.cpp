#include "tests/unit/gateway/rig.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>

/// Sources and clients that fail, at every moment.
namespace evenkeel::inference::test {
namespace {

using Steady = std::chrono::steady_clock;

std::string good_stream() {
    return stream_head() + chunked(event("one")) + chunked(event("two")) + chunked(usage_event()) +
           chunked(done_event) + std::string{last_chunk};
}

/// True when `body` is events and comments only, the last event an error, and no `[DONE]`.
bool ends_typed(const std::string& body) {
    return body.ends_with("}}\n\n") && body.find("data: {\"error\":{") != std::string::npos &&
           body.find("[DONE]") == std::string::npos;
}

TEST(GatewayFaults, F53WorkerDiesAtByteK) {
    const std::string whole = good_stream();
    std::atomic<std::size_t> kill_at{0};
    std::atomic<bool> reset{false};
    FakeEngine engine{[&](auto& turn) {
        turn.line->send(std::string_view{whole}.substr(0, kill_at));
        if (reset) {
            std::this_thread::sleep_for(1ms);
            turn.line->reset();
        }
        turn.keep = false;
    }};
    Rig rig;
    std::size_t requests = 0;
    const std::size_t head = stream_head().size();
    const std::size_t shown_at = whole.find(event("one")) + event("one").size();
    const std::size_t done_at = whole.find(std::string{done_event}) + done_event.size();
    for (kill_at = 0; kill_at <= whole.size(); kill_at += kill_at < head ? 13 : 1) {
        reset = requests % 2 == 1;
        // A new source each time: the breaker would close one that fails so often.
        const NameIx source = rig.worker("w" + std::to_string(requests), engine.port());
        const Reply reply = rig.caller().chat(chat_body(true));
        const auto records = rig.books.wait_records(++requests);
        ASSERT_EQ(records.size(), requests) << "byte " << kill_at;
        const Outcome outcome = records.back().outcome;
        // A reset may overtake bytes that were sent before it: then the end comes earlier.
        if (kill_at < shown_at || (reset && reply.status != 200)) {
            EXPECT_EQ(reply.status, 502) << "byte " << kill_at;
            EXPECT_EQ(outcome, Outcome::failed) << "byte " << kill_at;
        } else if (kill_at < done_at || (reset && outcome != Outcome::answered)) {
            EXPECT_EQ(reply.status, 200) << "byte " << kill_at;
            EXPECT_TRUE(reply.whole) << "byte " << kill_at;
            EXPECT_TRUE(ends_typed(reply.body)) << "byte " << kill_at << ": " << reply.body;
            EXPECT_EQ(outcome, Outcome::cut) << "byte " << kill_at;
        } else {
            EXPECT_TRUE(reply.body.ends_with(done_event)) << "byte " << kill_at;
            EXPECT_EQ(outcome, Outcome::answered) << "byte " << kill_at;
        }
        rig.gateway->source_gone(source);
    }
    EXPECT_GT(requests, 100u);
    EXPECT_TRUE(rig.wait_until([&] { return rig.gateway->counters().gate.sources.empty(); }));
}

TEST(GatewayFaults, F54NoDoneIsTruncation) {
    FakeEngine engine{[](auto& turn) {
        turn.line->send(stream_head() + chunked(event("one")) + std::string{last_chunk});
    }};
    Rig rig;
    rig.worker("w", engine.port());
    const Reply reply = rig.caller().chat(chat_body(true));
    EXPECT_TRUE(ends_typed(reply.body)) << reply.body;
    EXPECT_TRUE(reply.body.starts_with(event("one")));
    EXPECT_EQ(rig.books.wait_records(1).at(0).outcome, Outcome::cut);
}

TEST(GatewayFaults, F54ShortContentLength) {
    FakeEngine engine{[](auto& turn) {
        turn.line->send("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + chat_json());
        turn.keep = false;
    }};
    Rig rig;
    rig.worker("w", engine.port());
    const Reply reply = rig.caller().chat(chat_body(false));
    EXPECT_EQ(reply.status, 502);
    EXPECT_EQ(rig.books.wait_records(1).at(0).outcome, Outcome::failed);
}

TEST(GatewayFaults, EngineErrorEventIsTheOnlyOne) {
    const std::string error = "data: {\"error\":{\"message\":\"out of memory\"}}\n\n";
    FakeEngine engine{[&error](auto& turn) {
        turn.line->send(
            stream_head() + chunked(event("one")) + chunked(error) + chunked(done_event) +
            std::string{last_chunk});
    }};
    Rig rig;
    rig.worker("w", engine.port());
    const Reply reply = rig.caller().chat(chat_body(true));
    EXPECT_TRUE(reply.whole);
    EXPECT_EQ(reply.body, event("one") + error);
    EXPECT_EQ(rig.books.wait_records(1).at(0).outcome, Outcome::cut);
}

TEST(GatewayFaults, F57StallEndsTyped) {
    FakeEngine engine{[](auto& turn) {
        turn.line->send(stream_head() + chunked(event("one")));
        (void)turn.line->closed_by_peer(3s);
    }};
    Rig::Setup setup;
    setup.options.limits.stall_time = 80ms;
    Rig rig{setup};
    rig.worker("w", engine.port());
    const auto start = Steady::now();
    const Reply reply = rig.caller().chat(chat_body(true));
    EXPECT_LT(Steady::now() - start, 1s);
    EXPECT_TRUE(ends_typed(reply.body));
    EXPECT_NE(reply.body.find("source_stalled"), std::string::npos);
    EXPECT_EQ(rig.books.wait_records(1).at(0).outcome, Outcome::cut);
}

TEST(GatewayFaults, NoFirstByteInTime) {
    FakeEngine engine{[](auto& turn) { (void)turn.line->closed_by_peer(3s); }};
    Rig::Setup setup;
    setup.options.first_byte_plain = 60ms;
    Rig rig{setup};
    rig.worker("w", engine.port());
    EXPECT_EQ(rig.caller().chat(chat_body(false)).status, 504);
    EXPECT_EQ(rig.books.wait_records(1).at(0).outcome, Outcome::failed);
}

/// A kept connection whose other end is gone without a word: it takes the next request and says
/// nothing, and it is never used again.
TEST(GatewayFaults, F43AKeptConnectionThatFallsSilentEndsTypedAndIsLeft) {
    FakeEngine engine{[](FakeEngine::Turn& turn) {
        if (turn.number == 2) {
            (void)turn.line->closed_by_peer(3s);
        } else {
            good_engine(turn);
        }
    }};
    Rig::Setup setup;
    setup.options.first_byte_plain = 60ms;
    Rig rig{setup};
    rig.worker("w", engine.port());
    EXPECT_EQ(rig.caller().chat(chat_body(false)).status, 200);
    const auto start = Steady::now();
    EXPECT_EQ(rig.caller().chat(chat_body(false)).status, 504);
    EXPECT_LT(Steady::now() - start, 1s);
    EXPECT_EQ(engine.connections(), 1) << "the second went over the kept connection";
    EXPECT_EQ(rig.caller().chat(chat_body(false)).status, 200);
    EXPECT_EQ(engine.connections(), 2);
}

TEST(GatewayFaults, F45FailureBeforeTheFirstByteIsRetriedElsewhere) {
    FakeEngine bad{
        [](auto& turn) { turn.line->send("HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\n{}"); }};
    FakeEngine good{good_engine};
    Rig rig;
    rig.worker("bad", bad.port(), 8);
    rig.worker("good", good.port(), 1);
    for (const bool stream : {false, true}) {
        const Reply reply = rig.caller().chat(chat_body(stream));
        EXPECT_EQ(reply.status, 200);
        EXPECT_EQ(reply.headers.at("x-evenkeel-source"), "good");
    }
    EXPECT_EQ(rig.books.wait_records(2).size(), 2u);
    EXPECT_EQ(bad.requests().size(), 2u);
}

/// What a node says of its own load, idle or busy, in heads or metrics, decides nothing: it gets
/// what its slots take, by our own count.
TEST(GatewayFaults, F49WhatANodeSaysOfItsLoadDecidesNothing) {
    for (const int claimed : {0, 1'000}) {
        std::atomic<bool> free{true};
        FakeEngine node{[&](FakeEngine::Turn& turn) {
            while (!free) {
                std::this_thread::sleep_for(1ms);
            }
            std::string answer = turn.request.starts_with("GET /metrics")
                                     ? plain_answer(fmt::format(
                                           "vllm:num_requests_running {}\n"
                                           "vllm:num_requests_waiting {}\n",
                                           claimed,
                                           claimed))
                                     : plain_answer(chat_json());
            answer.insert(
                answer.find("\r\n") + 2,
                fmt::format("x-num-requests-running: {}\r\nx-load: {}\r\n", claimed, claimed));
            turn.line->send(answer);
        }};
        Rig rig;
        const NameIx name = rig.worker("w", node.port(), 2);
        ASSERT_EQ(rig.caller().chat(chat_body(false)).status, 200) << "now its claim is known";
        free = false;
        std::vector<std::future<int>> calls;
        for (int i = 0; i < 3; ++i) {
            calls.push_back(std::async(
                std::launch::async, [&rig] { return rig.caller().chat(chat_body(false)).status; }));
        }
        EXPECT_TRUE(rig.wait_until([&] { return node.requests().size() == 3; }))
            << "it has two free slots, claimed: " << claimed;
        EXPECT_FALSE(rig.wait_until([&] { return node.requests().size() > 3; }, 50ms))
            << "it has no third slot, claimed: " << claimed;
        EXPECT_EQ(rig.gateway->in_flight(name), 2);
        free = true;
        for (std::future<int>& call : calls) {
            EXPECT_EQ(call.get(), 200);
        }
        EXPECT_TRUE(std::ranges::all_of(node.requests(), [](const std::string& request) {
            return request.starts_with("POST /v1/chat/completions");
        })) << "nobody asks it for its load";
        EXPECT_EQ(node.requests().size(), 4u);
    }
}

TEST(GatewayFaults, PlainAnswerCutBeforeTheClientSawItIsRetried) {
    FakeEngine bad{[](auto& turn) {
        turn.line->send("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{");
        turn.keep = false;
    }};
    FakeEngine good{good_engine};
    Rig rig;
    rig.worker("bad", bad.port(), 8);
    rig.worker("good", good.port(), 1);
    EXPECT_EQ(rig.caller().chat(chat_body(false)).body, chat_json());
}

TEST(GatewayFaults, IdleConnectionClosedByTheEngineIsNotUsed) {
    FakeEngine engine{[](auto& turn) {
        good_engine(turn);
        turn.keep = false;  // says keep-alive, closes all the same
    }};
    Rig rig;
    rig.worker("w", engine.port());
    Caller caller = rig.caller();
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(caller.chat(chat_body(false)).status, 200) << i;
    }
    EXPECT_EQ(engine.requests().size(), 10u);
}

TEST(GatewayFaults, ReusedConnectionResetBeforeTheFirstByteIsTriedOnceMore) {
    FakeEngine engine{[](auto& turn) {
        if (turn.number == 2) {
            turn.line->reset();  // as if it had closed while our request was on its way
            return;
        }
        good_engine(turn);
    }};
    Rig rig;
    rig.worker("w", engine.port());
    Caller caller = rig.caller();
    EXPECT_EQ(caller.chat(chat_body(false)).status, 200);
    EXPECT_EQ(caller.chat(chat_body(false)).status, 200);
    EXPECT_EQ(engine.connections(), 2);
    EXPECT_EQ(engine.requests().size(), 3u);
}

TEST(GatewayFaults, ReusedConnectionThatDiesAtWorkIsNotPaidTwice) {
    FakeEngine engine{[](auto& turn) {
        if (turn.number == 2) {
            std::this_thread::sleep_for(1'200ms);
            turn.line->reset();
            return;
        }
        good_engine(turn);
    }};
    Rig rig;
    rig.api(engine.port());
    Caller caller = rig.caller();
    EXPECT_EQ(caller.chat(chat_body(false, "", "paid")).status, 200);
    EXPECT_EQ(caller.chat(chat_body(false, "", "paid")).status, 502);
    EXPECT_EQ(engine.requests().size(), 2u);
    EXPECT_GT(rig.books.wait_records(2).at(1).paid.nanos(), 0) << "it may be billed";
}

TEST(GatewayFaults, F59HonestRefusalWithItsRetryAfter) {
    FakeEngine engine{[](auto& turn) {
        turn.line->send("HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\n{}");
    }};
    Rig rig;
    rig.api(engine.port());
    const Reply reply = rig.caller().chat(chat_body(false, "", "paid"));
    EXPECT_EQ(reply.status, 429);
    EXPECT_EQ(reply.headers.at("retry-after"), "7");
    EXPECT_EQ(engine.requests().size(), 1u);
    const auto records = rig.books.wait_records(1);
    EXPECT_TRUE(records.at(0).paid.is_zero());
    EXPECT_FALSE(records.at(0).hold);
    EXPECT_EQ(rig.books.released().size(), 1u) << "the hold of a refused call is given back";
}

TEST(GatewayFaults, F60TriesAreBounded) {
    FakeEngine first{
        [](auto& turn) { turn.line->send("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"); }};
    FakeEngine second{
        [](auto& turn) { turn.line->send("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"); }};
    Rig::Setup setup;
    setup.max_wait = 5ms;
    Rig rig{setup};
    rig.worker("a", first.port());
    rig.worker("b", second.port());
    Caller caller = rig.caller();
    for (int i = 0; i < 100; ++i) {
        EXPECT_GE(caller.chat(chat_body(false)).status, 500);
    }
    EXPECT_LE(rig.gateway->counters().totals.upstream_tries, 100 * 12 / 10 + 20);
    EXPECT_EQ(rig.books.wait_records(100).size(), 100u);
}

// --- the client goes --------------------------------------------------------------------------

struct Phase {
    const char* name;
    bool stream;
    bool bytes;  ///< the engine has begun to answer
};
class ClientGoes : public testing::TestWithParam<Phase> {};

TEST_P(ClientGoes, ReachesTheEngineWithinHalfASecond) {
    const Phase phase = GetParam();
    std::atomic<bool> closed{false};
    FakeEngine engine{[&](auto& turn) {
        if (phase.bytes) {
            turn.line->send(
                phase.stream ? stream_head() + chunked(event("one")) + chunked(event("two"))
                             : "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{");
        }
        closed = turn.line->closed_by_peer(500ms);
        turn.keep = false;
    }};
    Rig rig;
    rig.worker("w", engine.port());
    Caller caller = rig.caller();
    caller.start(chat_body(phase.stream));
    ASSERT_TRUE(rig.wait_until([&] { return engine.requests().size() == 1; }));
    if (phase.stream && phase.bytes) {
        EXPECT_NE(caller.line().receive_until(event("two")), "");
    }
    caller.line().close();
    const auto records = rig.books.wait_records(1);
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].outcome, Outcome::client_gone);
    EXPECT_TRUE(rig.wait_until([&] { return closed.load(); }, 1s)) << "F51, F52";
    EXPECT_TRUE(records[0].usage.estimated);
    EXPECT_GT(records[0].usage.prompt, 0) << "what was asked counts, for limits and reports";
    EXPECT_TRUE(
        rig.wait_until([&] { return rig.gateway->counters().gate.sources.at(0).in_flight == 0; }));
}

INSTANTIATE_TEST_SUITE_P(
    F51,
    ClientGoes,
    testing::Values(
        Phase{"StreamBeforeFirstByte", true, false},
        Phase{"StreamInMidAnswer", true, true},
        Phase{"PlainBeforeFirstByte", false, false},
        Phase{"PlainInMidAnswer", false, true}),
    [](const auto& info) { return std::string{info.param.name}; });

TEST(ClientGoesEarly, WhileQueuedLeavesTheQueue) {
    Rig rig;
    Caller caller = rig.caller();
    caller.start(chat_body(true));
    ASSERT_TRUE(rig.wait_until([&] {
        const auto counters = rig.gateway->counters();
        return !counters.gate.models.empty() && counters.gate.models[0].queued == 1;
    }));
    caller.line().close();
    EXPECT_EQ(rig.books.wait_records(1).at(0).outcome, Outcome::client_gone);
    EXPECT_EQ(rig.gateway->counters().gate.models[0].queued, 0);
}

TEST(ClientGoesEarly, WhileWaitingForASecondTry) {
    FakeEngine bad{
        [](auto& turn) { turn.line->send("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"); }};
    FakeEngine busy{[](auto& turn) {
        (void)turn.line->closed_by_peer(2s);
        turn.keep = false;
    }};
    Rig rig;
    const NameIx full = rig.worker("busy", busy.port(), 1);
    Caller first = rig.caller();
    first.start(chat_body(false));
    ASSERT_TRUE(rig.wait_until([&] { return rig.gateway->in_flight(full) == 1; }));
    rig.worker("bad", bad.port(), 1);
    Caller caller = rig.caller();
    caller.start(chat_body(false));
    const auto queued = [&rig] { return rig.gateway->counters().gate.models.at(0).queued; };
    ASSERT_TRUE(rig.wait_until([&] { return bad.requests().size() == 1 && queued() == 1; }));
    caller.line().close();
    EXPECT_EQ(rig.books.wait_records(1).at(0).outcome, Outcome::client_gone);
    EXPECT_EQ(queued(), 0) << "it still waits in the queue, and would take a slot for ever";
}

TEST(ClientGoesEarly, WhileTheHoldIsOnItsWay) {
    FakeEngine engine{good_engine};
    Rig rig;
    rig.api(engine.port());
    rig.books.manual = true;
    Caller caller = rig.caller();
    caller.start(chat_body(true, "", "paid"));
    ASSERT_TRUE(rig.wait_until([&] { return rig.books.holds().size() == 1; }));
    caller.line().close();
    EXPECT_EQ(rig.books.wait_records(1).at(0).outcome, Outcome::client_gone);
    rig.books.acknowledge();
    EXPECT_TRUE(rig.wait_until([&] { return rig.books.released().size() == 1; }));
    EXPECT_TRUE(engine.requests().empty());
}

TEST(ClientGoesEarly, PaidCallIsStillBooked) {
    FakeEngine engine{[](auto& turn) {
        turn.line->send(stream_head() + chunked(event("one")) + chunked(event("two")));
        (void)turn.line->closed_by_peer(1s);
        turn.keep = false;
    }};
    Rig rig;
    rig.api(engine.port());
    Caller caller = rig.caller();
    caller.start(chat_body(true, "", "paid"));
    EXPECT_NE(caller.line().receive_until(event("two")), "");
    caller.line().close();
    const auto records = rig.books.wait_records(1);
    EXPECT_EQ(records.at(0).outcome, Outcome::client_gone);
    EXPECT_TRUE(records.at(0).hold);
    // 3 tokens in and 2 out, estimated: 12 + 40 micro-dollars.
    EXPECT_EQ(records.at(0).paid, (Money{52'000, usd}));
    EXPECT_TRUE(records.at(0).usage.estimated);
}

TEST(GatewayFaults, LostPaidAnswerIsNotBoughtTwice) {
    FakeEngine engine{[](auto& turn) { turn.keep = false; }};
    Rig rig;
    rig.api(engine.port());
    EXPECT_EQ(rig.caller().chat(chat_body(false, "", "paid")).status, 502);
    EXPECT_EQ(engine.requests().size(), 1u);
    const auto records = rig.books.wait_records(1);
    EXPECT_TRUE(records.at(0).hold) << "it may be billed: the hold is settled, not released";
    // 3 tokens in, and as many out as were set aside: nobody saw how many there were.
    EXPECT_EQ(records.at(0).paid, (Money{12'000 + 8'192 * 20'000, usd}));
    EXPECT_TRUE(records.at(0).usage.estimated);
    EXPECT_TRUE(rig.books.released().empty());
}

TEST(GatewayFaults, F58SlowReaderIsBoundedAndCut) {
    std::atomic<std::size_t> taken{0};
    FakeEngine engine{[&taken](auto& turn) {
        turn.line->send(stream_head());
        const std::string piece = chunked(event(std::string(4'000, 'x')));
        for (int i = 0; i < 5'000 && turn.line->send(piece); ++i) {
            taken += piece.size();
        }
        turn.keep = false;
    }};
    Rig::Setup setup;
    setup.options.limits.stall_time = 150ms;
    Rig rig{setup};
    rig.worker("w", engine.port());
    Line line = Line::connect(rig.gateway->port(), 4'096);
    const std::string body = chat_body(true);
    line.send(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n"
        "Content-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body);
    const auto records = rig.books.wait_records(1);
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].outcome, Outcome::client_gone);
    EXPECT_LT(taken.load(), 16u << 20) << "the engine was not held back";
}

TEST(GatewayFaults, AnApiWithoutMoneyIsLeftAloneAtOnce) {
    FakeEngine spent{[](auto& turn) {
        turn.line->send(
            "HTTP/1.1 429 No\r\nContent-Type: application/json\r\nContent-Length: 78\r\n\r\n"
            R"({"error":{"type":"x","details":{"error_code":"enforced_spend_limit_reached"}}})");
    }};
    Rig::Setup setup;
    setup.max_wait = 50ms;
    Rig rig{setup};
    rig.api(spent.port());
    Caller caller = rig.caller();
    const Reply first = caller.chat(chat_body(false, "", "paid"));
    EXPECT_EQ(first.status, 429);
    EXPECT_EQ(first.headers.at("x-should-retry"), "false");
    EXPECT_NE(first.body.find("insufficient_quota"), std::string::npos) << first.body;
    EXPECT_EQ(caller.chat(chat_body(false, "", "paid")).status, 503);
    EXPECT_EQ(spent.requests().size(), 1u) << "nobody asks it again";
}

}  // namespace
}  // namespace evenkeel::inference::test
