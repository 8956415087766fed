#pragma once

#include "agent/ledger/reader.hpp"
#include "agent/ledger/sqlite.hpp"

#include <string>
#include <string_view>
#include <vector>

/// Queries that both the daemon's start and the reports need. All throw SqlError.
namespace evenkeel::ledger {

/// A ledger that no agent of such a version has opened yet has no rows of energy and GPUs.
inline constexpr std::int64_t energy_since_schema = 5;
/// Nor bills, nor sums of what was deleted by age.
inline constexpr std::int64_t bills_since_schema = 6;

/// Since when the report zone is what it is: all that was booked later has its days. Microseconds
/// as text; not there before an agent of this version has opened the ledger.
inline constexpr std::string_view zone_since_key = "report_zone_since_us";

[[nodiscard]] std::string meta_value(Database& database, std::string_view key);
[[nodiscard]] std::vector<NameRow> read_names(Database& database);
/// As the column limit_per has it.
[[nodiscard]] std::string_view to_text(config::BudgetPer per) noexcept;
[[nodiscard]] std::vector<KeyRow> read_keys(Database& database);
/// Windows that began at or after `since`, and older ones that still hold something.
[[nodiscard]] std::vector<BudgetWindow> read_windows(Database& database, UtcTime since);
/// Machines that are not gone or went at or after `gone_since`, oldest first.
[[nodiscard]] std::vector<MachineView> read_machines(Database& database, UtcTime gone_since);
/// All events of one machine, oldest first.
[[nodiscard]] std::vector<MachineEvent> read_events(Database& database, MachineId machine);
/// Precondition: a schema since `bills_since_schema`.
[[nodiscard]] std::vector<Deleted> read_deleted(Database& database);
[[nodiscard]] std::int64_t newest_policy(Database& database);
/// Largest id of any table that IdGenerator numbers.
[[nodiscard]] std::int64_t largest_id(Database& database);
/// A name's number read from a column.
[[nodiscard]] constexpr NameIx name_ix(std::int64_t value) noexcept {
    return NameIx{static_cast<std::int32_t>(value)};
}
/// An amount read from two columns.
[[nodiscard]] Money money_of(std::int64_t nanos, const std::string& currency);

}  // namespace evenkeel::ledger
