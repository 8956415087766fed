#pragma once

#include "agent/cli/actions.hpp"
#include "agent/ledger/reader.hpp"
#include "agent/ledger/zone.hpp"
#include "agent/report/spend.hpp"
#include "policies/config/config.hpp"

#include <expected>
#include <optional>
#include <string>

namespace evenkeel::cli {

/// The ledger as it says of itself, the zone that days are meant in, and the configuration where it
/// can be read: reports go without it.
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

/// Whose days are meant: those that times are shown in (`--utc`), or the ledger's booking days.
enum class DaysOf { shown_times, ledger };
/// Opens what reports read; an exit status, with the message said, when there is no ledger.
[[nodiscard]] std::expected<Books, int> open_books(
    const Globals& globals, DaysOf days = DaysOf::shown_times);
/// A flag's text; nothing when it was left out.
[[nodiscard]] std::optional<std::string> given(const std::string& text);
/// Whether the flags make sense; else what is wrong was said, and the status is `usage`.
[[nodiscard]] bool check(const ReportArguments& arguments);
/// What all reports are asked: time, zone, currency, and what the configuration says. Precondition:
/// check().
[[nodiscard]] report::SpendOptions report_options(
    const Globals& globals, const ReportArguments& arguments, const Books& books);

}  // namespace evenkeel::cli
