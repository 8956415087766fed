#include "agent/control/drivers.hpp"

#include "tests/unit/control/rig.hpp"

#include <fstream>
#include <iterator>

/// A provider's key that changes while it has machines of ours. Another account's list would prove
/// that they are gone.
namespace evenkeel::agent::control_rig {
namespace {

struct NewKeyTest : testing::Test {
    World world{};
    Rig rig{world};
    Cloud elsewhere{};  ///< what another account sees
    ledger::TemporaryFolder folder{};
    Credentials credentials{folder.path()};
    config::Config config{small_config()};

    NewKeyTest() {
        std::filesystem::create_directory(folder.path() / "credentials");
        config.providers[0].credential = "cloud.key";
        secret("ours");
    }
    void secret(const std::string& text) const {
        const auto path = folder.path() / "credentials" / "cloud.key";
        std::ofstream{path} << text;
        std::filesystem::permissions(
            path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    }
    /// Keys that begin with "ours" are of the account that has our machines.
    [[nodiscard]] Drivers make(std::set<std::string> with_machines = {}) {
        return Drivers{
            {.clock = world.clock,
             .credentials = credentials,
             .fleet = *rig.fleet,
             .inbox = rig.inbox,
             .state = folder.path(),
             .with_machines = std::move(with_machines),
             .make = [this](const config::Provider&, const providers::Secret& key)
                 -> Result<std::unique_ptr<providers::Provider>> {
                 const bool ours = std::string_view{key.reveal()}.starts_with("ours");
                 return std::make_unique<CloudDriver>(ours ? world.cloud : elsewhere, world.clock);
             }},
            "ek-1a2b3c4d"};
    }
    [[nodiscard]] std::shared_ptr<providers::Provider> used() const {
        return rig.fleet->runner("cloud")->current();
    }
    /// Answers of the trial, which lists on a thread of its own, until `done`; at most 2 s.
    [[nodiscard]] bool answered(const std::function<bool()>& done) {
        for (int i = 0; i < 200 && !done(); ++i) {
            for (const Inbox::Item& item : rig.inbox.take(10ms)) {
                item();
            }
        }
        return done();
    }
};

TEST_F(NewKeyTest, OneOfTheSameAccountIsTakenOnceItShowedOurMachines) {
    Drivers drivers = make();
    drivers.apply(config);
    rig.order();
    rig.rounds(2);
    const auto before = used();
    secret("ours-rotated");
    drivers.apply(config);
    EXPECT_EQ(used(), before) << "it is asked first";
    EXPECT_TRUE(answered([&] { return used() != before; }));
    EXPECT_TRUE(drivers.warnings().empty());
    drivers.apply(config);
    drivers.tick();
    EXPECT_TRUE(drivers.warnings().empty());
}

/// A create whose answer never came: its row has no id yet, only the name it asked for.
TEST_F(NewKeyTest, OneThatShowsAMachineOfUnknownFateIsTaken) {
    Drivers drivers = make();
    drivers.apply(config);
    world.cloud.throws_on_create = true;
    world.cloud.list_fails = true;
    rig.order();
    rig.rounds(2);
    ASSERT_TRUE(rig.fleet->seats().begin()->second.machine.remote_id.empty());
    world.cloud.list_fails = false;
    const auto before = used();
    secret("ours-rotated");
    drivers.apply(config);
    EXPECT_TRUE(answered([&] { return used() != before; }));
    EXPECT_TRUE(drivers.warnings().empty());
}

TEST_F(NewKeyTest, OneOfAnotherAccountIsNotTakenWhileWeHaveMachines) {
    Drivers drivers = make();
    drivers.apply(config);
    rig.order();
    rig.rounds(2);
    const auto before = used();
    secret("theirs");
    drivers.apply(config);
    ASSERT_TRUE(answered([&] { return !drivers.warnings().empty(); }));
    EXPECT_NE(drivers.warnings()[0].find("shows none of our machines"), std::string::npos);
    EXPECT_EQ(used(), before);
    secret("ours");
    drivers.apply(config);
    EXPECT_TRUE(drivers.warnings().empty()) << "the old key is back";
    EXPECT_EQ(used(), before);
}

TEST_F(NewKeyTest, AListThatFailsIsAskedForAgain) {
    Drivers drivers = make();
    drivers.apply(config);
    rig.order();
    rig.rounds(2);
    const auto before = used();
    world.cloud.list_fails = true;
    secret("ours-rotated");
    drivers.apply(config);
    ASSERT_TRUE(answered([&] { return !drivers.warnings().empty(); }));
    EXPECT_NE(drivers.warnings()[0].find("not used yet"), std::string::npos);
    {
        const std::lock_guard lock{world.cloud.mutex};
        world.cloud.list_fails = false;
    }
    world.clock.advance(Drivers::ask_again - 1ms);
    drivers.tick();
    EXPECT_FALSE(drivers.warnings().empty());
    world.clock.advance(1ms);
    drivers.tick();
    EXPECT_TRUE(answered([&] { return used() != before; }));
    EXPECT_TRUE(drivers.warnings().empty());
}

TEST_F(NewKeyTest, ATrialEndsWithItsProvider) {
    Drivers drivers = make();
    drivers.apply(config);
    rig.order();
    rig.rounds(2);
    secret("theirs");
    drivers.apply(config);
    ASSERT_TRUE(answered([&] { return !drivers.warnings().empty(); }));
    std::erase_if(config.providers, [](const auto& one) { return one.name == "cloud"; });
    drivers.apply(config);
    EXPECT_TRUE(drivers.warnings().empty());
    const int lists = elsewhere.lists;
    world.clock.advance(Drivers::ask_again);
    drivers.tick();
    EXPECT_FALSE(answered([&] { return elsewhere.lists != lists; })) << "its key is used no more";
}

/// The state folder remembers what the driver was made of.
TEST_F(NewKeyTest, ARestartDoesNotMakeAnotherAccountOurs) {
    make().apply(config);
    const std::string stored = [&] {
        std::ifstream file{folder.path() / "drivers"};
        return std::string{std::istreambuf_iterator<char>{file}, {}};
    }();
    EXPECT_TRUE(stored.starts_with("cloud ")) << stored;
    EXPECT_EQ(stored.find("ours"), std::string::npos);
    rig.order();  // so that the fleet has a machine to lose
    rig.rounds(2);
    const auto first = used();
    make({"cloud"}).apply(config);
    const auto second = used();
    EXPECT_NE(second, first) << "the same key is taken at once";
    secret("theirs");
    Drivers again = make({"cloud"});
    again.apply(config);
    ASSERT_TRUE(answered([&] { return !again.warnings().empty(); }));
    EXPECT_EQ(used(), second);
}

}  // namespace
}  // namespace evenkeel::agent::control_rig
