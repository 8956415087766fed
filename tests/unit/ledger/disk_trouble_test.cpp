// Power cuts, and other processes at the file.
#include "tests/unit/ledger/disk_fixture.hpp"

#include <fmt/format.h>

#include <random>
#include <set>

namespace evenkeel::ledger {
namespace {

using namespace std::chrono_literals;

/// Power cuts at random moments of a busy ledger: what was acknowledged is there, and the file is
/// whole, whichever unsynced sectors survive.
void power_cuts(FaultVfs& vfs, const Options& base, std::uint64_t seed, int rounds) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    std::mt19937_64 random{seed};
    std::set<std::int64_t> acknowledged;
    std::int64_t next = 0;
    for (int round = 0; round < rounds; ++round) {
        SCOPED_TRACE(round);
        auto opened = Ledger::open(base);
        ASSERT_TRUE(opened) << opened.error().message;
        {
            Ledger& ledger = **opened;
            if (round == 0) {
                store_names(ledger);
            }
            const std::int64_t rows = 1 + static_cast<std::int64_t>(random() % 40);
            for (std::int64_t i = 0; i < rows; ++i) {
                const std::int64_t id = ++next;
                Answer<HoldId> answer;
                ledger.hold(hold_for(id, 1'000), answer.done());
                const auto held = answer.get();
                ASSERT_TRUE(held);
                acknowledged.insert(id);
                if (random() % 3 != 0) {
                    ASSERT_TRUE(ledger.record(api_request(id, 900, *held)));
                }
            }
            vfs.lose_power();
            static_cast<void>(ledger.close());
        }
        opened->reset();
        vfs.tear(random);
    }
    auto opened = Ledger::open(base);
    ASSERT_TRUE(opened) << opened.error().message;
    ASSERT_TRUE((*opened)->close());
    auto books = Reader::open(base.dir);
    ASSERT_TRUE(books);
    const auto found = books->verify();
    ASSERT_TRUE(found);
    EXPECT_TRUE(found->ok()) << found->problems.front();
    // Settled or lapsed at its ceiling: every acknowledged hold is spending now, none is missing.
    EXPECT_EQ(found->requests, static_cast<std::int64_t>(acknowledged.size()));
    EXPECT_EQ(books->summary()->open_holds, 0);
}

TEST_F(LedgerDisk, F76PowerCutsLoseNothingAcknowledged) {
    Options with = faulty();
    with.limits.awaited_wait = 20ms;
    power_cuts(vfs_, with, 20'261'123, 5);
}

TEST_F(LedgerDisk, NightlyF76PowerCuts) {
    Options with = faulty();
    with.limits.awaited_wait = 20ms;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        const TemporaryFolder folder;
        with.dir = folder.path() / "state";
        power_cuts(vfs_, with, seed, 25);
    }
}

TEST_F(LedgerDisk, F80ForeignLockDelaysAndLosesNothing) {
    Options with = options();
    with.limits.awaited_wait = 60ms;
    open(with);
    store_names(*ledger_);
    const auto open_hold = hold(hold_for(1, 5'000));
    ASSERT_TRUE(open_hold);
    ASSERT_TRUE(ledger_->flush());
    Database shell{file(), Database::Mode::read_write};
    shell.exec("BEGIN IMMEDIATE");
    const auto asked = std::chrono::steady_clock::now();
    const auto refused = hold(hold_for(2, 5'000));
    const auto waited = std::chrono::steady_clock::now() - asked;
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::unavailable);
    EXPECT_GE(waited, 60ms);
    EXPECT_LT(waited, 1s);
    EXPECT_NE(ledger_->health().problem.find("lock"), std::string::npos);
    EXPECT_TRUE(ledger_->record(api_request(1, 4'000, *open_hold)));
    shell.exec("ROLLBACK");
    EXPECT_TRUE(eventually([&] { return ledger_->health().problem.empty(); }));
    EXPECT_TRUE(hold(hold_for(3, 5)));
    EXPECT_EQ(count("SELECT count(*) FROM request WHERE paid = 4000"), 1);
    expect_sound();
}

TEST_F(LedgerDisk, F81LongReaderRaisesTheAlarmAndTheWalShrinksAfterwards) {
    Options with = options();
    with.limits.wal_checkpoint_bytes = 64 * 1024;
    with.limits.wal_alarm_bytes = 256 * 1024;
    with.limits.checkpoint_after = 5ms;
    open(with);
    store_names(*ledger_);
    ASSERT_TRUE(ledger_->flush());
    const auto write_some = [this](std::int64_t from) {
        for (std::int64_t id = from; id < from + 60; ++id) {
            ASSERT_TRUE(ledger_->record(own_request(id)));
            ASSERT_TRUE(ledger_->flush());
        }
    };
    {
        Database report{file(), Database::Mode::read_only};
        report.exec("BEGIN");
        static_cast<void>(report.integer("SELECT count(*) FROM request"));
        write_some(1);
        EXPECT_TRUE(ledger_->health().wal_alarm);
        EXPECT_NE(ledger_->health().problem.find("reader"), std::string::npos);
        EXPECT_TRUE(ledger_->accepts_paid_work()) << "an alarm, not a stop";
        report.exec("COMMIT");
    }
    EXPECT_TRUE(eventually([&] {
        static std::int64_t id = 1'000;
        static_cast<void>(ledger_->record(own_request(++id)));
        static_cast<void>(ledger_->flush());
        return !ledger_->health().wal_alarm;
    }));
    for (std::int64_t round = 0; round < 5; ++round) {
        write_some(10'000 + round * 100);
        EXPECT_FALSE(ledger_->health().wal_alarm) << "bounded without a reader";
    }
    expect_sound();
}

}  // namespace
}  // namespace evenkeel::ledger
