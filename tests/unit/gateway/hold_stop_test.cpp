#include "tests/unit/gateway/rig.hpp"

#include <gtest/gtest.h>

/// Requests that wait for a machine, sources that come and go, and stopping.
namespace evenkeel::inference::test {
namespace {

Rig::Setup patient() {
    Rig::Setup setup;
    setup.options.hold_grace = 20ms;
    setup.options.keepalive = 15ms;
    return setup;
}

TEST(GatewayHold, CommentsUntilTheMachineIsThere) {
    FakeEngine engine{good_engine};
    Rig rig{patient()};
    Caller caller = rig.caller();
    caller.start(chat_body(true));
    const std::string early =
        caller.line().receive_until(": waiting for a source\n\n\r\n18\r\n: waiting");
    EXPECT_TRUE(early.starts_with("HTTP/1.1 200 OK\r\n"));
    EXPECT_NE(early.find("Content-Type: text/event-stream"), std::string::npos);
    EXPECT_EQ(early.find("x-evenkeel-source"), std::string::npos) << "not known yet";
    rig.worker("booted", engine.port());
    const std::string rest = caller.line().receive_until("0\r\n\r\n");
    EXPECT_NE(rest.find("\"one\""), std::string::npos);
    EXPECT_NE(rest.find(": x-evenkeel-source: booted\n"), std::string::npos);
    EXPECT_NE(rest.find(": x-evenkeel-reason: own_waited\n"), std::string::npos);
    EXPECT_NE(rest.find(": x-evenkeel-cost: 0.00 USD\n"), std::string::npos);
    EXPECT_NE(rest.find("data: [DONE]"), std::string::npos);
    EXPECT_EQ(rest.find("HTTP/1.1"), std::string::npos) << "one head only";
    const auto records = rig.books.wait_records(1);
    EXPECT_EQ(records.at(0).outcome, Outcome::answered);
    EXPECT_GE(records.at(0).wait_ms, 20);
}

TEST(GatewayHold, LaterRefusalIsAnErrorEvent) {
    Rig::Setup setup = patient();
    setup.max_wait = 80ms;
    Rig rig{setup};
    const Reply reply = rig.caller().chat(chat_body(true));
    EXPECT_EQ(reply.status, 200);
    EXPECT_TRUE(reply.whole);
    EXPECT_NE(reply.body.find(": waiting"), std::string::npos);
    EXPECT_NE(reply.body.find("data: {\"error\":{"), std::string::npos);
    EXPECT_NE(reply.body.find("engine_starting"), std::string::npos);
    EXPECT_EQ(reply.body.find("[DONE]"), std::string::npos);
    EXPECT_EQ(rig.books.wait_records(1).at(0).outcome, Outcome::refused);
}

TEST(GatewayHold, PlainRequestsWaitSilently) {
    FakeEngine engine{good_engine};
    Rig rig{patient()};
    Caller caller = rig.caller();
    caller.start(chat_body(false));
    EXPECT_EQ(caller.line().receive(100, 60ms), "");
    rig.worker("w", engine.port());
    const Reply reply = caller.finish();
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.headers.at("x-evenkeel-reason"), "own_waited");
}

TEST(GatewayHold, BootedWorkerGrantsExactlyItsSlots) {
    std::atomic<int> at_once{0};
    std::atomic<int> most{0};
    FakeEngine engine{[&](auto& turn) {
        most = std::max(most.load(), ++at_once);
        std::this_thread::sleep_for(5ms);
        --at_once;
        good_engine(turn);
    }};
    Rig rig{patient()};
    std::vector<std::thread> threads;
    for (int i = 0; i < 12; ++i) {
        threads.emplace_back(
            [&rig] { EXPECT_EQ(rig.caller().chat(chat_body(false)).status, 200); });
    }
    ASSERT_TRUE(rig.wait_until([&] {
        const auto counters = rig.gateway->counters();
        return !counters.gate.models.empty() && counters.gate.models[0].queued == 12;
    }));
    rig.worker("w", engine.port(), 3);
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_LE(most.load(), 3);
    EXPECT_EQ(rig.books.wait_records(12).size(), 12u);
}

TEST(GatewaySources, DrainedOneFinishesWhatItHas) {
    std::atomic<bool> go{false};
    FakeEngine engine{[&go](auto& turn) {
        while (!go) {
            std::this_thread::sleep_for(1ms);
        }
        good_engine(turn);
    }};
    Rig::Setup setup;
    setup.max_wait = 20ms;
    Rig rig{setup};
    const NameIx source = rig.worker("w", engine.port());
    Caller caller = rig.caller();
    caller.start(chat_body(false));
    ASSERT_TRUE(rig.wait_until([&] { return rig.gateway->in_flight(source) == 1; }));
    rig.gateway->source_draining(source);
    EXPECT_EQ(rig.caller().chat(chat_body(false)).status, 503);
    go = true;
    EXPECT_EQ(caller.finish().status, 200);
    EXPECT_TRUE(rig.wait_until([&] { return rig.gateway->in_flight(source) == 0; }));
}

TEST(GatewaySources, GoneOneCutsStreamsAndIsForgotten) {
    FakeEngine engine{[](auto& turn) {
        turn.line->send(stream_head() + chunked(event("one")));
        (void)turn.line->closed_by_peer(2s);
        turn.keep = false;
    }};
    Rig rig;
    const NameIx source = rig.worker("w", engine.port());
    Caller caller = rig.caller();
    caller.start(chat_body(true));
    const std::string begun = caller.line().receive_until("one");
    rig.gateway->source_gone(source);
    const std::string rest = caller.line().receive_until("0\r\n\r\n");
    EXPECT_NE(rest.find("source_cut"), std::string::npos);
    EXPECT_EQ(rig.books.wait_records(1).at(0).outcome, Outcome::cut);
    EXPECT_TRUE(rig.wait_until([&] { return rig.gateway->counters().gate.sources.empty(); }));
}

TEST(GatewaySources, CancelledBeforeTheFirstByteGoElsewhere) {
    FakeEngine silent{[](auto& turn) {
        (void)turn.line->closed_by_peer(2s);
        turn.keep = false;
    }};
    FakeEngine good{good_engine};
    Rig rig;
    const NameIx first = rig.worker("silent", silent.port());
    Caller caller = rig.caller();
    caller.start(chat_body(true));
    ASSERT_TRUE(rig.wait_until([&] { return silent.requests().size() == 1; }));
    rig.worker("good", good.port());
    rig.gateway->source_draining(first);
    rig.gateway->cancel_streams(first);
    const Reply reply = caller.finish();
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.headers.at("x-evenkeel-source"), "good");
    EXPECT_EQ(rig.books.wait_records(1).size(), 1u);
}

TEST(GatewaySources, TroubleIsTold) {
    FakeEngine engine{[](auto& turn) { turn.keep = false; }};
    Rig rig;
    std::atomic<int> told{0};
    std::atomic<int> events{0};
    rig.gateway->on_source_trouble([&told](NameIx, const Error&) { ++told; });
    rig.gateway->on_queue_event([&events] { ++events; });
    rig.worker("w", engine.port());
    EXPECT_EQ(rig.caller().chat(chat_body(false)).status, 502);
    EXPECT_EQ(told.load(), 1);
    EXPECT_GE(events.load(), 1);
}

TEST(GatewaySources, BreakerOpensAfterThreeFailures) {
    FakeEngine engine{[](auto& turn) { turn.keep = false; }};
    Rig::Setup setup;
    setup.max_wait = 10ms;
    Rig rig{setup};
    rig.worker("w", engine.port());
    Caller caller = rig.caller();
    for (int i = 0; i < 10; ++i) {
        EXPECT_GE(caller.chat(chat_body(false)).status, 500);
    }
    EXPECT_EQ(engine.requests().size(), 3u);
}

TEST(GatewayRecords, WaitForALedgerThatIsFull) {
    FakeEngine engine{good_engine};
    Rig rig;
    rig.worker("w", engine.port());
    rig.books.full = true;
    Caller caller = rig.caller();
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(caller.chat(chat_body(false)).status, 200);
    }
    ASSERT_TRUE(
        rig.wait_until([&] { return rig.gateway->counters().totals.records_waiting == 5; }));
    rig.books.full = false;
    const auto records = rig.books.wait_records(5);
    ASSERT_EQ(records.size(), 5u);
    for (std::size_t i = 1; i < 5; ++i) {
        EXPECT_LT(records[i - 1].id, records[i].id) << "in order";
    }
    // Counted down after the ledger took the last one.
    EXPECT_TRUE(
        rig.wait_until([&] { return rig.gateway->counters().totals.records_waiting == 0; }));
}

TEST(GatewayRecords, BoundedWhenTheLedgerStaysFull) {
    FakeEngine engine{good_engine};
    Rig::Setup setup;
    setup.options.records_waiting = 3;
    Rig rig{setup};
    rig.worker("w", engine.port());
    rig.books.full = true;
    Caller caller = rig.caller();
    int good = 0;
    for (int i = 0; i < 8; ++i) {
        good += caller.chat(chat_body(false)).status == 200 ? 1 : 0;
    }
    EXPECT_EQ(good, 3);
    EXPECT_EQ(engine.requests().size(), 3u);
    rig.books.full = false;
    EXPECT_EQ(rig.books.wait_records(8).size(), 8u);
}

TEST(GatewayStop, F87StreamsFinishQueuedAreRefused) {
    std::atomic<bool> go{false};
    FakeEngine engine{[&go](auto& turn) {
        turn.line->send(stream_head() + chunked(event("one")));
        while (!go) {
            std::this_thread::sleep_for(1ms);
        }
        turn.line->send(chunked(done_event) + std::string{last_chunk});
    }};
    Rig rig;
    rig.worker("w", engine.port(), 1);
    Caller runs = rig.caller();
    runs.start(chat_body(true));
    const std::string begun = runs.line().receive_until("one");
    Caller waits = rig.caller();
    waits.start(chat_body(false));
    ASSERT_TRUE(rig.wait_until([&] { return rig.gateway->counters().gate.models[0].queued == 1; }));
    std::atomic<int> over{0};
    rig.gateway->stop(5s, [&over] { ++over; });
    const Reply refused = waits.finish();
    EXPECT_EQ(refused.status, 503);
    EXPECT_NE(refused.body.find("shutting_down"), std::string::npos);
    ASSERT_TRUE(rig.wait_until([&] { return !Line::connect(rig.gateway->port()).valid(); }));
    EXPECT_EQ(over.load(), 0) << "a stream still runs";
    go = true;
    EXPECT_NE(runs.line().receive_until("[DONE]").find("[DONE]"), std::string::npos);
    EXPECT_TRUE(rig.wait_until([&] { return over.load() == 1; }, 1s));
    EXPECT_EQ(rig.books.records().size(), 2u);
}

TEST(GatewayStop, F88SecondStopHurriesAndEndsTyped) {
    FakeEngine engine{[](auto& turn) {
        turn.line->send(stream_head() + chunked(event("one")));
        (void)turn.line->closed_by_peer(3s);
        turn.keep = false;
    }};
    Rig rig;
    rig.worker("w", engine.port());
    Caller caller = rig.caller();
    caller.start(chat_body(true));
    const std::string begun = caller.line().receive_until("one");
    std::atomic<int> over{0};
    rig.gateway->stop(60s, [&over] { ++over; });
    rig.gateway->stop(0s, [&over] { over += 100; });
    const std::string rest = caller.line().receive_all(1s);
    EXPECT_NE(rest.find("shutting_down"), std::string::npos);
    EXPECT_TRUE(rest.ends_with("0\r\n\r\n"));
    EXPECT_TRUE(rig.wait_until([&] { return over.load() == 1; }, 1s));
    EXPECT_EQ(rig.books.records().size(), 1u);
    EXPECT_EQ(rig.books.records()[0].outcome, Outcome::cut);
}

TEST(GatewayStop, DestructionEndsEverything) {
    FakeEngine engine{[](auto& turn) {
        (void)turn.line->closed_by_peer(3s);
        turn.keep = false;
    }};
    auto rig = std::make_unique<Rig>(patient());
    rig->worker("w", engine.port(), 1);
    std::vector<Caller> callers;
    for (int i = 0; i < 5; ++i) {
        callers.push_back(rig->caller());
        callers.back().start(chat_body(i % 2 == 0));
    }
    ASSERT_TRUE(rig->wait_until([&] { return rig->gateway->counters().totals.total == 5; }));
    rig->gateway.reset();
    EXPECT_EQ(rig->books.records().size(), 5u);
}

}  // namespace
}  // namespace evenkeel::inference::test
