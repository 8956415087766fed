#include "policies/config/text.hpp"
#include "policies/config/tree.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace evenkeel::config {
namespace {

constexpr std::size_t block_bytes = 64;
/// Longest part of a line that a finding shows, and how much of it stands before the token.
constexpr std::size_t excerpt_chars_max = 140;
constexpr std::size_t excerpt_before_max = 70;

bool is_continuation(char c) noexcept {
    return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

/// The byte offset of character `chars` in `text`, or its end.
std::size_t byte_of(std::string_view text, std::size_t chars) noexcept {
    std::size_t pos = 0;
    while (chars > 0 && pos < text.size()) {
        ++pos;
        while (pos < text.size() && is_continuation(text[pos])) {
            ++pos;
        }
        --chars;
    }
    return pos;
}

struct Excerpt {
    std::string text{};
    int col{1};
};

/// The part of a line around character `col`, masked. A word that the cut would split is left out,
/// so that half a secret cannot pass for a word.
Excerpt excerpt(const Lines& lines, int number, int col) {
    const std::string_view line = lines.line(number);
    const auto before = static_cast<std::size_t>(std::max(col - 1, 0));
    std::size_t first = before > excerpt_before_max ? before - excerpt_before_max : 0;
    std::size_t begin = lines.byte_of(number, first);
    const auto is_break = [](char c) { return std::string_view{" ,{}[]:\"'"}.contains(c); };
    while (first > 0 && first < before && !is_break(line[begin - 1])) {
        begin += byte_of(line.substr(begin), 1);
        ++first;
    }
    std::size_t length = byte_of(line.substr(begin), excerpt_chars_max);
    while (begin + length < line.size() && length > 0 && !is_break(line[begin + length])) {
        --length;
    }
    const std::string_view part = line.substr(begin, length);
    Excerpt out{.text = {}, .col = static_cast<int>(before - first) + 1};
    if (first > 0) {
        out.text = "...";
        out.col += 3;
    }
    out.text += masked(part);
    if (begin + length < line.size()) {
        out.text += "...";
    }
    std::ranges::replace(out.text, '\t', ' ');
    while (out.text.ends_with('\r') || out.text.ends_with(' ')) {
        out.text.pop_back();
    }
    return out;
}

}  // namespace

Lines::Lines(std::string_view text, std::vector<int> shifts)
    : text_{text}, shifts_{std::move(shifts)} {
    starts_.push_back(0);
    std::size_t chars = 0;
    for (std::size_t pos = 0; pos < text.size(); ++pos) {
        if (pos % block_bytes == 0) {
            block_chars_.push_back(chars);
        }
        chars += is_continuation(text[pos]) ? 0 : 1;
        if (text[pos] == '\n') {
            starts_.push_back(pos + 1);
        }
    }
    if (text.size() % block_bytes == 0) {
        block_chars_.push_back(chars);
    }
}

std::size_t Lines::chars_before(std::size_t pos) const noexcept {
    const std::size_t block = pos / block_bytes;
    return block_chars_[block] +
           char_count(text_.substr(block * block_bytes, pos - block * block_bytes));
}

std::size_t Lines::byte_of(int number, std::size_t chars) const noexcept {
    const std::string_view whole = line(number);
    const auto start = static_cast<std::size_t>(whole.data() - text_.data());
    const std::size_t target = chars_before(start) + chars;
    const auto next = std::ranges::upper_bound(block_chars_, target);
    const auto block = static_cast<std::size_t>(next - block_chars_.begin()) - 1;
    std::size_t pos = std::max(block * block_bytes, start);
    pos += config::byte_of(text_.substr(pos), target - chars_before(pos));
    return std::min(pos - start, whole.size());
}

Spot Lines::spot(std::size_t begin, std::size_t end) const noexcept {
    begin = std::min(begin, text_.size());
    const auto next = std::ranges::upper_bound(starts_, begin);
    const auto index = static_cast<std::size_t>(next - starts_.begin()) - 1;
    const std::size_t line_end = next == starts_.end() ? text_.size() : *next - 1;
    end = std::clamp(end, begin, std::max(begin, line_end));
    const std::size_t first = chars_before(begin);
    const int shift = index < shifts_.size() ? shifts_[index] : 0;
    const int col = std::max(static_cast<int>(first - chars_before(starts_[index])) + 1 + shift, 1);
    const int width = std::max(static_cast<int>(chars_before(end) - first), 1);
    return {.line = static_cast<int>(index) + 1, .col = col, .end_col = col + width};
}

std::string_view Lines::line(int number) const noexcept {
    const auto index = static_cast<std::size_t>(number - 1);
    if (number < 1 || index >= starts_.size()) {
        return text_.substr(text_.size());
    }
    const std::size_t end = index + 1 < starts_.size() ? starts_[index + 1] - 1 : text_.size();
    return text_.substr(starts_[index], end - starts_[index]);
}

Diagnostic Document::finding(
    const Spot& spot, std::string_view code, std::string message, bool is_seen) const {
    Diagnostic out;
    out.file = path_;
    out.line = spot.line;
    out.col = spot.col;
    out.end_col = spot.end_col;
    out.code = code;
    out.severity = code.starts_with("EK-W") ? Severity::warning : Severity::error;
    out.message = std::move(message);
    if (!is_seen) {
        return out;
    }
    Excerpt part = excerpt(lines_, spot.line, spot.col);
    out.source = std::move(part.text);
    out.source_col = part.col;
    return out;
}

Diagnostic& Findings::add(Diagnostic diagnostic) {
    errors_ += diagnostic.severity == Severity::error ? 1 : 0;
    if (is_full()) {
        scratch_ = std::move(diagnostic);
        return scratch_;
    }
    return all_.emplace_back(std::move(diagnostic));
}

std::vector<Diagnostic> Findings::take() {
    std::ranges::sort(all_, [](const Diagnostic& a, const Diagnostic& b) {
        return std::tie(a.file, a.line, a.col, a.code, a.message) <
               std::tie(b.file, b.line, b.col, b.code, b.message);
    });
    return std::move(all_);
}

}  // namespace evenkeel::config
