#include "tests/unit/gateway/rig.hpp"

#include <gtest/gtest.h>

/// What is served beside chat completions, and by which keys one may come in.
namespace evenkeel::inference::test {
namespace {

const std::string bearer = "Authorization: Bearer good\r\n";

TEST(GatewayEndpoints, CompletionsPassToTheSamePath) {
    const std::string answer =
        R"({"object":"text_completion","choices":[{"text":"b"}],)"
        R"("usage":{"prompt_tokens":4,"completion_tokens":1,"total_tokens":5}})";
    FakeEngine engine{[&answer](auto& turn) { turn.line->send(plain_answer(answer)); }};
    Rig rig;
    rig.worker("w", engine.port());
    const Reply reply = rig.caller().request(
        "POST", "/v1/completions", R"({"model":"m","prompt":["a","b"],"max_tokens":3})", bearer);
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, answer);
    EXPECT_TRUE(engine.requests().at(0).starts_with("POST /v1/completions HTTP/1.1\r\n"));
    EXPECT_TRUE(engine.requests().at(0).ends_with(
        R"({"model":"served/m","prompt":["a","b"],"max_tokens":3})"));
    EXPECT_EQ(rig.books.wait_records(1).at(0).usage, (Usage{.prompt = 4, .completion = 1}));
}

TEST(GatewayEndpoints, AStreamedCompletionIsAskedForItsUsage) {
    FakeEngine engine{good_engine};
    Rig rig;
    rig.worker("w", engine.port());
    const Reply reply = rig.caller().request(
        "POST", "/v1/completions", R"({"model":"m","prompt":"a","stream":true})", bearer);
    EXPECT_EQ(reply.status, 200);
    EXPECT_NE(
        engine.requests().at(0).find(R"("stream_options":{"include_usage":true})"),
        std::string::npos);
    EXPECT_EQ(reply.body.find("prompt_tokens"), std::string::npos) << "it did not ask for it";
    EXPECT_EQ(rig.books.wait_records(1).at(0).usage.prompt, 10);
}

TEST(GatewayEndpoints, EmbeddingsPassWithTheirFormat) {
    const std::string answer =
        R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":"AACAPw=="}],)"
        R"("model":"served/m","usage":{"prompt_tokens":2,"total_tokens":2}})";
    FakeEngine engine{[&answer](auto& turn) { turn.line->send(plain_answer(answer)); }};
    Rig rig;
    rig.worker("w", engine.port());
    const Reply reply = rig.caller().request(
        "POST",
        "/v1/embeddings",
        R"({"input":"hello","model":"m","encoding_format":"base64"})",
        bearer);
    EXPECT_EQ(reply.body, answer);
    EXPECT_TRUE(engine.requests().at(0).starts_with("POST /v1/embeddings HTTP/1.1\r\n"));
    EXPECT_EQ(rig.books.wait_records(1).at(0).usage, (Usage{.prompt = 2, .completion = 0}));
}

TEST(GatewayEndpoints, AKeyMayComeAsXApiKeyWhichCountsBeforeBearer) {
    FakeEngine engine{good_engine};
    Rig rig;
    rig.worker("w", engine.port());
    Caller caller = rig.caller();
    const std::string path = "/v1/chat/completions";
    EXPECT_EQ(caller.request("POST", path, chat_body(false), "x-api-key: good\r\n").status, 200);
    EXPECT_EQ(
        caller.request("POST", path, chat_body(false), bearer + "x-api-key: bad\r\n").status, 401);
}

TEST(GatewayEndpoints, TokensAreCountedWithoutAskingAnybody) {
    Rig rig;
    const Reply reply = rig.caller().request(
        "POST",
        "/v1/messages/count_tokens",
        R"({"model":"m","system":"12345678","messages":[{"role":"user","content":"1234"}]})",
        "x-api-key: good\r\nanthropic-version: 2023-06-01\r\n");
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, R"({"input_tokens":3})");
    EXPECT_TRUE(request_id_from(reply.headers.at("request-id")));
    EXPECT_EQ(
        rig.caller()
            .request(
                "POST",
                "/v1/messages/count_tokens",
                R"({"model":"unknown","messages":[]})",
                "x-api-key: good\r\n")
            .status,
        404);
    EXPECT_TRUE(rig.books.records().empty());
}

TEST(GatewayEndpoints, BatchesAreRefusedOnceAndForAll) {
    Rig rig;
    for (const std::string path : {"/v1/batches", "/v1/files", "/v1/messages/batches"}) {
        const Reply reply = rig.caller().request("POST", path, "{}", bearer);
        EXPECT_EQ(reply.status, 404) << path;
        EXPECT_EQ(reply.headers.at("x-should-retry"), "false");
        EXPECT_EQ(reply.headers.count("x-request-id") + reply.headers.count("request-id"), 1u);
        EXPECT_NE(reply.body.find("batches"), std::string::npos);
    }
}

TEST(GatewayEndpoints, EveryAnswerHasAnIdInItsVendorsForm) {
    Rig rig;
    Caller caller = rig.caller();
    struct Case {
        std::string method;
        std::string path;
        std::string headers;
        std::string id_header;
    };
    const std::string anthropic = bearer + "anthropic-version: 2023-06-01\r\n";
    for (const Case& asked : std::vector<Case>{
             {"GET", "/v1/models", bearer, "x-request-id"},
             {"GET", "/v1/models/m", anthropic, "request-id"},
             {"GET", "/v1/models/none", anthropic, "request-id"},
             {"POST", "/v1/chat/completions", bearer, "x-request-id"},
             {"POST", "/v1/messages", bearer, "request-id"},
             {"POST", "/v1/messages", "x-api-key: wrong\r\n", "request-id"},
             {"GET", "/v1/elsewhere", bearer, "x-request-id"}}) {
        const Reply reply = caller.request(asked.method, asked.path, "", asked.headers);
        const std::string id = reply.headers.at(asked.id_header);
        EXPECT_TRUE(id.starts_with("req_") && request_id_from(id)) << asked.path << ' ' << id;
        if (reply.status != 200 && asked.id_header == "request-id") {
            EXPECT_NE(reply.body.find(R"("request_id":")" + id + '"'), std::string::npos)
                << reply.body;
        }
    }
}

}  // namespace
}  // namespace evenkeel::inference::test
