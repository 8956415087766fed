#include "policies/config/scan.hpp"

#include "policies/config/load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace evenkeel::config {
namespace {

/// Room for a list or map around each value and for punctuation in texts and comments.
constexpr std::size_t structure_max = 4 * std::size_t{file_nodes_max};

unsigned byte_at(std::string_view text, std::size_t pos) noexcept {
    return pos < text.size() ? static_cast<unsigned char>(text[pos]) : 0U;
}

/// Length of the valid UTF-8 sequence at `pos` and its code point; length 0 when it is not valid
/// (too long, surrogate, beyond U+10FFFF, cut short).
struct Sequence {
    std::size_t length{0};
    std::uint32_t value{0};
};

Sequence sequence_at(std::string_view text, std::size_t pos) noexcept {
    const unsigned lead = byte_at(text, pos);
    if (lead < 0x80) {
        return {1, lead};
    }
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || pos + length > text.size()) {
        return {};
    }
    std::uint32_t value = lead & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        const unsigned next = byte_at(text, pos + i);
        if ((next & 0xC0U) != 0x80U) {
            return {};
        }
        value = value << 6 | (next & 0x3FU);
    }
    const bool too_long = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
    if (too_long || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) {
        return {};
    }
    return {length, value};
}

/// Control characters except tab and line ends, and those that hide or reorder text.
bool is_refused(std::uint32_t c, std::string_view text, std::size_t pos) noexcept {
    if (c == '\r') {
        return byte_at(text, pos + 1) != '\n';
    }
    return (c < 0x20 && c != '\t' && c != '\n') || (c >= 0x7F && c < 0xA0) || c == 0xFEFF ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

std::optional<ScanProblem> scan_bytes(std::string_view text) {
    for (std::size_t pos = 0; pos < text.size();) {
        const Sequence sequence = sequence_at(text, pos);
        if (sequence.length == 0) {
            return ScanProblem{
                .begin = pos,
                .end = pos + 1,
                .code = "EK-C008",
                .message = fmt::format(
                    "byte 0x{:02x} is not UTF-8; save the file as UTF-8", byte_at(text, pos)),
                .is_shown = false};
        }
        if (is_refused(sequence.value, text, pos)) {
            return ScanProblem{
                .begin = pos,
                .end = pos + sequence.length,
                .code = "EK-C008",
                .message = fmt::format(
                    "character U+{:04X} is invisible and may not stand here", sequence.value),
                .is_shown = false};
        }
        pos += sequence.length;
    }
    return std::nullopt;
}

/// First position after blanks; npos at the end of the line or text.
std::size_t content_of(std::string_view text, std::size_t begin) noexcept {
    const std::size_t pos = text.find_first_not_of(" \t\r", begin);
    return pos == std::string_view::npos || text[pos] == '\n' ? std::string_view::npos : pos;
}

std::size_t line_after(std::string_view text, std::size_t pos) noexcept {
    const std::size_t end = text.find('\n', pos);
    return end == std::string_view::npos ? text.size() : end + 1;
}

}  // namespace

std::string_view without_mark(std::string_view text) noexcept {
    return text.starts_with("\xEF\xBB\xBF") ? text.substr(3) : text;
}

std::optional<ScanProblem> scan(std::string_view text) {
    if (text.size() > file_bytes_max) {
        return ScanProblem{
            .code = "EK-C009",
            .message = fmt::format(
                "the file has {} bytes; at most {} are read", text.size(), file_bytes_max),
            .is_shown = false};
    }
    if (auto problem = scan_bytes(text)) {
        return problem;
    }
    bool has_content = false;
    std::size_t structure = 0;
    for (std::size_t begin = 0; begin < text.size(); begin = line_after(text, begin)) {
        const std::size_t pos = content_of(text, begin);
        if (pos == std::string_view::npos || text[pos] == '#') {
            continue;
        }
        if (!has_content && text[begin] == '%') {
            return ScanProblem{
                .begin = begin,
                .end = word_end(text, begin),
                .code = "EK-C007",
                .message = "a YAML directive; remove the line"};
        }
        const std::string_view line = text.substr(begin, line_after(text, begin) - begin);
        const bool is_marker =
            line.starts_with("---") && content_of(text, begin + 3) == std::string_view::npos;
        has_content = has_content || !is_marker;
        structure += static_cast<std::size_t>(std::ranges::count_if(
            line, [](char c) { return std::string_view{"[]{},:?!&*"}.contains(c); }));
        if (structure > structure_max) {
            return ScanProblem{
                .begin = pos,
                .end = pos + 1,
                .code = "EK-C009",
                .message = fmt::format("more than {} brackets, commas and colons", structure_max)};
        }
    }
    if (!has_content) {
        return ScanProblem{.code = "EK-C010", .message = "the file is empty", .is_shown = false};
    }
    return std::nullopt;
}

std::size_t first_tab_indent(std::string_view text) noexcept {
    for (std::size_t begin = 0; begin < text.size(); begin = line_after(text, begin)) {
        const std::size_t pos = content_of(text, begin);
        if (pos == std::string_view::npos || text[pos] == '#') {
            continue;
        }
        const std::size_t tab = text.substr(begin, pos - begin).find('\t');
        if (tab != std::string_view::npos) {
            return begin + tab;
        }
    }
    return std::string_view::npos;
}

Untabbed without_tabs(std::string_view text) {
    Untabbed out;
    out.text.reserve(text.size());
    std::size_t indent = 0;     // of the last line with content
    std::size_t inside = 0;     // where keys of the list entry begun on that line stand
    bool opens_deeper = false;  // that line ended with ':'
    for (std::size_t begin = 0; begin < text.size(); begin = line_after(text, begin)) {
        const std::string_view line = text.substr(begin, line_after(text, begin) - begin);
        const std::size_t pos = content_of(text, begin);
        out.shifts.push_back(0);
        if (pos == std::string_view::npos || text[pos] == '#') {
            out.text += line;
            continue;
        }
        const std::size_t blanks = pos - begin;
        if (line.substr(0, blanks).contains('\t')) {
            const std::size_t base = text[pos] == '-' ? indent : inside;
            const std::size_t meant = opens_deeper ? base + 2 : base;
            out.text.append(meant, ' ');
            out.text += line.substr(blanks);
            out.shifts.back() = static_cast<int>(blanks) - static_cast<int>(meant);
            indent = meant;
        } else {
            out.text += line;
            indent = blanks;
        }
        inside = indent + (text.substr(pos).starts_with("- ") ? 2 : 0);
        const std::size_t last = line.find_last_not_of(" \t\r\n");
        opens_deeper = last != std::string_view::npos && line[last] == ':';
    }
    return out;
}

std::size_t word_end(std::string_view text, std::size_t begin) noexcept {
    const std::size_t end = text.find_first_of(" \t\r\n,[]{}", std::min(begin, text.size()));
    return end == std::string_view::npos ? text.size() : std::max(end, begin + 1);
}

std::size_t token_end(std::string_view text, std::size_t begin, std::string_view value) noexcept {
    if (begin >= text.size()) {
        return text.size();
    }
    const char first = text[begin];
    if (first == '"' || first == '\'') {
        for (std::size_t pos = begin + 1; pos < text.size(); ++pos) {
            if (first == '"' && text[pos] == '\\') {
                ++pos;
            } else if (text[pos] == first) {
                if (first == '"' || byte_at(text, pos + 1) != '\'') {
                    return pos + 1;
                }
                ++pos;
            }
        }
        return std::string_view::npos;
    }
    if (std::string_view{"[]{}|>"}.contains(first)) {
        return begin + 1;
    }
    if (!value.empty() && text.substr(begin).starts_with(value)) {
        return begin + value.size();
    }
    const std::size_t line_end = std::min(text.find_first_of("\r\n", begin), text.size());
    std::string_view rest = text.substr(begin, line_end - begin);
    rest = rest.substr(0, rest.find(" #"));
    rest = rest.substr(0, rest.find_first_of(",]}"));
    const std::size_t last = rest.find_last_not_of(' ');
    return begin + (last == std::string_view::npos ? 1 : last + 1);
}

}  // namespace evenkeel::config
