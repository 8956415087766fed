#pragma once

#include "agent/report/days.hpp"
#include "agent/report/rates.hpp"
#include "agent/report/spend.hpp"

#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

/// How `report spend` groups what it adds up: inside of agent/report only.
namespace evenkeel::report {

/// Order and identity of a line.
struct LineKey {
    int order{0};
    std::string label{};
    bool synthetic{false};
    friend auto operator<=>(const LineKey&, const LineKey&) = default;
};
using Lines = std::map<LineKey, SpendLine>;
using Names = std::map<NameIx, std::string>;

/// In the report currency.
struct Amounts {
    Money cost{};
    Money charged{};
};

/// What has requests, tokens and money (a cell, a sum over tags) onto a line.
template <class Part>
void add(const Part& part, const Amounts& amounts, SpendLine& line) {
    line.requests += part.requests;
    line.tokens_in += part.tokens_in;
    line.tokens_out += part.tokens_out;
    line.cost += amounts.cost;
    line.charged += amounts.charged;
}

[[nodiscard]] Names names_by_ix(const std::vector<ledger::NameRow>& rows);
/// Which line a cell belongs to. By tag: that of money of no request; by machine: of its source.
[[nodiscard]] LineKey line_of(const ledger::SpendRow& row, SpendBy by, const Names& names);
/// The line of `key`, made when there is none. `kind` is "" where lines have none.
SpendLine& line_at(Lines& lines, const LineKey& key, std::string_view kind, Currency currency);
/// "own", "rental", "api"; empty where lines of `by` have no kind, or nobody served.
[[nodiscard]] std::string_view kind_of(const ledger::SpendRow& row, SpendBy by) noexcept;
/// Cost of a million tokens, where there were any.
void add_per_mtok(SpendLine& line);

/// Turns cells of single days over so that those of one cell of `report spend` sum to it, to the
/// last unit.
class CellCosts {
public:
    explicit CellCosts(Rates& rates) : rates_{rates} {}
    /// In the report currency; days must come in their order.
    [[nodiscard]] Result<Money> of(const ledger::SpendRow& row) {
        return sums_[{row.source, row.model, row.key, row.route, row.phase, row.currency}].add(
            rates_, row.paid);
    }

private:
    using Key = std::tuple<NameIx, NameIx, NameIx, NameIx, std::string, Currency>;
    Rates& rates_;
    std::map<Key, Telescope> sums_{};
};

/// Lines by tag. `all` is what the roll-ups say of requests: what is not found any more of them is
/// a line of its own.
[[nodiscard]] Result<void> add_tags(
    ledger::Reader& reader, const Days& days, SpendLine all, Rates& rates, Lines& lines);

/// Lines by machine: each rented one by its own name, own hardware, APIs. Roll-ups know requests by
/// the name that rented machines hand on ("runpod-1"); where several had it in that time, those
/// requests are a line of their own.
class MachineLines {
public:
    /// Errors: those of the reader.
    [[nodiscard]] static Result<MachineLines> read(
        ledger::Reader& reader,
        const Days& days,
        const Names& names,
        const std::map<std::string, std::string>& hardware_of);
    MachineLines(MachineLines&&) = default;
    MachineLines& operator=(MachineLines&&) = default;
    MachineLines(const MachineLines&) = delete;  // lines point into machines_
    MachineLines& operator=(const MachineLines&) = delete;
    ~MachineLines() = default;
    /// Adds a cell. Time of rented machines is kept until `finish`.
    void add_cell(const ledger::SpendRow& row, const Amounts& amounts, Lines& lines);
    /// Hands the time of rented machines out: as posted for each, and to the last unit what the
    /// cells said.
    [[nodiscard]] Result<void> finish(Rates& rates, Lines& lines);

private:
    MachineLines() = default;
    /// One phase in one currency.
    struct Pool {
        Money paid{};
        Money cost{};
    };
    [[nodiscard]] LineKey key_of_source(const ledger::SpendRow& row) const;
    SpendLine& line_of_life(const ledger::MachineView& machine, Lines& lines, Currency currency);

    Names names_{};
    std::map<NameIx, std::string> hardware_{};
    std::map<NameIx, std::vector<const ledger::MachineView*>> by_source_{};
    std::vector<ledger::MachineView> machines_{};
    std::vector<ledger::MachineMoneyRow> money_{};
    std::map<std::pair<std::string, Currency>, Pool> pools_{};
};

}  // namespace evenkeel::report
