#include "inference/dialect/scan.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <string>

/// What is asked of each endpoint, and what of it changes the price.
namespace evenkeel::inference::dialect {
namespace {

struct EndpointCase {
    const char* name;
    Endpoint endpoint;
    std::string body;
    std::int64_t prompt_tokens;
    std::int64_t max_tokens;
    std::int64_t n;
};
std::ostream& operator<<(std::ostream& out, const EndpointCase& c) {
    return out << c.name;
}
class ScanEndpoint : public testing::TestWithParam<EndpointCase> {};

TEST_P(ScanEndpoint, CountsWhatItIsAskedFor) {
    const auto scan = scan_request(GetParam().endpoint, GetParam().body);
    ASSERT_TRUE(scan) << scan.error().message;
    EXPECT_EQ(scan->prompt_tokens, GetParam().prompt_tokens);
    EXPECT_EQ(scan->max_tokens, GetParam().max_tokens);
    EXPECT_EQ(scan->n, GetParam().n);
    EXPECT_EQ(scan->writes, GetParam().endpoint != Endpoint::embeddings);
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    ScanEndpoint,
    testing::Values(
        EndpointCase{
            "OnePrompt",
            Endpoint::completions,
            R"({"model":"m","prompt":"12345678","max_tokens":7,"n":2,"best_of":3})",
            2,
            7,
            3},
        EndpointCase{
            "ManyPrompts",
            Endpoint::completions,
            R"({"model":"m","prompt":["1234","5678",""],"n":2})",
            2,
            0,
            6},
        EndpointCase{
            "TokenIds", Endpoint::completions, R"({"model":"m","prompt":[1,2,30000]})", 3, 0, 1},
        EndpointCase{
            "ManyPromptsOfTokenIds",
            Endpoint::completions,
            R"({"model":"m","prompt":[[1,2],[3]]})",
            3,
            0,
            2},
        EndpointCase{
            "Embeddings", Endpoint::embeddings, R"({"input":["1234","5"],"model":"m"})", 2, 0, 2},
        EndpointCase{
            "Responses",
            Endpoint::responses,
            R"({"model":"m","input":[{"role":"user","content":[{"type":"input_text",)"
            R"("text":"1234"}]}],"instructions":"5678","max_output_tokens":9,"store":false,)"
            R"("previous_response_id":null,"background":false})",
            2,
            9,
            1},
        EndpointCase{
            "Messages",
            Endpoint::messages,
            R"({"model":"m","max_tokens":5,"system":[{"type":"text","text":"1234"}],"messages":[)"
            R"({"role":"user","content":[{"type":"image","source":{"data":"AAAAAAAA"}},)"
            R"({"type":"tool_result","content":"5678"}]},)"
            R"({"role":"assistant","content":[{"type":"tool_use","input":{"a":1}}]}]})",
            4,
            5,
            1}),
    [](const auto& one) { return std::string{one.param.name}; });

TEST(ScanEndpoints, RefuseWhatNeedsAMemoryOrAnotherTool) {
    const auto param = [](Endpoint endpoint, const std::string& rest) {
        const auto scan = scan_request(endpoint, R"({"model":"m",)" + rest + "}");
        return scan ? std::string{"taken"} : scan.error().param;
    };
    const std::string input = R"("input":"a",)";
    EXPECT_EQ(
        param(Endpoint::responses, input + R"("previous_response_id":"r")"),
        "previous_response_id");
    EXPECT_EQ(param(Endpoint::responses, input + R"("conversation":{"id":"c"})"), "conversation");
    EXPECT_EQ(param(Endpoint::responses, input + R"("background":true)"), "background");
    EXPECT_EQ(param(Endpoint::responses, input + R"("tools":[{"type":"web_search"}])"), "tools");
    EXPECT_EQ(
        param(Endpoint::responses, input + R"("tools":[{"type":"function","name":"f"}])"), "taken");
    EXPECT_EQ(param(Endpoint::messages, R"("messages":[])"), "max_tokens");
    EXPECT_EQ(param(Endpoint::completions, R"("max_tokens":3)"), "prompt");
    EXPECT_EQ(param(Endpoint::embeddings, R"("input":7)"), "input");
    EXPECT_EQ(param(Endpoint::chat, R"("messages":[],"prompt":7,"input":8)"), "taken");
}

TEST(ScanEndpoints, WhatChangesThePriceIsNamed) {
    const auto changer = [](Endpoint endpoint, const std::string& rest) {
        const std::string body =
            R"({"model":"m","max_tokens":1,"messages":[],"input":"a",)" + rest + "}";
        const auto scan = scan_request(endpoint, body);
        return scan ? scan->price_changer : scan.error().message;
    };
    EXPECT_EQ(changer(Endpoint::messages, R"("speed":"fast")"), "speed");
    EXPECT_EQ(changer(Endpoint::messages, R"("speed":"standard","service_tier":"auto")"), "");
    EXPECT_EQ(changer(Endpoint::messages, R"("inference_geo":"us")"), "inference_geo");
    EXPECT_EQ(changer(Endpoint::messages, R"("mcp_servers":[],"container":null)"), "");
    EXPECT_EQ(
        changer(Endpoint::messages, R"("tools":[{"type":"web_search_20250305","name":"w"}])"),
        "tools");
    EXPECT_EQ(
        changer(Endpoint::messages, R"("tools":[{"type":"bash_20250124","name":"bash"}])"), "")
        << "runs at the client";
    EXPECT_EQ(
        changer(Endpoint::messages, R"("tools":[{"type":"custom","name":"w"},{"name":"v"}])"), "");
    EXPECT_EQ(
        changer(
            Endpoint::messages,
            R"("system":[{"type":"text","text":"a","cache_control":{"ttl":"1h"}}])"),
        "cache_control.ttl");
    const std::string hour = "cache_control.ttl";
    EXPECT_EQ(changer(Endpoint::messages, R"("cache_control":{"tt\u006c":"1\u0068"})"), hour);
    EXPECT_EQ(
        changer(Endpoint::messages, R"("tools":[{"name":"w","cache_control":{"ttl":"\u0031h"}}])"),
        hour);
    EXPECT_EQ(changer(Endpoint::messages, R"("cache_control":{"ttl":"5m"})"), "");
    EXPECT_EQ(changer(Endpoint::chat, R"("service_tier":"priority")"), "service_tier");
    EXPECT_EQ(changer(Endpoint::responses, R"("service_tier":"flex")"), "service_tier");
    EXPECT_EQ(changer(Endpoint::chat, R"("web_search_options":{"a":1})"), "web_search_options");
    EXPECT_EQ(changer(Endpoint::chat, R"("web_search_options":{})"), "web_search_options");
    EXPECT_EQ(changer(Endpoint::chat, R"("web_search_options":null)"), "");
    EXPECT_EQ(changer(Endpoint::chat, R"("modalities":["text"],"audio":null)"), "");
    EXPECT_EQ(changer(Endpoint::chat, R"("modalities":["text","audio"])"), "modalities");
    EXPECT_EQ(changer(Endpoint::chat, R"("audio":{"voice":"v"})"), "audio");
}

TEST(ScanEndpoints, EscapedNamesCountLikeOthers) {
    const auto scan = scan_request(
        Endpoint::chat,
        R"({"model":"m","messages":[{"role":"user","c\u006fntent":[{"type":"image\u005furl",)"
        R"("image_\u0075rl":{"url":"x"}},{"type":"text","te\u0078t":"12345678"}]}]})");
    ASSERT_TRUE(scan);
    EXPECT_EQ(scan->prompt_tokens, 2);
    EXPECT_TRUE(scan->images);
}

TEST(ScanEndpoints, TextIsThatOfEveryPart) {
    const auto text = [](Endpoint endpoint, const std::string& body) {
        return message_text(body, *scan_request(endpoint, body), 100);
    };
    EXPECT_EQ(text(Endpoint::completions, R"({"model":"m","prompt":["a","b"]})"), "a\nb");
    EXPECT_EQ(
        text(
            Endpoint::messages,
            R"({"model":"m","max_tokens":1,"messages":[{"content":"b"}],"system":"a"})"),
        "b\na");
    EXPECT_EQ(text(Endpoint::responses, R"({"model":"m","instructions":"a","input":"b"})"), "a\nb");
}

}  // namespace
}  // namespace evenkeel::inference::dialect
