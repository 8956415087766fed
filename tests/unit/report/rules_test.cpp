#include "agent/report/rules.hpp"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace evenkeel::report {
namespace {

ledger::RuleReplay sample() {
    const UtcTime at{std::chrono::sys_days{std::chrono::November / 26 / 2026}};
    return {
        .at = at,
        .scaling = "h100-burst",
        .since = at - std::chrono::days{30},
        .until = at,
        .requests = 5'000,
        .currency = aud,
        .rule = "break-even",
        .recommended = "level-memory",
        .outcomes = {
            {.rule = "break-even",
             .total = Money{1'500'000'000, aud},
             .j = Money{2'000'000'000, aud}},
            {.rule = "level-memory",
             .total = Money{1'400'000'000, aud},
             .j = Money{1'500'000'000, aud},
             .machine_starts = 4}}};
}

TEST(RuleReplayText, SaysWhatIsRecommendedAndWhatItSaves) {
    const auto zone = ledger::Zone::load("-02:00");
    ASSERT_TRUE(zone);
    EXPECT_EQ(
        rule_replay_text(sample(), *zone),
        "rule of h100-burst: level-memory is recommended: J 1.50 AUD, 25 % less than break-even, "
        "which was in force (replay of 30 days, 2026-11-25)\n");
}

TEST(RuleReplayText, TheOneInForceMayBeTheOne) {
    ledger::RuleReplay replay = sample();
    replay.recommended = "break-even";
    EXPECT_EQ(
        rule_replay_text(replay, {}),
        "rule of h100-burst: break-even is recommended, and was in force: J 2.00 AUD (replay of "
        "30 days, 2026-11-26)\n");
}

TEST(RuleReplayText, WithoutARecommendationItSaysWhy) {
    ledger::RuleReplay replay = sample();
    replay.recommended.clear();
    replay.outcomes.clear();
    replay.note = "too little history: 3 requests in 1 hours";
    EXPECT_EQ(
        rule_replay_text(replay, {}),
        "rule of h100-burst: none is recommended: too little history: 3 requests in 1 hours "
        "(break-even is in force)\n");
    EXPECT_TRUE(rule_replay_json(replay).at("recommended").is_null());
    EXPECT_EQ(rule_replay_json(replay).at("note").as_string(), replay.note);
}

TEST(RuleReplayJson, HasEveryOutcome) {
    const auto json = rule_replay_json(sample());
    ASSERT_EQ(json.at("outcomes").as_array().size(), 2u);
    EXPECT_EQ(json.at("outcomes").at(1).at("j").as_string(), "1.50");
    EXPECT_EQ(json.at("outcomes").at(1).at("machine_starts").as_int64(), 4);
    EXPECT_EQ(json.at("recommended").as_string(), "level-memory");
    EXPECT_TRUE(json.at("note").is_null());
}

}  // namespace
}  // namespace evenkeel::report
