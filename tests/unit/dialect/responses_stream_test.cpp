#include "inference/dialect/responses_stream.hpp"

#include <gtest/gtest.h>

#include <string>

namespace evenkeel::inference::dialect {
namespace {

std::string named(const std::string& type, const std::string& rest) {
    return "event: " + type + "\ndata: {\"type\":\"" + type + "\"" + rest + "}\n\n";
}

const std::string completed = named(
    "response.completed",
    R"(,"response":{"status":"completed","output":[{"text":"ab"}],"usage":{"input_tokens":24,)"
    R"("output_tokens":3,"total_tokens":27,"input_tokens_details":{"cached_tokens":8}}})");
const std::string whole = named("response.created", R"(,"response":{"status":"in_progress"})") +
                          named("response.output_text.delta", R"(,"delta":"a")") +
                          named("response.output_text.delta", R"(,"delta":"b")") +
                          named("response.output_text.done", R"(,"text":"ab")") + completed;

TEST(ResponsesStream, PassesAndEndsAtTheWholeResponseWhereverItIsSplit) {
    for (std::size_t at = 0; at <= whole.size(); ++at) {
        ResponsesStream stream;
        std::string out;
        std::string mark;
        for (const std::string& part : {whole.substr(0, at), whole.substr(at)}) {
            const AnswerStream::Pass& pass = stream.feed(part);
            for (const std::string_view piece : pass.pieces) {
                out += piece;
            }
            mark += pass.done;
        }
        ASSERT_EQ(out + mark, whole) << at;
        ASSERT_EQ(mark, completed) << at;
        ASSERT_TRUE(stream.done());
        ASSERT_EQ(stream.events(), 2);
        ASSERT_EQ(*stream.usage(), (Usage{.prompt = 24, .cached = 8, .completion = 3})) << at;
    }
}

TEST(ResponsesStream, AnEndMarkAsLongAsALongAnswerIsSeen) {
    ResponsesStream stream;
    const std::string mark = named(
        "response.incomplete",
        R"(,"response":{"output":")" + std::string(300'000, 'x') +
            R"(","usage":{"input_tokens":1,"output_tokens":2}})");
    std::string out;
    for (std::size_t at = 0; at < mark.size(); at += 1'000) {
        const AnswerStream::Pass& pass = stream.feed(std::string_view{mark}.substr(at, 1'000));
        EXPECT_TRUE(pass.pieces.empty());
        out += pass.done;
    }
    EXPECT_EQ(out, mark);
    EXPECT_EQ(stream.usage()->completion, 2);
    EXPECT_FALSE(stream.error_seen());
}

TEST(ResponsesStream, FailuresAreSeen) {
    ResponsesStream failed;
    EXPECT_FALSE(failed.feed(named("response.failed", R"(,"response":{})")).done.empty());
    EXPECT_TRUE(failed.error_seen());
    ResponsesStream broken;
    EXPECT_TRUE(broken.feed(named("error", R"(,"message":"no")")).done.empty());
    EXPECT_TRUE(broken.error_seen());
    ResponsesStream unnamed;
    EXPECT_FALSE(
        unnamed.feed("data: {\"type\":\"response.completed\",\"response\":{}}\n\n").done.empty());
}

}  // namespace
}  // namespace evenkeel::inference::dialect
