#include "agent/report/spend_lines.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

/// `report spend --by machine`.
namespace evenkeel::report {

namespace {

constexpr int rented = static_cast<int>(SourceKind::rental);
constexpr std::string_view rented_word = to_text(SourceKind::rental);

}  // namespace

Result<MachineLines> MachineLines::read(
    ledger::Reader& reader,
    const Days& days,
    const Names& names,
    const std::map<std::string, std::string>& hardware_of) {
    MachineLines lines;
    lines.names_ = names;
    const std::int64_t first = ledger::day_number(days.first);
    const std::int64_t last = ledger::day_number(days.last);
    auto money = reader.machine_money(first, last);
    auto machines = reader.machines(UtcTime{});
    const auto energy = reader.energy(first, last);
    if (!money || !machines || !energy) {
        return std::unexpected{
            !money ? money.error() : !machines ? machines.error() : energy.error()};
    }
    lines.money_ = *std::move(money);
    lines.machines_ = *std::move(machines);
    for (const auto& [ix, name] : names) {
        if (const auto found = hardware_of.find(name); found != hardware_of.end()) {
            lines.hardware_[ix] = found->second;
        }
    }
    for (const ledger::EnergyRow& row : *energy) {
        lines.hardware_.emplace(row.source, row.hardware);
    }
    // Of a slot's name: who had it while money of that time was booked, or lived in it.
    const auto day_of = [](UtcTime at) { return ledger::day_number(ledger::Zone{}, at); };
    constexpr std::int64_t zone_slack = 1;  // days here are those of the books, not UTC
    for (const ledger::MachineView& machine : lines.machines_) {
        const bool paid = std::ranges::any_of(
            lines.money_, [&](const auto& row) { return row.machine == machine.row.id; });
        const bool lived = day_of(machine.row.created) <= last + zone_slack &&
                           (!machine.row.gone || day_of(*machine.row.gone) >= first - zone_slack);
        if (paid || lived) {
            lines.by_source_[machine.row.source].push_back(&machine);
        }
    }
    return lines;
}

LineKey MachineLines::key_of_source(const ledger::SpendRow& row) const {
    LineKey key = line_of(row, SpendBy::machine, names_);
    if (row.source == NameIx{}) {
        return key;
    }
    if (row.kind == SourceKind::own) {
        const auto hardware = hardware_.find(row.source);
        key.label = hardware == hardware_.end() ? key.label : hardware->second;
    } else if (row.kind == SourceKind::rental) {
        const auto name = names_.find(row.source);
        const std::string& text = name == names_.end() ? row.label : name->second;
        const auto lives = by_source_.find(row.source);
        const std::size_t count = lives == by_source_.end() ? 0 : lives->second.size();
        key.label = count == 0 ? text : fmt::format("{} (requests of {} machines)", text, count);
    }
    return key;
}

SpendLine& MachineLines::line_of_life(
    const ledger::MachineView& machine, Lines& lines, Currency currency) {
    const auto name = names_.find(machine.row.source);
    const LineKey key{
        rented,
        name == names_.end() ? machine.row.name
                             : fmt::format("{} {}", name->second, machine.row.name),
        machine.row.synthetic};
    return line_at(lines, key, rented_word, currency);
}

void MachineLines::add_cell(const ledger::SpendRow& row, const Amounts& amounts, Lines& lines) {
    const Currency currency = amounts.cost.currency();
    if (row.kind == SourceKind::rental && !row.phase.empty()) {
        Pool& pool = pools_[{row.phase, row.paid.currency()}];
        pool.paid += row.paid;
        pool.cost += amounts.cost;
        return;
    }
    const auto lives = by_source_.find(row.source);
    const bool is_one = row.kind == SourceKind::rental && lives != by_source_.end() &&
                        lives->second.size() == 1;
    SpendLine& line =
        is_one ? line_of_life(*lives->second.front(), lines, currency)
               : line_at(lines, key_of_source(row), kind_of(row, SpendBy::machine), currency);
    add(row, amounts, line);
}

Result<void> MachineLines::finish(Rates& rates, Lines& lines) {
    for (const auto& [key, pool] : pools_) {
        const auto& [phase, currency] = key;
        std::map<MachineId, Money> posted;
        Money left = pool.paid;
        for (const ledger::MachineMoneyRow& row : money_) {
            if (row.phase == phase && row.amount.currency() == currency) {
                posted[row.machine] += row.amount;
                left -= row.amount;
            }
        }
        Money rest = pool.cost;
        SpendLine* largest = nullptr;
        Money most{};
        for (const ledger::MachineView& machine : machines_) {
            const auto own = posted.find(machine.row.id);
            if (own == posted.end()) {
                continue;
            }
            const auto cost = rates.convert(own->second);
            if (!cost) {
                return std::unexpected{cost.error()};
            }
            SpendLine& line = line_of_life(machine, lines, rates.to());
            line.cost += *cost;
            rest -= *cost;
            if (largest == nullptr || *cost > most) {
                largest = &line;
                most = *cost;
            }
        }
        // What no posting of a known machine explains, and else what rounding left over.
        if (largest == nullptr || !left.is_zero()) {
            largest = &line_at(lines, {rented, "(no machine)", false}, rented_word, rates.to());
        }
        largest->cost += rest;
    }
    return {};
}

}  // namespace evenkeel::report
