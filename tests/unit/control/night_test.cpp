#include "agent/admin/view_json.hpp"
#include "agent/control/control.hpp"
#include "tests/unit/control/whole_control.hpp"

#include <boost/json/parse.hpp>

#include <thread>

/// What a nightly replay changes, and what it does not.
namespace evenkeel::agent::control_rig {
namespace {

config::Config with_auto_rule(bool automatic = true) {
    config::Config config = small_config();
    config.scaling[0].rule_auto = automatic;
    return config;
}

ledger::RuleReplay found(UtcTime at, const std::string& recommended) {
    return {
        .at = at,
        .scaling = "burst",
        .currency = usd,
        .rule = "level-memory",
        .recommended = recommended,
        .outcomes = {
            {.rule = "level-memory", .j = Money{9'000'000'000, usd}},
            {.rule = "break-even", .j = Money{5'500'000'000, usd}},
            {.rule = "never", .j = Money{4'000'000'000, usd}}}};
}

struct FollowRule : testing::Test {
    World world{};
    Rig rig{world};
    Market market{*rig.fleet, world.clock, *rig.books, rig.names};
    Exposure exposure{rig.gateway, ledger::Zone{}};
    Renter renter{{world.clock, *rig.books, *rig.fleet, market, exposure, rig.names}};

    void apply(config::Config config) {
        renter.apply(routing::compile(std::move(config), 1, rig.names));
    }
    [[nodiscard]] config::RentRule rule() const { return renter.rules().at("burst"); }
    std::string follow(UtcTime at, const std::string& recommended) {
        ledger::RuleReplay replay = found(at, recommended);
        renter.follow(replay);
        return replay.follows;
    }
    UtcTime night{ledger::test_start + 17h};
};

TEST_F(FollowRule, LevelMemoryUntilThereIsARecommendation) {
    apply(with_auto_rule());
    EXPECT_EQ(rule(), config::RentRule::level_memory);
    EXPECT_EQ(follow(night, ""), "") << "too little history";
    EXPECT_EQ(rule(), config::RentRule::level_memory);
    EXPECT_EQ(follow(night + 24h, "break-even"), "break-even");
    EXPECT_EQ(rule(), config::RentRule::break_even);
    EXPECT_EQ(follow(night + 48h, ""), "break-even") << "nothing new: it stays";
    EXPECT_EQ(rule(), config::RentRule::break_even);
}

TEST_F(FollowRule, TheChangeIsADecisionWithItsReason) {
    apply(with_auto_rule());
    follow(night, "break-even");
    ASSERT_FALSE(renter.decisions().empty());
    EXPECT_EQ(renter.decisions().front().what, "rule");
    EXPECT_EQ(renter.decisions().front().subject, "burst");
    EXPECT_EQ(
        renter.decisions().front().sentence,
        "rule break-even in place of level-memory: in the replay of the last days it saves 3.5000 "
        "USD");
    ASSERT_TRUE(rig.books->flush());
    const auto rows = ledger::Reader::open(world.state())->decisions(9);
    ASSERT_TRUE(rows);
    ASSERT_EQ(rows->size(), 1u);
    EXPECT_EQ(rows->front().decision.kind, "rule");
    EXPECT_EQ(rows->front().decision.reason.code, ReasonCode::rule_followed);
    EXPECT_TRUE(world.cloud.created.empty());
    EXPECT_TRUE(world.cloud.destroyed.empty());
}

/// Reasons are below the configuration and have the names of rules once more.
TEST(RuleNames, AreTheSameInReasons) {
    for (const config::RentRule rule : config::rent_rules) {
        const auto number = static_cast<std::int64_t>(rule);
        const std::string name{to_text(rule)};
        EXPECT_EQ(config::rent_rule_from(name), rule);
        EXPECT_TRUE(sentence({ReasonCode::rule_followed, {number, number, 0}}, "USD")
                        .starts_with("rule " + name + " in place of " + name + ":"));
    }
    EXPECT_FALSE(config::rent_rule_from("auto"));
}

TEST_F(FollowRule, ChangesAtMostOnceADay) {
    apply(with_auto_rule());
    follow(night, "break-even");
    EXPECT_EQ(follow(night + 19h, "never"), "break-even");
    EXPECT_EQ(rule(), config::RentRule::break_even);
    EXPECT_EQ(follow(night + 24h, "never"), "never");
    EXPECT_EQ(rule(), config::RentRule::never);
    EXPECT_EQ(renter.decisions().size(), 2u);
}

TEST_F(FollowRule, AStatedRuleIsNeverLeft) {
    apply(with_auto_rule(false));
    EXPECT_EQ(follow(night, "never"), "never");
    EXPECT_EQ(rule(), config::RentRule::level_memory);
    EXPECT_TRUE(renter.decisions().empty());
    apply(with_auto_rule());
    EXPECT_EQ(rule(), config::RentRule::never) << "the newest recommendation, at once";
}

TEST_F(FollowRule, SurvivesARestartAndAReload) {
    ledger::RuleReplay replay = found(night, "break-even");
    replay.follows = "break-even";
    renter.recover_rules({replay});
    apply(with_auto_rule());
    EXPECT_EQ(rule(), config::RentRule::break_even);
    EXPECT_TRUE(renter.decisions().empty()) << "it was decided before";
    apply(with_auto_rule());
    EXPECT_EQ(rule(), config::RentRule::break_even);
}

TEST_F(FollowRule, AnEntryThatIsGoneIsNobodys) {
    config::Config config = with_auto_rule();
    config.scaling.clear();
    apply(config);
    EXPECT_EQ(follow(night, "never"), "");
    EXPECT_TRUE(renter.decisions().empty());
}

struct Night : WholeControl {
    [[nodiscard]] std::unique_ptr<Control> start() {
        auto control = make();
        config::Config config = with_auto_rule();
        config.providers.clear();
        config.models[0].offers.clear();
        config.scaling[0].offers.clear();
        control->start();
        EXPECT_TRUE(control->apply(std::move(config), "text", "test", 10s));
        return control;
    }
    /// What a view shows while the agent's clock goes on, a second each time it is looked at.
    [[nodiscard]] std::optional<ledger::RuleReplay> shown(std::chrono::seconds limit) {
        for (int i = 0; i < limit / 20ms; ++i) {
            const auto view = board.read();
            if (!view->rules.empty() && view->rules[0].replay) {
                return view->rules[0].replay;
            }
            world.clock.advance(1s);
            std::this_thread::sleep_for(20ms);
        }
        return std::nullopt;
    }
};

TEST_F(Night, ARunInTheQuietHourIsStoredAndShown) {
    UtcTime at{};
    {
        const auto control = start();
        EXPECT_FALSE(shown(1s)) << "it is ten in the morning, and the agent has just started";
        world.clock.advance(17h);
        const auto replay = shown(20s);
        ASSERT_TRUE(replay);
        EXPECT_EQ(replay->scaling, "burst");
        EXPECT_GE(replay->at, ledger::test_start + 17h);
        EXPECT_LT(replay->at, ledger::test_start + 18h);
        at = replay->at;
        EXPECT_EQ(replay->rule, "level-memory");
        EXPECT_EQ(replay->recommended, "");
        EXPECT_NE(replay->note.find("too little history"), std::string::npos) << replay->note;
        const auto status = boost::json::parse(status_json(*board.read(), {}));
        const auto& rule = status.at("rules").at(0);
        EXPECT_EQ(rule.at("scaling").as_string(), "burst");
        EXPECT_EQ(rule.at("rule").as_string(), "level-memory");
        EXPECT_TRUE(rule.at("auto").as_bool());
        EXPECT_TRUE(rule.at("replay").at("recommended").is_null());
    }
    ASSERT_TRUE(books->flush());
    const auto rows = ledger::Reader::open(world.state())->rule_replays();
    ASSERT_TRUE(rows);
    ASSERT_EQ(rows->size(), 1u);
    EXPECT_EQ(rows->front().at, at);
    // After a restart it is known at once, and there is no second one that night.
    board.publish(std::make_shared<View>());
    const auto again = start();
    const auto recalled = shown(20s);
    ASSERT_TRUE(recalled);
    EXPECT_EQ(recalled->at, at);
}

}  // namespace
}  // namespace evenkeel::agent::control_rig
