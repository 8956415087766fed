#include "policies/budget/scope.hpp"

namespace evenkeel::budget {

bool covers(const config::BudgetScope& scope, const Spender& spender) noexcept {
    const auto is = [](std::string_view wanted, std::string_view found) {
        return wanted.empty() || wanted == found;
    };
    return is(scope.kind, to_text(spender.kind)) && is(scope.provider, spender.provider) &&
           is(scope.key, spender.key) && is(scope.model, spender.model) &&
           is(scope.route, spender.route) && is(scope.team, spender.team);
}

bool counts_charges(const config::BudgetScope& scope) noexcept {
    return !scope.key.empty() || !scope.team.empty() || !scope.model.empty() ||
           !scope.route.empty();
}

}  // namespace evenkeel::budget
