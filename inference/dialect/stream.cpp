#include "inference/dialect/stream.hpp"

#include "inference/dialect/scan.hpp"

namespace evenkeel::inference::dialect {

namespace {

std::string_view skip_space(std::string_view text) noexcept {
    const std::size_t from = text.find_first_not_of(" \t");
    return from == std::string_view::npos ? std::string_view{} : text.substr(from);
}

/// `{"error": ...` with anything but null: how engines report a failure in mid-stream.
bool is_error(std::string_view data) noexcept {
    if (!data.starts_with('{')) {
        return false;
    }
    std::string_view rest = skip_space(data.substr(1));
    constexpr std::string_view key = R"("error")";
    if (!rest.starts_with(key)) {
        return false;
    }
    rest = skip_space(rest.substr(key.size()));
    return rest.starts_with(':') && !skip_space(rest.substr(1)).starts_with("null");
}

/// Contains `"usage"`. Looked for from its first letter: that is rare, quotes are not.
bool names_usage(std::string_view data) noexcept {
    constexpr std::string_view rest = R"(usage")";
    for (std::size_t at = data.find(rest); at != std::string_view::npos;
         at = data.find(rest, at + 1)) {
        if (at > 0 && data[at - 1] == '"') {
            return true;
        }
    }
    return false;
}

}  // namespace

EventStream::Line EventStream::data_line(std::string_view /*name*/, std::string_view data) {
    if (data == "[DONE]") {
        return Line::done;
    }
    if (is_error(data)) {
        error_ = true;
        return Line::plain;
    }
    if (names_usage(data)) {
        const auto scan = scan_answer(data);
        if (scan && scan->usage) {
            usage_ = scan->usage;
            if (scan->choices_empty) {
                return drop_usage_ ? Line::drop : Line::plain;
            }
        }
    }
    ++events_;
    return Line::plain;
}

}  // namespace evenkeel::inference::dialect
