#include "tests/unit/replay_figures/world.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

/// What the default rule must reach on the shared traces: reference world, API at 5/25, 420 s to
/// boot. docs/policy-results.md has the figures behind the shares.
namespace evenkeel::replay {
namespace {

using namespace figures;

/// J of a built-in policy, USD.
double j_of(const OpenRows& rows, const std::string& policy, Options options) {
    const auto applied = apply_builtin(policy, options);
    EXPECT_TRUE(applied) << policy;
    const auto totals = replay(rows, options);
    EXPECT_TRUE(totals) << policy;
    return applied && totals ? usd_of(totals->j) : 0;
}

double rule_j(const OpenRows& rows) {
    return j_of(rows, "level-memory", reference_world());
}

struct Window {
    const char* trace;
    int from_h;
    int to_h;
    double share_most;  ///< of what break-even+k costs with the old router
};

void beats_break_even(const Window& window) {
    SCOPED_TRACE(std::string{window.trace} + " from hour " + std::to_string(window.from_h));
    const OpenRows rows = trace(window.trace, window.from_h, window.to_h);
    const double before = j_of(rows, "break-even+k", old_router());
    ASSERT_GT(before, 0);
    EXPECT_LE(rule_j(rows), window.share_most * before);
}

TEST(PolicyGates, ShortTracesAreCheaperThanUnderBreakEven) {
    beats_break_even({"azure2023_conv", 0, 1, 0.95});
    beats_break_even({"azure2023_code", 0, 1, 0.95});
    beats_break_even({"mooncake_conversation_0-1800s", 0, 1, 0.95});
}

class NightlyPolicyGates : public testing::TestWithParam<Window> {};
TEST_P(NightlyPolicyGates, CheaperThanUnderBreakEven) {
    beats_break_even(GetParam());
}
INSTANTIATE_TEST_SUITE_P(
    Traces,
    NightlyPolicyGates,
    testing::Values(
        Window{"servegen_reason_r1_day0_A", 0, 24, 0.95},
        Window{"servegen_mlarge_day2-3_A", 0, 24, 0.95},
        Window{"servegen_mlarge_day2-3_A", 24, 48, 1.0},
        Window{"servegen_mlarge_day2-3_A", 6, 30, 0.95},  // another cut of it
        Window{"servegen_smalloffice_day5-11_A", 0, 168, 0.95},
        Window{"servegen_mmid_day4_A", 0, 24, 0.95}));

/// Against the plan that knows the future. Of the 140.6 USD on the first day of m-large 39 are the
/// API's while machines boot for bursts that nothing announced. A rule that ordered as this one
/// does and knew the future at each release would still be at 1.31.
TEST(NightlyPolicyGates, NearThePlanThatKnowsTheFuture) {
    const OpenRows r1 = trace("servegen_reason_r1_day0_A", 0, 24);
    EXPECT_LE(rule_j(r1), 1.1 * j_of(r1, "oracle", old_router()));
    const OpenRows large = trace("servegen_mlarge_day2-3_A", 0, 24);
    EXPECT_LE(rule_j(large), 1.6 * j_of(large, "oracle", old_router()));
}

TEST(NightlyPolicyGates, HalfOfWhatTheBestPeerCosts) {
    const OpenRows rows = trace("servegen_mlarge_day2-3_A", 0, 24);
    double best = j_of(rows, "skyserve-like", old_router());
    best = std::min(best, j_of(rows, "dstack-like", old_router()));
    best = std::min(best, j_of(rows, "kpa-like", old_router()));
    EXPECT_LE(rule_j(rows), 0.5 * best);
}

TEST(NightlyPolicyGates, NothingIsRentedWhereRentingNeverPays) {
    for (const char* name :
         {"servegen_reason_r1_day0_A",
          "servegen_mlarge_day2-3_A",
          "servegen_smalloffice_day5-11_A",
          "servegen_mmid_day4_A",
          "azure2023_conv",
          "azure2023_code",
          "mooncake_conversation_0-1800s"}) {
        Options options = reference_world();
        set_api_price(options, Money{150'000'000, usd}, Money{400'000'000, usd});
        ASSERT_TRUE(apply_builtin("level-memory", options));
        const auto totals = replay(trace(name, 0, 168), options);
        ASSERT_TRUE(totals) << totals.error().message;
        EXPECT_EQ(totals->machine_starts, 0) << name;
    }
}

}  // namespace
}  // namespace evenkeel::replay
