#include "inference/dialect/openai.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include <string>

namespace evenkeel::inference::dialect {
namespace {

using namespace std::chrono_literals;

TEST(OpenAiErrors, HaveTheShapeTheSdkReads) {
    const auto body = boost::json::parse(to_json(bad_request("say \"model\"\n", "model")));
    const auto& error = body.at("error").as_object();
    EXPECT_EQ(error.size(), 4u);
    EXPECT_EQ(error.at("message").as_string(), "say \"model\"\n");
    EXPECT_EQ(error.at("type").as_string(), "invalid_request_error");
    EXPECT_EQ(error.at("param").as_string(), "model");
    EXPECT_TRUE(error.at("code").is_null());
    const std::string event = to_event(bad_key());
    EXPECT_TRUE(event.starts_with("data: {\"error\":") && event.ends_with("}\n\n"));
    EXPECT_EQ(event.find('\n'), event.size() - 2);
}

TEST(OpenAiErrors, SayThatAPromptIsTooLongInTheWordsClientsLookFor) {
    const auto said = [](std::string_view body) { return to_json(from_upstream(400, body, {})); };
    EXPECT_NE(
        said(R"({"error":{"type":"invalid_request_error","message":"prompt is too long: 9 > 8"}})")
            .find(R"("message":"Over the maximum context length: prompt is too long: 9 > 8")"),
        std::string::npos);
    EXPECT_NE(
        said(R"({"error":{"message":"maximum context length is 8","code":400}})")
            .find(R"("message":"maximum context length is 8")"),
        std::string::npos);
}

struct Refusal {
    const char* name;
    ApiError error;
    int status;
    const char* type;
    const char* code;
    int retry_after;   ///< -1: no header
    int should_retry;  ///< -1: no header
};
std::ostream& operator<<(std::ostream& out, const Refusal& c) {
    return out << c.name;
}
class OpenAiRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(OpenAiRefusal, IsMapped) {
    const Refusal& c = GetParam();
    EXPECT_EQ(c.error.status, c.status);
    EXPECT_EQ(c.error.type, c.type);
    EXPECT_EQ(c.error.code, c.code);
    EXPECT_EQ(c.error.retry_after ? c.error.retry_after->count() : -1, c.retry_after);
    EXPECT_EQ(c.error.should_retry ? static_cast<int>(*c.error.should_retry) : -1, c.should_retry);
    EXPECT_FALSE(c.error.message.empty());
}

Reason reason(ReasonCode code) {
    return {.code = code, .args = {7, 8, 9}};
}
Error error(Errc code) {
    return {.code = code, .message = "because", .retry_after = {}};
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    OpenAiRefusal,
    testing::Values(
        Refusal{"BadKey", bad_key(), 401, "authentication_error", "invalid_api_key", -1, -1},
        Refusal{"F73", too_many_bad_keys(), 429, "rate_limit_error", "rate_limit_exceeded", 5, 0},
        Refusal{
            "TooLarge",
            bad_body(error(Errc::refused), 5),
            413,
            "invalid_request_error",
            "request_too_large",
            -1,
            -1},
        Refusal{
            "BodyLate",
            bad_body(error(Errc::timed_out), 5),
            408,
            "invalid_request_error",
            "request_timeout",
            -1,
            -1},
        Refusal{
            "Framing",
            bad_body(error(Errc::invalid_argument), 5),
            400,
            "invalid_request_error",
            "",
            -1,
            -1},
        Refusal{
            "UnknownModel",
            no_route(error(Errc::not_found)),
            404,
            "invalid_request_error",
            "model_not_found",
            -1,
            -1},
        Refusal{
            "RouteSaysNo",
            no_route(error(Errc::refused)),
            403,
            "permission_error",
            "route_refused",
            -1,
            0},
        Refusal{
            "NoOffer",
            no_route(error(Errc::unavailable)),
            503,
            "server_error",
            "overloaded",
            30,
            -1},
        Refusal{
            "QueueFull",
            refused(reason(ReasonCode::queue_full), 3s, false),
            429,
            "rate_limit_error",
            "rate_limit_exceeded",
            3,
            -1},
        Refusal{
            "F94Budget",
            refused(reason(ReasonCode::budget_spent), 3s, false),
            429,
            "insufficient_quota",
            "insufficient_quota",
            -1,
            0},
        Refusal{
            "WaitOver",
            refused(reason(ReasonCode::wait_over), 0s, false),
            503,
            "server_error",
            "overloaded",
            1,
            -1},
        Refusal{
            "Starting",
            refused(reason(ReasonCode::no_source), 240s, true),
            503,
            "server_error",
            "engine_starting",
            30,
            -1},
        Refusal{
            "Stopping",
            refused(reason(ReasonCode::stopping), 9s, false),
            503,
            "server_error",
            "shutting_down",
            5,
            -1},
        Refusal{
            "AllFailed",
            refused(reason(ReasonCode::source_failed), 9s, false),
            502,
            "server_error",
            "source_failed",
            -1,
            -1},
        Refusal{"Late", source_late(), 504, "server_error", "source_timeout", -1, -1},
        Refusal{
            "UpstreamKey",
            from_upstream(401, "{}", {}),
            502,
            "server_error",
            "source_refused",
            -1,
            -1},
        Refusal{
            "F59With",
            from_upstream(429, "{}", 240s),
            429,
            "rate_limit_error",
            "rate_limit_exceeded",
            30,
            -1},
        Refusal{
            "F59Without",
            from_upstream(429, "", {}),
            429,
            "rate_limit_error",
            "rate_limit_exceeded",
            2,
            -1},
        Refusal{
            "AnthropicOverloaded",
            from_upstream(
                529,
                R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})",
                7s),
            503,
            "server_error",
            "overloaded",
            7,
            -1},
        Refusal{
            "AnthropicTooLong",
            from_upstream(
                400,
                R"({"type":"error","error":{"type":"invalid_request_error",)"
                R"("message":"prompt is too long: 201000 tokens > 200000 maximum"}})",
                {}),
            400,
            "invalid_request_error",
            "context_length_exceeded",
            -1,
            -1},
        Refusal{
            "SpendLimitOfTheAccount",
            from_upstream(
                429,
                R"({"type":"error","error":{"type":"rate_limit_error","message":"m",)"
                R"("details":{"error_code":"enforced_spend_limit_reached"}}})",
                {}),
            429,
            "insufficient_quota",
            "insufficient_quota",
            -1,
            0},
        Refusal{
            "NoMoneyAtTheApi",
            from_upstream(402, R"({"type":"error","error":{"type":"billing_error"}})", {}),
            429,
            "insufficient_quota",
            "insufficient_quota",
            -1,
            0},
        Refusal{
            "Loading",
            from_upstream(503, R"({"error":{"message":"Loading model","code":503}})", {}),
            503,
            "server_error",
            "overloaded",
            5,
            -1},
        Refusal{
            "F45", from_upstream(500, "<html>", {}), 502, "server_error", "source_failed", -1, -1},
        Refusal{
            "ContextLlama",
            from_upstream(
                400,
                R"({"error":{"code":400,"message":"the request exceeds",)"
                R"("type":"exceed_context_size_error","n_ctx":10}})",
                {}),
            400,
            "invalid_request_error",
            "context_length_exceeded",
            -1,
            -1},
        Refusal{
            "ContextVllm",
            from_upstream(
                400,
                R"({"object":"error","message":"maximum context length is 10","code":400})",
                {}),
            400,
            "invalid_request_error",
            "context_length_exceeded",
            -1,
            -1},
        Refusal{
            "NumericCode",
            from_upstream(
                422, R"({"error":{"message":"no","type":"BadRequestError","code":422}})", {}),
            422,
            "invalid_request_error",
            "",
            -1,
            -1},
        Refusal{
            "Garbage",
            from_upstream(400, "\xFF\xFE", {}),
            400,
            "invalid_request_error",
            "",
            -1,
            -1}),
    [](const auto& info) { return std::string{info.param.name}; });

TEST(OpenAiErrors, LongUpstreamTextIsCut) {
    const ApiError cut =
        from_upstream(400, R"({"error":{"message":")" + std::string(10'000, 'x') + R"("}})", {});
    EXPECT_LT(cut.message.size(), upstream_message_max + 10);
}

TEST(OpenAiModels, ListHasStateAndValidJson) {
    const auto list = boost::json::parse(models_json({{"a\"b", "ready"}, {"c", "cold"}}));
    EXPECT_EQ(list.at("object").as_string(), "list");
    ASSERT_EQ(list.at("data").as_array().size(), 2u);
    const auto& first = list.at("data").as_array()[0];
    EXPECT_EQ(first.at("id").as_string(), "a\"b");
    EXPECT_EQ(first.at("object").as_string(), "model");
    EXPECT_EQ(first.at("state").as_string(), "ready");
    EXPECT_EQ(boost::json::parse(models_json({})).at("data").as_array().size(), 0u);
}

}  // namespace
}  // namespace evenkeel::inference::dialect
