#include "tests/unit/ledger/disk_fixture.hpp"

#include <sqlite3.h>

#include <fstream>
#include <sched.h>
#include <set>
#include <sys/mount.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace evenkeel::ledger {
namespace {

using namespace std::chrono_literals;

TEST_F(LedgerDisk, F74FullDiskBooksEndsFromTheBallast) {
    Options with = faulty();
    with.limits.ballast_bytes = 512 * 1024;
    open(with);
    store_names(*ledger_);
    const MachineStep first = intent(1, clock_.read());
    ASSERT_TRUE(step(first));
    const auto open_hold = hold(hold_for(1, 5'000));
    ASSERT_TRUE(open_hold);
    ASSERT_TRUE(ledger_->flush());

    const auto ballast = dir_.path() / "state" / "ballast";
    ASSERT_EQ(std::filesystem::file_size(ballast), 512u * 1024);
    vfs_.limit_space(0, ballast);
    std::int64_t used = 0;
    for (const char* suffix : {"", "-wal"}) {
        used += static_cast<std::int64_t>(std::filesystem::file_size(file().string() + suffix));
    }
    vfs_.limit_space(used + 512 * 1024, ballast);

    // The next commit finds no room: the settlement and the machine's end still get in.
    ASSERT_TRUE(ledger_->record(api_request(1, 4'000, *open_hold)));
    MachineStep gone = next_step(first, MachineState::gone, clock_.read());
    gone.machine.gone = clock_.read().utc;
    gone.machine.gone_how = GoneHow::destroyed;
    ASSERT_TRUE(step(gone));
    ASSERT_TRUE(ledger_->flush());
    EXPECT_GT(vfs_.struck(), 0);
    vfs_.heal();
    EXPECT_TRUE(eventually([&] { return ledger_->accepts_paid_work(); }));
    EXPECT_TRUE(hold(hold_for(3, 5)));
    EXPECT_EQ(count("SELECT count(*) FROM hold WHERE state = 'settled'"), 1);
    EXPECT_EQ(count("SELECT count(*) FROM machine WHERE state = 'gone'"), 1);
    expect_sound();
}

/// A child with a real disk of 3 MiB, where it may mount one (root, or a user namespace).
template <class Body>
int on_a_small_disk(const std::filesystem::path& mount_point, Body body) {
    const pid_t child = ::fork();
    if (child == 0) {
        if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
            ::_exit(77);
        }
        if (::mount("tmpfs", mount_point.c_str(), "tmpfs", 0, "size=3m,mode=0700") != 0) {
            ::_exit(77);
        }
        ::_exit(body());
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Returns the number of the first expectation that failed; 0 when all held.
int run_into_a_full_disk(Options with) {
    with.limits.ballast_bytes = 1 << 20;
    auto opened = Ledger::open(with);
    if (!opened) {
        return 1;
    }
    Ledger& ledger = **opened;
    store_names(ledger);
    const MachineStep first = intent(1, with.clock->read());
    Answer<void> ordered;
    ledger.machine_step(first, ordered.done());
    Answer<HoldId> before;
    ledger.hold(hold_for(1, 5'000), before.done());
    const auto held = before.get();
    if (!ordered.get() || !held || !ledger.accepts_paid_work()) {
        return 2;
    }
    const auto filler = with.dir / "filler";
    {
        std::ofstream output{filler, std::ios::binary};
        const std::string block(4'096, 'x');
        while (output.write(block.data(), 4'096).flush()) {
        }
    }
    if (!ledger.record(api_request(1, 4'000, *held))) {
        return 3;
    }
    MachineStep gone = next_step(first, MachineState::gone, with.clock->read());
    gone.machine.gone = with.clock->read().utc;
    gone.machine.gone_how = GoneHow::destroyed;
    Answer<void> ended;
    ledger.machine_step(gone, ended.done());
    if (!ended.get() || !ledger.flush()) {
        return 4;  // the ballast must have made room
    }
    if (ledger.accepts_paid_work() || ledger.health().writable) {
        return 5;  // I8
    }
    Answer<HoldId> refused;
    ledger.hold(hold_for(2, 5'000), refused.done());
    if (refused.get()) {
        return 6;
    }
    std::filesystem::remove(filler);
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (!ledger.accepts_paid_work()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return 7;
        }
        std::this_thread::sleep_for(1ms);
    }
    Answer<HoldId> again;
    ledger.hold(hold_for(3, 5'000), again.done());
    if (!again.get() || !ledger.close()) {
        return 8;
    }
    auto books = Reader::open(with.dir);
    const auto found = books ? books->verify() : Result<Verification>{};
    return books && found->ok() && found->requests == 1 ? 0 : 9;
}

TEST_F(LedgerDisk, F74FullTmpfsBooksEndsAndRecovers) {
    Options with = options();
    with.limits.awaited_wait = 2s;
    const int answer = on_a_small_disk(dir_.path(), [&] { return run_into_a_full_disk(with); });
    if (answer == 77) {
        GTEST_SKIP() << "no right to mount a small disk here";
    }
    EXPECT_EQ(answer, 0) << "the number of the broken expectation";
}

TEST_F(LedgerDisk, F74NoRoomAtAllKeepsSettlementsAndRefusesHolds) {
    open(faulty());
    store_names(*ledger_);
    const auto open_hold = hold(hold_for(1, 5'000));
    ASSERT_TRUE(open_hold);
    vfs_.fail(DiskCall::write, 1, SQLITE_FULL, true);
    const auto refused = hold(hold_for(2, 5'000));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::io_failed);
    EXPECT_FALSE(ledger_->accepts_paid_work());
    EXPECT_FALSE(ledger_->health().writable);
    EXPECT_NE(ledger_->health().problem.find("full"), std::string::npos);
    EXPECT_TRUE(ledger_->record(api_request(1, 4'000, *open_hold))) << "accepted, kept in memory";
    EXPECT_EQ(hold(hold_for(3, 5)).error().code, Errc::refused) << "I8";
    vfs_.heal();
    EXPECT_TRUE(eventually([&] { return ledger_->accepts_paid_work(); }));
    EXPECT_TRUE(ledger_->flush());
    EXPECT_EQ(count("SELECT count(*) FROM request"), 1);
    EXPECT_EQ(count("SELECT held FROM budget_window"), 0);
    EXPECT_EQ(count("SELECT count(*) FROM hold"), 1) << "the refused hold is nowhere";
    expect_sound();
}

struct DiskFault {
    const char* name;
    DiskCall call;
    int code;
};

class F75Disk : public LedgerDisk, public testing::WithParamInterface<DiskFault> {};

/// One failing call at every place: no false success, and everything is there in the end.
TEST_P(F75Disk, FailsOnceAnywhere) {
    int strikes = 0;
    for (const int kth : {1, 2, 3, 5, 8, 13}) {
        SCOPED_TRACE(kth);
        const TemporaryFolder folder;
        Options with = faulty();
        with.dir = folder.path() / "state";
        with.limits.checkpoint_after = 1ms;
        auto opened = Ledger::open(with);
        ASSERT_TRUE(opened) << opened.error().message;
        Ledger& ledger = **opened;
        store_names(ledger);
        ASSERT_TRUE(ledger.flush());
        const int before = vfs_.struck();
        vfs_.fail(GetParam().call, kth, GetParam().code, false);
        std::set<std::int64_t> acknowledged;
        for (std::int64_t id = 1; id <= 5; ++id) {
            Answer<HoldId> answer;
            ledger.hold(hold_for(id, 1'000), answer.done());
            if (const auto held = answer.get()) {
                acknowledged.insert(id);
                ASSERT_TRUE(ledger.record(api_request(id, 900, *held)));
            }
        }
        strikes += vfs_.struck() - before;
        vfs_.heal();
        EXPECT_TRUE(eventually([&] { return ledger.accepts_paid_work(); }));
        const auto flushed = ledger.flush();
        ASSERT_TRUE(flushed) << flushed.error().message;
        const auto closed = ledger.close();
        ASSERT_TRUE(closed) << closed.error().message;
        auto books = Reader::open(with.dir);
        ASSERT_TRUE(books);
        const auto found = books->verify();
        ASSERT_TRUE(found);
        EXPECT_TRUE(found->ok()) << found->problems.front();
        EXPECT_EQ(found->requests, static_cast<std::int64_t>(acknowledged.size()));
        EXPECT_EQ(books->summary()->open_holds, 0) << "no hold nobody knows of stays behind";
    }
    EXPECT_GT(strikes, 0) << "the fault was never met";
}

TEST_P(F75Disk, FailsForEverThenHeals) {
    open(faulty());
    store_names(*ledger_);
    const auto good = hold(hold_for(1, 1'000));
    ASSERT_TRUE(good);
    vfs_.fail(GetParam().call, 1, GetParam().code, true);
    const auto bad = hold(hold_for(2, 1'000));
    if (GetParam().call == DiskCall::write || GetParam().call == DiskCall::sync) {
        ASSERT_FALSE(bad);
        EXPECT_FALSE(ledger_->accepts_paid_work());
        EXPECT_FALSE(ledger_->health().problem.empty());
    }
    EXPECT_TRUE(ledger_->record(api_request(1, 900, *good)));
    vfs_.heal();
    EXPECT_TRUE(eventually([&] { return ledger_->accepts_paid_work(); }));
    EXPECT_TRUE(ledger_->flush());
    EXPECT_EQ(count("SELECT count(*) FROM request WHERE id = 1"), 1);
    expect_sound();
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    F75Disk,
    testing::Values(
        DiskFault{"Write", DiskCall::write, SQLITE_IOERR_WRITE},
        DiskFault{"Sync", DiskCall::sync, SQLITE_IOERR_FSYNC},
        DiskFault{"Read", DiskCall::read, SQLITE_IOERR_READ}),
    [](const auto& info) { return info.param.name; });

TEST_F(LedgerDisk, F75TruncateFailsAtTheEnd) {
    open(faulty());
    store_names(*ledger_);
    ASSERT_TRUE(ledger_->record(api_request(1, 900)));
    ASSERT_TRUE(ledger_->flush());
    vfs_.fail(DiskCall::truncate, 1, SQLITE_IOERR_TRUNCATE, true);
    EXPECT_TRUE(ledger_->close()) << "booked is booked: the WAL keeps it";
    EXPECT_GT(vfs_.struck(), 0);
    ledger_.reset();
    vfs_.heal();
    expect_sound();
    EXPECT_EQ(count("SELECT count(*) FROM request"), 1);
}

}  // namespace
}  // namespace evenkeel::ledger
