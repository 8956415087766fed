#include "inference/http/chunk.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace evenkeel::inference::http {
namespace {

using State = ChunkScanner::State;

struct Decoded {
    State state{State::more};
    std::string payload{};
    std::size_t used{0};
    friend bool operator==(const Decoded&, const Decoded&) = default;
};

/// Decodes `bytes` given in pieces of at most `piece` bytes.
Decoded decode(std::string_view bytes, std::size_t piece) {
    ChunkScanner scanner;
    Decoded result;
    while (result.used < bytes.size() && scanner.state() == State::more) {
        const auto step = scanner.next(bytes.substr(result.used, piece));
        result.payload += step.payload;
        result.used += step.consumed;
    }
    result.state = scanner.state();
    EXPECT_EQ(scanner.payload_bytes(), result.payload.size());
    EXPECT_EQ(scanner.state() == State::bad, !scanner.why().empty());
    return result;
}

struct RawBody {
    const char* name;
    std::string bytes;
    State state;
    std::string payload;
};

void PrintTo(const RawBody& body, std::ostream* out) {
    *out << body.name;
}

class RawChunks : public testing::TestWithParam<RawBody> {};

TEST_P(RawChunks, AreReadInOneWay) {
    const RawBody& c = GetParam();
    const Decoded whole = decode(c.bytes, c.bytes.size());
    EXPECT_EQ(whole.state, c.state);
    EXPECT_EQ(decode(c.bytes, 1), whole);
    EXPECT_EQ(decode(c.bytes, 3), whole);
    if (c.state == State::done) {
        EXPECT_EQ(whole.payload, c.payload);
        EXPECT_EQ(whole.used, c.bytes.size());
    }
}

INSTANTIATE_TEST_SUITE_P(
    F63Chunks,
    RawChunks,
    testing::Values(
        RawBody{"Empty", "0\r\n\r\n", State::done, ""},
        RawBody{"One", "5\r\nhello\r\n0\r\n\r\n", State::done, "hello"},
        RawBody{"Two", "1\r\nh\r\n4\r\nello\r\n0\r\n\r\n", State::done, "hello"},
        RawBody{
            "HexBothCases",
            "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
            State::done,
            "01234567890123456789"},
        RawBody{"LeadingZeros", "0005\r\nhello\r\n000\r\n\r\n", State::done, "hello"},
        RawBody{"LineEndsInPayload", "4\r\n\r\n\r\n\r\n0\r\n\r\n", State::done, "\r\n\r\n"},
        RawBody{"Extension", "5;a=b\r\nhello\r\n0;c\r\n\r\n", State::done, "hello"},
        RawBody{"QuotedExtension", "5;a=\"b\"\r\nhello\r\n0\r\n\r\n", State::bad, ""},
        RawBody{"Trailer", "0\r\nX-Sum: 1\r\nY:\r\n\r\n", State::done, ""},
        RawBody{"Unended", "5\r\nhello\r\n0\r\n\r", State::more, ""},
        RawBody{"Cut", "5\r\nhel", State::more, ""},
        RawBody{"BareLfSize", "5\nhello\r\n0\r\n\r\n", State::bad, ""},
        RawBody{"BareLfData", "5\r\nhello\n0\r\n\r\n", State::bad, ""},
        RawBody{"BareCrSize", "5\rhello\r\n0\r\n\r\n", State::bad, ""},
        RawBody{"BareLfEnd", "0\r\n\n", State::bad, ""},
        RawBody{"BareLfTrailer", "0\r\nX: a\n\r\n", State::bad, ""},
        RawBody{"BareLfInExtension", "5;a\nhello\r\n0\r\n\r\n", State::bad, ""},
        RawBody{"BareCrInExtension", "5;a\rb\r\nhello\r\n0\r\n\r\n", State::bad, ""},
        RawBody{"TooMuchData", "4\r\nhello\r\n0\r\n\r\n", State::bad, ""},
        RawBody{"TooLittleData", "6\r\nhello\r\n0\r\n\r\n", State::bad, ""},
        RawBody{"NoSize", "\r\nhello", State::bad, ""},
        RawBody{"OnlyExtension", ";a\r\n", State::bad, ""},
        RawBody{"Plus", "+5\r\nhello\r\n0\r\n\r\n", State::bad, ""},
        RawBody{"Minus", "-5\r\nhello\r\n0\r\n\r\n", State::bad, ""},
        RawBody{"Prefix", "0x5\r\nhello\r\n0\r\n\r\n", State::bad, ""},
        RawBody{"Underscore", "1_0\r\nhello\r\n", State::bad, ""},
        RawBody{"SpaceBefore", " 5\r\nhello\r\n0\r\n\r\n", State::bad, ""},
        RawBody{"SpaceAfter", "5 \r\nhello\r\n0\r\n\r\n", State::bad, ""},
        RawBody{"SpaceBeforeExtension", "5 ;a\r\nhello\r\n0\r\n\r\n", State::bad, ""},
        RawBody{"Overflow", "10000000000000005\r\nhello\r\n0\r\n\r\n", State::bad, ""},
        RawBody{"ManyZeros", "0000000000000000005\r\nhello\r\n0\r\n\r\n", State::bad, ""},
        RawBody{"NulInSize", std::string("5\0\r\nhello", 9), State::bad, ""},
        RawBody{"NulInExtension", std::string("5;\0\r\nhello", 10), State::bad, ""},
        RawBody{"TrailerWithoutName", "0\r\n: a\r\n\r\n", State::bad, ""},
        RawBody{"TrailerSpaceBeforeColon", "0\r\nX : a\r\n\r\n", State::bad, ""},
        RawBody{"TrailerFolded", "0\r\nX: a\r\n b\r\n\r\n", State::bad, ""},
        RawBody{"RequestAsTrailer", "0\r\nGET / HTTP/1.1\r\n\r\n", State::bad, ""}),
    [](const auto& param) { return std::string{param.param.name}; });

TEST(F65, ExtensionsAndTrailersAreCut) {
    const std::string extension(10'000'000, 'x');
    const Decoded one = decode("5;" + extension + "\r\nhello\r\n0\r\n\r\n", 16 * 1024);
    EXPECT_EQ(one.state, State::bad);
    EXPECT_LE(one.used, ChunkScanner::extension_bytes_max + 3);

    const Decoded trailer = decode("0\r\nX: " + extension + "\r\n\r\n", 16 * 1024);
    EXPECT_EQ(trailer.state, State::bad);
    EXPECT_LE(trailer.used, ChunkScanner::overhead_bytes_max + 4);

    std::string many;
    for (int i = 0; i < 100'000; ++i) {
        many += "1;" + std::string(100, 'x') + "\r\na\r\n";
    }
    const Decoded spread = decode(many, many.size());
    EXPECT_EQ(spread.state, State::bad);
    EXPECT_LE(spread.used, ChunkScanner::overhead_bytes_max * 2);
}

TEST(HttpChunks, SkipStopsAtTheEndOfTheBody) {
    ChunkScanner scanner;
    EXPECT_EQ(scanner.skip("5\r\nhel"), 6u);
    EXPECT_EQ(scanner.skip("lo\r\n0\r\n\r\nHTTP/1.1 200 OK"), 9u);
    EXPECT_EQ(scanner.state(), State::done);
    EXPECT_EQ(scanner.payload_bytes(), 5u);
    EXPECT_EQ(scanner.skip("more"), 0u);
    scanner.reset();
    EXPECT_EQ(scanner.state(), State::more);
}

RC_GTEST_PROP(
    HttpChunksProperty,
    AnyChunkingDecodesToItsPayload,
    (const std::vector<std::string>& chunks, const std::string& behind)) {
    std::string bytes;
    std::string payload;
    for (const std::string& chunk : chunks) {
        if (!chunk.empty()) {
            bytes += fmt::format("{:x}\r\n{}\r\n", chunk.size(), chunk);
            payload += chunk;
        }
    }
    bytes += "0\r\n\r\n";
    const std::size_t piece = *rc::gen::inRange<std::size_t>(1, bytes.size() + 1);
    const Decoded decoded = decode(bytes + behind, piece);
    RC_ASSERT(decoded.state == State::done);
    RC_ASSERT(decoded.payload == payload);
    RC_ASSERT(decoded.used == bytes.size());
}

}  // namespace
}  // namespace evenkeel::inference::http
