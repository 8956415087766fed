#include "agent/control/state_files.hpp"

#include "tests/unit/ledger/ledger_fixture.hpp"

#include <fstream>

namespace evenkeel::agent {
namespace {

using namespace std::chrono_literals;

struct StateFiles : testing::Test {
    ledger::TemporaryFolder folder{};
};

TEST_F(StateFiles, FreezeSaysWhoAndWhy) {
    EXPECT_FALSE(read_freeze(folder.path()));
    EXPECT_FALSE(*remove_freeze(folder.path())) << "there was none";
    ASSERT_TRUE(write_freeze(
        folder.path(),
        {.at = ledger::test_start, .by = "root", .reason = "month end\nby: mallory"}));
    const auto freeze = read_freeze(folder.path());
    ASSERT_TRUE(freeze);
    EXPECT_EQ(freeze->by, "root") << "a reason cannot forge another line";
    EXPECT_EQ(freeze->reason, "month end by: mallory");
    ASSERT_TRUE(write_freeze(folder.path(), {.at = ledger::test_start, .by = "ops"}));
    EXPECT_EQ(read_freeze(folder.path())->by, "ops");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator{folder.path()}, {}), 1)
        << "no draft is left";
    EXPECT_TRUE(*remove_freeze(folder.path()));
    EXPECT_FALSE(read_freeze(folder.path()));
}

TEST_F(StateFiles, AnyFileOfThatNameFreezes) {
    std::ofstream{folder.path() / freeze_file};
    EXPECT_TRUE(read_freeze(folder.path())) << "made by hand with touch";
    std::filesystem::remove(folder.path() / freeze_file);
    std::filesystem::create_directory(folder.path() / freeze_file);
    EXPECT_TRUE(read_freeze(folder.path())) << "what cannot be read freezes too";
    EXPECT_EQ(remove_freeze(folder.path()).error().code, Errc::io_failed);
}

TEST_F(StateFiles, FreezeWhereNothingCanBeWritten) {
    const auto missing = folder.path() / "none";
    EXPECT_EQ(write_freeze(missing, {}).error().code, Errc::io_failed);
    EXPECT_FALSE(read_freeze(missing));
}

TEST_F(StateFiles, HeartbeatFollowsTheClockOfTheLoop) {
    EXPECT_FALSE(last_heartbeat(folder.path()));
    Heartbeat heartbeat{folder.path()};
    const Now start{.boot = BootTime{1h}, .utc = ledger::test_start + 250'007us};
    heartbeat.beat(start);
    EXPECT_EQ(last_heartbeat(folder.path()), start.utc);
    heartbeat.beat({.boot = start.boot + 9s, .utc = start.utc + 9s});
    EXPECT_EQ(last_heartbeat(folder.path()), start.utc) << "not at every tick";
    heartbeat.beat({.boot = start.boot + 10s, .utc = start.utc - 1h});
    EXPECT_EQ(last_heartbeat(folder.path()), start.utc - 1h) << "the wall clock was set back";
}

}  // namespace
}  // namespace evenkeel::agent
