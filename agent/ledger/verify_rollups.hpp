#pragma once

#include "agent/ledger/reader.hpp"
#include "agent/ledger/sqlite.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

/// Roll-ups against what they are the sums of. For verify*.cpp alone; all throw SqlError.
namespace evenkeel::ledger {

/// Enough contradictions are known to say that the books are not sound.
[[nodiscard]] bool is_full(const Verification& found) noexcept;
/// Takes the sentence along, unless enough are known.
void add_problem(Verification& found, std::string sentence);

/// Sources as roll-ups, postings and people call them.
class SourceNames {
public:
    static constexpr std::int64_t all = -1;  ///< not one source, but the sum of them

    explicit SourceNames(Database& database);
    [[nodiscard]] std::string text(std::int64_t source) const;
    /// Of "expense:api:claude"; what had no name when it was posted is "#4" there.
    [[nodiscard]] std::int64_t of_account(std::string_view account) const;

private:
    std::map<std::int64_t, std::string> texts_{};
    std::map<std::string, std::int64_t> numbers_{};
};

/// 20261123 -> "2026-11-23", also of a number that is no day.
[[nodiscard]] std::string day_text(std::int64_t day);

/// Money of each booking day by source and phase against the postings of that day. The source of a
/// rented machine is known while its steps are there, and if it never came back under another
/// name; with other machines in it, a phase is compared for all sources together.
void compare_money(
    Database& database, const SourceNames& sources, std::int64_t schema, Verification& found);
/// Every sum over all days against that over all hours.
void compare_hours(Database& database, const SourceNames& sources, Verification& found);
/// The roll-ups against requests: over all days with what was deleted of them, and each day by
/// itself that begins after the last deletion and the last change of the report zone.
void compare_requests(
    Database& database, const SourceNames& sources, std::int64_t schema, Verification& found);

}  // namespace evenkeel::ledger
