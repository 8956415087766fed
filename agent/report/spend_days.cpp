#include "agent/report/spend_days.hpp"

#include "agent/report/days.hpp"
#include "agent/report/rates.hpp"
#include "agent/report/spend_lines.hpp"

#include <fmt/format.h>

#include <utility>

namespace evenkeel::report {

namespace {

/// Closes a day: its lines in the order of `report spend`.
void close(SpendDay& day, Lines& lines, SpendDays& spend) {
    for (auto& [key, line] : lines) {
        day.cost += line.cost;
        day.lines.push_back(
            {.kind = std::move(line.kind),
             .label = std::move(line.label),
             .synthetic = line.synthetic,
             .requests = line.requests,
             .cost = line.cost});
    }
    lines.clear();
    spend.total += day.cost;
    spend.days.push_back(std::move(day));
}

}  // namespace

Result<SpendDays> make_spend_days(ledger::Reader& reader, const SpendOptions& options) {
    if (options.by == SpendBy::tag || options.by == SpendBy::machine) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "days are not counted by {}: take source, model, key, route or provider",
                to_text(options.by)));
    }
    const auto snapshot = reader.snapshot();
    if (!snapshot) {
        return std::unexpected{snapshot.error()};
    }
    const auto days = days_between(options.since, options.until, options.now, options.zone);
    if (!days) {
        return std::unexpected{days.error()};
    }
    const auto rows =
        reader.spend_by_day(ledger::day_number(days->first), ledger::day_number(days->last));
    const auto stored_names = reader.names();
    if (!rows || !stored_names) {
        return std::unexpected{!rows ? rows.error() : stored_names.error()};
    }
    const Money nothing{0, options.currency};
    SpendDays spend{
        .first = days->first,
        .last = days->last,
        .currency = options.currency,
        .by = options.by,
        .total = nothing};
    const Names names = names_by_ix(*stored_names);
    Rates rates{reader, options.currency, options.rates};
    CellCosts costs{rates};
    Lines lines;
    for (std::size_t i = 0; i < rows->size(); ++i) {
        const ledger::SpendRow& row = (*rows)[i].cell;
        const auto cost = costs.of(row);
        if (!cost) {
            return std::unexpected{cost.error()};
        }
        const LineKey key = line_of(row, options.by, names);
        add(row,
            {*cost, nothing},
            line_at(lines, key, kind_of(row, options.by), options.currency));
        if (i + 1 == rows->size() || (*rows)[i + 1].day != (*rows)[i].day) {
            SpendDay day{.day = ledger::day_of((*rows)[i].day), .cost = nothing};
            close(day, lines, spend);
        }
    }
    spend.rates = rates.texts();
    return spend;
}

}  // namespace evenkeel::report
