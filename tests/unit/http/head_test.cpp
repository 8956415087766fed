#include "inference/http/head.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace evenkeel::inference::http {
namespace {

/// Feeds `bytes` at once; 0 for a complete head, -1 for one that needs more, else the status.
int parse_at_once(std::string_view bytes, const Limits& limits = {}) {
    HeadParser parser{HeadParser::Kind::request};
    switch (parser.feed(bytes, limits)) {
        case Progress::complete:
            return 0;
        case Progress::need_more:
            return -1;
        case Progress::refused:
            EXPECT_FALSE(parser.refusal().sentence.empty());
            return parser.refusal().status;
    }
    return -2;
}

/// The same, one byte at a time, and moved in memory at every step.
int parse_byte_by_byte(std::string_view bytes, const Limits& limits = {}) {
    HeadParser parser{HeadParser::Kind::request};
    std::string held;
    Progress progress = Progress::need_more;
    for (std::size_t size = 1; size <= bytes.size() && progress == Progress::need_more; ++size) {
        held = std::string{bytes.substr(0, size)};
        held.shrink_to_fit();
        progress = parser.feed(held, limits);
    }
    if (progress == Progress::complete) {
        return 0;
    }
    return progress == Progress::need_more ? -1 : parser.refusal().status;
}

TEST(HttpHead, ReadsARequest) {
    const std::string bytes =
        "POST /v1/chat/completions?a=b%20c HTTP/1.1\r\n"
        "Host: [::1]:8080\r\n"
        "content-LENGTH: 12\r\n"
        "X-Empty:\r\n"
        "X-Tag: \t two words \t\r\n"
        "Expect: 100-Continue\r\n"
        "Connection: Upgrade, close\r\n"
        "Upgrade: websocket\r\n"
        "\r\nthe body";
    HeadParser parser{HeadParser::Kind::request};
    ASSERT_EQ(parser.feed(bytes, Limits{}), Progress::complete);
    const RequestHead& head = parser.request();
    EXPECT_EQ(bytes.substr(parser.size()), "the body");
    EXPECT_EQ(head.method, "POST");
    EXPECT_EQ(head.target, "/v1/chat/completions?a=b%20c");
    EXPECT_EQ(head.path, "/v1/chat/completions");
    EXPECT_EQ(head.query, "a=b%20c");
    EXPECT_EQ(head.content_length, 12u);
    EXPECT_FALSE(head.chunked);
    EXPECT_FALSE(head.keep_alive);
    EXPECT_TRUE(head.expect_continue);
    EXPECT_EQ(head.minor, 1);
    EXPECT_EQ(head.fields.size(), 7u);
    EXPECT_EQ(head.field("x-tag"), "two words");
    EXPECT_EQ(head.field("X-EMPTY"), "");
    EXPECT_EQ(head.field("absent"), "");
}

TEST(HttpHead, ViewsFollowAGrowingBuffer) {
    const std::string bytes = "GET /where?q=1 HTTP/1.1\r\nHost: a\r\nX-One: first\r\n\r\n";
    HeadParser parser{HeadParser::Kind::request};
    std::vector<std::unique_ptr<std::string>> buffers;  // all alive, so that none is reused
    Progress progress = Progress::need_more;
    for (std::size_t size = 1; size <= bytes.size(); ++size) {
        buffers.push_back(std::make_unique<std::string>(bytes.substr(0, size)));
        progress = parser.feed(*buffers.back(), Limits{});
    }
    ASSERT_EQ(progress, Progress::complete);
    const std::string& last = *buffers.back();
    for (const std::string_view view :
         {parser.request().method,
          parser.request().path,
          parser.request().query,
          parser.request().fields[1].name,
          parser.request().field("x-one")}) {
        EXPECT_GE(view.data(), last.data());
        EXPECT_LE(view.data() + view.size(), last.data() + last.size());
    }
    EXPECT_EQ(parser.request().path, "/where");
    EXPECT_EQ(parser.request().query, "q=1");
    EXPECT_EQ(parser.request().field("x-one"), "first");
}

TEST(HttpHead, KeepAliveFollowsTheVersion) {
    const auto keeps = [](std::string_view bytes) {
        HeadParser parser{HeadParser::Kind::request};
        EXPECT_EQ(parser.feed(bytes, Limits{}), Progress::complete);
        return parser.request().keep_alive;
    };
    EXPECT_TRUE(keeps("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nHost: a\r\nConnection: CLOSE\r\n\r\n"));
    EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
    EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
    EXPECT_FALSE(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n"));
}

struct RawHead {
    const char* name;
    std::string bytes;
    int status;  ///< 0: accepted
};

void PrintTo(const RawHead& head, std::ostream* out) {
    *out << head.name;
}

std::string with(std::string_view fields) {
    return fmt::format("POST / HTTP/1.1\r\nHost: a\r\n{}\r\n", fields);
}
std::string first(std::string_view line) {
    return fmt::format("{}\r\nHost: a\r\n\r\n", line);
}

class RawHeads : public testing::TestWithParam<RawHead> {};

TEST_P(RawHeads, AreReadInOneWay) {
    EXPECT_EQ(parse_at_once(GetParam().bytes), GetParam().status);
    EXPECT_EQ(parse_byte_by_byte(GetParam().bytes), GetParam().status);
}

const auto name_of = [](const auto& param) { return std::string{param.param.name}; };

INSTANTIATE_TEST_SUITE_P(
    F63Framing,
    RawHeads,
    testing::Values(
        RawHead{"Plain", with(""), 0},
        RawHead{"Length", with("Content-Length: 5\r\n"), 0},
        RawHead{"LengthZero", with("Content-Length: 0\r\n"), 0},
        RawHead{"Chunked", with("Transfer-Encoding: chunked\r\n"), 0},
        RawHead{
            "LengthAndChunked", with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400},
        RawHead{
            "ChunkedAndLength", with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400},
        RawHead{"TwoEqualLengths", with("Content-Length: 5\r\nContent-Length: 5\r\n"), 400},
        RawHead{"TwoLengths", with("Content-Length: 5\r\nContent-Length: 6\r\n"), 400},
        RawHead{"LengthList", with("Content-Length: 5, 5\r\n"), 400},
        RawHead{"LengthPlus", with("Content-Length: +5\r\n"), 400},
        RawHead{"LengthMinus", with("Content-Length: -5\r\n"), 400},
        RawHead{"LengthHex", with("Content-Length: 0x5\r\n"), 400},
        RawHead{"LengthOctal", with("Content-Length: 05\r\n"), 400},
        RawHead{"LengthSpace", with("Content-Length: 5 5\r\n"), 400},
        RawHead{"LengthEmpty", with("Content-Length:\r\n"), 400},
        RawHead{"LengthPoint", with("Content-Length: 5.0\r\n"), 400},
        RawHead{"LengthTooLarge", with("Content-Length: 18446744073709551621\r\n"), 400},
        RawHead{"LengthNul", with(std::string("Content-Length: 5\0\r\n", 20)), 400},
        RawHead{"BareLf", "POST / HTTP/1.1\nHost: a\n\n", 400},
        RawHead{"BareLfField", "POST / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400},
        RawHead{"BareLfEnd", "POST / HTTP/1.1\r\nHost: a\r\n\n", 400},
        RawHead{"BareCrInValue", with("X: a\rb\r\n"), 400},
        RawHead{"BareCrBeforeCrLf", with("X: a\r\r\n"), 400},
        RawHead{"BareCrInName", with("X\r: a\r\n"), 400},
        RawHead{"BareCrInTarget", first("GET /a\rb HTTP/1.1"), 400},
        RawHead{"CrCrLfLine", first("GET / HTTP/1.1\r"), 400},
        RawHead{"FoldSpace", with("X: a\r\n b\r\n"), 400},
        RawHead{"FoldTab", with("X: a\r\n\tb\r\n"), 400},
        RawHead{"FoldFirst", "POST / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
        RawHead{"SpaceBeforeColon", with("Content-Length : 5\r\n"), 400},
        RawHead{"TabBeforeColon", with("Content-Length\t: 5\r\n"), 400},
        RawHead{"SpaceInName", with("Content Length: 5\r\n"), 400},
        RawHead{"EmptyName", with(": 5\r\n"), 400},
        RawHead{"NoColon", with("Content-Length\r\n"), 400},
        RawHead{"NulInName", with(std::string("X\0: 5\r\n", 7)), 400},
        RawHead{"NulInValue", with(std::string("X: 5\0\r\n", 7)), 400},
        RawHead{"ControlInValue", with("X: \x01\r\n"), 400},
        RawHead{"DeleteInValue", with("X: \x7f\r\n"), 400},
        RawHead{"NonAsciiName", with("X\xc3\xa9: a\r\n"), 400},
        RawHead{"NonAsciiValue", with("X: \xc3\xa9\r\n"), 0},
        RawHead{"VerticalTabLength", with("Content-Length: \v5\r\n"), 400},
        RawHead{"LeadingCrLf", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        RawHead{"LeadingSpace", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        RawHead{"Unended", "GET / HTTP/1.1\r\nHost: a\r\n", -1},
        RawHead{"ConnectionWords", with("Connection: , close ,, Upgrade\r\n"), 0},
        RawHead{"ConnectionSpace", with("Connection: upgrade close\r\n"), 400},
        RawHead{"ExpectOther", with("Expect: 200-ok\r\n"), 417}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    F64TransferEncoding,
    RawHeads,
    testing::Values(
        RawHead{"Identity", with("Transfer-Encoding: identity\r\n"), 501},
        RawHead{"Gzip", with("Transfer-Encoding: gzip\r\n"), 501},
        RawHead{"GzipAndLength", with("Content-Length: 5\r\nTransfer-Encoding: gzip\r\n"), 501},
        RawHead{"Xchunked", with("Transfer-Encoding: xchunked\r\n"), 501},
        RawHead{"List", with("Transfer-Encoding: gzip, chunked\r\n"), 400},
        RawHead{"ListReversed", with("Transfer-Encoding: chunked, identity\r\n"), 400},
        RawHead{"Twice", with("Transfer-Encoding: chunked, chunked\r\n"), 400},
        RawHead{
            "TwoFields", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
        RawHead{
            "HiddenSecond", with("Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n"), 400},
        RawHead{"Capital", with("Transfer-Encoding: Chunked\r\n"), 400},
        RawHead{"Quoted", with("Transfer-Encoding: \"chunked\"\r\n"), 400},
        RawHead{"Parameter", with("Transfer-Encoding: chunked;q=1\r\n"), 400},
        RawHead{"TrailingComma", with("Transfer-Encoding: chunked,\r\n"), 400},
        RawHead{"LeadingComma", with("Transfer-Encoding: ,chunked\r\n"), 400},
        RawHead{"Empty", with("Transfer-Encoding:\r\n"), 400},
        RawHead{"VerticalTab", with("Transfer-Encoding: \vchunked\r\n"), 400},
        RawHead{"Nul", with(std::string("Transfer-Encoding: chunked\0\r\n", 29)), 400},
        RawHead{"SpaceBeforeColon", with("Transfer-Encoding : chunked\r\n"), 400},
        RawHead{"Folded", with("Transfer-Encoding:\r\n chunked\r\n"), 400},
        RawHead{"BareLfBefore", with("X: y\nTransfer-Encoding: chunked\r\n"), 400},
        RawHead{"Http10", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        RawHead{
            "Http10KeepAlive",
            "POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n"
            "Content-Length: 3\r\n\r\n",
            400}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    F69Paths,
    RawHeads,
    testing::Values(
        RawHead{"Root", first("GET / HTTP/1.1"), 0},
        RawHead{"Plain", first("GET /v1/models HTTP/1.1"), 0},
        RawHead{"TrailingSlash", first("GET /v1/ HTTP/1.1"), 0},
        RawHead{"DotsInName", first("GET /a..b/.c/d. HTTP/1.1"), 0},
        RawHead{"EscapedSpace", first("GET /a%20b HTTP/1.1"), 0},
        RawHead{"QueryDots", first("GET /a?x=../..//%2e%2f HTTP/1.1"), 0},
        RawHead{"DotDot", first("GET /../admin HTTP/1.1"), 400},
        RawHead{"DotDotInside", first("GET /v1/../admin HTTP/1.1"), 400},
        RawHead{"DotDotEnd", first("GET /v1/.. HTTP/1.1"), 400},
        RawHead{"DotDotQuery", first("GET /v1/..?x HTTP/1.1"), 400},
        RawHead{"Dot", first("GET /v1/./models HTTP/1.1"), 400},
        RawHead{"DoubleSlash", first("GET //v1 HTTP/1.1"), 400},
        RawHead{"DoubleSlashInside", first("GET /v1//models HTTP/1.1"), 400},
        RawHead{"EscapedDot", first("GET /%2e%2e/admin HTTP/1.1"), 400},
        RawHead{"EscapedDotCapital", first("GET /%2E%2E/admin HTTP/1.1"), 400},
        RawHead{"HalfEscapedDots", first("GET /.%2e/admin HTTP/1.1"), 400},
        RawHead{"EscapedSlash", first("GET /v1%2fmodels HTTP/1.1"), 400},
        RawHead{"EscapedSlashCapital", first("GET /v1%2Fmodels HTTP/1.1"), 400},
        RawHead{"EscapedBackslash", first("GET /v1%5cmodels HTTP/1.1"), 400},
        RawHead{"EscapedNul", first("GET /v1%00 HTTP/1.1"), 400},
        RawHead{"EscapedNulInQuery", first("GET /v1?a=%00 HTTP/1.1"), 400},
        RawHead{"EscapedNewline", first("GET /v1%0d%0aX:y HTTP/1.1"), 400},
        RawHead{"Backslash", first("GET /v1\\models HTTP/1.1"), 400},
        RawHead{"BadEscape", first("GET /v1%zz HTTP/1.1"), 400},
        RawHead{"ShortEscape", first("GET /v1%2 HTTP/1.1"), 400},
        RawHead{"BadEscapeInQuery", first("GET /v1?a=%g0 HTTP/1.1"), 400},
        RawHead{"Fragment", first("GET /v1#x HTTP/1.1"), 400},
        RawHead{"FragmentInQuery", first("GET /v1?a#x HTTP/1.1"), 400},
        RawHead{"NonAscii", first("GET /\xc3\xa9 HTTP/1.1"), 400},
        RawHead{"Absolute", first("GET http://169.254.169.254/latest HTTP/1.1"), 400},
        RawHead{"AbsoluteHttps", first("GET https://a/ HTTP/1.1"), 400},
        RawHead{"Authority", first("GET a:80 HTTP/1.1"), 400},
        RawHead{"Asterisk", first("OPTIONS * HTTP/1.1"), 400},
        RawHead{"Connect", first("CONNECT a:443 HTTP/1.1"), 405},
        RawHead{"Trace", first("TRACE / HTTP/1.1"), 405},
        RawHead{"LowerMethod", first("get / HTTP/1.1"), 400},
        RawHead{"OddMethod", first("GE,T / HTTP/1.1"), 400},
        RawHead{"LongMethod", first("ABCDEFGHIJKLMNOPQ / HTTP/1.1"), 400},
        RawHead{"UnknownMethod", first("PROPFIND / HTTP/1.1"), 0},
        RawHead{"TwoSpaces", first("GET  / HTTP/1.1"), 400},
        RawHead{"TabSeparated", first("GET\t/\tHTTP/1.1"), 400},
        RawHead{"TrailingSpace", first("GET / HTTP/1.1 "), 400},
        RawHead{"SpaceInTarget", first("GET /a b HTTP/1.1"), 400},
        RawHead{"Http09", "GET /\r\n", 400},
        RawHead{"Http12", first("GET / HTTP/1.2"), 505},
        RawHead{"Http2", first("GET / HTTP/2.0"), 505},
        RawHead{"Http2Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        RawHead{"LowerVersion", first("GET / http/1.1"), 400},
        RawHead{"ShortVersion", first("GET / HTTP/1"), 400},
        RawHead{"LongVersion", first("GET / HTTP/1.10"), 400},
        RawHead{"NoVersion", first("GET / FTP/1.1"), 400},
        RawHead{"Tls", std::string("\x16\x03\x01\x02", 4), 400},
        RawHead{"HostMissing", "GET / HTTP/1.1\r\n\r\n", 400},
        RawHead{"HostMissing10", "GET / HTTP/1.0\r\n\r\n", 0},
        RawHead{"HostTwice", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
        RawHead{"HostEmpty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
        RawHead{"HostList", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
        RawHead{"HostWithPath", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
        RawHead{"HostWithUser", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400}),
    name_of);

TEST(F67, HeadsBeyondTheLimitsAreRefused) {
    const Limits limits;
    std::string many;
    for (int i = 0; i < 10'000; ++i) {
        many += fmt::format("X-{}: 1\r\n", i);
    }
    EXPECT_EQ(parse_at_once(with(many)), 431);
    EXPECT_EQ(parse_byte_by_byte(with(many).substr(0, 4000)), 431);
    EXPECT_EQ(parse_at_once(with("X: " + std::string(100'000, 'a') + "\r\n")), 431);
    EXPECT_EQ(parse_at_once(first("GET /" + std::string(100'000, 'a') + " HTTP/1.1")), 414);
    EXPECT_EQ(parse_at_once("GET /" + std::string(100'000, 'a')), 414);
    EXPECT_EQ(parse_at_once("GET /" + std::string(limits.target_bytes, 'a')), -1);

    // To the byte: what just fits is read, one more is not.
    std::string fields;
    for (std::size_t i = 0; i + 1 < limits.fields; ++i) {
        fields += "X: 1\r\n";
    }
    EXPECT_EQ(parse_at_once(with(fields)), 0);
    EXPECT_EQ(parse_at_once(with(fields + "X: 1\r\n")), 431);
    const std::string frame = with("X: \r\n");
    const std::string fill(limits.header_bytes - frame.size(), 'a');
    EXPECT_EQ(parse_at_once(with("X: " + fill + "\r\n")), 0);
    EXPECT_EQ(parse_at_once(with("X: " + fill + "a\r\n")), 431);
    const std::string longest = "/" + std::string(limits.target_bytes - 1, 'a');
    EXPECT_EQ(parse_at_once(first("GET " + longest + " HTTP/1.1")), 0);
    EXPECT_EQ(parse_at_once(first("GET " + longest + "a HTTP/1.1")), 414);
}

TEST(HttpHead, ReadsAnAnswer) {
    const std::string bytes =
        "HTTP/1.1 200\r\nServer: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    HeadParser parser{HeadParser::Kind::response};
    ASSERT_EQ(parser.feed(bytes, Limits{}), Progress::complete);
    EXPECT_EQ(parser.response().status, 200);
    EXPECT_TRUE(parser.response().chunked);
    EXPECT_TRUE(parser.response().keep_alive);
    EXPECT_FALSE(parser.response().bodiless("GET"));
    EXPECT_TRUE(parser.response().bodiless("HEAD"));

    for (const char* bad :
         {"HTTP/2.0 200 OK\r\n\r\n",
          "HTTP/1.1 20 OK\r\n\r\n",
          "HTTP/1.1 2000 OK\r\n\r\n",
          "HTTP/1.1 200OK\r\n\r\n",
          "HTTP/1.1  200 OK\r\n\r\n",
          "HTTP/1.1 600 OK\r\n\r\n",
          "HTTP/1.1 200 O\x01K\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
        parser.reset();
        EXPECT_EQ(parser.feed(bad, Limits{}), Progress::refused) << bad;
    }
}

}  // namespace
}  // namespace evenkeel::inference::http
