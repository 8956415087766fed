#include "policies/config/text.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <string>

namespace evenkeel::config {
namespace {

TEST(EditDistance, CountsSwapsAsOne) {
    EXPECT_EQ(edit_distance("", ""), 0u);
    EXPECT_EQ(edit_distance("max_life", "max_life"), 0u);
    EXPECT_EQ(edit_distance("destory", "destroy"), 1u);
    EXPECT_EQ(edit_distance("max_lifetime", "max_life"), 4u);
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
    EXPECT_EQ(edit_distance(std::string(65, 'a'), "a"), std::string::npos);
}

RC_GTEST_PROP(EditDistanceProperty, IsSymmetricAndZeroOnlyForEquals, ()) {
    const auto letters = rc::gen::container<std::string>(rc::gen::inRange('a', 'e'));
    const std::string a = (*letters).substr(0, 64);
    const std::string b = (*letters).substr(0, 64);
    const std::size_t distance = edit_distance(a, b);
    RC_ASSERT(distance == edit_distance(b, a));
    RC_ASSERT((distance == 0) == (a == b));
    RC_ASSERT(distance <= std::max(a.size(), b.size()));
    const auto limit = static_cast<std::size_t>(*rc::gen::inRange(0, 70));
    RC_ASSERT(edit_distance(a, b, limit) == (distance <= limit ? distance : std::string::npos));
}

TEST(Closest, OffersOnlyWhatIsNear) {
    constexpr std::array<std::string_view, 4> keys{"name", "max_life", "max", "drain"};
    EXPECT_EQ(closest("max_lifetime", keys), "max_life");
    EXPECT_EQ(closest("nmae", keys), "name");
    EXPECT_EQ(closest("maxx", keys), "max");
    EXPECT_EQ(closest("budget", keys), "");
    EXPECT_EQ(closest("", keys), "");
    EXPECT_EQ(closest(std::string(4'000, 'x'), keys), "");
}

TEST(Quote, EscapesWhatATerminalWouldObey) {
    EXPECT_EQ(quote("a b"), "'a b'");
    EXPECT_EQ(quote("a\x1b[2J\n"), "'a\\x1b[2J\\x0a'");
    EXPECT_EQ(quote("a\u202Eb"), "'a\\u202eb'");
    EXPECT_EQ(quote("größer"), "'größer'");
    EXPECT_EQ(quote(std::string(100, 'x')), "'" + std::string(60, 'x') + "...'");
    EXPECT_EQ(quote("sk-abcdefghijklmnop0123"), "'(looks like a secret, not shown)'");
}

TEST(LooksSecret, KnowsTokensAndLetsNamesPass) {
    for (const char* secret :
         {"sk-abcdefghijklmnop0123",
          "rpa_0123456789ABCDEFabcdef",
          "dop_v1_0123456789abcdef0123456789abcdef",
          "hf_abcdefghijklmnop123",
          "0123456789abcdef0123456789abcdef",
          "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0.c2lnbmF0dXJl1",
          "-----BEGIN PRIVATE KEY-----"}) {
        EXPECT_TRUE(looks_secret(secret)) << secret;
    }
    for (const char* name :
         {"runpod.key",
          "qwq-32b-q4_k_m.gguf",
          "Qwen/QwQ-32B",
          "deepseek-r1-distill-llama-70b-awq-w4a16",
          "vllm/vllm-openai@sha256:0123456789abcdef0123456789abcdef",
          "6f1e7c1a-0c2b-4b7e-9f53-aaaaaaaaaaaa",
          "sk-desk",
          "https://abcdefgh0123456789.example/v1",
          ""}) {
        EXPECT_FALSE(looks_secret(name)) << name;
    }
}

TEST(Masked, KeepsTheShapeOfTheLine) {
    EXPECT_EQ(masked("  a: {b: c}  # fine"), "  a: {b: c}  # fine");
    EXPECT_EQ(masked("key: rpa_0123456789ABCDEFabcdef # x"), "key: ************************** # x");
    EXPECT_EQ(masked("{token: hunter2, kind: x}"), "{token: *******, kind: x}");
    EXPECT_EQ(masked("\"api_key\": \"a b\""), "\"api_key\": \"* *\"");
    EXPECT_EQ(masked("url: http://me:pass@host/p"), "url: http://*******@host/p");
}

RC_GTEST_PROP(MaskedProperty, NeverChangesTheLength, (const std::string& line)) {
    RC_ASSERT(masked(line).size() == line.size());
}

TEST(ListText, CutsLongLists) {
    constexpr std::array<std::string_view, 3> words{"a", "b", "c"};
    EXPECT_EQ(list_text(words), "a, b, c");
    EXPECT_EQ(list_text(words, 2), "a, b, ... and 1 more");
}

}  // namespace
}  // namespace evenkeel::config
