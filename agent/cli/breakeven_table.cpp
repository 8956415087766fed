#include "agent/cli/breakeven.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/text.hpp"
#include "policies/breakeven/table.hpp"
#include "policies/routing/near_names.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>

namespace evenkeel::cli {

namespace json = boost::json;

namespace {

/// At most one byte more than is allowed: the table itself says that it is too large.
Result<std::string> read_table(const std::filesystem::path& path) {
    errno = 0;
    std::ifstream file{path, std::ios::binary};
    std::string text(breakeven::table_bytes_max + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (file.gcount() == 0 && (!file.eof() || errno != 0)) {
        return fail(
            Errc::io_failed,
            fmt::format("cannot be read: {}", std::strerror(errno == 0 ? EIO : errno)));
    }
    text.resize(static_cast<std::size_t>(file.gcount()));
    return text;
}

json::value number(const std::optional<breakeven::Exact>& value) {
    return value ? json::value(breakeven::to_fixed(*value)) : json::value(nullptr);
}

std::string cell(const std::optional<breakeven::Exact>& value) {
    return value ? breakeven::to_fixed(*value) : "";
}

std::string table_json(const breakeven::Table& table) {
    json::array rows;
    for (const breakeven::Solved& row : table.rows) {
        json::array differences;
        for (const std::string& difference : row.differences) {
            differences.emplace_back(difference);
        }
        rows.emplace_back(json::object{
            {"id", row.id},
            {"line", row.line},
            {"kind", to_text(row.kind)},
            {"status", row.answer.status},
            {"expected", number(row.answer.expected)},
            {"unit", row.answer.unit},
            {"rent_monthly", number(row.answer.rent_monthly)},
            {"own_monthly", number(row.answer.own_monthly)},
            {"api_monthly", number(row.answer.api_monthly)},
            {"net_capex", number(row.answer.net_capex)},
            {"aux", number(row.answer.aux)},
            {"aux_unit", row.answer.aux_unit},
            {"differences", std::move(differences)}});
    }
    return json::serialize(json::object{
        {"schema", "evenkeel.breakeven-table/1"},
        {"agrees", table.agrees()},
        {"rows", std::move(rows)}});
}

std::string table_text(const breakeven::Table& table) {
    using enum Table::Align;
    Table out{
        {{"ID", left},
         {"QUESTION", left},
         {"STATUS", left},
         {"ANSWER", right},
         {"UNIT", left},
         {"RENT/MONTH", right},
         {"OWN/MONTH", right},
         {"API/MONTH", right}}};
    for (const breakeven::Solved& row : table.rows) {
        out.add(
            {row.id.empty() ? fmt::format("line {}", row.line) : routing::printable(row.id),
             std::string{to_text(row.kind)},
             row.answer.status,
             cell(row.answer.expected),
             row.answer.unit,
             cell(row.answer.rent_monthly),
             cell(row.answer.own_monthly),
             cell(row.answer.api_monthly)});
    }
    return out.text();
}

}  // namespace

int breakeven_table(const Globals& globals, const std::filesystem::path& file) {
    const auto text = read_table(file);
    const auto table = text ? breakeven::solve_table(*text)
                            : Result<breakeven::Table>{std::unexpected{text.error()}};
    if (!table) {
        std::cerr << fmt::format("evenkeel: {}: {}\n", file.string(), table.error().message);
        return Exit::failed;
    }
    if (globals.json) {
        std::cout << table_json(*table) << '\n';
    } else {
        std::cout << (globals.csv ? to_csv(*table) : table_text(*table));
    }
    for (const breakeven::Solved& row : table->rows) {
        for (const std::string& difference : row.differences) {
            std::cerr << fmt::format("{}:{}: {}\n", file.string(), row.line, difference);
        }
    }
    return table->agrees() ? Exit::done : Exit::failed;
}

}  // namespace evenkeel::cli
