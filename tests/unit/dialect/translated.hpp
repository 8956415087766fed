#pragma once

#include "inference/dialect/answer_stream.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

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

}  // namespace evenkeel::inference::dialect
