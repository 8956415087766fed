#include "inference/dialect/anthropic.hpp"

#include "tests/unit/dialect/translated.hpp"

namespace evenkeel::inference::dialect {
namespace {

using namespace std::chrono_literals;

ApiError with_status(int status) {
    ApiError error = bad_request("because", {});
    error.status = status;
    return error;
}

struct Shape {
    int status;
    int said;
    const char* type;
};
class MessagesError : public testing::TestWithParam<Shape> {};

TEST_P(MessagesError, HasStatusAndTypeOfTheDialect) {
    const ApiError error = with_status(GetParam().status);
    EXPECT_EQ(messages_status(error), GetParam().said);
    EXPECT_EQ(
        json_of(messages_error_json(error, "req_1")),
        (boost::json::value{
            {"type", "error"},
            {"error", {{"type", GetParam().type}, {"message", "because"}}},
            {"request_id", "req_1"}}));
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    MessagesError,
    testing::Values(
        Shape{400, 400, "invalid_request_error"},
        Shape{401, 401, "authentication_error"},
        Shape{402, 402, "billing_error"},
        Shape{403, 403, "permission_error"},
        Shape{404, 404, "not_found_error"},
        Shape{405, 405, "invalid_request_error"},
        Shape{408, 408, "invalid_request_error"},
        Shape{413, 413, "request_too_large"},
        Shape{429, 429, "rate_limit_error"},
        Shape{500, 500, "api_error"},
        Shape{502, 502, "api_error"},
        Shape{503, 529, "overloaded_error"},
        Shape{504, 504, "timeout_error"},
        Shape{529, 529, "overloaded_error"}));

TEST(MessagesErrors, KeepOurCodeAndOneLine) {
    const ApiError error = refused({.code = ReasonCode::budget_spent, .args = {}}, 3s, false);
    const auto said = json_of(messages_error_json(error, "r"));
    EXPECT_EQ(said.at("error").at("type"), "rate_limit_error");
    EXPECT_EQ(said.at("error").at("details").at("error_code"), "insufficient_quota");
    const std::string event = messages_error_event(bad_request("a\nb", "x"), "r");
    EXPECT_TRUE(event.starts_with("event: error\ndata: {\"type\":\"error\",")) << event;
    EXPECT_TRUE(event.ends_with("}\n\n"));
    EXPECT_EQ(std::ranges::count(event, '\n'), 3);
}

TEST(MessagesErrors, TooLongIsSaidInTheWordsClientsLookFor) {
    const ApiError error = from_upstream(
        400, R"({"error":{"message":"over","type":"exceed_context_size_error"}})", {});
    const auto said = json_of(messages_error_json(error, "r"));
    EXPECT_EQ(said.at("error").at("message"), "prompt is too long: over");
    const ApiError own = from_upstream(
        400, R"({"error":{"message":"prompt is too long: 9 tokens > 8 maximum"}})", {});
    EXPECT_EQ(
        json_of(messages_error_json(own, "r")).at("error").at("message"),
        "prompt is too long: 9 tokens > 8 maximum");
}

TEST(MessagesErrors, TypesHaveTheirStatus) {
    EXPECT_EQ(status_of_messages_error("overloaded_error"), 529);
    EXPECT_EQ(status_of_messages_error("invalid_request_error"), 400);
    EXPECT_EQ(status_of_messages_error("new_kind_of_error"), 500);
}

TEST(FromUpstream, KnowsAnAccountWithoutMoney) {
    constexpr std::string_view body =
        R"({"type":"error","error":{"type":"rate_limit_error","message":"m",)"
        R"("details":{"error_code":"contract_spend_limit_reached"}}})";
    EXPECT_TRUE(from_upstream(429, body, {}).provider_out_of_budget);
    EXPECT_FALSE(from_upstream(429, body, 5s).provider_out_of_budget);  // it will pass
    EXPECT_FALSE(from_upstream(429, "{}", {}).provider_out_of_budget);
    EXPECT_TRUE(from_upstream(429, R"({"error":{"code":"insufficient_quota"}})", {})
                    .provider_out_of_budget);
    EXPECT_FALSE(
        refused({.code = ReasonCode::budget_spent, .args = {}}, 3s, false).provider_out_of_budget);
}

TEST(MessagesModels, HaveTheShapeTheSdkReads) {
    const auto list = json_of(messages_models_json({{"a", "ready"}, {"b\"", "cold"}}));
    EXPECT_EQ(list.at("first_id"), "a");
    EXPECT_EQ(list.at("last_id"), "b\"");
    EXPECT_EQ(list.at("has_more"), false);
    EXPECT_EQ(list.at("data").as_array().size(), 2u);
    EXPECT_EQ(
        list.at("data").at(1),
        (boost::json::value{
            {"type", "model"},
            {"id", "b\""},
            {"display_name", "b\""},
            {"created_at", "1970-01-01T00:00:00Z"},
            {"state", "cold"}}));
    EXPECT_TRUE(json_of(messages_models_json({})).at("first_id").is_null());
}

}  // namespace
}  // namespace evenkeel::inference::dialect
