#include "inference/dialect/prefix.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace evenkeel::inference::dialect {
namespace {

const std::string words(64, 'w');  // 16 tokens

struct Said {
    std::string role{};
    std::string text{};
};
using Messages = std::vector<Said>;

std::string list(const Messages& messages) {
    std::string out;
    for (const Said& said : messages) {
        out += fmt::format(
            R"({}{{"role": "{}", "content": "{}"}})",
            out.empty() ? "" : ", ",
            said.role,
            said.text);
    }
    return "[" + out + "]";
}

PrefixMarks marks(
    const Messages& messages,
    Endpoint endpoint = Endpoint::chat,
    const std::string& rest = "",
    std::uint64_t seed = 1,
    const std::string& model = "m") {
    const std::string name = endpoint == Endpoint::responses ? "input" : "messages";
    const std::string body = fmt::format(
        R"({{"model": "{}", "{}": {}{}{}}})",
        model,
        name,
        list(messages),
        endpoint == Endpoint::messages ? R"(, "max_tokens": 9)" : "",
        rest);
    const auto scan = scan_request(endpoint, body);
    EXPECT_TRUE(scan) << body;
    return scan ? prefix_marks(body, *scan, seed) : PrefixMarks{};
}

bool has(const PrefixMarks& marks, PrefixMark mark) {
    return mark.hash != 0 && std::ranges::find(marks, mark) != marks.end();
}

const Messages first_turn{{"system", words}, {"user", words + words}};

Messages second_turn() {
    Messages messages = first_turn;
    messages.push_back({"assistant", words});
    messages.push_back({"user", words});
    return messages;
}

TEST(Prefix, AFollowUpHasTheMarkThatTheTurnBeforeLeft) {
    for (const Endpoint endpoint : {Endpoint::chat, Endpoint::responses, Endpoint::messages}) {
        const PrefixMarks first = marks(first_turn, endpoint);
        const PrefixMarks second = marks(second_turn(), endpoint);
        EXPECT_EQ(first[0].tokens, 48);
        EXPECT_EQ(first[1].tokens, 16) << "the system message";
        EXPECT_EQ(first[2], PrefixMark{});
        EXPECT_EQ(second[0].tokens, 80);
        EXPECT_EQ(second[1], first[0]);
        EXPECT_EQ(second[2], first[1]);
        EXPECT_EQ(second[3], PrefixMark{});
    }
}

TEST(Prefix, ThirdTurnHasTheMarksOfBothBefore) {
    Messages third = second_turn();
    third.push_back({"assistant", words});
    third.push_back({"user", "go on"});
    const PrefixMarks found = marks(third);
    EXPECT_TRUE(has(found, marks(second_turn())[0]));
    EXPECT_TRUE(has(found, marks(first_turn)[0]));
    EXPECT_TRUE(has(found, marks(first_turn)[1]));
}

TEST(Prefix, OtherModelsKeysToolsAndSystemTextsShareNothing) {
    const PrefixMark mark = marks(first_turn)[0];
    EXPECT_TRUE(has(marks(second_turn()), mark));
    EXPECT_FALSE(has(marks(second_turn(), Endpoint::chat, "", 2), mark));
    EXPECT_FALSE(has(marks(second_turn(), Endpoint::chat, "", 1, "other"), mark));
    EXPECT_FALSE(
        has(marks(second_turn(), Endpoint::chat, R"(, "tools": [{"type": "function"}])"), mark));
    const PrefixMark told = marks(first_turn, Endpoint::messages, R"(, "system": "be brief")")[0];
    EXPECT_TRUE(has(marks(second_turn(), Endpoint::messages, R"(, "system": "be brief")"), told));
    EXPECT_FALSE(has(marks(second_turn(), Endpoint::messages, R"(, "system": "be long")"), told));
    EXPECT_FALSE(has(marks(second_turn(), Endpoint::messages), told));
    Messages edited = second_turn();
    edited[1].text[70] = 'x';
    EXPECT_FALSE(has(marks(edited), mark));
    EXPECT_TRUE(has(marks(edited), marks(first_turn)[1])) << "the system message is the same";
}

TEST(Prefix, WhatStandsBesideTheMessagesMayStandAnywhere) {
    const std::string system = fmt::format(R"("system": "{}")", words);
    const auto of = [](const std::string& body) {
        const auto scan = scan_request(Endpoint::messages, body);
        return scan ? prefix_marks(body, *scan, 1) : PrefixMarks{};
    };
    const Messages asked{{"user", words}};
    const PrefixMarks before =
        of(fmt::format(R"({{{}, "model":"m","max_tokens":9,"messages":{}}})", system, list(asked)));
    const PrefixMarks after =
        of(fmt::format(R"({{"model":"m","messages":{}, {},"max_tokens":9}})", list(asked), system));
    EXPECT_EQ(before, after);
    EXPECT_EQ(before[0].tokens, 32);
    EXPECT_EQ(before[1].tokens, 16) << "the system text alone";
    EXPECT_NE(before[1].hash, 0u);
}

TEST(Prefix, AgentsWithToolsAndBegunAnswersComeBackToo) {
    // Two answers to two calls, then a third request; the first had no system message.
    const Messages first{{"user", words}};
    Messages second = first;
    second.push_back({"assistant", "calls"});
    second.push_back({"tool", words});
    second.push_back({"tool", words});
    EXPECT_TRUE(has(marks(second), marks(first)[0]));
    // A request that begins the answer itself: the next one has the whole answer there.
    Messages begun = first;
    begun.push_back({"assistant", words});
    Messages next = first;
    next.push_back({"assistant", words + " and more"});
    next.push_back({"user", words});
    const PrefixMarks left = marks(begun, Endpoint::messages);
    EXPECT_TRUE(has(marks(next, Endpoint::messages), left[1]));
}

TEST(Prefix, ItemsOfResponsesThatTheModelWroteEndAQuestion) {
    const auto of = [](const std::string& more) {
        const std::string body = fmt::format(
            R"({{"model":"m","input":[{{"role":"user","content":"{}"}}{}]}})", words, more);
        const auto scan = scan_request(Endpoint::responses, body);
        EXPECT_TRUE(scan) << body;
        return prefix_marks(body, *scan, 1);
    };
    const PrefixMarks next = of(
        R"(,{"type":"reasoning","summary":[]},{"type":"function_call","arguments":"{}"},)"
        R"({"type":"function_call_output","output":"a text of more than sixteen tokens, which are )"
        R"(more than sixty-four bytes"})");
    EXPECT_TRUE(has(next, of("")[0]));
}

TEST(Prefix, ShortOnesEmbeddingsAndEmptyListsHaveNone) {
    EXPECT_EQ(marks({{"user", "short"}}), PrefixMarks{});
    EXPECT_EQ(marks({}), PrefixMarks{});
    const std::string body = fmt::format(R"({{"model":"m","input":"{}"}})", words);
    EXPECT_EQ(prefix_marks(body, *scan_request(Endpoint::embeddings, body), 1), PrefixMarks{});
    EXPECT_NE(prefix_marks(body, *scan_request(Endpoint::responses, body), 1), PrefixMarks{});
}

/// Wherever blocks of the hash end: a conversation of any texts finds itself again, a changed one
/// does not.
RC_GTEST_PROP(Prefix, EveryTurnFindsTheOneBefore, ()) {
    Messages talk;
    const int turns = *rc::gen::inRange(2, 7);
    for (int i = 0; i < turns; ++i) {
        const auto length = static_cast<std::size_t>(*rc::gen::inRange(i == 0 ? 64 : 0, 200));
        talk.push_back({"user", std::string(length, static_cast<char>('a' + i))});
        const PrefixMarks before = marks(talk);
        talk.push_back(
            {"assistant", std::string(static_cast<std::size_t>(*rc::gen::inRange(0, 90)), 'z')});
        Messages next = talk;
        next.push_back({"user", "more"});
        RC_ASSERT(has(marks(next), before[0]));
        for (std::size_t k = 1; k < before.size(); ++k) {
            RC_ASSERT(before[k].tokens <= before[k - 1].tokens);
        }
        const auto which =
            static_cast<std::size_t>(*rc::gen::inRange(0, static_cast<int>(talk.size()) - 1));
        if (!next[which].text.empty()) {
            next[which].text.back() = '_';
            RC_ASSERT(!has(marks(next), before[0]));
        }
    }
}

}  // namespace
}  // namespace evenkeel::inference::dialect
