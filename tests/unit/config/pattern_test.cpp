#include "policies/config/pattern.hpp"

#include <gtest/gtest.h>

#include <string>

namespace evenkeel::config::test {
namespace {

std::string problem(std::string_view pattern) {
    const auto compiled = Pattern::compile(pattern);
    return compiled ? "" : compiled.error().message;
}

TEST(Pattern, OccursAnywhereInTheText) {
    const auto word = Pattern::compile(R"((?i)\btranslate\b)");
    ASSERT_TRUE(word) << word.error().message;
    EXPECT_TRUE((*word)->occurs_in("please\nTranslate this"));
    EXPECT_FALSE((*word)->occurs_in("translated"));
    EXPECT_FALSE((*word)->occurs_in(""));
    const auto line = Pattern::compile("(?m)^ok$");
    EXPECT_TRUE((*line)->occurs_in("first\nok\nlast"));
    EXPECT_FALSE((*Pattern::compile("^ok$"))->occurs_in("first\nok\nlast"));
    EXPECT_TRUE((*Pattern::compile("^.$"))->occurs_in("\u00fc")) << "characters, not bytes";
}

TEST(Pattern, SaysWhatIsWrong) {
    EXPECT_EQ(problem("a(b"), "'a(b' is not a pattern: missing )");
    EXPECT_EQ(problem("(?<=a)b"), "'(?<=a)b' is not a pattern: invalid perl operator: (?<");
    EXPECT_EQ(problem(""), "a pattern has 1 to 256 bytes, this one 0");
    EXPECT_EQ(problem(std::string(257, 'a')), "a pattern has 1 to 256 bytes, this one 257");
    EXPECT_EQ(problem(std::string(256, 'a')), "");
    EXPECT_EQ(problem("a**"), "'a**' is not a pattern: bad repetition operator: **");
    for (const char* large : {"(?i)[\\pL\\pN]{900}", "(?:x?){400}x{400}y", "\\pL+"}) {
        EXPECT_EQ(
            problem(large),
            "the pattern '" + std::string{large} + "' is too large: more than 500 steps");
    }
}

/// A backtracking matcher would not come back from any of these.
TEST(Pattern, NoneIsSlow) {
    const std::string text = std::string(32 * 1024, 'x') + "z";
    for (const char* pattern : {"(x+x+)+y", "(x|x)*y", "(x*)*y", "(?:x?){100}x{100}y"}) {
        const auto compiled = Pattern::compile(pattern);
        ASSERT_TRUE(compiled) << compiled.error().message;
        EXPECT_FALSE((*compiled)->occurs_in(text)) << pattern;
    }
}

TEST(TextEnd, CutsBetweenCharacters) {
    EXPECT_EQ(text_end("abc", 3), "abc");
    EXPECT_EQ(text_end("abc", 2), "bc");
    EXPECT_EQ(text_end("\u00fcb", 2), "b") << "not half of a character";
    EXPECT_EQ(text_end("\u00fcb", 3), "\u00fcb");
    EXPECT_EQ(text_end("abc", 0), "");
}

}  // namespace
}  // namespace evenkeel::config::test
