#include "policies/config/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace evenkeel::config {
namespace {

constexpr std::size_t shown_chars_max = 60;
constexpr std::size_t distance_bytes_max = 64;
/// Beyond so many candidates a guess is neither cheap nor likely to be right.
constexpr std::size_t candidates_max = 256;
constexpr std::size_t random_chars_min = 32;
constexpr std::size_t after_prefix_min = 16;

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_letter(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_word(char c) noexcept {
    return is_digit(c) || is_letter(c) || c == '_' || c == '-' || c == '+' || c == '=';
}

/// One code point of valid UTF-8 and its length in bytes; malformed input gives one byte.
struct CodePoint {
    std::uint32_t value{0};
    std::size_t bytes{1};
};

CodePoint decode(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) {
        return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
    };
    const std::uint32_t lead = byte(0);
    const std::size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : 4;
    if (length == 1 || length > text.size()) {
        return {lead, 1};
    }
    std::uint32_t value = lead & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        value = value << 6 | (byte(i) & 0x3FU);
    }
    return {value, length};
}

/// Characters that move the cursor, hide or reorder text.
bool is_unprintable(std::uint32_t c) noexcept {
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200B && c <= 0x200F) ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

}  // namespace

std::string printable(std::string_view value) {
    if (looks_secret(value)) {
        return "(looks like a secret, not shown)";
    }
    std::string out;
    for (std::size_t shown = 0; !value.empty(); ++shown) {
        if (shown == shown_chars_max) {
            return out + "...";
        }
        const CodePoint c = decode(value);
        if (!is_unprintable(c.value)) {
            out += value.substr(0, c.bytes);
        } else if (c.value < 0x100) {
            out += fmt::format("\\x{:02x}", c.value);
        } else {
            out += fmt::format("\\u{:04x}", c.value);
        }
        value.remove_prefix(c.bytes);
    }
    return out;
}

std::string quote(std::string_view value) {
    return fmt::format("'{}'", printable(value));
}

bool looks_secret(std::string_view value) noexcept {
    if (value.find("-----BEGIN") != std::string_view::npos) {
        return true;
    }
    static constexpr std::array<std::string_view, 15> prefixes{
        "sk-",
        "sk_",
        "ek-",
        "rpa_",
        "dop_v1_",
        "doo_v1_",
        "hf_",
        "ghp_",
        "gho_",
        "AKIA",
        "xoxb-",
        "pk_",
        "github_pat_",
        "eyJ",
        "glpat-"};
    for (const std::string_view prefix : prefixes) {
        if (value.starts_with(prefix) && value.size() >= prefix.size() + after_prefix_min &&
            std::ranges::all_of(value, [](char c) { return is_word(c) || c == '.'; }) &&
            std::ranges::any_of(value.substr(prefix.size()), is_digit)) {
            return true;
        }
    }
    // A long unbroken word of letters and digits: names people choose have dots, spaces, or are
    // short; hashes of weights and images carry a "sha256:" in front and so a colon.
    if (value.size() < random_chars_min || !std::ranges::all_of(value, is_word)) {
        return false;
    }
    const auto digits = std::ranges::count_if(value, is_digit);
    const auto letters = std::ranges::count_if(value, is_letter);
    const auto breaks = static_cast<std::ptrdiff_t>(value.size()) - digits - letters;
    return digits >= 4 && letters >= 4 && breaks * 10 <= static_cast<std::ptrdiff_t>(value.size());
}

bool names_secret(std::string_view key) noexcept {
    static constexpr std::array<std::string_view, 12> names{
        "token",
        "api_key",
        "apikey",
        "api-key",
        "password",
        "passwd",
        "secret",
        "access_token",
        "bearer",
        "authorization",
        "private_key",
        "auth"};
    const auto same = [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
    };
    return std::ranges::any_of(
        names, [&](std::string_view name) { return std::ranges::equal(key, name, same); });
}

std::string masked(std::string_view line) {
    std::string out{line};
    bool hide_next = false;
    for (std::size_t i = 0; i < line.size();) {
        if (!is_word(line[i])) {
            // A value ends with its line or at the flow punctuation behind it.
            hide_next = hide_next && line[i] != ',' && line[i] != '}';
            ++i;
            continue;
        }
        std::size_t end = i;
        while (end < line.size() && (is_word(line[end]) || line[end] == '.')) {
            ++end;
        }
        const std::string_view word = line.substr(i, end - i);
        if (hide_next || looks_secret(word)) {
            std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(i), word.size(), '*');
        } else {
            const std::size_t colon = line.find_first_not_of(" \"'", end);
            hide_next = names_secret(word) && colon != std::string_view::npos && line[colon] == ':';
        }
        i = end;
    }
    // What stands between "://" and "@" is a password.
    for (std::size_t at = line.find("://"); at != std::string_view::npos;
         at = line.find("://", at + 3)) {
        const std::size_t end = line.find_first_of("@/ \"'", at + 3);
        if (end != std::string_view::npos && line[end] == '@') {
            std::fill(
                out.begin() + static_cast<std::ptrdiff_t>(at + 3),
                out.begin() + static_cast<std::ptrdiff_t>(end),
                '*');
        }
    }
    return out;
}

std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
    constexpr std::size_t far = std::string_view::npos;
    const std::size_t gap = std::max(a.size(), b.size()) - std::min(a.size(), b.size());
    if (a.size() > distance_bytes_max || b.size() > distance_bytes_max || gap > limit) {
        return far;
    }
    // Only the cells within `limit` of the diagonal can be on a path of that length; the others
    // count as `over`, which no minimum prefers.
    const std::size_t over = limit + 1;
    std::array<std::array<std::size_t, distance_bytes_max + 2>, 3> rows{};
    const auto row = [&](std::size_t i) -> auto& { return rows[i % 3]; };
    for (std::size_t j = 0; j <= b.size(); ++j) {
        row(0)[j] = std::min(j, over);
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        const std::size_t first = i > limit ? i - limit : 1;
        const std::size_t last = std::min(b.size(), limit < b.size() ? i + limit : b.size());
        row(i)[first - 1] = first == 1 ? std::min(i, over) : over;
        std::size_t least = row(i)[first - 1];
        for (std::size_t j = first; j <= last; ++j) {
            const std::size_t replaced = row(i - 1)[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            std::size_t best = std::min({row(i - 1)[j] + 1, row(i)[j - 1] + 1, replaced, over});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                best = std::min(best, row(i - 2)[j - 2] + 1);
            }
            row(i)[j] = best;
            least = std::min(least, best);
        }
        row(i)[last + 1] = over;
        if (least > limit) {
            return far;
        }
    }
    return row(a.size())[b.size()] > limit ? far : row(a.size())[b.size()];
}

std::string_view closest(std::string_view word, std::span<const std::string_view> candidates) {
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;  // one too far
    for (const std::string_view candidate :
         candidates.first(std::min(candidates.size(), candidates_max))) {
        const std::size_t distance = edit_distance(word, candidate, best_distance - 1);
        if (distance < best_distance && distance < std::max(word.size(), candidate.size())) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

std::string list_text(std::span<const std::string_view> words, std::size_t limit) {
    std::string out;
    for (std::size_t i = 0; i < words.size() && i < limit; ++i) {
        out += (i == 0 ? "" : ", ") + printable(words[i]);
    }
    if (words.size() > limit) {
        out += fmt::format(", ... and {} more", words.size() - limit);
    }
    return out;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(separator), text.size());
        parts.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

std::size_t char_count(std::string_view utf8) noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(
        utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace evenkeel::config
