#include "inference/dialect/stream.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace evenkeel::inference::dialect {
namespace {

const std::string role = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n";
const std::string word = "data: {\"choices\":[{\"delta\":{\"content\":\" h\xC3\xA9llo\"}}]}\n\n";
const std::string last = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const std::string usage =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":22,\"completion_tokens\":6}}\n\n";
const std::string done = "data: [DONE]\n\n";

/// Feeds `text` in pieces of `step` bytes; what passed, with `|` where `[DONE]` was announced.
std::string passed(EventStream& stream, const std::string& text, std::size_t step) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += step) {
        const std::string piece = text.substr(at, step);  // a copy: views must not outlive it
        const auto& pass = stream.feed(piece);
        for (const std::string_view part : pass.pieces) {
            out += part;
        }
        if (!pass.done.empty()) {
            out += "|";
            out += pass.done;
        }
    }
    return out;
}

TEST(EventStream, F55EverySplitPassesByteForByte) {
    const std::string text = ": ping\n\n" + role + word + word + last + usage;
    for (std::size_t step = 1; step <= text.size() + 1; ++step) {
        EventStream stream{false};
        EXPECT_EQ(passed(stream, text + done, step), text + "|" + done) << "step " << step;
        EXPECT_TRUE(stream.done());
        EXPECT_EQ(stream.events(), 4);
        ASSERT_TRUE(stream.usage());
        EXPECT_EQ(stream.usage()->prompt, 22);
        EXPECT_EQ(stream.usage()->completion, 6);
    }
}

TEST(EventStream, UsageOnlyEventIsDroppedAtEverySplit) {
    for (std::size_t step = 1; step < 400; ++step) {
        EventStream stream{true};
        EXPECT_EQ(
            passed(stream, role + word + last + usage + done, step),
            role + word + last + "|" + done)
            << "step " << step;
        EXPECT_EQ(stream.usage()->completion, 6);
    }
}

TEST(EventStream, DropsNothingElse) {
    const std::string kept =
        "data: {\"choices\":[{\"delta\":{\"content\":\"\\\"usage\\\":{}\"}}],\"usage\":null}\n\n"
        "data: "
        "{\"choices\":[{\"delta\":{}}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n"
        "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n";
    EventStream stream{true};
    EXPECT_EQ(passed(stream, kept, 10'000), kept);
    EXPECT_EQ(stream.events(), 3);
    EXPECT_EQ(stream.usage()->completion, 2);
}

TEST(EventStream, F55CrLfBomAndNulPass) {
    const std::string text =
        "\xEF\xBB\xBF"
        "data: {\"choices\":[1]}\r\n\r\nid: 5\r\ndata:{\"x\":\"" +
        std::string(1, '\0') + "\"}\r\n\r\n";
    const std::string end = "data:[DONE]\r\n\r\n";
    for (std::size_t step = 1; step <= 60; ++step) {
        EventStream stream{true};
        EXPECT_EQ(passed(stream, text + end, step), text + "|" + end) << "step " << step;
        EXPECT_EQ(stream.events(), 2);
    }
}

TEST(EventStream, FurtherBlankLinesPassAtEverySplit) {
    const std::string text = "\n" + word + "\n\r\n" + "data:\n\n\n";
    for (std::size_t step = 1; step <= text.size(); ++step) {
        EventStream stream{true};
        EXPECT_EQ(passed(stream, text + "da", step), text) << "step " << step;
    }
}

TEST(EventStream, F55LineOf10MbIsBounded) {
    EventStream stream{true};
    std::string text = "data: {\"x\":\"" + std::string(10 << 20, 'y') + "\"}\n\n";
    std::string out = passed(stream, text, 16'384);
    EXPECT_EQ(out.size(), text.size());
    EXPECT_EQ(out, text);
    EXPECT_FALSE(stream.torn());
    EXPECT_EQ(passed(stream, word + done, 7), word + "|" + done);
}

TEST(EventStream, F55TornWhileTheLongLineRuns) {
    EventStream stream{true};
    const std::string start = "data: {" + std::string(EventStream::held_bytes_max, 'y');
    EXPECT_EQ(passed(stream, start, start.size()), start);
    EXPECT_TRUE(stream.torn());
    EXPECT_EQ(passed(stream, "more\n", 5), "more\n");
    EXPECT_EQ(passed(stream, "\n" + word, 1'000), "\n" + word);
    EXPECT_FALSE(stream.torn());
}

TEST(EventStream, F53UnfinishedEventIsHeldBack) {
    EventStream stream{true};
    EXPECT_EQ(passed(stream, word + "data: {\"choi", 10'000), word);
    EXPECT_FALSE(stream.torn());
    EXPECT_FALSE(stream.done());
}

TEST(EventStream, NothingAfterDone) {
    EventStream stream{true};
    EXPECT_EQ(passed(stream, done + word + done, 10'000), "|" + done);
    EXPECT_EQ(passed(stream, word, 10'000), "");
}

TEST(EventStream, DoneInsideTextIsNotTheEnd) {
    EventStream stream{true};
    const std::string text = "data: {\"choices\":[{\"delta\":{\"content\":\"[DONE]\"}}]}\n\n";
    EXPECT_EQ(passed(stream, text, 10'000), text);
    EXPECT_FALSE(stream.done());
}

TEST(EventStream, SourceErrorIsRecognised) {
    EventStream stream{true};
    const std::string text = "data: { \"error\" : {\"message\":\"boom\"}}\n\n";
    EXPECT_EQ(passed(stream, text, 9), text);
    EXPECT_TRUE(stream.error_seen());
    EXPECT_EQ(stream.events(), 0);
    EventStream fine{true};
    EXPECT_FALSE(passed(fine, "data: {\"error\":null,\"choices\":[1]}\n\n", 9).empty());
    EXPECT_FALSE(fine.error_seen());
}

TEST(EventStream, ContinuousUsageLastWins) {
    EventStream stream{true};
    std::string text;
    for (int i = 1; i <= 3; ++i) {
        text +=
            "data: {\"choices\":[{\"i\":0}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":" +
            std::to_string(i) + "}}\n\n";
    }
    EXPECT_EQ(passed(stream, text, 50), text);
    EXPECT_EQ(stream.usage()->completion, 3);
}

}  // namespace
}  // namespace evenkeel::inference::dialect
