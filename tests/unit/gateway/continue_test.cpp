#include "tests/unit/gateway/continued.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

/// A worker dies in the middle of a streamed chat on a route with `continue_on_failure`.
namespace evenkeel::inference::test {
namespace {

class ContinueTest : public testing::Test {
protected:
    /// Of two idle workers the one that came first is asked.
    void workers(std::uint16_t second, dialect::GoesOn how = dialect::GoesOn::by_switch) {
        rig.worker("dying", dying.port(), 8);
        rig.worker("second", second, 1, how);
    }

    FakeEngine dying{dies_after({"one", " two", " three"})};
    Rig rig{with_switch()};
};

TEST_F(ContinueTest, AnotherWorkerWritesTheRest) {
    FakeEngine second{goes_on};
    workers(second.port());
    const Reply reply = rig.caller().chat(
        chat_body(true, R"(,"max_tokens":50,"stream_options":{"include_usage":true})"));
    EXPECT_TRUE(reply.whole);
    const std::string usage =
        R"(data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":6,)"
        R"("total_tokens":15,"prompt_tokens_details":{"cached_tokens":0}}})"
        "\n\n";
    EXPECT_EQ(
        reply.body,
        vllm_chunk("first", role) + word("first", "one") + word("first", " two") +
            word("first", " three") + word("first", " four") + word("first", " five") +
            vllm_chunk("first", "{}", true) + usage +
            ": x-evenkeel-cost: 0.00 USD\n: x-evenkeel-continued: second\n\n" +
            std::string{done_event});
    const auto asked = second.requests();
    ASSERT_EQ(asked.size(), 1u);
    EXPECT_NE(
        asked[0].find(R"({"role":"assistant","content":"one two three"}])"), std::string::npos)
        << asked[0];
    EXPECT_NE(
        asked[0].find(R"("continue_final_message":true,"add_generation_prompt":false)"),
        std::string::npos);
    EXPECT_NE(asked[0].find(R"("max_tokens":46)"), std::string::npos)
        << "four events were the first worker's";
    const auto records = rig.books.wait_records(1);
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].outcome, Outcome::answered);
    EXPECT_TRUE(records[0].continued);
    EXPECT_EQ(rig.names.text(records[0].source), "second");
    EXPECT_EQ(
        records[0].usage,
        (Usage{.prompt = 9, .cached = 0, .cache_write = 0, .completion = 6, .estimated = true}));
    EXPECT_TRUE(rig.wait_until([&] {
        for (const auto& source : rig.gateway->counters().gate.sources) {
            if (source.in_flight != 0) {
                return false;
            }
        }
        return true;
    }));
}

TEST_F(ContinueTest, AtEveryByteOfTheFirstPart) {
    const std::string whole = stream_head() + chunked(vllm_chunk("first", role)) +
                              chunked(word("first", "one")) + chunked(word("first", " two"));
    // The engine outlives this function.
    const auto shared = std::make_shared<std::atomic<std::size_t>>(0);
    std::atomic<std::size_t>& kill_at = *shared;
    dying.script([whole, shared](FakeEngine::Turn& turn) {
        turn.line->send(std::string_view{whole}.substr(0, *shared));
        turn.keep = false;
    });
    FakeEngine second{goes_on};
    std::size_t requests = 0;
    std::size_t continued = 0;
    std::size_t longest = 0;
    for (kill_at = stream_head().size() + 1; kill_at <= whole.size(); ++kill_at) {
        // New names each time: the breaker would close one that fails so often. Of two idle
        // workers the one that came first is asked.
        const NameIx first = rig.worker("d" + std::to_string(requests), dying.port(), 1);
        const NameIx other = rig.worker("s" + std::to_string(requests), second.port(), 1);
        const Reply reply = rig.caller().chat(chat_body(true));
        EXPECT_TRUE(reply.whole) << kill_at;
        EXPECT_TRUE(reply.body.ends_with(done_event)) << kill_at << reply.body;
        EXPECT_EQ(reply.body.find("\"error\""), std::string::npos) << kill_at << reply.body;
        EXPECT_EQ(reply.body.find(R"("role")"), reply.body.rfind(R"("role")")) << kill_at;
        const std::string asked = second.requests().back();
        const std::string begun = contents(asked, R"("role":"assistant","content":")");
        EXPECT_EQ(contents(reply.body), begun + " four five") << kill_at << reply.body;
        longest = std::max(longest, begun.size());
        const auto records = rig.books.wait_records(++requests);
        ASSERT_EQ(records.size(), requests);
        EXPECT_EQ(records.back().outcome, Outcome::answered) << kill_at;
        EXPECT_EQ(rig.names.text(records.back().source)[0], 's') << kill_at;
        continued += records.back().continued ? 1 : 0;
        rig.gateway->source_gone(first);
        for (int i = 0; i < 5; ++i) {  // requests that fail nowhere earn the next second try
            EXPECT_EQ(rig.caller().chat(chat_body(false)).status, 200);
            ++requests;
        }
        static_cast<void>(rig.books.wait_records(requests));
        rig.gateway->source_gone(other);
    }
    EXPECT_GT(continued, 150u);
    EXPECT_EQ(longest, std::string_view{"one two"}.size());
    EXPECT_GT(dying.requests().size(), continued) << "before its first event it is a retry";
}

TEST_F(ContinueTest, ALlamaServerNeedsNoSwitch) {
    FakeEngine second{goes_on};
    workers(second.port(), dialect::GoesOn::by_itself);
    EXPECT_TRUE(rig.caller().chat(chat_body(true)).body.ends_with(done_event));
    const auto asked = second.requests();
    ASSERT_EQ(asked.size(), 1u);
    EXPECT_NE(asked[0].find("one two three"), std::string::npos);
    EXPECT_EQ(asked[0].find("continue_final_message"), std::string::npos);
}

TEST_F(ContinueTest, AnEngineOfAnotherKindIsNotAsked) {
    FakeEngine second{goes_on};
    workers(second.port(), dialect::GoesOn::no);
    const Reply reply = rig.caller().chat(chat_body(true));
    EXPECT_TRUE(ends_typed(reply.body)) << reply.body;
    EXPECT_TRUE(second.requests().empty());
    const auto records = rig.books.wait_records(1);
    EXPECT_EQ(records.at(0).outcome, Outcome::cut);
    EXPECT_FALSE(records.at(0).continued) << "nobody was even asked for";
}

TEST_F(ContinueTest, OneThatCannotIsPassedOver) {
    FakeEngine second{goes_on};
    FakeEngine third{goes_on};
    workers(second.port(), dialect::GoesOn::no);
    rig.worker("third", third.port(), 1);
    const Reply reply = rig.caller().chat(chat_body(true));
    EXPECT_TRUE(reply.body.ends_with(done_event)) << reply.body;
    EXPECT_EQ(contents(reply.body), "one two three four five");
    EXPECT_TRUE(second.requests().empty());
    EXPECT_EQ(rig.names.text(rig.books.wait_records(1).at(0).source), "third");
}

TEST_F(ContinueTest, WhereNobodyCouldNobodyIsWaitedFor) {
    FakeEngine busy{[](FakeEngine::Turn& turn) {
        static_cast<void>(turn.line->closed_by_peer(4s));
        turn.keep = false;
    }};
    Rig::Setup setup = with_switch();
    setup.max_wait = 3s;
    Rig waiting{setup};
    const NameIx full = waiting.worker("busy", busy.port(), 1, dialect::GoesOn::no);
    Caller first = waiting.caller();
    first.start(chat_body(false));
    ASSERT_TRUE(waiting.wait_until([&] { return waiting.gateway->in_flight(full) == 1; }));
    waiting.worker("dying", dying.port(), 8);
    const auto asked = std::chrono::steady_clock::now();
    EXPECT_TRUE(ends_typed(waiting.caller().chat(chat_body(true)).body));
    EXPECT_LT(std::chrono::steady_clock::now() - asked, 2s);
}

TEST_F(ContinueTest, NobodyElseInTimeEndsTyped) {
    rig.worker("dying", dying.port(), 8);
    const Reply reply = rig.caller().chat(chat_body(true));
    EXPECT_TRUE(reply.whole);
    EXPECT_TRUE(ends_typed(reply.body)) << reply.body;
    EXPECT_NE(reply.body.find("source_cut"), std::string::npos) << reply.body;
    const auto records = rig.books.wait_records(1);
    EXPECT_EQ(records.at(0).outcome, Outcome::cut);
    EXPECT_EQ(records.at(0).usage.completion, 4);
}

TEST_F(ContinueTest, TheSecondMayDieToo) {
    FakeEngine second{[](FakeEngine::Turn& turn) {
        turn.line->send(stream_head() + chunked(word("second", " four")));
        turn.keep = false;
    }};
    FakeEngine third{goes_on};
    rig.worker("dying", dying.port(), 8);
    rig.worker("second", second.port(), 4);
    rig.worker("third", third.port(), 1);
    const Reply reply = rig.caller().chat(chat_body(true));
    EXPECT_TRUE(ends_typed(reply.body)) << reply.body;
    EXPECT_NE(reply.body.find(" four"), std::string::npos);
    EXPECT_TRUE(third.requests().empty()) << "once is enough";
    const auto records = rig.books.wait_records(1);
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].outcome, Outcome::cut);
    EXPECT_EQ(records[0].usage.completion, 5);
}

TEST_F(ContinueTest, TheSecondMayRefuse) {
    FakeEngine second{[](FakeEngine::Turn& turn) {
        turn.line->send("HTTP/1.1 400 No\r\nContent-Length: 2\r\n\r\n{}");
    }};
    workers(second.port());
    const Reply reply = rig.caller().chat(chat_body(true));
    EXPECT_TRUE(ends_typed(reply.body)) << reply.body;
    EXPECT_EQ(rig.books.wait_records(1).at(0).outcome, Outcome::cut);
}

TEST_F(ContinueTest, AStalledWorkerIsLeftToo) {
    dying.script([](FakeEngine::Turn& turn) {
        turn.line->send(stream_head() + chunked(word("first", "one")));
        static_cast<void>(turn.line->closed_by_peer(3s));
        turn.keep = false;
    });
    Rig::Setup setup = with_switch();
    setup.options.limits.stall_time = 80ms;
    Rig stalling{setup};
    FakeEngine second{goes_on};
    stalling.worker("dying", dying.port(), 8);
    stalling.worker("second", second.port(), 1);
    EXPECT_TRUE(stalling.caller().chat(chat_body(true)).body.ends_with(done_event));
    EXPECT_EQ(stalling.books.wait_records(1).at(0).outcome, Outcome::answered);
}

TEST_F(ContinueTest, AWorkerThatIsTakenAwayIsNoReasonToEnd) {
    dying.script([](FakeEngine::Turn& turn) {
        turn.line->send(stream_head() + chunked(word("first", "one")));
        static_cast<void>(turn.line->closed_by_peer(3s));
        turn.keep = false;
    });
    FakeEngine second{goes_on};
    const NameIx source = rig.worker("dying", dying.port(), 8);
    rig.worker("second", second.port(), 1);
    Caller caller = rig.caller();
    caller.start(chat_body(true));
    const std::string begun = caller.line().receive_until("one");
    EXPECT_NE(begun, "");
    rig.gateway->source_gone(source);
    const std::string end = caller.line().receive_until("[DONE]");
    EXPECT_NE(end.find(" five"), std::string::npos) << end;
    const auto records = rig.books.wait_records(1);
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].outcome, Outcome::answered);
    EXPECT_TRUE(records[0].continued);
}

TEST_F(ContinueTest, TheClientMayGoWhileNobodyIsFree) {
    FakeEngine busy{[](FakeEngine::Turn& turn) {
        static_cast<void>(turn.line->closed_by_peer(3s));
        turn.keep = false;
    }};
    Rig::Setup setup = with_switch();
    setup.max_wait = 3s;
    Rig waiting{setup};
    const NameIx full = waiting.worker("busy", busy.port(), 1);
    Caller first = waiting.caller();
    first.start(chat_body(false));
    ASSERT_TRUE(waiting.wait_until([&] { return waiting.gateway->in_flight(full) == 1; }));
    waiting.worker("dying", dying.port(), 8);
    Caller caller = waiting.caller();
    caller.start(chat_body(true));
    EXPECT_NE(caller.line().receive_until(" three"), "");
    ASSERT_TRUE(waiting.wait_until(
        [&] { return waiting.gateway->counters().gate.models.at(0).queued == 1; }));
    caller.line().close();
    const auto records = waiting.books.wait_records(1);
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].outcome, Outcome::client_gone);
    EXPECT_EQ(records[0].usage.completion, 4);
    EXPECT_EQ(waiting.gateway->counters().gate.models.at(0).queued, 0);
}

// --- what is not gone on with ------------------------------------------------------------------

struct NotGoneOn {
    const char* name;
    const char* extra;  ///< of the request
    const char* delta;  ///< the last that the first worker says; empty: none
    bool with_switch;
};
class ContinueNot : public testing::TestWithParam<NotGoneOn> {};

TEST_P(ContinueNot, EndsTypedAtOnce) {
    const NotGoneOn& test = GetParam();
    FakeEngine dying{[&test](FakeEngine::Turn& turn) {
        std::string events = stream_head() + chunked(word("first", "one"));
        if (*test.delta != '\0') {
            events += chunked(vllm_chunk("first", test.delta));
        }
        turn.line->send(events);
        turn.keep = false;
    }};
    FakeEngine second{goes_on};
    Rig::Setup setup;
    setup.change = [&test](config::Config& config) {
        config.routes.at(0).continue_on_failure = test.with_switch;
    };
    Rig rig{setup};
    rig.worker("dying", dying.port(), 8);
    rig.worker("second", second.port(), 1);
    const Reply reply = rig.caller().chat(chat_body(true, test.extra));
    EXPECT_TRUE(reply.body.ends_with("}}\n\n")) << reply.body;
    EXPECT_NE(reply.body.find("data: {\"error\":{"), std::string::npos) << reply.body;
    EXPECT_TRUE(second.requests().empty());
    const auto records = rig.books.wait_records(1);
    EXPECT_EQ(records.at(0).outcome, Outcome::cut);
    EXPECT_FALSE(records.at(0).continued);
}

INSTANTIATE_TEST_SUITE_P(
    Where,
    ContinueNot,
    testing::Values(
        NotGoneOn{"TheRouteDoesNotSaySo", "", "", false},
        NotGoneOn{
            "AToolCallHasBegun",
            "",
            R"({"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{"}}]})",
            true},
        NotGoneOn{"ItHasThought", "", R"({"reasoning_content":"hm"})", true},
        NotGoneOn{"ItThinksUnderTheNewerName", "", R"({"reasoning":"hm"})", true},
        NotGoneOn{"AFormatIsPrescribed", R"(,"response_format":{"type":"json_object"})", "", true},
        NotGoneOn{"AGrammarIs", R"(,"guided_regex":"[a-z]+")", "", true},
        NotGoneOn{"AToolMustBeCalled", R"(,"tool_choice":"required")", "", true},
        NotGoneOn{"LogProbabilitiesAreWanted", R"(,"logprobs":true)", "", true},
        NotGoneOn{"SeveralAnswersAreWanted", R"(,"n":2)", "", true},
        NotGoneOn{"ItsLimitIsReached", R"(,"max_tokens":1)", "", true}),
    [](const auto& info) { return std::string{info.param.name}; });

}  // namespace
}  // namespace evenkeel::inference::test
