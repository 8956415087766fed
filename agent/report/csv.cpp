#include "agent/report/csv.hpp"

#include <algorithm>

namespace evenkeel::report {

namespace {

bool is_digits(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// "12", "-1.5": nothing that a formula could hide in.
bool is_plain_number(std::string_view text) {
    text.remove_prefix(text.starts_with('-') ? 1 : 0);
    const std::size_t point = text.find('.');
    return is_digits(text.substr(0, point)) &&
           (point == std::string_view::npos || is_digits(text.substr(point + 1)));
}

}  // namespace

std::string csv_field(std::string_view text) {
    std::string field;
    if (!text.empty() && std::string_view{"=+-@\t\r"}.find(text[0]) != std::string_view::npos) {
        field = "'";
    }
    field += text;
    if (field.find_first_of(",\"\r\n") == std::string::npos) {
        return field;
    }
    std::string quoted = "\"";
    for (const char c : field) {
        quoted += c == '"' ? "\"\"" : std::string{c};
    }
    return quoted + "\"";
}

std::string csv_number(std::string_view text) {
    return is_plain_number(text) ? std::string{text} : csv_field(text);
}

}  // namespace evenkeel::report
