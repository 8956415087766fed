#pragma once

#include "policies/domain/error.hpp"
#include "policies/domain/money.hpp"
#include "policies/domain/time.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// How numbers look to people, and tables of them.
namespace evenkeel::report {

/// "A$4.30", "US$0.31", "EUR 1.20": rounded half-even.
[[nodiscard]] std::string money_text(Money amount, int decimals = 2);
/// "61,204".
[[nodiscard]] std::string count_text(std::int64_t number);
/// "850 ms", "14m 20s", "12d 4h": the two largest units.
[[nodiscard]] std::string duration_text(std::chrono::milliseconds time);
/// "2026-11-20 09:12" in UTC or local time.
[[nodiscard]] std::string time_text(UtcTime time, bool utc);
/// "2026-11-20 09:12:07".
[[nodiscard]] std::string moment_text(UtcTime time, bool utc);
/// `text` as one segment of a path, with everything but unreserved characters percent-encoded.
[[nodiscard]] std::string path_word(std::string_view text);
/// Columns a text takes on a terminal; UTF-8, one column a character.
[[nodiscard]] std::size_t width(std::string_view text) noexcept;

/// A table of text: columns as wide as their widest cell, two spaces between, no trailing spaces.
class Table {
public:
    enum class Align { left, right };  ///< numbers go to the right
    explicit Table(std::vector<std::pair<std::string, Align>> columns)
        : columns_{std::move(columns)} {}
    /// Precondition: as many cells as columns.
    void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
    [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
    [[nodiscard]] std::string text() const;
    /// Fields as RFC 4180 has them, lines that end as a terminal's do, a header line in lower case.
    /// What a spreadsheet would take for a formula gets an apostrophe; numbers on the right stay.
    [[nodiscard]] std::string csv() const;

private:
    std::vector<std::pair<std::string, Align>> columns_;
    std::vector<std::vector<std::string>> rows_{};
};

}  // namespace evenkeel::report
