#include "policies/breakeven/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <set>
#include <utility>

namespace evenkeel::breakeven {

namespace {

/// Text columns that are carried through unread.
constexpr std::array<std::string_view, 2> remarks{"group", "note"};
constexpr std::string_view rate_column = "aud_per_usd";  ///< AUD for one USD

struct AnswerColumn {
    std::string_view name{};
    std::string (*text)(const Answer&){};
};

std::string fixed(const std::optional<Exact>& value) {
    return value ? to_fixed(*value) : std::string{};
}

constexpr std::array answer_columns{
    AnswerColumn{"status", [](const Answer& answer) { return answer.status; }},
    AnswerColumn{"expected", [](const Answer& answer) { return fixed(answer.expected); }},
    AnswerColumn{"expected_unit", [](const Answer& answer) { return answer.unit; }},
    AnswerColumn{"rent_monthly", [](const Answer& answer) { return fixed(answer.rent_monthly); }},
    AnswerColumn{"own_monthly", [](const Answer& answer) { return fixed(answer.own_monthly); }},
    AnswerColumn{"api_monthly", [](const Answer& answer) { return fixed(answer.api_monthly); }},
    AnswerColumn{"net_capex", [](const Answer& answer) { return fixed(answer.net_capex); }},
    AnswerColumn{"aux", [](const Answer& answer) { return fixed(answer.aux); }},
    AnswerColumn{"aux_unit", [](const Answer& answer) { return answer.aux_unit; }}};

std::unexpected<Error> at_line(std::size_t line, std::string_view what) {
    return fail(Errc::invalid_argument, fmt::format("line {}: {}", line, what));
}

struct Record {
    std::size_t line{0};
    std::vector<std::string> cells{};
};

/// RFC 4180: cells in quotes may hold commas, doubled quotes and line ends.
class Reader {
public:
    explicit Reader(std::string_view text) : text_{text} {}

    [[nodiscard]] bool done() const noexcept { return at_ >= text_.size(); }
    [[nodiscard]] Result<Record> record() {
        Record record{.line = line_};
        for (;;) {
            auto cell = next_is('"') ? quoted() : plain();
            if (!cell) {
                return std::unexpected{cell.error()};
            }
            record.cells.push_back(std::move(*cell));
            if (next_is(',')) {
                ++at_;
                continue;
            }
            if (next_is('\r')) {
                ++at_;
            }
            if (next_is('\n')) {
                ++at_;
                ++line_;
            }
            return record;
        }
    }

private:
    [[nodiscard]] bool next_is(char c) const noexcept {
        return at_ < text_.size() && text_[at_] == c;
    }
    [[nodiscard]] Result<std::string> plain() {
        const std::size_t end = std::min(text_.find_first_of(",\r\n", at_), text_.size());
        std::string cell{text_.substr(at_, end - at_)};
        at_ = end;
        if (cell.find('"') != std::string::npos) {
            return at_line(line_, "a quote inside a cell that does not begin with one");
        }
        return cell;
    }
    [[nodiscard]] Result<std::string> quoted() {
        std::string cell;
        const std::size_t began = line_;
        for (++at_; at_ < text_.size(); ++at_) {
            if (text_[at_] != '"') {
                line_ += text_[at_] == '\n' ? 1 : 0;
                cell += text_[at_];
            } else if (++at_; next_is('"')) {
                cell += '"';
            } else if (done() || text_.find_first_of(",\r\n", at_) == at_) {
                return cell;
            } else {
                return at_line(line_, "text after the closing quote of a cell");
            }
        }
        return at_line(began, "a quote that is never closed");
    }

    std::string_view text_;
    std::size_t at_{0};
    std::size_t line_{1};
};

template <class Rows, class Projection>
bool holds(const Rows& rows, std::string_view name, Projection projection) {
    return std::ranges::find(rows, name, projection) != rows.end();
}

const AnswerColumn* answer_column(std::string_view name) {
    const auto found = std::ranges::find(answer_columns, name, &AnswerColumn::name);
    return found == answer_columns.end() ? nullptr : &*found;
}

Result<void> check_header(const std::vector<std::string>& header) {
    std::set<std::string_view> seen;
    for (const std::string& name : header) {
        const bool known = name == "id" || name == "kind" || name == rate_column ||
                           holds(remarks, name, std::identity{}) ||
                           answer_column(name) != nullptr ||
                           holds(columns(), name, &Column::name) ||
                           holds(currency_columns(), name, &CurrencyColumn::name);
        if (!known) {
            return at_line(1, fmt::format("unknown column '{}'", name));
        }
        if (!seen.insert(name).second) {
            return at_line(1, fmt::format("column '{}' stands twice", name));
        }
    }
    if (!seen.contains("kind")) {
        return at_line(1, "there is no column 'kind'");
    }
    return {};
}

Result<void> read_cell(Terms& terms, const std::string& name, const std::string& cell) {
    const auto quantity = std::ranges::find(columns(), name, &Column::name);
    const auto currency = std::ranges::find(currency_columns(), name, &CurrencyColumn::name);
    if (currency != currency_columns().end()) {
        const auto code = Currency::parse(cell);
        if (!code) {
            return fail(Errc::invalid_argument, fmt::format("'{}' is no currency", cell));
        }
        terms.*(currency->field) = *code;
        return {};
    }
    if (quantity == columns().end() && name != rate_column) {
        return {};
    }
    const auto value = parse_exact(cell);
    if (!value) {
        return std::unexpected{value.error()};
    }
    if (*value < 0 && name != "amount") {
        return fail(Errc::invalid_argument, "a quantity below zero");
    }
    if (quantity != columns().end()) {
        terms.*(quantity->field) = *value;
    } else {
        terms.rates[{usd, aud}] = *value;
    }
    return {};
}

/// Figures may differ by half of the last printed place.
bool says_the_same(const std::string& written, const std::string& computed) {
    const auto a = parse_exact(written);
    const auto b = parse_exact(computed);
    return a && b ? abs(*a - *b) <= Exact{5, 1'000} : written == computed;
}

Result<Solved> solve_record(const std::vector<std::string>& header, Record record) {
    if (record.cells.size() != header.size()) {
        return at_line(
            record.line,
            fmt::format("{} cells, the header has {}", record.cells.size(), header.size()));
    }
    Solved solved{.line = record.line, .cells = std::move(record.cells)};
    Terms terms;
    std::optional<Kind> kind;
    for (std::size_t i = 0; i < header.size(); ++i) {
        const std::string& cell = solved.cells[i];
        if (header[i] == "id") {
            solved.id = cell;
        } else if (header[i] == "kind") {
            kind = kind_of(cell);
            if (!kind) {
                return at_line(solved.line, fmt::format("unknown kind '{}'", cell));
            }
        } else if (!cell.empty()) {
            if (const auto read = read_cell(terms, header[i], cell); !read) {
                return at_line(solved.line, fmt::format("{}: {}", header[i], read.error().message));
            }
        }
    }
    solved.kind = *kind;
    auto answer = solve(*kind, terms);
    if (!answer) {
        return at_line(solved.line, answer.error().message);
    }
    solved.answer = std::move(*answer);
    for (std::size_t i = 0; i < header.size(); ++i) {
        if (const AnswerColumn* column = answer_column(header[i])) {
            std::string text = column->text(solved.answer);
            std::string& cell = solved.cells[i];
            if (!cell.empty() && !says_the_same(cell, text)) {
                solved.differences.push_back(
                    fmt::format("{}: the file says '{}', it is '{}'", column->name, cell, text));
            }
            cell = std::move(text);
        }
    }
    return solved;
}

void write_line(std::string& out, const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const std::string& cell = cells[i];
        out += i == 0 ? "" : ",";
        if (cell.find_first_of(",\"\r\n") == std::string::npos) {
            out += cell;
            continue;
        }
        out += '"';
        for (const char c : cell) {
            out += c == '"' ? "\"\"" : std::string{c};
        }
        out += '"';
    }
    out += '\n';
}

}  // namespace

bool Table::agrees() const {
    return std::ranges::all_of(rows, [](const Solved& row) { return row.differences.empty(); });
}

Result<Table> solve_table(std::string_view csv) {
    if (csv.size() > table_bytes_max) {
        return fail(
            Errc::invalid_argument,
            fmt::format("a table has at most {} MiB", table_bytes_max / 1024 / 1024));
    }
    if (csv.starts_with("\xEF\xBB\xBF")) {
        csv.remove_prefix(3);
    }
    Reader reader{csv};
    Table table;
    if (reader.done()) {
        return at_line(1, "the table is empty");
    }
    auto header = reader.record();
    if (!header) {
        return std::unexpected{header.error()};
    }
    table.header = std::move(header->cells);
    if (const auto checked = check_header(table.header); !checked) {
        return std::unexpected{checked.error()};
    }
    while (!reader.done()) {
        auto record = reader.record();
        if (!record) {
            return std::unexpected{record.error()};
        }
        if (record->cells.size() == 1 && record->cells[0].empty()) {
            continue;  // an empty line
        }
        if (table.rows.size() == table_rows_max) {
            return at_line(
                record->line, fmt::format("a table has at most {} rows", table_rows_max));
        }
        auto solved = solve_record(table.header, std::move(*record));
        if (!solved) {
            return std::unexpected{solved.error()};
        }
        table.rows.push_back(std::move(*solved));
    }
    return table;
}

std::string to_csv(const Table& table) {
    std::string out;
    write_line(out, table.header);
    for (const Solved& row : table.rows) {
        write_line(out, row.cells);
    }
    return out;
}

}  // namespace evenkeel::breakeven
