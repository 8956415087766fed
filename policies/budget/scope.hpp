#pragma once

#include "policies/config/config.hpp"
#include "policies/domain/source.hpp"

#include <string_view>

namespace evenkeel::budget {

/// Who money was spent for and who got it, as far as it is known; empty: nobody in particular.
struct Spender {
    SourceKind kind{SourceKind::own};
    std::string_view provider{};
    std::string_view key{};
    std::string_view team{};  ///< of the key, now
    std::string_view model{};
    std::string_view route{};
};

/// Whether a budget with that scope counts what `spender` cost. One without anything counts all.
[[nodiscard]] bool covers(const config::BudgetScope& scope, const Spender& spender) noexcept;

/// Budgets of whoever asks, and of a model, count what requests are charged; those of whoever
/// serves, and of everything, external money.
[[nodiscard]] bool counts_charges(const config::BudgetScope& scope) noexcept;

}  // namespace evenkeel::budget
