#pragma once

#include "agent/ledger/rows.hpp"
#include "policies/config/config.hpp"
#include "policies/domain/error.hpp"

#include <optional>
#include <string>

namespace evenkeel::agent {

/// What a person wants of a key, in the words of the command line. What is left out stays as it is;
/// "none" (of routes: "all") takes a limit away.
struct KeyChange {
    std::optional<std::string> limit{};      ///< "20 AUD/mo", "5 USD/day", "1 USD/h"
    std::optional<std::string> requests{};   ///< "60/min"
    std::optional<std::string> tokens{};     ///< "200k/min"
    std::optional<std::string> in_flight{};  ///< "8"
    std::optional<std::string> routes{};     ///< "default,night-batch"
    std::optional<std::string> team{};
    std::optional<std::string> expires{};  ///< "90d" from now on, or a day: "2026-12-31" (UTC)
    [[nodiscard]] bool empty() const noexcept {
        return !limit && !requests && !tokens && !in_flight && !routes && !team && !expires;
    }
};

/// `terms` with the change. `config`, where it is known, says which routes exist and which
/// currencies have a rate. Errors: invalid_argument, with what to write instead.
[[nodiscard]] Result<ledger::KeyTerms> change_terms(
    ledger::KeyTerms terms, const KeyChange& change, const config::Config* config, UtcTime now);

/// "20 AUD/mo", as it may be written again; "none" without a limit.
[[nodiscard]] std::string limit_text(const ledger::KeyTerms& terms);
/// "60/min"; "none" for 0.
[[nodiscard]] std::string per_minute_text(std::int64_t count);

}  // namespace evenkeel::agent
