#include "lab/player/answer.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

/// Every way an answer can end, judged.
namespace evenkeel::lab::player {
namespace {

const std::string chunk =
    R"(data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}]})"
    "\n\n";
const std::string last = R"(data: {"choices":[{"index":0,"delta":{},"finish_reason":"length"}]})"
                         "\n\n";
const std::string usage =
    R"(data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}})"
    "\n\n";
const std::string done = "data: [DONE]\n\n";
const std::string error_event =
    R"(data: {"error":{"message":"the worker died","type":"server_error","code":null}})"
    "\n\n";
const std::string error_json =
    R"({"error":{"message":"no room","type":"rate_limit_error","code":"queue_full"}})";
const std::string plain_answer =
    R"({"choices":[{"index":0,"message":{"role":"assistant","content":"x"},)"
    R"("finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":1}})";
constexpr const char* sse = "text/event-stream; charset=utf-8";
constexpr const char* plain = "application/json";

struct Case {
    const char* name;
    bool asked_stream;
    int status;  ///< 0: no head came
    const char* type;
    std::string body;
    bool complete;
    Ending ending;
    const char* why;  ///< part of it
};

void PrintTo(const Case& c, std::ostream* out) {
    *out << c.name;
}

std::vector<Case> cases() {
    const Ending good = Ending::answered;
    const Ending error = Ending::error;
    const Ending bad = Ending::malformed;
    return {
        {"Stream", true, 200, sse, chunk + last + usage + done, true, good, ""},
        {"StreamWithoutUsage", true, 200, sse, chunk + last + done, true, good, ""},
        {"StreamWithUsageOnly", true, 200, sse, chunk + usage + done, true, good, ""},
        {"Comments",
         true,
         200,
         sse,
         ": hold\n\n" + chunk + last + done + ": cost\n\n",
         true,
         good,
         ""},
        {"ErrorAfterTokens", true, 200, sse, chunk + error_event, true, error, "server_error"},
        {"ErrorWhileHeld", true, 200, sse, ": hold\n\n" + error_event, true, error, ""},
        {"ErrorStatus", true, 429, plain, error_json, true, error, "queue_full"},
        {"PlainAnswer", false, 200, plain, plain_answer, true, good, ""},
        {"PlainError", false, 503, plain, error_json, true, error, "queue_full"},

        {"NothingCame", true, 0, "", "", false, bad, "no answer"},
        {"NoDone", true, 200, sse, chunk + last + usage, true, bad, "without [DONE]"},
        {"CutInAnEvent", true, 200, sse, chunk + last.substr(0, 20), false, bad, "cut"},
        {"CutAfterDone", true, 200, sse, chunk + last + done, false, bad, "cut"},
        {"EndsInAnEvent", true, 200, sse, chunk + last.substr(0, 20), true, bad, "without its end"},
        {"DoneTwice", true, 200, sse, chunk + last + done + done, true, bad, "twice"},
        {"TokensAfterDone", true, 200, sse, last + done + chunk, true, bad, "after [DONE]"},
        {"DoneAfterError", true, 200, sse, chunk + error_event + done, true, bad, "after the err"},
        {"TwoErrors", true, 200, sse, error_event + error_event, true, bad, "after the error"},
        {"NoReason", true, 200, sse, chunk + done, true, bad, "neither"},
        {"OnlyDone", true, 200, sse, done, true, bad, "neither"},
        {"NotJson", true, 200, sse, chunk + "data: {x}\n\n" + last + done, true, bad, "no JSON"},
        {"NotAnObject", true, 200, sse, "data: [1]\n\n" + last + done, true, bad, "no JSON obj"},
        {"NoChoices", true, 200, sse, "data: {}\n\n" + last + done, true, bad, "without choices"},
        {"ChoiceNoObject",
         true,
         200,
         sse,
         "data: {\"choices\":[1]}\n\n" + done,
         true,
         bad,
         "no object"},
        {"UsageNoCounts",
         true,
         200,
         sse,
         last + "data: {\"choices\":[],\"usage\":{}}\n\n" + done,
         true,
         bad,
         "usage"},
        {"ErrorWithoutMessage", true, 200, sse, "data: {\"error\":{}}\n\n", true, bad, "message"},
        {"OddLine",
         true,
         200,
         sse,
         chunk + "what is this\n\n" + last + done,
         true,
         bad,
         "no field"},
        {"PlainForStream", true, 200, plain, plain_answer, true, bad, "plain answer"},
        {"StreamForPlain", false, 200, sse, last + done, true, bad, "none belongs"},
        {"Html", true, 502, "text/html", "<h1>bad gateway</h1>", true, bad, "neither"},
        {"HtmlInJson", true, 502, plain, "<h1>bad gateway</h1>", true, bad, "no JSON object"},
        {"ErrorOfAnotherShape", true, 500, plain, R"({"detail":"x"})", true, bad, "status 500"},
        {"Redirect", true, 307, plain, error_json, true, bad, "status 307"},
        {"PlainCut", false, 200, plain, plain_answer.substr(0, 30), false, bad, "cut"},
        {"PlainWithoutUsage",
         false,
         200,
         plain,
         R"({"choices":[{"message":{},"finish_reason":"stop"}]})",
         true,
         bad,
         "usage"},
        {"PlainWithoutChoices", false, 200, plain, R"({"choices":[]})", true, bad, "choices"},
        {"PlainWithoutReason",
         false,
         200,
         plain,
         R"({"choices":[{"message":{}}]})",
         true,
         bad,
         "finish_reason"},
    };
}

class JudgeAnswer : public testing::TestWithParam<Case> {};

TEST_P(JudgeAnswer, WholeAndByteByByte) {
    const Case& c = GetParam();
    for (const std::size_t step : {c.body.size() + 1, std::size_t{1}}) {
        AnswerReader reader{c.asked_stream};
        if (c.status != 0) {
            reader.head(c.status, c.type);
        }
        for (std::size_t at = 0; at < c.body.size(); at += step) {
            reader.feed(std::string_view{c.body}.substr(at, step));
        }
        const Verdict verdict = reader.finish(c.complete);
        EXPECT_EQ(verdict.ending, c.ending) << to_text(verdict.ending) << ": " << verdict.why;
        EXPECT_NE(verdict.why.find(c.why), std::string::npos) << verdict.why;
    }
}

INSTANTIATE_TEST_SUITE_P(Table, JudgeAnswer, testing::ValuesIn(cases()), [](const auto& info) {
    return std::string{info.param.name};
});

TEST(AnswerReader, TellsTokensAndTheFirstOfThem) {
    AnswerReader reader{true};
    reader.head(200, sse);
    reader.feed(": hold\n\n");
    reader.feed(R"(data: {"choices":[{"delta":{"role":"assistant","content":""}}]})"
                "\n\n");
    EXPECT_FALSE(reader.token_seen());
    reader.feed(chunk);
    EXPECT_TRUE(reader.token_seen());
    reader.feed(last + usage + done + ": x-evenkeel-cost: 0.01 USD\n: x-evenkeel-source: desk\n");
    const Verdict verdict = reader.finish(true);
    EXPECT_EQ(verdict.source, "desk");
    EXPECT_TRUE(verdict.usage_seen);
    EXPECT_EQ(verdict.prompt_tokens, 5);
    EXPECT_EQ(verdict.completion_tokens, 1);
}

TEST(AnswerReader, EventsHaveALimit) {
    AnswerReader reader{true};
    reader.head(200, sse);
    const std::string piece(64 * 1024, 'x');
    for (std::size_t sent = 0; sent <= AnswerReader::event_max; sent += piece.size()) {
        reader.feed(piece);
    }
    const Verdict verdict = reader.finish(true);
    EXPECT_EQ(verdict.ending, Ending::malformed);
    EXPECT_NE(verdict.why.find("limit"), std::string::npos);
}

RC_GTEST_PROP(AnswerReader, CutsNeverChangeTheVerdict, (std::vector<std::size_t> cuts)) {
    const std::string body = ": hold\r\n\r\n" + chunk + chunk + last + usage + done;
    AnswerReader reader{true};
    reader.head(200, sse);
    std::size_t at = 0;
    for (const std::size_t cut : cuts) {
        const std::size_t length = std::min(cut % 40, body.size() - at);
        reader.feed(std::string_view{body}.substr(at, length));
        at += length;
    }
    reader.feed(std::string_view{body}.substr(at));
    const Verdict verdict = reader.finish(true);
    RC_ASSERT(verdict.ending == Ending::answered);
    RC_ASSERT(verdict.completion_tokens == 1);
}

}  // namespace
}  // namespace evenkeel::lab::player
