#include "lab/engine/wire.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace evenkeel::lab::engine {
namespace {

namespace json = boost::json;

const AnswerHead head{.id = "chatcmpl-1", .model = "qwq-32b", .created = 1'700'000'000};

json::object parsed(std::string_view text) {
    return json::parse(text).get_object();
}

/// The JSON of one `data:` event.
json::object event(std::string_view text) {
    EXPECT_TRUE(text.starts_with("data: "));
    EXPECT_TRUE(text.ends_with("\n\n"));
    return parsed(text.substr(6));
}

const json::object& first_choice(const json::object& chunk) {
    return chunk.at("choices").get_array().front().get_object();
}

TEST(EngineWire, CountsPromptTokensFromBytes) {
    struct Case {
        const char* messages;
        std::int64_t tokens;
    };
    for (const Case& c : {
             Case{R"([{"role":"user","content":"12345678"}])", 2},
             Case{R"([{"role":"user","content":"123456789"}])", 3},
             Case{R"([{"role":"system","content":"abc"},{"role":"user","content":"d"}])", 1},
             Case{R"([{"role":"user","content":[{"type":"text","text":"12345"}]}])", 2},
             Case{R"([{"role":"assistant","content":null},{"role":"user","content":""}])", 0},
         }) {
        const auto request =
            parse_chat(std::string{R"({"model":"m","messages":)"} + c.messages + "}");
        ASSERT_TRUE(request) << c.messages << ": " << request.error().message;
        EXPECT_EQ(request->prompt_tokens, c.tokens) << c.messages;
    }
}

TEST(EngineWire, GoesOnWithAnAnswerThatWasBegun) {
    const auto body = [](std::int64_t tokens, std::string_view more) {
        return R"({"model":"m","messages":[{"role":"user","content":"x"},{"role":"assistant",)"
               R"("content":)" +
               json::serialize(json::value(std::string_view{filler_tokens(0, tokens)})) + "}]" +
               std::string{more} + "}";
    };
    constexpr auto switches = R"(,"continue_final_message":true,"add_generation_prompt":false)";
    for (const std::int64_t tokens : {0, 1, 9, 25}) {
        const auto request = parse_chat(body(tokens, switches));
        ASSERT_TRUE(request) << request.error().message;
        EXPECT_EQ(request->continues_at, tokens);
        EXPECT_EQ(request->continues_with, "");
    }
    for (std::int64_t tokens = 1; tokens < 20; ++tokens) {
        const std::string whole = filler_tokens(0, tokens);
        const std::string bare = whole.substr(0, whole.find_last_not_of(" \n") + 1);
        const Filler filler = read_filler(bare);
        EXPECT_GE(filler.tokens, tokens - 1) << "some templates trim what is sent";
        EXPECT_EQ(bare + std::string{filler.missing}, filler_tokens(0, filler.tokens));
    }
    EXPECT_EQ(parse_chat(body(5, ""))->continues_at, 0) << "then it is a turn of before";
    EXPECT_FALSE(parse_chat(body(5, R"(,"continue_final_message":true)"))) << "vLLM refuses both";
    EXPECT_FALSE(parse_chat(
        std::string{R"({"model":"m","messages":[{"role":"user","content":"x"}])"} + switches +
        "}"));
    EXPECT_EQ(read_filler("something else").tokens, 0);
}

TEST(EngineWire, ReadsLimitsAndFlags) {
    const auto request = parse_chat(
        R"({"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":7,"stream":true,
            "stream_options":{"include_usage":true}})");
    ASSERT_TRUE(request);
    EXPECT_EQ(request->max_tokens, 7);
    EXPECT_TRUE(request->stream);
    EXPECT_TRUE(request->include_usage);
    const auto newer = parse_chat(
        R"({"model":"m","messages":[{"role":"user","content":"x"}],"max_completion_tokens":9})");
    ASSERT_TRUE(newer);
    EXPECT_EQ(newer->max_tokens, 9);
    EXPECT_FALSE(newer->stream);
}

TEST(EngineWire, RefusesWhatVllmWouldRefuse) {
    for (const char* body : {
             "",
             "[]",
             "{",
             R"({"messages":[{"role":"user","content":"x"}]})",
             R"({"model":"m"})",
             R"({"model":"m","messages":[]})",
             R"({"model":"m","messages":["x"]})",
             R"({"model":"m","messages":[{"content":"x"}]})",
             R"({"model":"m","messages":[{"role":"user","content":5}]})",
             R"({"model":"m","messages":[{"role":"user","content":[{"type":"image_url"}]}]})",
             R"({"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":0})",
             R"({"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":"7"})",
             R"({"model":"m","messages":[{"role":"user","content":"x"}],"stream":"yes"})",
         }) {
        const auto request = parse_chat(body);
        ASSERT_FALSE(request) << body;
        EXPECT_EQ(request.error().code, Errc::invalid_argument) << body;
        EXPECT_FALSE(request.error().message.empty());
    }
}

TEST(EngineWire, FillerIsOneWordPerTokenAndJoinsSeamlessly) {
    EXPECT_EQ(filler_tokens(0, 9), "This text is synthetic: no model wrote it. \n");
    for (const std::int64_t cut : {0, 1, 5, 8, 9, 17}) {
        EXPECT_EQ(filler_tokens(0, cut) + filler_tokens(cut, 20 - cut), filler_tokens(0, 20));
    }
    EXPECT_EQ(filler_tokens(3, 0), "");
}

TEST(EngineWire, EventsAreChunksOfTheDialect) {
    const json::object first = event(content_event(head, "a \"quoted\" word", true));
    EXPECT_EQ(first.at("object").get_string(), "chat.completion.chunk");
    EXPECT_EQ(first.at("system_fingerprint").get_string(), "synthetic");
    const json::object& delta = first_choice(first).at("delta").get_object();
    EXPECT_EQ(delta.at("role").get_string(), "assistant");
    EXPECT_EQ(delta.at("content").get_string(), "a \"quoted\" word");
    EXPECT_TRUE(first_choice(first).at("finish_reason").is_null());

    const json::object later = event(content_event(head, "x", false));
    EXPECT_FALSE(first_choice(later).at("delta").get_object().contains("role"));
    const json::object last = event(finish_event(head, "length"));
    EXPECT_EQ(first_choice(last).at("finish_reason").get_string(), "length");
    const json::object usage = event(usage_event(head, 11, 7));
    EXPECT_TRUE(usage.at("choices").get_array().empty());
    EXPECT_EQ(usage.at("usage").get_object().at("total_tokens").get_int64(), 18);
}

TEST(EngineWire, BodiesParse) {
    const json::object answer = parsed(completion_body(head, "text", "stop", 3, 4));
    EXPECT_EQ(answer.at("object").get_string(), "chat.completion");
    EXPECT_EQ(answer.at("usage").get_object().at("completion_tokens").get_int64(), 4);
    const json::object models = parsed(models_body("qwq-32b", 1, 32'768));
    EXPECT_EQ(models.at("data").get_array()[0].get_object().at("id").get_string(), "qwq-32b");
    const json::object error = parsed(error_body("no \"such\" thing", "server_error", ""));
    EXPECT_TRUE(error.at("error").get_object().at("code").is_null());
}

TEST(EngineWire, MetricsCarryVllmsNames) {
    const std::string text =
        metrics_text("qwq-32b", {.running = 3, .waiting = 2, .kv_usage = 0.5, .finished_abort = 9});
    for (const char* line : {
             "vllm:num_requests_running{engine=\"0\",model_name=\"qwq-32b\"} 3\n",
             "vllm:num_requests_waiting{engine=\"0\",model_name=\"qwq-32b\"} 2\n",
             "vllm:kv_cache_usage_perc{engine=\"0\",model_name=\"qwq-32b\"} 0.500000\n",
             "vllm:prompt_tokens_total{engine=\"0\",model_name=\"qwq-32b\"} 0\n",
             "vllm:request_success_total{engine=\"0\",model_name=\"qwq-32b\",finished_reason="
             "\"abort\"} 9\n",
         }) {
        EXPECT_NE(text.find(line), std::string::npos) << line << "\nnot in\n" << text;
    }
}

}  // namespace
}  // namespace evenkeel::lab::engine
