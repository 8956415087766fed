#include "tests/bench/load_answer.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The measurements' own reader of answers: what it counts must not depend on how bytes arrive.
namespace evenkeel::bench {
namespace {

std::string stream_answer(bool done) {
    std::string out =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    append_chunk(out, ": a comment\n\n");
    append_chunk(out, "data: {\"delta\":{\"content\":\"0000000000000000017xx\"}}\n\ndata: {\"del");
    append_chunk(out, "ta\":{\"content\":\"0000000000000000018xx\"}}\n");
    append_chunk(out, "\ndata: {\"choices\":[],\"usage\":{}}\n\n");
    if (done) {
        append_chunk(out, "data: [DONE]\n");
        append_chunk(out, "\n");
    }
    return out + "0\r\n\r\n";
}

struct Read {
    LoadAnswer answer{};
    LoadAnswer::State state{LoadAnswer::State::more};
    std::vector<std::int64_t> due{};

    void feed(std::string_view bytes) {
        state = answer.feed(bytes, [this](std::int64_t at) { due.push_back(at); });
    }
};

TEST(LoadAnswer, CountsTheSameHoweverTheBytesArrive) {
    const std::string text = stream_answer(true);
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
        Read read;
        read.feed(std::string_view{text}.substr(0, cut));
        ASSERT_EQ(read.state, LoadAnswer::State::more) << cut;
        read.feed(std::string_view{text}.substr(cut));
        ASSERT_EQ(read.state, LoadAnswer::State::done) << cut;
        EXPECT_EQ(read.due, (std::vector<std::int64_t>{17, 18})) << cut;
        EXPECT_TRUE(read.answer.said_done()) << cut;
        EXPECT_TRUE(read.answer.events()) << cut;
    }
}

TEST(LoadAnswer, ByteByByte) {
    Read read;
    for (const char byte : stream_answer(true)) {
        ASSERT_EQ(read.state, LoadAnswer::State::more);
        read.feed({&byte, 1});
    }
    EXPECT_EQ(read.state, LoadAnswer::State::done);
    EXPECT_EQ(read.due, (std::vector<std::int64_t>{17, 18}));
    EXPECT_TRUE(read.answer.said_done());
}

TEST(LoadAnswer, AStreamWithoutItsEndIsSeen) {
    Read read;
    read.feed(stream_answer(false));
    EXPECT_EQ(read.state, LoadAnswer::State::done);
    EXPECT_FALSE(read.answer.said_done());
}

TEST(LoadAnswer, PlainAnswersAndWhatIsNone) {
    Read plain;
    plain.feed("HTTP/1.1 503 No\r\nContent-Length: 3\r\nConnection: close\r\n\r\nab");
    EXPECT_EQ(plain.state, LoadAnswer::State::more);
    plain.feed("c");
    EXPECT_EQ(plain.state, LoadAnswer::State::done);
    EXPECT_EQ(plain.answer.status(), 503);
    EXPECT_TRUE(plain.answer.closes());
    Read none;
    none.feed("SSH-2.0-OpenSSH\r\n\r\n");
    EXPECT_EQ(none.state, LoadAnswer::State::bad);
}

}  // namespace
}  // namespace evenkeel::bench
