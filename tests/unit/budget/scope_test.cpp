#include "policies/budget/scope.hpp"

#include <gtest/gtest.h>

namespace evenkeel::budget {
namespace {

const Spender work{
    .kind = SourceKind::api,
    .provider = "claude",
    .key = "ci",
    .team = "search",
    .model = "opus",
    .route = "hard"};

struct ScopeCase {
    const char* name;
    config::BudgetScope fits{};
    config::BudgetScope other{};
    bool charges{false};
};

class BudgetScopes : public testing::TestWithParam<ScopeCase> {};

TEST_P(BudgetScopes, CountsItsOwnAndNobodyElses) {
    const ScopeCase& given = GetParam();
    EXPECT_TRUE(covers(given.fits, work));
    EXPECT_FALSE(covers(given.other, work));
    EXPECT_FALSE(covers(given.fits, Spender{})) << "money of nobody in particular";
    EXPECT_EQ(counts_charges(given.fits), given.charges);
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    BudgetScopes,
    testing::Values(
        ScopeCase{"Kind", {.kind = "api"}, {.kind = "rental"}, false},
        ScopeCase{"Provider", {.provider = "claude"}, {.provider = "do"}, false},
        ScopeCase{"Key", {.key = "ci"}, {.key = "me"}, true},
        ScopeCase{"Model", {.model = "opus"}, {.model = "qwq"}, true},
        ScopeCase{"Route", {.route = "hard"}, {.route = "default"}, true},
        ScopeCase{"Team", {.team = "search"}, {.team = "ads"}, true}),
    [](const auto& given) { return given.param.name; });

TEST(BudgetScope, OfNothingCountsEverything) {
    EXPECT_TRUE(covers({}, work));
    EXPECT_TRUE(covers({}, {}));
    EXPECT_FALSE(counts_charges({}));
}

}  // namespace
}  // namespace evenkeel::budget
