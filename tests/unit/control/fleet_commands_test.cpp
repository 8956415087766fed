#include "tests/unit/control/rig.hpp"

#include <algorithm>

/// What people ask of machines, what they are told, and what the reaper left to be booked.
namespace evenkeel::agent::control_rig {
namespace {

constexpr const char* our_mark = "ek-1a2b3c4d";
using Verb = NodeCommand::Verb;

config::Config alert_config() {
    config::Config config = small_config();
    config.safety.unknown_machine = config::UnknownMachine::alert;
    return config;
}

struct FleetCommands : testing::Test {
    World world{};
    std::unique_ptr<Rig> rig{std::make_unique<Rig>(world, alert_config())};

    [[nodiscard]] Result<NodeAnswer> ask(
        Verb verb, const std::string& name, const std::string& model = {}) {
        return rig->fleet->command(
            {.verb = verb, .name = name, .provider = "cloud", .model = model});
    }
    void stray(const std::string& id, const std::string& mark) {
        world.cloud.put(id, "ek-1a2b3c4d-" + id, mark, world.clock.read().utc - 30min);
        rig->fleet->sweep();
        rig->settle();
    }
    [[nodiscard]] bool told(std::string_view text) const {
        return std::ranges::any_of(rig->fleet->hazards(), [&](const std::string& hazard) {
            return hazard.find(text) != std::string::npos;
        });
    }
    [[nodiscard]] bool settled() const { return rig->fleet->seats().empty(); }
    [[nodiscard]] std::vector<std::string> problems() const {
        return ledger::Reader::open(world.state())->verify()->problems;
    }
};

TEST_F(FleetCommands, DestroyFindsAMachineByEachOfItsNames) {
    for (int i = 0; i < 3; ++i) {
        rig->order();
        rig->rounds(2);
        const Seat& seat = rig->fleet->seats().begin()->second;
        const std::string names[] = {seat.source_name, seat.machine.name, seat.machine.remote_id};
        const auto answer = ask(Verb::destroy, names[i]);
        ASSERT_TRUE(answer) << names[i] << ": " << answer.error().message;
        EXPECT_EQ(answer->machine, names[1]);
        EXPECT_EQ(answer->name, names[0]);
        ASSERT_TRUE(rig->until([&] { return settled(); })) << names[i];
    }
    EXPECT_EQ(world.cloud.count(), 0u);
    EXPECT_EQ(rig->row("r-1")->row.reason.code, ReasonCode::asked_by_owner);
    const auto again = ask(Verb::destroy, "r-1");
    ASSERT_TRUE(again) << "asking for what is done is no error";
    EXPECT_EQ(again->state, "gone");
    EXPECT_EQ(ask(Verb::destroy, "cloud-9").error().code, Errc::not_found);
    EXPECT_EQ(ask(Verb::destroy, "").error().code, Errc::not_found);
    EXPECT_EQ(ask(Verb::destroy, "cloud-1").error().code, Errc::conflict)
        << "three machines had that name, and it does not say which";
}

TEST_F(FleetCommands, DrainEndsAMachineThatDoesNotServeAtOnce) {
    rig->order();
    rig->rounds(2);
    ASSERT_TRUE(ask(Verb::drain, "cloud-1"));
    EXPECT_TRUE(rig->until([&] { return settled(); }));
    EXPECT_EQ(world.cloud.destroyed, std::vector<std::string>{"r-1"});
}

TEST_F(FleetCommands, F27_AnUnknownMachineIsShownAndDestroyedOnlyWhenAsked) {
    stray("s-1", our_mark);
    ASSERT_EQ(rig->fleet->strangers().size(), 2u) << "both entries are one account";
    EXPECT_TRUE(told("s-1"));
    EXPECT_FALSE(rig->fleet->hazards().empty());
    rig->rounds(120);
    EXPECT_TRUE(world.cloud.destroyed.empty()) << "unknown_machine: alert";
    EXPECT_EQ(
        rig->fleet->command({.verb = Verb::destroy, .name = "s-1"}).error().code, Errc::conflict)
        << "listed by two entries: --provider says which";

    const auto answer = ask(Verb::destroy, "s-1");
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_TRUE(answer->adopted);
    ASSERT_TRUE(rig->until([&] { return settled(); }));
    EXPECT_EQ(world.cloud.count(), 0u);
    const auto row = rig->row("s-1");
    ASSERT_TRUE(row) << "what it cost is in the books";
    EXPECT_GT(
        row->paid.nanos(),
        Price::per_hour(Money{4'410'000'000, usd}).cost_of(30min, Rounding::down).nanos());
    EXPECT_EQ(problems(), std::vector<std::string>{});
}

TEST_F(FleetCommands, F26_AMachineWithoutOurMarkIsNeverTouched) {
    stray("s-1", "");
    stray("s-2", "ek-99999999");
    ASSERT_EQ(rig->fleet->strangers().size(), 4u);
    EXPECT_TRUE(rig->fleet->hazards().empty()) << "another agent's machines are its own business";
    for (const char* id : {"s-1", "s-2"}) {
        for (const Verb verb : {Verb::drain, Verb::destroy, Verb::adopt}) {
            EXPECT_EQ(ask(verb, id).error().code, Errc::refused) << id;
        }
    }
    rig->rounds(120);
    EXPECT_TRUE(world.cloud.destroyed.empty());
    EXPECT_EQ(world.cloud.count(), 2u);
}

TEST_F(FleetCommands, AnAdoptedMachineIsKeptAsAWorker) {
    stray("s-1", our_mark);
    EXPECT_EQ(ask(Verb::adopt, "s-1", "none-such").error().code, Errc::invalid_argument);
    const auto answer = ask(Verb::adopt, "s-1");
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->machine, "ek-1a2b3c4d-s-1");
    EXPECT_EQ(answer->state, "booting");
    rig->rounds(2);
    EXPECT_FALSE(told("s-1"));
    EXPECT_EQ(ask(Verb::adopt, "s-1").error().code, Errc::conflict) << "it is ours already";
    const auto row = rig->row("s-1");
    ASSERT_TRUE(row);
    EXPECT_EQ(row->model, "m");
    EXPECT_EQ(row->offer, "cloud");
    EXPECT_EQ(row->row.state, MachineState::booting);
    rig->fleet->sweep();
    rig->rounds(5);
    EXPECT_TRUE(world.cloud.destroyed.empty()) << "it is in a row now";
    // Its engine never answers, so it ends when its warm-up time is over.
    EXPECT_TRUE(rig->until([&] { return settled(); }, 3'600));
    EXPECT_EQ(rig->row("s-1")->row.reason.code, ReasonCode::machine_boot_late);
    EXPECT_EQ(world.cloud.count(), 0u);
    EXPECT_EQ(problems(), std::vector<std::string>{});
}

TEST_F(FleetCommands, AMachineOlderThanItsLatestEndIsNotAdopted) {
    world.cloud.put("s-1", "ek-1a2b3c4d-s-1", our_mark, world.clock.read().utc - 7h);
    rig->fleet->sweep();
    rig->settle();
    EXPECT_EQ(ask(Verb::adopt, "s-1").error().code, Errc::conflict);
    EXPECT_TRUE(ask(Verb::destroy, "s-1"));
}

// ---- hazards: each a sentence, each exit status 6
// ------------------------------------------------

TEST_F(FleetCommands, HazardUnknownOutcome) {
    world.cloud.throws_on_create = true;
    world.cloud.list_fails = true;
    rig->order();
    rig->rounds(2);
    EXPECT_TRUE(told("nobody knows whether it was created"));
    world.cloud.list_fails = false;
    EXPECT_TRUE(rig->until([&] { return rig->fleet->hazards().empty(); }, 120));
}

TEST_F(FleetCommands, HazardUndestroyable) {
    rig->order();
    rig->rounds(2);
    world.cloud.deletes = false;
    ASSERT_TRUE(ask(Verb::destroy, "cloud-1"));
    rig->rounds(2);
    EXPECT_TRUE(rig->fleet->hazards().empty()) << "a delete may take its minutes";
    ASSERT_TRUE(rig->until([&] { return told("its deletion is not proved"); }));
    EXPECT_TRUE(told("4.41 USD an hour"));
    world.cloud.deletes = true;
    ASSERT_TRUE(rig->until([&] { return settled(); }));
    EXPECT_TRUE(rig->fleet->hazards().empty());
}

TEST_F(FleetCommands, HazardOverdue) {
    rig->order();
    rig->rounds(2);
    world.cloud.deletes = false;
    EXPECT_FALSE(told("should have ended"));
    world.clock.advance(7h);
    rig->rounds(1);
    EXPECT_TRUE(told("it should have ended at"));
}

TEST_F(FleetCommands, HazardUnbooked) {
    rig->order();
    rig->rounds(2);
    ledger::Database lock{world.state() / ledger::ledger_file, ledger::Database::Mode::read_write};
    lock.exec("BEGIN IMMEDIATE");
    ASSERT_TRUE(ask(Verb::destroy, "cloud-1"));
    for (int i = 0; i < 60 && !told("the ledger does not have its newest step"); ++i) {
        for (const Inbox::Item& item : rig->inbox.take(10ms)) {
            item();
        }
    }
    EXPECT_TRUE(told("the ledger does not have its newest step"));
    lock.exec("ROLLBACK");
    EXPECT_TRUE(rig->until([&] { return settled(); }));
}

// ---- the reaper's log ---------------------------------------------------------------------------

reap::Entry reaped(const World& world, const std::string& id, const std::string& name) {
    return {
        .at = world.clock.read().utc,
        .deed = reap::Deed::answered,
        .provider = "cloud",
        .machine = {
            .remote_id = id,
            .name = name,
            .owner_mark = our_mark,
            .gpu = "H100",
            .gpu_count = 1,
            .price = Price::per_hour(Money{4'410'000'000, usd}),
            .created = world.clock.read().utc - 2h}};
}

TEST_F(FleetCommands, F48_AReapedMachineOfARowIsPaidUntilItWasReaped) {
    rig->order();
    rig->rounds(2);
    const UtcTime asked = rig->fleet->seats().begin()->second.machine.billed_from->utc;
    rig.reset();  // the agent is gone
    world.clock.advance(2h);
    const reap::Entry entry = reaped(world, "r-1", world.cloud.created.at(0));
    world.cloud.machines.clear();
    world.clock.advance(3h);
    rig = std::make_unique<Rig>(world, alert_config());
    rig->settle();
    ASSERT_TRUE(rig->until([&] { return rig->fleet->book_reaped(entry, true); }, 60));
    ASSERT_TRUE(rig->until([&] { return settled(); }));
    const auto row = rig->row("r-1");
    EXPECT_EQ(row->row.reason.code, ReasonCode::machine_reaped);
    EXPECT_EQ(row->row.gone_how, GoneHow::destroyed);
    EXPECT_EQ(
        row->paid,
        Price::per_hour(Money{4'410'000'000, usd}).cost_of(entry.at - asked, Rounding::half_even));
    EXPECT_TRUE(rig->fleet->book_reaped(entry, true)) << "a second time changes nothing";
    EXPECT_EQ(problems(), std::vector<std::string>{});
}

TEST_F(FleetCommands, F27_AReapedMachineOfNoRowComesIntoTheBooks) {
    const reap::Entry entry = reaped(world, "s-1", "ek-1a2b3c4d-stray");
    world.clock.advance(1h);
    EXPECT_FALSE(rig->fleet->book_reaped(entry, false)) << "not in the ledger yet";
    rig->rounds(2);
    EXPECT_TRUE(rig->fleet->book_reaped(entry, false));
    ASSERT_TRUE(rig->until([&] { return settled(); }));
    const auto row = rig->row("s-1");
    ASSERT_TRUE(row);
    const Money two_hours =
        Price::per_hour(Money{4'410'000'000, usd}).cost_of(2h + 1us, Rounding::half_even);
    EXPECT_EQ(row->paid, two_hours) << "until it was reaped, not until the agent came back";
    EXPECT_TRUE(world.cloud.destroyed.empty()) << "nothing was left to delete";
    EXPECT_TRUE(rig->fleet->book_reaped(entry, true));
    EXPECT_EQ(problems(), std::vector<std::string>{});
}

/// The reaper ended between its delete and the answer: somebody must still look.
TEST_F(FleetCommands, F48_AReapThatDiedBeforeTheAnswerIsTakenUpAndProved) {
    for (const bool worked : {true, false}) {
        const std::string id = worked ? "s-1" : "s-2";
        reap::Entry entry = reaped(world, id, "ek-1a2b3c4d-stray");
        entry.deed = reap::Deed::asked;
        if (!worked) {
            world.cloud.put(id, "ek-1a2b3c4d-stray", our_mark, world.clock.read().utc - 2h);
        }
        world.clock.advance(1h);
        EXPECT_FALSE(rig->fleet->book_reaped(entry, false)) << "not in the ledger yet";
        rig->rounds(2);
        EXPECT_TRUE(rig->fleet->book_reaped(entry, false));
        ASSERT_TRUE(rig->until([&] { return settled(); })) << id;
        EXPECT_EQ(world.cloud.count(), 0u);
        const auto row = rig->row(id);
        ASSERT_TRUE(row);
        EXPECT_EQ(row->row.reason.code, ReasonCode::machine_reaped);
        const Money two_hours =
            Price::per_hour(Money{4'410'000'000, usd}).cost_of(2h + 1us, Rounding::half_even);
        if (worked) {
            EXPECT_EQ(row->paid, two_hours) << "until it was reaped, not until the agent came back";
        } else {
            EXPECT_GT(row->paid, two_hours) << "until our own delete";
        }
    }
    EXPECT_EQ(problems(), std::vector<std::string>{});
}

/// A person may reap another agent's machines from this state folder.
TEST_F(FleetCommands, I7_AReapedMachineOfAnotherAgentIsNeitherBookedNorDestroyed) {
    for (const reap::Deed deed : {reap::Deed::asked, reap::Deed::answered}) {
        reap::Entry entry = reaped(world, "s-1", "ek-9f9f9f9f-other");
        entry.machine.owner_mark = "ek-9f9f9f9f";
        entry.deed = deed;
        world.cloud.put(
            "s-1", entry.machine.name, entry.machine.owner_mark, world.clock.read().utc);
        EXPECT_TRUE(rig->fleet->book_reaped(entry, false));
        rig->rounds(3);
        EXPECT_TRUE(rig->fleet->seats().empty());
        EXPECT_TRUE(world.cloud.destroyed.empty());
        world.cloud.machines.clear();
    }
}

TEST_F(FleetCommands, F48_AReapedMachineWhoseIdAnOlderRowHasIsBookedUnderAnotherName) {
    rig->order();
    rig->rounds(2);
    ASSERT_TRUE(ask(Verb::destroy, "r-1"));
    ASSERT_TRUE(rig->until([&] { return settled(); }));
    rig.reset();
    world.clock.advance(std::chrono::days{41});  // the row is too old to be remembered
    rig = std::make_unique<Rig>(world, alert_config());
    const reap::Entry entry = reaped(world, "r-1", "ek-1a2b3c4d-stray");
    EXPECT_FALSE(rig->fleet->book_reaped(entry, false));
    ASSERT_TRUE(rig->until([&] { return settled(); }));
    EXPECT_EQ(rig->fleet->gone().front().machine.end_reason.code, ReasonCode::machine_reaped);
    EXPECT_FALSE(rig->fleet->gone().front().paid.is_zero());
    EXPECT_EQ(problems(), std::vector<std::string>{});
}

}  // namespace
}  // namespace evenkeel::agent::control_rig
