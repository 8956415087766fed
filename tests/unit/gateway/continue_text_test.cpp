#include "inference/http/body_store.hpp"
#include "tests/unit/gateway/continued.hpp"

#include <gtest/gtest.h>

#include <array>
#include <malloc.h>

/// What the client gets of a stream that goes on at another worker, and what is kept for it.
namespace evenkeel::inference::test {
namespace {

/// What a template that trims the begun message does: the engine writes the white space anew.
TEST(ContinueText, WhiteSpaceBetweenTheTwoPartsIsSaidOnce) {
    FakeEngine dying{dies_after({"one", R"( \n)"})};
    FakeEngine second{ends_with({R"( \n)", "two"})};
    Rig rig{with_switch()};
    rig.worker("dying", dying.port(), 8);
    rig.worker("second", second.port(), 1);
    const Reply reply = rig.caller().chat(chat_body(true));
    EXPECT_TRUE(reply.body.ends_with(done_event)) << reply.body;
    EXPECT_EQ(contents(reply.body), R"(one \ntwo)");
    ASSERT_EQ(second.requests().size(), 1u);
    EXPECT_NE(
        second.requests()[0].find(R"({"role":"assistant","content":"one"}])"), std::string::npos)
        << second.requests()[0];
}

TEST(ContinueText, AnErrorWithoutAKnownBeginIsNotGoneOnWith) {
    FakeEngine dying{[](FakeEngine::Turn& turn) {
        turn.line->send(
            stream_head() + chunked(word("first", "one")) +
            chunked("data: {\"id\":\"first\",\"error\":{\"message\":\"no\"}}\n\n"));
        turn.keep = false;
    }};
    FakeEngine second{goes_on};
    Rig rig{with_switch()};
    rig.worker("dying", dying.port(), 8);
    rig.worker("second", second.port(), 1);
    EXPECT_TRUE(ends_typed(rig.caller().chat(chat_body(true)).body));
    EXPECT_TRUE(second.requests().empty());
}

#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer) && \
    !__has_feature(memory_sanitizer)

/// More than is kept for the bodies of others.
constexpr std::size_t body_bytes = http::BodyStore::largest + 64 * 1024;

/// Bytes in use while a long request streams, on a route with or without the switch. `event`: what
/// the worker says last before it pauses.
std::int64_t bytes_in_use(bool switched, const std::string& extra, const std::string& event) {
    FakeEngine engine{[&event](FakeEngine::Turn& turn) {
        turn.line->send(stream_head() + chunked(word("first", "one")) + chunked(event));
        static_cast<void>(turn.line->closed_by_peer(5s));
        turn.keep = false;
    }};
    Rig rig{switched ? with_switch() : Rig::Setup{}};
    rig.worker("w", engine.port());
    const auto in_use = [] {
        const struct mallinfo2 all = ::mallinfo2();
        return static_cast<std::int64_t>(all.uordblks + all.hblkhd);
    };
    Caller caller = rig.caller();
    const std::int64_t before = in_use();
    caller.start(chat_body(true, extra + R"(,"user":")" + std::string(body_bytes, 'x') + '"'));
    const std::string last = event.substr(event.size() - 20);
    EXPECT_NE(caller.line().receive_until(last), "");
    std::this_thread::sleep_for(20ms);  // until the gateway waits for the next event
    return in_use() - before;
}

TEST(ContinueText, TheRequestIsKeptOnlyWhileItMayBeAskedAgain) {
    const std::string text = word("first", " two");
    const std::string call =
        vllm_chunk("first", R"({"tool_calls":[{"index":0,"function":{"name":"f"}}]})");
    const std::int64_t without = bytes_in_use(false, "", text);
    constexpr std::int64_t half = body_bytes / 2;
    EXPECT_GT(bytes_in_use(true, "", text), without + half) << "this would see it";
    EXPECT_LT(
        bytes_in_use(true, R"(,"response_format":{"type":"json_object"})", text), without + half);
    EXPECT_LT(bytes_in_use(true, R"(,"logprobs":true)", text), without + half);
    EXPECT_LT(bytes_in_use(true, "", call), without + half) << "it has given up";
}

#endif

}  // namespace
}  // namespace evenkeel::inference::test
