#include "policies/scaling/rent.hpp"
#include "tests/unit/scaling/scene.hpp"

#include <gtest/gtest.h>

#include <algorithm>

/// Offers that may not be ordered from, and places that are taken.
namespace evenkeel::scaling {
namespace {

using namespace testing_scene;

std::chrono::minutes suspended_for(const RentState& state, UtcTime now) {
    return std::chrono::duration_cast<std::chrono::minutes>(
        state.records.at(offer_a).suspended_until - now);
}

TEST(OfferRecord, F38_ThreeFailedMachinesInARowSuspendItsOfferTenMinutesDoublingToSixHours) {
    RentState state;
    const Constants constants;
    UtcTime now = utc0;
    for (int i = 0; i < 2; ++i) {
        machine_failed(state, offer_a, now, constants);
        EXPECT_LE(state.records.at(offer_a).suspended_until, now);
    }
    for (const int minutes : {10, 20, 40, 80, 160, 320, 360, 360}) {
        machine_failed(state, offer_a, now, constants);
        EXPECT_EQ(suspended_for(state, now).count(), minutes);
        now = state.records.at(offer_a).suspended_until;
    }
    machine_served(state, offer_a);
    machine_failed(state, offer_a, now, constants);
    EXPECT_LE(state.records.at(offer_a).suspended_until, now) << "one that served clears it";
}

TEST(OfferRecord, F38_ASuspendedOfferIsPassedOverForTheNext) {
    Scene scene;
    for (int i = 0; i < 3; ++i) {
        machine_failed(scene.state, offer_a, scene.snapshot.now.utc, scene.constants);
    }
    scene.make_due();
    scene.tick(1s);
    ASSERT_EQ(scene.ordered(), 1);
    EXPECT_EQ(scene.only()->offer, offer_b);
    scene.tick(10min);
    scene.make_due();
    scene.tick(1s);
    EXPECT_EQ(scene.only()->offer, offer_a);
}

TEST(OfferRecord, F85_AWallClockThatJumpsBackKeepsNoOfferShut) {
    Scene scene;
    for (int i = 0; i < 3; ++i) {
        machine_failed(scene.state, offer_a, scene.snapshot.now.utc, scene.constants);
    }
    scene.snapshot.now.utc -= std::chrono::days{2};
    scene.make_due();
    scene.tick(1s);
    EXPECT_EQ(scene.only()->offer, offer_a);
}

TEST(OfferRecord, SurvivesARestartAndIsReadFromOlderBytes) {
    RentState state;
    machine_failed(state, offer_a, utc0, {});
    machine_failed(state, offer_b, utc0, {});
    machine_failed(state, offer_b, utc0, {});
    machine_failed(state, offer_b, utc0, {});
    const auto back = from_bytes(to_bytes(state));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->records.at(offer_a).failed, 1);
    EXPECT_EQ(back->records.at(offer_b).suspensions, 1);
    EXPECT_EQ(back->records.at(offer_b).suspended_until, utc0 + 10min);
    std::string old = to_bytes(RentState{});
    old[0] = 1;
    old.resize(1 + 8 * 8);  // version 1 ended before the records
    const auto read = from_bytes(old);
    ASSERT_TRUE(read);
    EXPECT_TRUE(read->records.empty());
    std::string later = to_bytes(RentState{});
    later[0] = 2;
    later.resize(1 + 9 * 8);  // version 2 before the signals
    EXPECT_TRUE(from_bytes(later));
}

struct ClosedCase {
    ReasonCode code;
    const char* name;
};
class OfferClosed : public testing::TestWithParam<ClosedCase> {};

TEST_P(OfferClosed, IsPassedOverAndSaidWhenNothingElseIsLeft) {
    Scene scene;
    scene.snapshot.offers[0].closed = {GetParam().code, {1'000}};
    scene.make_due();
    scene.tick(1s);
    EXPECT_EQ(scene.only()->offer, offer_b);
    scene.snapshot.offers[1].closed = {GetParam().code, {1'000}};
    scene.make_due();
    scene.tick(1s);
    ASSERT_TRUE(scene.only());
    EXPECT_EQ(scene.only()->kind, DecisionKind::hold);
    EXPECT_EQ(scene.only()->reason.code, GetParam().code);
}
INSTANTIATE_TEST_SUITE_P(
    Why,
    OfferClosed,
    testing::Values(
        ClosedCase{ReasonCode::hold_provider, "F31_CallsFail"},
        ClosedCase{ReasonCode::hold_undeleted, "F20_ADeleteIsUnproved"}),
    [](const auto& one) { return std::string{one.param.name}; });

/// Fall-over never runs while a delete is unproved on the same place.
TEST(RentRulePlaces, AFailedMachineKeepsItsPlaceUntilItIsProvedGone) {
    for (const MachineState state : {MachineState::deleting, MachineState::verifying}) {
        Scene scene;
        scene.policy.max = 1;
        MachineView& machine = scene.booting(1, 30s);
        machine.state = state;
        machine.ending = true;
        machine.failed = true;
        scene.make_due();
        scene.tick(1s);
        ASSERT_TRUE(scene.only());
        EXPECT_EQ(scene.only()->reason.code, ReasonCode::hold_max);
        scene.snapshot.machines.clear();
        scene.make_due();
        scene.tick(1s);
        EXPECT_EQ(scene.ordered(), 1);
    }
}

}  // namespace
}  // namespace evenkeel::scaling
