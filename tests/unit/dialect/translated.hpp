#pragma once

#include "inference/dialect/answer_stream.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

/// What the tests of the translations share.
namespace evenkeel::inference::dialect {

inline boost::json::value json_of(std::string_view text) {
    boost::system::error_code code;
    auto value = boost::json::parse(text, code);
    EXPECT_FALSE(code) << text;
    return value;
}

/// Feeds `text` in pieces of `step` bytes; what passed, with `|` before the end mark.
inline std::string fed(AnswerStream& stream, const std::string& text, std::size_t step) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += step) {
        const std::string piece = text.substr(at, step);  // a copy: views must not outlive it
        const auto& pass = stream.feed(piece);
        for (const std::string_view part : pass.pieces) {
            out += part;
        }
        if (!pass.done.empty()) {
            out.append("|").append(pass.done);
        }
    }
    return out;
}

/// The data of each event, read; `[DONE]` as a string. The end mark's bar is passed over.
inline std::vector<boost::json::value> data_of(std::string_view text) {
    std::vector<boost::json::value> out;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.starts_with('|')) {
            line.remove_prefix(1);
        }
        if (line == "data: [DONE]") {
            out.emplace_back("[DONE]");
        } else if (line.starts_with("data: ")) {
            out.push_back(json_of(line.substr(6)));
        } else {
            EXPECT_TRUE(line.empty() || line == ":" || line.starts_with("event: ")) << line;
        }
    }
    return out;
}

/// One event of Anthropic's, with what stands beside its type.
inline std::string messages_event(std::string_view type, std::string_view members) {
    return std::string{"event: "}
        .append(type)
        .append("\ndata: {\"type\":\"")
        .append(type)
        .append("\"")
        .append(members)
        .append("}\n\n");
}

/// What the streams of these tests are billed at: 5 new tokens, 70 read from the cache, 20 written.
inline constexpr Usage billed{
    .prompt = 95, .cached = 70, .cache_write = 20, .completion = 9, .estimated = false};

/// Feeds `text` and then `more`, which nobody may see, in pieces of every size.
template <class Make>
void expect_at_every_split(
    Make make,
    const std::string& text,
    const std::string& more,
    const std::string& expected,
    std::int64_t events) {
    for (std::size_t step = 1; step <= text.size() + 1; ++step) {
        auto stream = make();
        EXPECT_EQ(fed(stream, text + more, step), expected) << "step " << step;
        EXPECT_TRUE(stream.done());
        EXPECT_FALSE(stream.error_seen());
        EXPECT_EQ(stream.events(), events);
        EXPECT_EQ(stream.usage(), billed);
    }
}

/// A request that cannot be translated, and the field to mend.
struct BadRequest {
    const char* name;
    std::string body;
    const char* param;
};
inline std::ostream& operator<<(std::ostream& out, const BadRequest& c) {
    return out << c.name;
}
template <class Translation>
void expect_refused(const Translation& out, const BadRequest& bad) {
    ASSERT_FALSE(out) << out->body;
    EXPECT_EQ(out.error().param, bad.param);
    EXPECT_FALSE(out.error().message.empty());
}

}  // namespace evenkeel::inference::dialect
