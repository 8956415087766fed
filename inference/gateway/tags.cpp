#include "inference/gateway/tags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace evenkeel::inference {

namespace {

bool is_word(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool is_name(std::string_view text) noexcept {
    return !text.empty() && text.size() <= tag_name_bytes_max && is_word(text.front()) &&
           std::ranges::all_of(
               text, [](char c) { return is_word(c) || c == '.' || c == '_' || c == '-'; });
}

/// Printable ASCII: what a terminal, a CSV file and a page show as it is.
bool is_value(std::string_view text) noexcept {
    return !text.empty() && text.size() <= tag_value_bytes_max &&
           std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7F; });
}

std::string_view trimmed(std::string_view text) noexcept {
    constexpr std::string_view blanks = " \t";
    const std::size_t first = text.find_first_not_of(blanks);
    return first == std::string_view::npos
               ? std::string_view{}
               : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// What is wrong with it; empty: nothing.
std::string complaint(std::string_view tag) {
    const std::size_t equals = tag.find('=');
    if (equals == std::string_view::npos) {
        return "write name=value, such as team=search, and a comma between two of them";
    }
    if (!is_name(tag.substr(0, equals))) {
        return fmt::format(
            "its name must have 1 to {} letters, digits, '.', '_' or '-', the first a letter or a "
            "digit",
            tag_name_bytes_max);
    }
    if (!is_value(tag.substr(equals + 1))) {
        return fmt::format(
            "its value must have 1 to {} printable ASCII characters and no comma",
            tag_value_bytes_max);
    }
    return {};
}

}  // namespace

Result<std::string> read_tags(std::span<const http::Field> fields) {
    std::string text;
    std::array<std::string_view, tags_max> tags{};
    std::size_t count = 0;
    for (const http::Field& field : fields) {
        if (!http::iequals(field.name, tag_header)) {
            continue;
        }
        std::string_view rest = field.value;
        while (!rest.empty()) {
            const std::size_t comma = rest.find(',');
            const std::string_view tag = trimmed(rest.substr(0, comma));
            rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
            const auto end = tags.begin() + static_cast<std::ptrdiff_t>(count);
            if (tag.empty() || std::find(tags.begin(), end, tag) != end) {
                continue;
            }
            if (count == tags_max) {
                return fail(
                    Errc::invalid_argument,
                    fmt::format(
                        "A request takes at most {} {}: leave some out.", tags_max, tag_header));
            }
            if (const std::string wrong = complaint(tag); !wrong.empty()) {
                return fail(
                    Errc::invalid_argument,
                    fmt::format("Tag {} of {} is none: {}.", count + 1, tag_header, wrong));
            }
            tags[count++] = tag;
            text.append(text.empty() ? "" : ",").append(tag);
        }
    }
    return text;
}

}  // namespace evenkeel::inference
