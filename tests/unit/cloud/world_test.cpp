#include "lab/cloud/world.hpp"

#include "tests/unit/cloud/world_fixture.hpp"

#include <gtest/gtest.h>

namespace evenkeel::lab::cloud {
namespace {

using namespace std::chrono_literals;
using testing::t0;
using testing::test_request;
using testing::test_shelf;
using testing::WorldHarness;

TEST(CloudWorld, AMachineLivesAndIsBilledToTheMicrosecond) {
    WorldHarness h;
    const std::string id = h.create("ek-1");
    EXPECT_EQ(id, "m-7f3a9c-000001");
    ASSERT_NE(h.find(id), nullptr);
    EXPECT_EQ(h.find(id)->status, Status::creating);
    EXPECT_EQ(h.find(id)->port, 0);
    EXPECT_EQ(h.world.next_due(), t0 + 420s);

    h.now = t0 + 420s - 1us;
    EXPECT_TRUE(h.world.tick(h.now).effects.empty());
    h.now = t0 + 420s;
    EXPECT_EQ(h.keep(h.world.tick(h.now)), (std::vector<Effect>{{Effect::Kind::start, id}}));
    h.keep(h.world.started(id, 40'123, h.now));
    EXPECT_EQ(h.find(id)->status, Status::running);
    EXPECT_EQ(h.find(id)->port, 40'123);
    EXPECT_EQ(h.world.next_due(), std::nullopt);

    h.now = t0 + 1000s;
    const Outcome removed = h.world.remove(id, h.now);
    EXPECT_FALSE(removed.refusal);
    EXPECT_EQ(h.keep(removed.step), (std::vector<Effect>{{Effect::Kind::stop, id}}));
    EXPECT_EQ(h.find(id)->status, Status::deleting);
    EXPECT_FALSE(h.line(id).final);

    h.now = t0 + 1000s + 123'457us;
    h.keep(h.world.exited(id, h.now));
    EXPECT_EQ(h.find(id), nullptr);
    EXPECT_EQ(h.world.remove(id, h.now).refusal->status, 404);
    h.now += std::chrono::hours{1000};
    // 4.41 USD x 1000.123457 s / 3600 s = 1.22515123482.. USD
    EXPECT_EQ(h.line(id).amount, (Money{1'225'151'235, usd}));
    EXPECT_EQ(h.line(id).elapsed, 1'000'123'457us);
    EXPECT_TRUE(h.line(id).final);
    EXPECT_EQ(h.world.live(), 0u);
}

TEST(CloudWorld, TheMinimumIsBilledInFull) {
    WorldHarness h;
    const std::string id = h.create("ek-1");
    h.now += 1us;
    EXPECT_TRUE(h.keep(h.world.remove(id, h.now).step).empty()) << "no process to end yet";
    EXPECT_EQ(h.find(id), nullptr);
    EXPECT_EQ(h.line(id).amount, (Money{73'500'000, usd}));
    EXPECT_EQ(h.line(id).elapsed, 1us);
    EXPECT_TRUE(h.line(id).final);
}

TEST(CloudWorld, RefusesWhatItDoesNotSell) {
    WorldHarness h;
    const auto refusal = [&](auto change) {
        CreateRequest request = test_request("ek-1");
        change(request);
        const Outcome outcome = h.world.create(request, h.now);
        EXPECT_TRUE(outcome.step.records.empty());
        return outcome.refusal ? outcome.refusal->code : "accepted";
    };
    EXPECT_EQ(refusal([](auto& r) { r.name = ""; }), "invalid");
    EXPECT_EQ(refusal([](auto& r) { r.name = "a b"; }), "invalid");
    EXPECT_EQ(refusal([](auto& r) { r.name = "../x"; }), "invalid");
    EXPECT_EQ(refusal([](auto& r) { r.name = std::string(256, 'a'); }), "invalid");
    EXPECT_EQ(refusal([](auto& r) { r.owner_mark = "a/b"; }), "invalid");
    EXPECT_EQ(refusal([](auto& r) { r.sku = "h200"; }), "invalid");
    EXPECT_EQ(refusal([](auto& r) { r.region = "moon"; }), "invalid");
    EXPECT_EQ(refusal([](auto& r) { r.model = ""; }), "invalid");
    EXPECT_EQ(refusal([](auto& r) { r.model = "--key-file=/etc/passwd"; }), "invalid");
    EXPECT_EQ(refusal([](auto& r) { r.image = "two words"; }), "invalid");
    EXPECT_TRUE(h.world.bill("", h.now).empty());
}

TEST(CloudWorld, F09ANameIsTakenOnlyWhileItsMachineLives) {
    WorldHarness h;
    const std::string id = h.create("ek-1");
    EXPECT_EQ(h.world.create(test_request("ek-1"), h.now).refusal->code, "name_exists");
    h.keep(h.world.remove(id, h.now).step);
    EXPECT_NE(h.create("ek-1"), id);
}

TEST(CloudWorld, StockIsMachinesAtOnce) {
    WorldHarness h;
    const std::string first = h.create("a");
    h.create("b");
    EXPECT_EQ(h.world.stock_left(), 1);
    h.create("c");
    EXPECT_EQ(h.world.stock_left(), 0);
    EXPECT_EQ(h.world.create(test_request("d"), h.now).refusal->code, "no_stock");
    h.keep(h.world.remove(first, h.now).step);
    EXPECT_EQ(h.world.stock_left(), 1);
    h.create("d");
}

TEST(CloudWorld, ListsInPages) {
    Shelf shelf = test_shelf();
    shelf.stock = 10;
    WorldHarness h{shelf};
    std::vector<std::string> ids;
    for (const char* name : {"a", "b", "c", "d", "e"}) {
        ids.push_back(h.create(name));
    }
    h.keep(h.world.remove(ids[1], h.now).step);
    const MachinePage first = h.world.list("", 2, h.now);
    ASSERT_EQ(first.machines.size(), 2u);
    EXPECT_EQ(first.machines[1]->id, ids[2]);
    EXPECT_EQ(first.next, ids[2]);
    EXPECT_EQ(first.total, 4u);
    const MachinePage last = h.world.list(first.next, 2, h.now);
    ASSERT_EQ(last.machines.size(), 2u);
    EXPECT_EQ(last.machines[1]->id, ids[4]);
    EXPECT_EQ(last.next, "");
    EXPECT_EQ(last.total, 4u);
    EXPECT_EQ(h.world.list(ids[4], 2, h.now).machines.size(), 0u);
}

TEST(CloudWorld, TheBillIsPerOwner) {
    WorldHarness h;
    h.create("a");
    CreateRequest other = test_request("b");
    other.owner_mark = "ek-99999999";
    h.keep(h.world.create(other, h.now).step);
    EXPECT_EQ(h.world.bill("ek-99999999", h.now).size(), 1u);
    EXPECT_EQ(h.world.bill("", h.now).size(), 2u);
    EXPECT_EQ(h.world.bill("ek-0", h.now).size(), 0u);
}

TEST(CloudWorld, AProcessThatEndsByItselfStopsTheMachineAndItsBill) {
    WorldHarness h;
    const std::string id = h.run("ek-1");
    h.now += 10s;
    h.keep(h.world.exited(id, h.now));
    ASSERT_NE(h.find(id), nullptr);
    EXPECT_EQ(h.find(id)->status, Status::stopped);
    EXPECT_EQ(h.find(id)->port, 0);
    EXPECT_TRUE(h.line(id).final);
    h.now += 100s;
    EXPECT_EQ(h.line(id).elapsed, 430s);
    h.keep(h.world.remove(id, h.now).step);
    EXPECT_EQ(h.find(id), nullptr);
    EXPECT_EQ(h.line(id).elapsed, 430s);
}

TEST(CloudWorld, AMachineThatCannotStartIsBilledUntilDeleted) {
    WorldHarness h;
    const std::string id = h.create("ek-1");
    h.now += 420s;
    h.keep(h.world.tick(h.now));
    h.keep(h.world.start_failed(id, h.now));
    EXPECT_EQ(h.find(id)->status, Status::stopped);
    EXPECT_FALSE(h.line(id).final);
    h.now += 80s;
    h.keep(h.world.remove(id, h.now).step);
    EXPECT_EQ(h.line(id).elapsed, 500s);
    EXPECT_TRUE(h.line(id).final);
}

TEST(CloudWorld, ClosingEndsEveryMachine) {
    WorldHarness h;
    const std::string running = h.run("a");
    const std::string creating = h.create("b");
    EXPECT_EQ(h.keep(h.world.close(h.now)), (std::vector<Effect>{{Effect::Kind::stop, running}}));
    EXPECT_EQ(h.world.live(), 1u);
    h.now += 1s;
    h.keep(h.world.exited(running, h.now));
    EXPECT_EQ(h.world.live(), 0u);
    EXPECT_TRUE(h.line(creating).final);
    EXPECT_EQ(h.line(running).elapsed, 421s);
}

TEST(CloudWorld, ARestartClosesTheBooksAtTheLastProofOfLife) {
    WorldHarness before;
    const std::string running = before.run("a");
    const std::string deleted = before.create("b");
    before.now += 30s;
    before.keep(before.world.remove(deleted, before.now).step);
    before.now += 15s;
    before.keep(before.world.proof_of_life(before.now));
    const UtcTime proof = before.now;

    World world{test_shelf(), {}};
    for (const Record& record : before.journal) {
        ASSERT_TRUE(world.replay(record));
    }
    const UtcTime later = proof + 1h;
    const Step step = world.begin(later, "other1");
    EXPECT_EQ(world.mark(), "7f3a9c") << "the journal keeps its mark";
    ASSERT_EQ(step.records.size(), 1u);
    EXPECT_EQ(world.live(), 0u);
    const auto bill = world.bill("", later);
    ASSERT_EQ(bill.size(), 2u);
    EXPECT_EQ(bill[0].id, running);
    EXPECT_EQ(bill[0].elapsed, proof - t0);
    EXPECT_TRUE(bill[0].final);
    EXPECT_EQ(bill[1].elapsed, 30s);
    EXPECT_EQ(world.create(test_request("c"), later).id, "m-7f3a9c-000003");
}

TEST(CloudWorld, AJournalThatDoesNotFitIsRefused) {
    const Opened opened{t0, "7f3a9c"};
    const auto error = [&](std::vector<Record> records) {
        World world{test_shelf(), {}};
        for (const Record& record : records) {
            if (const auto done = world.replay(record); !done) {
                return done.error().code;
            }
        }
        return Errc::cancelled;
    };
    EXPECT_EQ(error({opened}), Errc::cancelled) << "a good one";
    EXPECT_EQ(error({Alive{t0}}), Errc::corrupt);
    EXPECT_EQ(error({opened, opened}), Errc::corrupt);
    EXPECT_EQ(error({Opened{t0, ""}}), Errc::corrupt);
    EXPECT_EQ(error({opened, Alive{t0 - 1us}}), Errc::corrupt);
    EXPECT_EQ(error({opened, Ended{t0, "m-1", EndReason::deleted}}), Errc::corrupt);
    const Created created{Machine{.id = "m-1", .created = t0}};
    EXPECT_EQ(error({opened, created, created}), Errc::corrupt);
    const Ended ended{t0, "m-1", EndReason::deleted};
    EXPECT_EQ(error({opened, created, ended, ended}), Errc::corrupt);
    EXPECT_EQ(error({opened, created, ended, Started{t0, "m-1", 1}}), Errc::corrupt);
}

// ---- the switchboard ----------------------------------------------------------------------

TEST(CloudSwitches, SlowBootTakesLonger) {
    WorldHarness h{test_shelf(), {.slow_boot = {5, 2}}};
    EXPECT_EQ(h.find(h.create("a"))->boots_at, t0 + 1050s);
}

TEST(CloudSwitches, BootFailsOnceAndIsBilled) {
    WorldHarness h{test_shelf(), {.boot_fails = 1}};
    const std::string bad = h.create("a");
    const std::string good = h.create("b");
    h.now += 420s;
    EXPECT_EQ(h.keep(h.world.tick(h.now)), (std::vector<Effect>{{Effect::Kind::start, good}}));
    EXPECT_EQ(h.find(bad)->status, Status::stopped);
    EXPECT_FALSE(h.line(bad).final);
}

TEST(CloudSwitches, F01ALostCreateHasItsEffect) {
    WorldHarness h{test_shelf(), {.create_lost = 1, .create_5xx_after_effect = 1}};
    const Outcome lost = h.world.create(test_request("a"), h.now);
    EXPECT_EQ(lost.delivery, Delivery::lost);
    EXPECT_NE(h.find(lost.id), nullptr);
    const Outcome broken = h.world.create(test_request("b"), h.now);
    EXPECT_EQ(broken.delivery, Delivery::broken);
    EXPECT_NE(h.find(broken.id), nullptr);
    EXPECT_EQ(h.world.create(test_request("c"), h.now).delivery, Delivery::normal);
    EXPECT_EQ(h.world.switches().create_lost, 0);
}

TEST(CloudSwitches, ARefusedCreateUsesNoSwitchUp) {
    WorldHarness h{test_shelf(), {.create_lost = 1, .no_stock = 2}};
    EXPECT_EQ(h.world.create(test_request(""), h.now).refusal->code, "invalid");
    EXPECT_EQ(h.world.switches().no_stock, 2);
    EXPECT_EQ(h.world.create(test_request("a"), h.now).refusal->code, "no_stock");
    EXPECT_EQ(h.world.create(test_request("a"), h.now).refusal->code, "no_stock");
    EXPECT_EQ(h.world.create(test_request("a"), h.now).delivery, Delivery::lost);
}

TEST(CloudSwitches, F10OneCreateMayMakeTwo) {
    WorldHarness h{test_shelf(), {.create_twice = 1}};
    h.create("a");
    const MachinePage page = h.world.list("", 10, h.now);
    ASSERT_EQ(page.machines.size(), 2u);
    EXPECT_EQ(page.machines[0]->name, page.machines[1]->name);
    EXPECT_EQ(h.world.bill("", h.now).size(), 2u);
}

TEST(CloudSwitches, F16F17DearerAndWrong) {
    WorldHarness h{test_shelf(), {.dearer = {3, 2}, .wrong_gpu = true}};
    const std::string id = h.create("a");
    EXPECT_EQ(h.find(id)->hourly, (Money{6'615'000'000, usd}));
    EXPECT_NE(h.find(id)->gpu, test_shelf().gpu);
    h.now += 1h;
    EXPECT_EQ(h.line(id).amount, (Money{6'615'000'000, usd}));
}

TEST(CloudSwitches, F18AnIgnoredDeleteDoesNothing) {
    WorldHarness h{test_shelf(), {.delete_lost = 1, .delete_ignored = 1, .delete_busy = 1}};
    const std::string id = h.run("a");
    EXPECT_EQ(h.world.remove(id, h.now).refusal->code, "busy");
    const Outcome ignored = h.world.remove(id, h.now);
    EXPECT_FALSE(ignored.refusal);
    EXPECT_EQ(ignored.delivery, Delivery::normal);
    EXPECT_TRUE(ignored.step.records.empty());
    EXPECT_EQ(h.find(id)->status, Status::running);
    const Outcome lost = h.world.remove(id, h.now);
    EXPECT_EQ(lost.delivery, Delivery::lost);
    EXPECT_EQ(h.find(id)->status, Status::deleting);
    const Outcome again = h.world.remove(id, h.now);
    EXPECT_FALSE(again.refusal);
    EXPECT_TRUE(again.step.effects.empty());
}

TEST(CloudSwitches, F23AMachineVanishesByItself) {
    WorldHarness h;
    const std::string id = h.run("a");
    const std::string young = h.create("b");
    h.world.switches().vanish_after = 500s;
    EXPECT_EQ(h.world.next_due(), t0 + 500s);
    h.now = t0 + 500s;
    EXPECT_EQ(h.keep(h.world.tick(h.now)), (std::vector<Effect>{{Effect::Kind::kill, id}}));
    EXPECT_EQ(h.find(id), nullptr);
    EXPECT_EQ(h.world.list("", 10, h.now).total, 1u);
    EXPECT_EQ(h.world.remove(id, h.now).refusal->status, 404);
    EXPECT_FALSE(h.line(id).final);
    EXPECT_TRUE(h.world.tick(h.now).effects.empty()) << "once";
    h.now += 1s;
    h.keep(h.world.exited(id, h.now));
    EXPECT_TRUE(h.line(id).final);
    EXPECT_EQ(h.line(id).elapsed, 501s);
    h.now = h.find(young)->created + 500s;
    h.keep(h.world.tick(h.now));
    EXPECT_EQ(h.find(young), nullptr) << "one without a process ends at once";
    EXPECT_TRUE(h.line(young).final);
}

TEST(CloudSwitches, F06F08F21ListAndGetLag) {
    WorldHarness h{test_shelf(), {.list_lag = 60s, .get_lag = 120s}};
    const std::string id = h.create("a");
    EXPECT_EQ(h.world.list("", 10, h.now).total, 0u);
    EXPECT_EQ(h.find(id), nullptr);
    EXPECT_EQ(h.world.remove(id, h.now).refusal->status, 404);
    h.now = t0 + 60s;
    EXPECT_EQ(h.world.list("", 10, h.now).total, 1u);
    EXPECT_EQ(h.find(id), nullptr);
    h.now = t0 + 120s;
    EXPECT_NE(h.find(id), nullptr);
}

TEST(CloudSwitches, F29AnEmptyListOnce) {
    WorldHarness h{test_shelf(), {.list_empty = 1}};
    h.create("a");
    EXPECT_EQ(h.world.list("", 10, h.now).total, 0u);
    EXPECT_EQ(h.world.list("", 10, h.now).total, 1u);
}

TEST(CloudSwitches, SpeedDividesTheirDurations) {
    Shelf shelf = test_shelf();
    shelf.speed = 30;
    WorldHarness h{shelf, {.list_lag = 60s}};
    h.create("a");
    h.now += 2s - 1us;
    EXPECT_EQ(h.world.list("", 10, h.now).total, 0u);
    h.now += 1us;
    EXPECT_EQ(h.world.list("", 10, h.now).total, 1u);
}

}  // namespace
}  // namespace evenkeel::lab::cloud
