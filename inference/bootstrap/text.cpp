#include "inference/bootstrap/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <chrono>

namespace evenkeel::inference::bootstrap {

bool is_printable(std::string_view text) noexcept {
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

std::string shell_word(std::string_view text) {
    std::string word{"'"};
    for (const char c : text) {
        if (c == '\'') {
            word += R"('\'')";
        } else {
            word += c;
        }
    }
    word += '\'';
    return word;
}

std::string shell_array(std::string_view name, const std::vector<std::string>& words) {
    std::string out = fmt::format("{}=(\n", name);
    for (const std::string& word : words) {
        out += fmt::format("    {}\n", shell_word(word));
    }
    out += ")\n";
    return out;
}

std::string indented(std::string_view text, std::size_t indent) {
    std::string out;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        if (!line.empty()) {
            out.append(indent, ' ');
            out += line;
        }
        out += '\n';
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return out;
}

std::string utc_text(UtcTime time) {
    using namespace std::chrono;
    const auto seconds = floor<std::chrono::seconds>(time);
    const auto day = floor<days>(seconds);
    const year_month_day date{day};
    const hh_mm_ss clock{seconds - day};
    return fmt::format(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC",
        static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()),
        static_cast<unsigned>(date.day()),
        clock.hours().count(),
        clock.minutes().count(),
        clock.seconds().count());
}

std::optional<std::string> network_family(const std::string& text) {
    if (text.empty()) {
        return std::string{};
    }
    const std::size_t slash = text.find('/');
    const std::string address = text.substr(0, slash);
    std::array<unsigned char, 16> bytes{};
    const bool four = ::inet_pton(AF_INET, address.c_str(), bytes.data()) == 1;
    if (!four && ::inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1) {
        return std::nullopt;
    }
    if (slash != std::string::npos) {
        int length = 0;
        const char* first = text.data() + slash + 1;
        const char* last = text.data() + text.size();
        const auto parsed = std::from_chars(first, last, length);
        if (first == last || parsed.ec != std::errc{} || parsed.ptr != last || length < 0 ||
            length > (four ? 32 : 128)) {
            return std::nullopt;
        }
    }
    return std::string{four ? "4" : "6"};
}

}  // namespace evenkeel::inference::bootstrap
