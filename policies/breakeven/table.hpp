#pragma once

#include "policies/breakeven/formulas.hpp"

#include <string>
#include <string_view>
#include <vector>

/// Tables of break-even questions, for `evenkeel breakeven --table`: a header line with the names
/// of columns, then one question a line. Columns of the answer may stand in the file too; they are
/// computed anew and compared.
namespace evenkeel::breakeven {

inline constexpr std::size_t table_bytes_max = 16 * 1024 * 1024;
inline constexpr std::size_t table_rows_max = 20'000;

/// One line of the file, answered.
struct Solved {
    std::size_t line{0};               ///< of the file, from 1
    std::vector<std::string> cells{};  ///< as the file's header orders them, answers filled in
    std::string id{};
    Kind kind{Kind::buy_vs_rent};
    Answer answer{};
    /// Columns whose value in the file is another one: "expected: the file says 4.70, not 4.68".
    std::vector<std::string> differences{};
};

struct Table {
    std::vector<std::string> header{};
    std::vector<Solved> rows{};
    [[nodiscard]] bool agrees() const;
};

/// Errors: invalid_argument with the line: not CSV (RFC 4180), an unknown column or kind, a number
/// that is none, a question that lacks something, more than
/// `table_bytes_max`.
[[nodiscard]] Result<Table> solve_table(std::string_view csv);
/// The file again with every answer filled in, lines ended by "\n".
[[nodiscard]] std::string to_csv(const Table& table);

}  // namespace evenkeel::breakeven
