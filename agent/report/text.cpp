#include "agent/report/text.hpp"

#include "agent/report/csv.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>

namespace evenkeel::report {

std::string money_text(Money amount, int decimals) {
    const std::string number = rounded_text(amount, decimals);
    const Currency currency = amount.currency();
    const std::string_view code = currency.text();  // looks into `currency`
    const bool negative = number.starts_with('-');
    const std::string plain = negative ? number.substr(1) : number;
    const char* sign = negative ? "-" : "";
    if (code == "AUD") {
        return fmt::format("{}A${}", sign, plain);
    }
    if (code == "USD") {
        return fmt::format("{}US${}", sign, plain);
    }
    return code.empty() ? number : fmt::format("{} {}", code, number);
}

std::string count_text(std::int64_t number) {
    std::string text = fmt::format("{}", number);
    const std::size_t first = number < 0 ? 1 : 0;
    for (std::size_t at = text.size(); at > first + 3;) {
        at -= 3;
        text.insert(at, ",");
    }
    return text;
}

std::string duration_text(std::chrono::milliseconds time) {
    const std::int64_t ms = std::max<std::int64_t>(time.count(), 0);
    if (ms < 1'000) {
        return fmt::format("{} ms", ms);
    }
    const std::int64_t s = ms / 1'000;
    if (s < 60) {
        return fmt::format("{}.{} s", s, ms % 1'000 / 100);
    }
    if (s < 3'600) {
        return fmt::format("{}m {:02}s", s / 60, s % 60);
    }
    if (s < 86'400) {
        return fmt::format("{}h {:02}m", s / 3'600, s % 3'600 / 60);
    }
    return fmt::format("{}d {:02}h", s / 86'400, s % 86'400 / 3'600);
}

std::string time_text(UtcTime time, bool utc) {
    const std::time_t seconds =
        std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
    const std::tm parts = utc ? fmt::gmtime(seconds) : fmt::localtime(seconds);
    return fmt::format("{:%Y-%m-%d %H:%M}{}", parts, utc ? " UTC" : "");
}

std::string moment_text(UtcTime time, bool utc) {
    const std::time_t seconds =
        std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
    const std::tm parts = utc ? fmt::gmtime(seconds) : fmt::localtime(seconds);
    return fmt::format("{:%Y-%m-%d %H:%M:%S}{}", parts, utc ? " UTC" : "");
}

std::string path_word(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || std::string_view{"-._~"}.contains(c);
        out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

std::size_t width(std::string_view text) noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string Table::text() const {
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        std::size_t widest = width(columns_[i].first);
        for (const auto& row : rows_) {
            widest = std::max(widest, width(row[i]));
        }
        widths.push_back(widest);
    }
    std::string out;
    const auto line = [&](const auto& cell) {
        std::string text;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            const std::string_view value = cell(i);
            const std::string pad(widths[i] - width(value), ' ');
            text += i == 0 ? "" : "  ";
            text += columns_[i].second == Align::right ? pad + std::string{value}
                                                       : std::string{value} + pad;
        }
        text.erase(text.find_last_not_of(' ') + 1);
        out += text + "\n";
    };
    line([&](std::size_t i) { return std::string_view{columns_[i].first}; });
    for (const auto& row : rows_) {
        line([&](std::size_t i) { return std::string_view{row[i]}; });
    }
    return out;
}

std::string Table::csv() const {
    std::string out;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        std::string name = columns_[i].first;
        std::ranges::transform(name, name.begin(), [](unsigned char c) {
            return c == ' ' ? '_' : static_cast<char>(std::tolower(c));
        });
        out += (i == 0 ? "" : ",") + csv_field(name);
    }
    out += "\n";
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            out += i == 0 ? "" : ",";
            out += columns_[i].second == Align::right ? csv_number(row[i]) : csv_field(row[i]);
        }
        out += "\n";
    }
    return out;
}

}  // namespace evenkeel::report
