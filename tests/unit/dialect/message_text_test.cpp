#include "inference/dialect/scan.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace evenkeel::inference::dialect {
namespace {

std::string text(const std::string& messages, std::size_t bytes_max = 1'000) {
    const std::string body = R"({"n":1,"messages": )" + messages + R"( ,"model":"m"})";
    const auto scan = scan_request(Endpoint::chat, body);
    EXPECT_TRUE(scan) << body;
    return scan ? message_text(body, *scan, bytes_max) : "";
}

TEST(MessageText, JoinsContentsAndTextParts) {
    EXPECT_EQ(
        text(R"([{"role":"system","content":"one"},{"role":"user","content":[)"
             R"({"type":"text","text":"two"},{"type":"image_url","image_url":{"url":"data:x"}},)"
             R"({"type":"text","text":""}]},{"role":"assistant","content":null,"tool_calls":[)"
             R"({"function":{"name":"f","arguments":"{\"text\":1}"}}]},)"
             R"({"role":"tool","content":"three"}])"),
        "one\ntwo\nthree");
    EXPECT_EQ(text("[]"), "");
    EXPECT_EQ(text(R"([{"\u0063ontent":"a\tb\u00fc\ud83d\ude00"}])"), "a\tb\u00fc\U0001F600");
}

TEST(MessageText, KeepsTheEnd) {
    const std::string three = R"([{"content":"abcd"},{"content":"efg"},{"content":"hi"}])";
    EXPECT_EQ(text(three, 11), "abcd\nefg\nhi");
    EXPECT_EQ(text(three, 10), "bcd\nefg\nhi");
    EXPECT_EQ(text(three, 7), "\nefg\nhi");
    EXPECT_EQ(text(three, 6), "efg\nhi");
    EXPECT_EQ(text(three, 1), "i");
    EXPECT_EQ(text(three, 0), "");
    EXPECT_EQ(text(R"([{"content":"\u00fc\u00fc"}])", 3), "\u00fc") << "no half character";
    EXPECT_EQ(text(R"([{"content":"a\\\\b\"c"}])", 3), "b\"c");
}

/// However it is escaped and wherever it is cut, it is the end of the whole text.
RC_GTEST_PROP(MessageTextProperty, IsTheEndOfTheWhole, ()) {
    const std::string pieces[]{
        "a",
        "\\n",
        "\\\\",
        "\\\"",
        "\\u0041",
        "\\u00fc",
        "\\ud83d\\ude00",
        "\u00fc",
        "\\ud800",
        "u0041"};
    std::string messages = "[";
    const int count = *rc::gen::inRange(0, 4);
    for (int i = 0; i < count; ++i) {
        messages += i == 0 ? R"({"content":")" : R"(,{"content":")";
        const int length = *rc::gen::inRange(0, 12);
        for (int k = 0; k < length; ++k) {
            messages += pieces[*rc::gen::inRange<std::size_t>(0, std::size(pieces))];
        }
        messages += "\"}";
    }
    messages += "]";
    const std::string whole = text(messages, 100'000);
    const std::size_t limit = *rc::gen::inRange<std::size_t>(0, 60);
    std::size_t from = whole.size() - std::min(whole.size(), limit);
    while (from < whole.size() && (static_cast<unsigned char>(whole[from]) & 0xC0U) == 0x80U) {
        ++from;
    }
    RC_ASSERT(text(messages, limit) == whole.substr(from));
}

}  // namespace
}  // namespace evenkeel::inference::dialect
