#include "policies/lifecycle/sweep.hpp"

#include "tests/unit/lifecycle/walk.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace evenkeel::lifecycle {
namespace {

using namespace std::chrono_literals;
using namespace testing_walk;
using enum MachineState;

constexpr std::string_view mark = "ek-0a1b2c3d";

Verdict one(
    const Seen& seen,
    const std::vector<Machine>& rows,
    OrphanWatch& watch,
    std::chrono::milliseconds t = 3'000s,
    config::UnknownMachine unknown = config::UnknownMachine::destroy) {
    const std::vector<Seen> remote{seen};
    const auto findings = sweep(
        {.remote = remote,
         .rows = rows,
         .owner_mark = mark,
         .asked = at(t - 1s),
         .now = at(t),
         .unknown = unknown},
        watch);
    EXPECT_EQ(findings.size(), 1u);
    return findings.front().verdict;
}

TEST(Sweep, KnownMachinesAreLeftToTheirRows) {
    for (const MachineState state : {booting, warming, serving, draining, deleting, verifying}) {
        Walk walk;
        walk.reach(state);
        OrphanWatch watch;
        EXPECT_EQ(one(seen_as(), {walk.machine}, watch), Verdict::known) << to_text(state);
        EXPECT_TRUE(watch.empty());
    }
}

TEST(Sweep, ARowThatLooksForItsMachineAdopts) {
    Walk walk;
    walk.reach(unknown);
    OrphanWatch watch;
    EXPECT_EQ(one(seen_as(), {walk.machine}, watch), Verdict::adopt);
    Walk creating_walk;
    creating_walk.reach(creating);
    EXPECT_EQ(one(seen_as(), {creating_walk.machine}, watch), Verdict::known)
        << "the create call's own answer comes first";
}

TEST(Sweep, F26WithoutOurMarkNothingIsEverTouched) {
    struct Case {
        const char* name;
        const char* owner;
        Verdict expected;
    };
    for (const Case& c :
         {Case{"ek-0a1b2c3d-x", "", Verdict::look_alike},
          Case{"ek-0a1b2c3d-x", "ek-99999999", Verdict::look_alike},
          Case{"web-1", "ek-0a1b2c3", Verdict::look_alike},
          Case{"web-1", "ek-0a1b2c3d ", Verdict::look_alike},
          Case{"web-1", "team-a", Verdict::foreign},
          Case{"", "", Verdict::foreign}}) {
        Seen seen = seen_as();
        seen.name = c.name;
        seen.owner_mark = c.owner;
        Walk walk;
        walk.reach(unknown);
        OrphanWatch watch;
        for (const auto t : {1s, 10'000s}) {
            const Verdict verdict = one(seen, {walk.machine}, watch, t);
            EXPECT_EQ(verdict, c.expected) << c.name << ' ' << c.owner;
            EXPECT_FALSE(may_destroy(verdict));
        }
    }
}

TEST(Sweep, F27OrphanIsDestroyedAfterItsGraceAndPaidFromItsCreation) {
    OrphanWatch watch;
    EXPECT_EQ(one(seen_as(), {}, watch, 100s), Verdict::wait);
    EXPECT_EQ(one(seen_as(), {}, watch, 158s), Verdict::wait);
    EXPECT_EQ(one(seen_as(), {}, watch, 159s), Verdict::orphan);
    const Machine row = make_orphan(
        seen_as(), MachineId{8}, "cloud", "boot-a", {ReasonCode::machine_orphan}, at(159s), 60s);
    EXPECT_EQ(row.state, deleting);
    EXPECT_EQ(wanted_call(row, Limits{}, at(159s)).kind, CallKind::destroy);
    EXPECT_EQ(
        accrued(row, at(159s)),
        Price::per_hour(Money{4'410'000'000, usd}).cost_of(159s + 1us, Rounding::up));
}

/// Lambda states no time of creation: our own name does, to the millisecond.
TEST(Sweep, F27AnOrphanOfUnknownAgeIsPaidFromTheTimeInItsName) {
    IdGenerator ids{1};
    Seen seen = seen_as();
    seen.created = {};
    seen.name = machine_name("ek-1a2b3c4d", MachineId{ids.next(at(30s).utc)});
    const Machine row = make_orphan(
        seen, MachineId{8}, "cloud", "boot-a", {ReasonCode::machine_orphan}, at(3'630s), 60s);
    EXPECT_EQ(
        accrued(row, at(3'630s)),
        Price::per_hour(Money{4'410'000'000, usd}).cost_of(3'600s + 1us, Rounding::up));
    seen.name = "ek-1a2b3c4d-0000000000001";  // of 2025, and so of nobody's making
    EXPECT_EQ(
        make_orphan(seen, MachineId{8}, "cloud", "boot-a", {}, at(3'630s), 60s).billed_from->utc,
        at(3'630s).utc);
    seen.name = "ek-1a2b3c4d-stray";
    const Machine fresh = make_orphan(
        seen, MachineId{8}, "cloud", "boot-a", {ReasonCode::machine_orphan}, at(3'630s), 60s);
    EXPECT_EQ(fresh.billed_from->utc, at(3'630s).utc) << "nothing says how old it is";
}

/// A person keeps a machine that no row knew: it must prove itself within its warm-up time from
/// now, and it ends when any machine made at its time would.
TEST(Sweep, AnAdoptedMachineWarmsUpFromItsAdoption) {
    const Limits limits;
    Walk walk;
    walk.t = 3h;
    walk.machine = make_adopted(
        seen_as(), MachineId{8}, "cloud", "qwq-32b", "h100", "boot-a", limits, walk.now(), 60s);
    EXPECT_EQ(walk.machine.state, booting);
    EXPECT_EQ(walk.machine.name, seen_as().name) << "its engine's key is made from its name";
    EXPECT_FALSE(walk.machine.end_asked);
    EXPECT_EQ(walk.machine.expires, utc0 - 1us + limits.max_life + limits.drain);
    EXPECT_EQ(next_deadline(walk.machine, limits), at(3h + limits.warm_up).boot);
    EXPECT_FALSE(walk.feed(Tick{}).durable)
        << "it is older than its warm-up time, and that is well";
    EXPECT_EQ(wanted_call(walk.machine, limits, walk.now()).kind, CallKind::probe);
    walk.feed(EngineReachable{walk.now()});
    walk.feed(Accepted{});
    EXPECT_EQ(walk.machine.state, serving);
    EXPECT_FALSE(walk.feed_at(6h - 1s, Work{1}).durable) << "half of its life had passed before";
    EXPECT_FALSE(walk.feed(Tick{}).durable);
    EXPECT_EQ(walk.feed_at(6h + 1s, Tick{}).event, "drain");
    EXPECT_EQ(
        walk.posted(),
        Price::per_hour(Money{4'410'000'000, usd}).cost_of(6h + 1s + 1us, Rounding::half_even));

    Walk silent;
    silent.machine = make_adopted(
        seen_as(), MachineId{8}, "cloud", "qwq-32b", "h100", "boot-a", limits, at(3h), 60s);
    EXPECT_EQ(silent.feed_at(3h + limits.warm_up, Tick{}).event, "boot_late");
}

TEST(Sweep, OrphanFromTheFutureIsNotBilledBackwards) {
    Seen seen = seen_as();
    seen.created = utc0 + 24h;
    const Machine row = make_orphan(seen, MachineId{8}, "cloud", "b", {}, at(10s), 60s);
    EXPECT_EQ(row.billed_from->boot, at(10s).boot - 1us);
}

TEST(Sweep, AlertOnlyNeverDestroys) {
    OrphanWatch watch;
    for (const auto t : {100s, 10'000s}) {
        const Verdict verdict = one(seen_as(), {}, watch, t, config::UnknownMachine::alert);
        EXPECT_EQ(verdict, Verdict::report);
        EXPECT_FALSE(may_destroy(verdict));
    }
}

TEST(Sweep, AnOrphanThatDisappearedStartsItsGraceAnew) {
    OrphanWatch watch;
    EXPECT_EQ(one(seen_as(), {}, watch, 100s), Verdict::wait);
    EXPECT_TRUE(sweep({.owner_mark = mark, .asked = at(120s), .now = at(121s)}, watch).empty());
    EXPECT_EQ(one(seen_as(), {}, watch, 200s), Verdict::wait);
}

TEST(Sweep, F10SecondMachineOfARowIsADuplicate) {
    Walk walk;
    walk.reach(booting);
    OrphanWatch watch;
    EXPECT_EQ(one(seen_as("m-2"), {walk.machine}, watch), Verdict::duplicate);

    Walk lost;
    lost.reach(unknown);
    Seen older = seen_as("m-0");
    older.created -= 1s;
    const std::vector<Seen> remote{seen_as("m-2"), older};
    const std::vector<Machine> rows{lost.machine};
    const auto findings = sweep(
        {.remote = remote, .rows = rows, .owner_mark = mark, .asked = at(9s), .now = at(10s)},
        watch);
    ASSERT_EQ(findings.size(), 2u);
    EXPECT_EQ(findings[0].seen.remote_id, "m-0");
    EXPECT_EQ(findings[0].verdict, Verdict::adopt);
    EXPECT_EQ(findings[1].verdict, Verdict::duplicate);
}

TEST(Sweep, F28AListOlderThanTheEndOfARowSaysNothing) {
    Walk walk;
    walk.reach(gone);
    OrphanWatch watch;
    const auto ended = walk.t;
    EXPECT_EQ(one(seen_as(), {walk.machine}, watch, ended), Verdict::known);
    EXPECT_EQ(one(seen_as(), {walk.machine}, watch, ended + 5s), Verdict::adopt)
        << "asked after its end: the row takes it up again";
}

}  // namespace
}  // namespace evenkeel::lifecycle
