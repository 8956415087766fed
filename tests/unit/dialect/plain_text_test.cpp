#include "inference/dialect/plain_text.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace evenkeel::inference::dialect {
namespace {

struct Stop {
    std::size_t at{0};
    std::size_t escapes{0};
};

/// Byte by byte: where the passing must end at the latest.
Stop by_bytes(std::string_view text, std::size_t at) {
    Stop stop{.at = at};
    while (stop.at < text.size()) {
        const char c = text[stop.at];
        if (c == '\\' && stop.at + 1 < text.size() && is_short_escape(text[stop.at + 1])) {
            ++stop.escapes;
            stop.at += 2;
        } else if (static_cast<signed char>(c) < ' ' || c == '"' || c == '\\') {
            break;
        } else {
            ++stop.at;
        }
    }
    return stop;
}

/// Goes on where the way under test stopped early, as its caller does.
Stop to_the_end(PlainUntil way, std::string_view text, std::size_t at) {
    Stop stop{.at = at};
    for (;;) {
        const std::size_t before = stop.at;
        stop.at = way(text, stop.at, stop.escapes);
        const Stop one_more = by_bytes(text.substr(0, std::min(text.size(), stop.at + 1)), stop.at);
        const Stop escape = by_bytes(text.substr(0, std::min(text.size(), stop.at + 2)), stop.at);
        if (escape.escapes == 1) {
            ++stop.escapes;
            stop.at += 2;
        } else if (one_more.at > stop.at) {
            stop.at = one_more.at;
        } else {
            return stop;
        }
        EXPECT_GT(stop.at, before);
    }
}

void expect_alike(std::string_view text, std::size_t at) {
    const Stop wanted = by_bytes(text, at);
    ASSERT_FALSE(plain_untils().empty());
    for (std::size_t i = 0; i < plain_untils().size(); ++i) {
        const Stop got = to_the_end(plain_untils()[i], text, at);
        EXPECT_EQ(got.at, wanted.at) << "way " << i << " of '" << text << "' from " << at;
        EXPECT_EQ(got.escapes, wanted.escapes) << "way " << i << " of '" << text << "'";
    }
}

TEST(PlainText, EveryByteAfterABackslashAtEveryPlaceOfABlock) {
    for (std::size_t place = 0; place < 130; ++place) {
        for (int byte = 0; byte < 256; ++byte) {
            std::string text(200, 'x');
            text[place] = '\\';
            text[place + 1] = static_cast<char>(byte);
            expect_alike(text, 0);
        }
    }
}

TEST(PlainText, EveryByteEndsItOrDoesNot) {
    for (std::size_t place = 0; place < 130; ++place) {
        for (int byte = 0; byte < 256; ++byte) {
            std::string text(200, 'x');
            text[place] = static_cast<char>(byte);
            expect_alike(text, 0);
        }
    }
}

TEST(PlainText, RunsOfBackslashesOverTheBordersOfBlocks) {
    for (std::size_t begin = 0; begin < 130; ++begin) {
        for (std::size_t count = 1; count < 70; ++count) {
            for (const char after : {'n', '"', 'u', 'x'}) {
                std::string text(begin, 'x');
                text.append(count, '\\');
                text += after;
                text += "and so on\" more";
                text.append(64, 'y');
                expect_alike(text, 0);
            }
        }
    }
}

RC_GTEST_PROP(PlainText, AllWaysStopAtTheSamePlace, ()) {
    const auto text = *rc::gen::container<std::string>(rc::gen::weightedOneOf<char>(
        {{40, rc::gen::inRange<char>(' ', '~')},
         {12, rc::gen::just('\\')},
         {6, rc::gen::elementOf(std::string{"nrtbf/u"})},
         {1, rc::gen::just('"')},
         {1, rc::gen::arbitrary<char>()}}));
    const std::string long_text = text + text + text + text;
    expect_alike(long_text, 0);
    RC_ASSERT(!::testing::Test::HasFailure());
}

}  // namespace
}  // namespace evenkeel::inference::dialect
