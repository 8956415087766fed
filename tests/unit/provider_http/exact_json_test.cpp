#include "providers/http/exact_json.hpp"

#include "policies/domain/money.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace evenkeel::providers::exact_json {
namespace {

TEST(ExactJson, KeepsNumbersAsTheyWereWritten) {
    const auto value = parse(R"({"a":4.41,"b":0.100000000,"c":-12,"d":1e3,"e":"2.50","f":0})");
    ASSERT_TRUE(value) << value.error().message;
    EXPECT_EQ(value->find("a")->decimal_text(), "4.41");
    EXPECT_EQ(value->find("b")->decimal_text(), "0.100000000");
    EXPECT_EQ(value->find("c")->decimal_text(), "-12");
    EXPECT_EQ(value->find("c")->integer(), -12);
    EXPECT_EQ(value->find("d")->decimal_text(), "1e3");
    EXPECT_EQ(value->find("d")->integer(), std::nullopt);
    EXPECT_EQ(value->find("e")->decimal_text(), "2.50");
    EXPECT_EQ(value->find("e")->integer(), std::nullopt);
    EXPECT_EQ(value->find("f")->integer(), 0);
    EXPECT_EQ(value->find("g"), nullptr);
}

TEST(ExactJson, KeepsDigitsThatADoubleWouldLose) {
    const auto value = parse("[12345678901234567890.123456789, 9007199254740993, 0.1]");
    ASSERT_TRUE(value);
    EXPECT_EQ(value->items()[0].decimal_text(), "12345678901234567890.123456789");
    EXPECT_EQ(value->items()[1].integer(), 9007199254740993);
    EXPECT_EQ(parse_decimal(*value->items()[2].decimal_text(), 9), 100'000'000);
}

TEST(ExactJson, ReadsEveryKind) {
    const auto value = parse(R"( {"a":[true,false,null,"x\u00e9\n",[],{}],"b":{"c":"d"}} )");
    ASSERT_TRUE(value) << value.error().message;
    const auto& items = value->find("a")->items();
    ASSERT_EQ(items.size(), 6u);
    EXPECT_EQ(items[0].boolean(), true);
    EXPECT_EQ(items[1].boolean(), false);
    EXPECT_TRUE(items[2].is_null());
    EXPECT_EQ(items[3].string(), "x\xc3\xa9\n");
    EXPECT_EQ(items[4].kind(), Value::Kind::array);
    EXPECT_EQ(items[5].kind(), Value::Kind::object);
    EXPECT_EQ(value->find("b")->text("c"), "d");
    EXPECT_EQ(value->find("b")->text("x"), "");
}

TEST(ExactJson, RefusesDuplicateKeys) {
    for (const char* text :
         {R"({"price":"1","price":"9"})",
          R"({"a":{"b":1,"c":2,"b":1}})",
          R"([{"x":1},{"y":1,"z":2,"y":3}])",
          R"({"a":1,"\u0061":2})"}) {
        const auto value = parse(text);
        ASSERT_FALSE(value) << text;
        EXPECT_EQ(value.error().code, Errc::invalid_response);
        EXPECT_NE(value.error().message.find("twice"), std::string::npos);
    }
    EXPECT_TRUE(parse(R"([{"x":1},{"x":1}])"));
}

TEST(ExactJson, RefusesBrokenText) {
    for (const char* text : {
             "",        " ",        "{",        "[1,]", "{\"a\"}",    "nul",         "01",
             "1.",      ".5",       "+1",       "NaN",  "Infinity",   "{} {}",       "[1] x",
             "// c\n1", "\"\xff\"", "\"\x01\"", "'a'",  "{\"a\":1,}", "\"\\ud800\"",
         }) {
        EXPECT_FALSE(parse(text)) << text;
    }
}

TEST(ExactJson, LimitsDepthSizeAndCount) {
    const auto nested = [](std::size_t depth) {
        return std::string(depth, '[') + std::string(depth, ']');
    };
    EXPECT_TRUE(parse(nested(8), {.depth = 8}));
    EXPECT_FALSE(parse(nested(9), {.depth = 8}));
    EXPECT_FALSE(parse(nested(100'000)));
    EXPECT_TRUE(parse("[1,2,3]", {.bytes = 7}));
    EXPECT_FALSE(parse("[1,2,3]", {.bytes = 6}));
    EXPECT_TRUE(parse("[1,2,3]", {.values = 4}));
    EXPECT_FALSE(parse("[1,2,3]", {.values = 3}));
}

RC_GTEST_PROP(ExactJson, QuotedTextComesBack, ()) {
    std::string text;
    for (const auto code : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 128))) {
        text += static_cast<char>(code);
    }
    const auto value = parse(quote(text));
    RC_ASSERT(value.has_value());
    RC_ASSERT(value->string() == text);
}

RC_GTEST_PROP(ExactJson, MoneyComesBackFromANumber, (std::int64_t nanos)) {
    const auto value = parse("{\"x\":" + format_decimal(nanos, 9, 2) + "}");
    RC_ASSERT(value.has_value());
    const auto read = parse_decimal(*value->find("x")->decimal_text(), 9);
    RC_ASSERT(read.has_value());
    RC_ASSERT(*read == nanos);
}

}  // namespace
}  // namespace evenkeel::providers::exact_json
