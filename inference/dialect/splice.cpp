#include "inference/dialect/json_reader.hpp"
#include "inference/dialect/scan.hpp"

#include <fmt/format.h>

#include <utility>

namespace evenkeel::inference::dialect {

Splice splice(
    std::string_view body,
    const RequestScan& scan,
    std::string_view quoted_model,
    bool with_usage) {
    /// One change: the bytes of `where` give way to `text`.
    struct Change {
        Span where{};
        std::string_view text{};
    };
    std::array<Change, 2> changes{Change{scan.model_value, quoted_model}};
    std::size_t count = 1;
    if (with_usage && !scan.include_usage) {
        Change& change = changes[count++];
        if (scan.include_usage_value) {
            change = {*scan.include_usage_value, "true"};
        } else if (!scan.stream_options) {
            change = {
                {scan.object_begin, scan.object_begin},
                R"("stream_options":{"include_usage":true},)"};
        } else if (!scan.stream_options_object) {
            change = {*scan.stream_options, R"({"include_usage":true})"};
        } else {
            const std::size_t inside = scan.stream_options->begin + 1;
            change = {
                {inside, inside},
                scan.stream_options_empty ? R"("include_usage":true)" : R"("include_usage":true,)"};
        }
        if (changes[1].where.begin < changes[0].where.begin) {
            std::swap(changes[0], changes[1]);
        }
    }
    Splice out;
    std::size_t from = 0;
    const auto add = [&out](std::string_view piece) {
        out.pieces[out.count++] = piece;
        out.bytes += piece.size();
    };
    for (std::size_t i = 0; i < count; ++i) {
        add(body.substr(from, changes[i].where.begin - from));
        add(changes[i].text);
        from = changes[i].where.end;
    }
    add(body.substr(from));
    return out;
}

void append_json_string(std::string& out, std::string_view text) {
    out.push_back('"');
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (byte < 0x20 || byte == 0x7F) {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
        } else if (byte < 0x80) {
            out.push_back(c);
        } else if (const std::size_t length = utf8_sequence(text.substr(i)); length > 0) {
            out.append(text, i, length);
            i += length - 1;
        } else {
            out.append("\xEF\xBF\xBD");
        }
    }
    out.push_back('"');
}

std::string json_string(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 2);
    append_json_string(out, text);
    return out;
}

}  // namespace evenkeel::inference::dialect
