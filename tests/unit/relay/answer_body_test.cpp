#include "inference/relay/answer_body.hpp"

#include <gtest/gtest.h>

#include <string>

namespace evenkeel::inference::relay {
namespace {

http::ResponseHead head(std::optional<std::uint64_t> length, bool chunked) {
    return {.status = 200, .content_length = length, .chunked = chunked};
}

/// Feeds `wire` in pieces of `step`; the content that came out.
std::string content(AnswerBody& body, std::string wire, std::size_t step) {
    std::string out;
    for (std::size_t at = 0; at < wire.size(); at += step) {
        std::string piece = wire.substr(at, step);
        out += body.take(piece);
    }
    return out;
}

TEST(AnswerBody, ChunksAtEverySplit) {
    const std::string wire = "3\r\nabc\r\n5;x=1\r\ndefgh\r\n1\r\ni\r\n0\r\nT: 1\r\n\r\n";
    for (std::size_t step = 1; step <= wire.size(); ++step) {
        AnswerBody body{head({}, true)};
        EXPECT_EQ(content(body, wire, step), "abcdefghi") << step;
        EXPECT_EQ(body.state(), AnswerBody::State::done);
        EXPECT_TRUE(body.reusable());
    }
}

TEST(AnswerBody, BrokenOrCutChunks) {
    for (const std::string wire : {"zz\r\n", "3\r\nabcX", "3\nabc"}) {
        AnswerBody body{head({}, true)};
        (void)content(body, wire, 1);
        EXPECT_EQ(body.state(), AnswerBody::State::bad) << wire;
        EXPECT_FALSE(body.reusable());
    }
    AnswerBody cut{head({}, true)};
    EXPECT_EQ(content(cut, "5\r\nabc", 2), "abc");
    cut.closed();
    EXPECT_EQ(cut.state(), AnswerBody::State::bad);
}

TEST(AnswerBody, LengthAndExcess) {
    AnswerBody body{head(4, false)};
    EXPECT_EQ(content(body, "ab", 1), "ab");
    EXPECT_EQ(body.state(), AnswerBody::State::more);
    EXPECT_EQ(content(body, "cdHTTP/1.1 200", 100), "cd");
    EXPECT_EQ(body.state(), AnswerBody::State::done);
    EXPECT_FALSE(body.reusable()) << "bytes nobody asked for: never another request's answer";
    AnswerBody none{head(0, false)};
    EXPECT_EQ(none.state(), AnswerBody::State::done);
    EXPECT_TRUE(none.reusable());
    AnswerBody cut{head(4, false)};
    (void)content(cut, "ab", 1);
    cut.closed();
    EXPECT_EQ(cut.state(), AnswerBody::State::bad);
}

TEST(AnswerBody, UntilClose) {
    AnswerBody body{head({}, false)};
    EXPECT_EQ(content(body, "abc", 2), "abc");
    EXPECT_EQ(body.state(), AnswerBody::State::more);
    body.closed();
    EXPECT_EQ(body.state(), AnswerBody::State::done);
    EXPECT_FALSE(body.reusable());
}

}  // namespace
}  // namespace evenkeel::inference::relay
