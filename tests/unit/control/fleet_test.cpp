#include "agent/report/nodes.hpp"
#include "tests/unit/control/rig.hpp"

#include <algorithm>

/// How the fleet drives machines through trouble: with the ledger, with drivers, over restarts.
namespace evenkeel::agent::control_rig {
namespace {

constexpr const char* our_mark = "ek-1a2b3c4d";

struct FleetTest : testing::Test {
    World world{};
    std::unique_ptr<Rig> rig{std::make_unique<Rig>(world)};

    void restart(config::Config config = small_config()) {
        rig.reset();
        rig = std::make_unique<Rig>(world, std::move(config));
    }
    /// Past the ledger, as a person with a shell would.
    void shell(const std::string& sql) {
        ledger::Database database{
            world.state() / ledger::ledger_file, ledger::Database::Mode::read_write};
        database.exec(sql);
    }
    [[nodiscard]] std::string state_of(const std::string& remote_id) const {
        const auto row = rig->row(remote_id);
        return row ? std::string{to_text(row->row.state)} : "no row";
    }
    [[nodiscard]] bool settled() const {
        return rig->fleet->seats().empty() && world.cloud.machines.empty();
    }
    [[nodiscard]] std::vector<std::string> problems() const {
        return ledger::Reader::open(world.state())->verify()->problems;
    }
    void destroy_all() { rig->fleet->end_all(true, Reason{ReasonCode::agent_stopping}); }
};

TEST_F(FleetTest, OrdersUnderWayHaveNamesOfTheirOwn) {
    rig->order();
    rig->order();  // before the first has its hold
    EXPECT_EQ(rig->fleet->ordering(), 2);
    rig->rounds(2);
    ASSERT_EQ(rig->fleet->seats().size(), 2u);
    std::set<std::string> names;
    for (const auto& [id, seat] : rig->fleet->seats()) {
        names.insert(seat.source_name);
    }
    EXPECT_EQ(names, (std::set<std::string>{"cloud-1", "cloud-2"}));
    EXPECT_EQ(world.cloud.created.size(), 2u);
    EXPECT_EQ(rig->open_holds(), 2);
}

TEST_F(FleetTest, AMachineThatIsGoneGivesItsHoldBack) {
    rig->order();
    rig->rounds(2);
    destroy_all();
    ASSERT_TRUE(rig->until([&] { return settled(); }));
    EXPECT_EQ(rig->open_holds(), 0);
    EXPECT_EQ(state_of("r-1"), "gone");
    EXPECT_EQ(problems(), std::vector<std::string>{});
}

TEST_F(FleetTest, AMachineThatTurnsUpAfterItsEndIsEndedAgain) {
    rig->order();
    rig->rounds(2);
    const std::string name = world.cloud.created.at(0);
    destroy_all();
    ASSERT_TRUE(rig->until([&] { return settled(); }));
    world.clock.advance(5min);
    world.cloud.put("r-1", name, our_mark, world.clock.read().utc);
    rig->fleet->sweep();
    rig->rounds(3);
    EXPECT_TRUE(rig->until([&] { return settled(); }));
    EXPECT_EQ(world.cloud.destroyed.back(), "r-1");
}

TEST_F(FleetTest, AHoldWithoutARowIsReleasedAtTheNextStart) {
    ledger::Answer<HoldId> answer;
    rig->books->hold(
        {.machine = MachineId{77}, .source = NameIx{1}, .amount = Money{5, usd}}, answer.done());
    ASSERT_TRUE(answer.get());
    ASSERT_EQ(rig->open_holds(), 1);
    restart();
    rig->rounds(1);
    EXPECT_EQ(rig->open_holds(), 0);
}

TEST_F(FleetTest, NothingIsCreatedForAnIntentTheLedgerRefuses) {
    // Another row has the name that the next intent will have.
    IdGenerator same{1, rig->books->recovered().last_id};
    const std::string name =
        lifecycle::machine_name(our_mark, MachineId{same.next(world.clock.read().utc)});
    ledger::Answer<void> stored;
    rig->books->machine_step(
        {.machine =
             {.id = MachineId{5},
              .provider = NameIx{1},
              .name = name,
              .offer = NameIx{1},
              .model = NameIx{1},
              .source = NameIx{1},
              .price = Price::per_hour(Money{1, usd})},
         .event = "wanted",
         .now = world.clock.read()},
        stored.done());
    ASSERT_TRUE(stored.get());
    rig->order();
    rig->rounds(3);
    EXPECT_TRUE(world.cloud.created.empty());
    EXPECT_TRUE(rig->fleet->seats().empty());
    EXPECT_EQ(rig->open_holds(), 0);
}

TEST_F(FleetTest, WhatAMachineWasUsefulForOutlivesARestart) {
    rig->order();
    rig->rounds(2);
    world.clock.advance(10min);
    destroy_all();
    ASSERT_TRUE(rig->until([&] { return settled(); }));
    const auto row = rig->row("r-1");
    ASSERT_FALSE(row->phases.empty());
    ASSERT_GT(row->phases.front().billed.nanos(), 0);
    shell(
        "UPDATE machine_phase SET phase = 'serve' WHERE no = " +
        std::to_string(row->phases.front().no));
    restart();
    rig->fleet->remember_gone(*ledger::Reader::open(world.state())->machines(UtcTime{}));
    ASSERT_EQ(rig->fleet->gone().size(), 1u);
    const Seat& seat = rig->fleet->gone().front();
    EXPECT_EQ(seat.served, row->phases.front().billed);
    const auto in_the_books = report::useful_share(*rig->row("r-1"), 100);
    ASSERT_TRUE(in_the_books);
    EXPECT_EQ(seat.useful_percent(world.clock.read()), in_the_books);
}

/// 6 USD an hour: 0.10 a minute. Booted 15 minutes, serving since.
TEST(Seat, IsUsefulForThePartOfItsMoneyThatPaidForServing) {
    const auto at = [](std::chrono::minutes life) {
        return Now{.boot = BootTime{1h} + life, .utc = ledger::test_start + life};
    };
    Seat seat;
    EXPECT_EQ(seat.useful_percent(at(0min)), std::nullopt) << "it costs nothing yet";
    lifecycle::Machine& machine = seat.machine;
    machine.intent_price = Price::per_hour(Money{6'000'000'000, usd});
    machine.state = MachineState::booting;
    machine.billed_from = at(0min);
    machine.phase = Phase::boot;
    machine.phase_at = at(0min);
    EXPECT_EQ(seat.useful_percent(at(10min)), 0);
    machine.state = MachineState::serving;
    machine.phase = Phase::serve;
    machine.phase_at = at(15min);
    machine.posted = Money{1'500'000'000, usd};
    EXPECT_EQ(seat.useful_percent(at(15min)), 0);
    EXPECT_EQ(seat.useful_percent(at(60min)), 75);
    machine.min_bill = 2h;
    EXPECT_EQ(seat.useful_percent(at(60min)), 38) << "the hour that is billed beside is not useful";
    machine.state = MachineState::gone;
    machine.phase.reset();
    machine.posted = Money{12'000'000'000, usd};
    seat.served = Money{4'500'000'000, usd};
    EXPECT_EQ(seat.useful_percent(at(60min)), 38);
    EXPECT_EQ(seat.useful_percent(at(900min)), 38) << "time after its end is not paid";
}

/// The ledger refuses a step after the create: somebody changed the row. The machine is ended all
/// the same, and what it cost comes with its bill.
TEST_F(FleetTest, AMachineWhoseRowWasChangedByOthersIsEnded) {
    rig->order();
    rig->rounds(2);
    ASSERT_EQ(world.cloud.count(), 1u);
    shell("UPDATE machine SET step = step + 7");
    destroy_all();
    EXPECT_TRUE(rig->until([&] { return world.cloud.count() == 0; }));
    EXPECT_FALSE(rig->fleet->warnings().empty());
    world.cloud.bill = {{.remote_id = "r-1", .amount = Money{73'500'000, usd}, .final = true}};
    ASSERT_TRUE(rig->until([&] { return rig->fleet->seats().empty(); }));
    rig->rounds(3);
    EXPECT_EQ(rig->row("r-1")->paid, (Money{73'500'000, usd}));
    // The next start finds its row alive, ends it again and books phases again: the bill rules.
    restart();
    ASSERT_TRUE(rig->until([&] { return rig->fleet->seats().empty(); }));
    rig->fleet->want_bills();
    rig->rounds(3);
    EXPECT_EQ(rig->row("r-1")->paid, (Money{73'500'000, usd}));
}

TEST_F(FleetTest, F27_AnOrphanWithoutAPriceIsBookedAtWhatSuchMachinesCost) {
    world.cloud.names_prices = false;
    world.cloud.put("x-9", "ek-1a2b3c4d-stray", our_mark, world.clock.read().utc - 1h);
    rig->fleet->sweep();
    rig->rounds(2);
    world.clock.advance(2min);
    rig->fleet->sweep();
    rig->rounds(3);
    ASSERT_TRUE(rig->row("x-9").has_value());
    EXPECT_EQ(rig->row("x-9")->row.price, Price::per_hour(Money{4'410'000'000, usd}));
    EXPECT_TRUE(rig->until([&] { return settled(); }));
    EXPECT_EQ(state_of("x-9"), "gone");
    EXPECT_GT(rig->row("x-9")->paid, (Money{4'000'000'000, usd}));
}

TEST_F(FleetTest, F27_AnOrphanWhoseIdAnOldRowHasIsEndedAndBookedUnderAnotherName) {
    rig->order();
    rig->rounds(2);
    destroy_all();
    ASSERT_TRUE(rig->until([&] { return settled(); }));
    world.clock.advance(72h);  // longer than ended machines are remembered
    restart();
    world.cloud.put("r-1", "ek-1a2b3c4d-stray", our_mark, world.clock.read().utc);
    rig->fleet->sweep();
    rig->rounds(2);
    world.clock.advance(2min);
    rig->fleet->sweep();
    rig->rounds(2);
    EXPECT_TRUE(rig->until([&] { return settled(); }));
    auto reader = ledger::Reader::open(world.state());
    EXPECT_EQ(reader->machines(UtcTime{})->size(), 2u);
    EXPECT_EQ(problems(), std::vector<std::string>{});
}

/// While the ledger takes nothing, a machine that is to end is ended, without asking the provider
/// the same in every round.
TEST_F(FleetTest, AnEndDoesNotWaitForTheLedgerNorFloodTheProvider) {
    rig->order();
    rig->rounds(2);
    ASSERT_EQ(world.cloud.count(), 1u);
    world.cloud.deletes = false;
    ledger::Database lock{world.state() / ledger::ledger_file, ledger::Database::Mode::read_write};
    lock.exec("BEGIN IMMEDIATE");
    destroy_all();
    for (int i = 0; i < 60; ++i) {
        for (const Inbox::Item& item : rig->inbox.take(4ms)) {
            item();
        }
        rig->fleet->tick({});
        world.clock.advance(1s);
    }
    const std::size_t asked = world.cloud.deletions();
    EXPECT_GE(asked, 2u);
    EXPECT_LE(asked, 8u) << "of 60 rounds";
    EXPECT_FALSE(rig->fleet->hazards().empty());
    lock.exec("ROLLBACK");
    world.cloud.deletes = true;
    EXPECT_TRUE(rig->until([&] { return settled(); }));
    EXPECT_EQ(state_of("r-1"), "gone");
}

/// The same when the ledger is stuck over a step that has nothing to do with the end.
TEST_F(FleetTest, AnEndDoesNotWaitForANoteThatTheLedgerDoesNotTake) {
    rig->order();
    rig->rounds(2);
    ledger::Database lock{world.state() / ledger::ledger_file, ledger::Database::Mode::read_write};
    lock.exec("BEGIN IMMEDIATE");
    const auto round = [&] {
        for (const Inbox::Item& item : rig->inbox.take(4ms)) {
            item();
        }
        rig->fleet->tick({});
        world.clock.advance(1s);
    };
    {
        const std::lock_guard guard{world.cloud.mutex};
        world.cloud.machines["r-1"].running = true;
        world.cloud.machines["r-1"].host = "127.0.0.1";
        world.cloud.machines["r-1"].port = 1;
    }
    const auto stuck = [&] { return rig->fleet->seats().begin()->second.committing; };
    for (int i = 0; i < 30 && !stuck(); ++i) {
        round();
    }
    ASSERT_TRUE(stuck()) << "its address is a durable step";
    destroy_all();
    for (int i = 0; i < 30 && world.cloud.count() > 0; ++i) {
        round();
    }
    EXPECT_EQ(world.cloud.count(), 0u);
    lock.exec("ROLLBACK");
    EXPECT_TRUE(rig->until([&] { return settled(); }));
    EXPECT_EQ(state_of("r-1"), "gone");
    EXPECT_EQ(problems(), std::vector<std::string>{});
}

TEST_F(FleetTest, AMachineWhoseStoredFactsAreLostWhileItsEndIsProvedEndsToo) {
    rig->order();
    rig->rounds(2);
    destroy_all();
    const auto verifying = [&] {
        return !rig->fleet->seats().empty() &&
               rig->fleet->seats().begin()->second.machine.state == MachineState::verifying;
    };
    ASSERT_TRUE(rig->until(verifying, 60));
    rig.reset();
    shell("UPDATE machine SET detail = 'torn'");
    restart();
    EXPECT_TRUE(rig->until([&] { return settled(); }));
    EXPECT_EQ(state_of("r-1"), "gone");
}

TEST_F(FleetTest, AMachineWhoseStoredFactsAreLostIsEnded) {
    rig->order();
    rig->rounds(2);
    ASSERT_EQ(world.cloud.count(), 1u);
    rig.reset();
    shell("UPDATE machine SET detail = 'torn'");
    restart();
    EXPECT_TRUE(rig->until([&] { return settled(); }));
    EXPECT_EQ(state_of("r-1"), "gone");
    EXPECT_EQ(rig->open_holds(), 0);
    EXPECT_EQ(problems(), std::vector<std::string>{});
}

TEST_F(FleetTest, CreatesOfTheLastHourAreKnownAfterARestart) {
    rig->order();
    rig->order();
    rig->rounds(2);
    restart();
    rig->rounds(1);
    EXPECT_EQ(rig->fleet->creates_last_hour().size(), 2u);
    world.clock.advance(1h);
    rig->rounds(1);
    EXPECT_EQ(rig->fleet->creates_last_hour().size(), 0u);
}

TEST_F(FleetTest, F01_ADriverThatThrowsAfterACreateLeavesItUnknownAndItIsFoundByName) {
    world.cloud.throws_on_create = true;
    rig->order();
    rig->rounds(2);
    const auto found = [&] {
        return rig->fleet->seats().size() == 1 &&
               rig->fleet->seats().begin()->second.machine.remote_id == "r-1";
    };
    EXPECT_TRUE(rig->until(found, 120));
    EXPECT_EQ(world.cloud.created.size(), 1u);
}

TEST_F(FleetTest, TwoProvidersOfOneAccountDoNotTakeEachOthersMachinesForOrphans) {
    rig->order("cloud");
    rig->order("cloud-two");
    rig->rounds(2);
    for (int i = 0; i < 5; ++i) {
        world.clock.advance(61s);
        rig->fleet->sweep();
        rig->rounds(1);
    }
    EXPECT_EQ(world.cloud.count(), 2u);
    EXPECT_TRUE(world.cloud.destroyed.empty());
}

TEST_F(FleetTest, F102_ABillInAnotherCurrencyIsNeverSubtractedFromWhatWasBooked) {
    rig->order();
    rig->rounds(2);
    destroy_all();
    world.cloud.bill = {{.remote_id = "r-1", .amount = Money{73'500'000, aud}, .final = true}};
    ASSERT_TRUE(rig->until([&] { return settled(); }));
    const Money before = rig->row("r-1")->paid;
    rig->fleet->want_bills();
    rig->rounds(3);
    EXPECT_EQ(rig->row("r-1")->paid, before);
}

/// 4.41 USD/h: two seconds are 0.00245 USD. The minute that is billed at least is 0.0735 USD.
TEST_F(FleetTest, F102_ABillAboveATolerableDifferenceIsAnAlarm) {
    struct Case {
        const char* what;
        std::int64_t over_nanos;
        bool alarm;
    };
    const Case cases[] = {
        {"as booked", 0, false},
        {"a second more", 1'225'000, false},
        {"a second less", -1'225'000, false},
        {"three seconds more", 3'675'000, true},
        {"three seconds less", -3'675'000, true}};
    int number = 0;
    std::size_t alarms = 0;
    for (const Case& one : cases) {
        rig->order();
        rig->rounds(2);
        destroy_all();
        ASSERT_TRUE(rig->until([&] { return settled(); }));
        const std::string id = "r-" + std::to_string(++number);
        const Money bill{rig->row(id)->paid.nanos() + one.over_nanos, usd};
        world.cloud.bill = {{.remote_id = id, .amount = bill, .final = true}};
        rig->fleet->want_bills();
        rig->rounds(3);
        EXPECT_EQ(rig->row(id)->paid, bill) << one.what;
        alarms += one.alarm ? 1 : 0;
        EXPECT_EQ(rig->fleet->bill_alarms().size(), alarms) << one.what;
    }
}

/// What /metrics says of a provider: calls, lists, deletes, and how bills differ from our books.
TEST_F(FleetTest, F102_WhatAProviderWasAskedAndBilledIsCounted) {
    const auto figures = [&] { return rig->fleet->figures("cloud"); };
    const auto calls = [&](std::string_view outcome) -> std::int64_t {
        for (const auto& [name, count] : figures().calls) {
            if (name == outcome) {
                return count;
            }
        }
        return 0;
    };
    rig->order();
    rig->rounds(2);
    const std::int64_t good = calls("ok");
    EXPECT_GT(good, 0);
    EXPECT_FALSE(figures().listed.has_value()) << "nobody has listed yet";
    const UtcTime asked = rig->clock.read().utc;
    rig->fleet->sweep();
    rig->rounds(2);
    EXPECT_EQ(figures().listed, asked);
    EXPECT_GT(calls("ok"), good);
    {
        const std::lock_guard lock{world.cloud.mutex};
        world.cloud.list_fails = true;
    }
    rig->fleet->sweep();
    rig->rounds(2);
    EXPECT_EQ(figures().listed, asked) << "a list that failed is none";
    EXPECT_EQ(calls("unavailable"), 1);
    {
        const std::lock_guard lock{world.cloud.mutex};
        world.cloud.list_fails = false;
        world.cloud.destroy_fails = true;
    }
    EXPECT_EQ(figures().destroy_failures, 0);
    destroy_all();
    ASSERT_TRUE(rig->until([&] { return figures().destroy_failures >= 2; }));
    {
        const std::lock_guard lock{world.cloud.mutex};
        world.cloud.destroy_fails = false;
    }
    ASSERT_TRUE(rig->until([&] { return settled(); }));

    EXPECT_TRUE(figures().bill_differences.empty());
    const auto bill = [&](std::int64_t over) {
        const Money amount{rig->row("r-1")->paid.nanos() + over, usd};
        world.cloud.bill = {{.remote_id = "r-1", .amount = amount, .final = true}};
        rig->fleet->want_bills();
        rig->rounds(3);
    };
    bill(5'000'000);
    bill(-5'500'000);
    EXPECT_EQ(figures().bill_differences, (std::vector<Money>{Money{-500'000, usd}}));
    EXPECT_EQ(figures().bill_alarms, 2);
    EXPECT_TRUE(rig->fleet->figures("nobody").calls.empty());
}

/// The ledger's writer may answer after its asker is gone.
TEST(InboxHandle, OutlivesItsOwner) {
    auto inbox = std::make_unique<Inbox>();
    const auto kept = std::make_shared<int>(1);
    const std::function<void()> late = [handle = *inbox, kept] { handle.post([kept] {}); };
    inbox.reset();
    late();
    EXPECT_EQ(kept.use_count(), 3) << "the closure waits, unrun, as long as a handle lives";
}

}  // namespace
}  // namespace evenkeel::agent::control_rig
