#include "policies/scaling/rent.hpp"
#include "tests/unit/scaling/scene.hpp"

#include <gtest/gtest.h>

/// start_when and worth_it: conditions beside the rule.
namespace evenkeel::scaling {
namespace {

using namespace testing_scene;

struct Conditions : testing::Test {
    Scene scene{};

    Conditions() { scene.policy.start_when = config::StartWhen{10s, 45s}; }
    /// Ticks each second, always due by the rule; when it orders, or nothing within `most`.
    std::optional<int> ordered_after(int most) {
        for (int i = 1; i <= most; ++i) {
            scene.make_due();
            scene.tick(1s);
            if (scene.only() && scene.only()->kind == DecisionKind::order) {
                return i;
            }
        }
        return std::nullopt;
    }
    void somebody_waits() {
        scene.snapshot.demand.queued = 1;
        scene.snapshot.demand.oldest_arrival = scene.snapshot.now.boot;
    }
    [[nodiscard]] ReasonCode held() const {
        return scene.decisions.size() == 1 && scene.decisions[0].kind == DecisionKind::hold
                   ? scene.decisions[0].reason.code
                   : ReasonCode::none;
    }
};

TEST_F(Conditions, NothingIsOrderedBeforeWaitsHaveLasted) {
    EXPECT_FALSE(ordered_after(100)) << "nobody waits";
    EXPECT_EQ(held(), ReasonCode::hold_wait);
    somebody_waits();
    // Over ten seconds from the eleventh on, and 45 more.
    EXPECT_EQ(ordered_after(100), 11 + 45);
}

TEST_F(Conditions, ABreakBeginsItAnew) {
    somebody_waits();
    EXPECT_FALSE(ordered_after(55));
    scene.snapshot.demand.queued = 0;
    scene.tick(1s);
    somebody_waits();
    EXPECT_EQ(ordered_after(100), 11 + 45);
}

TEST_F(Conditions, ARestartGoesOnWithIt) {
    somebody_waits();
    EXPECT_FALSE(ordered_after(50));
    auto restored = from_bytes(to_bytes(scene.state));
    ASSERT_TRUE(restored);
    EXPECT_EQ(restored->waits_for, 39s);
    scene.state = std::move(*restored);
    EXPECT_EQ(ordered_after(100), 6);
}

TEST_F(Conditions, TheLeastIsKeptWhateverTheySay) {
    scene.policy.min = 1;
    scene.policy.worth_it = config::WorthIt{{}, 1'000'000};
    scene.tick(1s);
    ASSERT_TRUE(scene.only());
    EXPECT_EQ(scene.only()->kind, DecisionKind::order);
    EXPECT_EQ(scene.only()->reason.code, ReasonCode::rent_min);
}

TEST_F(Conditions, LittleWorkIsNotWorthIt) {
    scene.policy.start_when.reset();
    scene.policy.worth_it = config::WorthIt{{}, 286'000};
    scene.snapshot.demand.queued = 3;
    scene.snapshot.demand.queued_tokens_in = 280'000;
    scene.snapshot.demand.queued_tokens_out = 5'999;
    EXPECT_FALSE(ordered_after(20));
    EXPECT_EQ(held(), ReasonCode::hold_queue);
    ++scene.snapshot.demand.queued_tokens_out;
    EXPECT_EQ(ordered_after(20), 1);
}

TEST_F(Conditions, NorIsWhatAnotherModelAnswersForLess) {
    scene.policy.start_when.reset();
    scene.policy.worth_it = config::WorthIt{"opus", 0};
    scene.snapshot.queue_elsewhere = 479'999'999;  // a rental commits 0.48 USD
    EXPECT_FALSE(ordered_after(20));
    EXPECT_EQ(held(), ReasonCode::hold_worth);
    ++*scene.snapshot.queue_elsewhere;
    EXPECT_EQ(ordered_after(20), 1);
}

TEST_F(Conditions, WithoutAPriceNothingIsSaidAgainstIt) {
    scene.policy.start_when.reset();
    scene.policy.worth_it = config::WorthIt{"opus", 0};
    EXPECT_EQ(ordered_after(20), 1);
}

}  // namespace
}  // namespace evenkeel::scaling
