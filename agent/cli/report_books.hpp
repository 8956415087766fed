#pragma once

#include "agent/cli/actions.hpp"
#include "agent/ledger/reader.hpp"
#include "agent/ledger/zone.hpp"
#include "agent/report/spend.hpp"
#include "policies/config/config.hpp"

#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace evenkeel::cli {

/// The ledger as it says of itself, the zone of its booking days, in which all days are meant, and
/// the configuration where it can be read: reports go without it.
struct Books {
    ledger::Reader reader;
    ledger::BooksMeta meta{};
    ledger::Zone zone{};
    std::optional<config::Config> config{};
    /// Null where it cannot be read.
    [[nodiscard]] const config::Config* configuration() const noexcept {
        return config ? &*config : nullptr;
    }
};

/// Opens what reports read; an exit status, with the message said, when there is no ledger.
[[nodiscard]] std::expected<Books, int> open_books(const Globals& globals);
/// Says what is wrong with a flag and gives the exit status `usage`.
int wrong_flag(const Error& error);
/// A flag's text; nothing when it was left out.
[[nodiscard]] std::optional<std::string> given(const std::string& text);
/// Whether a flag's text is a currency or was left out; else what is wrong was said, and the status
/// is `usage`.
[[nodiscard]] bool check_currency(std::string_view flag, const std::string& text);
/// Whether the flags make sense; else what is wrong was said, and the status is `usage`.
[[nodiscard]] bool check(const ReportArguments& arguments);
/// The same of --since and --until.
[[nodiscard]] bool check_days(const Globals& globals, const ledger::Zone& zone);
/// What all reports are asked: time, zone, currency, and what the configuration says. Precondition:
/// check().
[[nodiscard]] report::SpendOptions report_options(
    const Globals& globals, const ReportArguments& arguments, const Books& books);

}  // namespace evenkeel::cli
