#include "agent/control/sources.hpp"

#include "agent/control/drivers.hpp"
#include "tests/unit/control/rig.hpp"

#include <fstream>
#include <iterator>

/// What a reload does to sources and drivers that work already.
namespace evenkeel::agent::control_rig {
namespace {

struct ReloadTest : testing::Test {
    World world{};
    Rig rig{world};
    ledger::TemporaryFolder folder{};
    Credentials credentials{folder.path()};
    Sources sources{
        {rig.inbox, world.clock, *rig.books, rig.gateway, rig.prober, rig.names, credentials}};
    Drivers drivers{{world.clock, credentials, *rig.fleet}, "ek-1a2b3c4d"};

    ReloadTest() { std::filesystem::create_directory(folder.path() / "credentials"); }
    void secret(const std::string& name, const std::string& text) {
        const auto path = folder.path() / "credentials" / name;
        std::ofstream{path} << text;
        std::filesystem::permissions(
            path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    }
    /// One API "nano" beside the rig's providers.
    [[nodiscard]] config::Config with_api() const {
        config::Config config = small_config();
        config.providers.push_back(
            {.name = "nano",
             .kind = config::ProviderKind::openai_compatible,
             .credential = "nano.key",
             .url = "http://127.0.0.1:9/v1"});
        config.models[0].offers.push_back(
            {.name = "nano",
             .on = "nano",
             .token_price = config::TokenPrices{
                 .in = *parse_price("1 USD/Mtok"), .out = *parse_price("2 USD/Mtok")}});
        return config;
    }
    void apply(config::Config config) {
        sources.apply(*routing::compile(std::move(config), 2, rig.names));
    }
    [[nodiscard]] NameIx nano() { return rig.names.intern(routing::NameKind::source, "nano"); }
    [[nodiscard]] gate::Counters busy(int in_flight) {
        gate::Counters counters;
        counters.sources.push_back({.source = nano(), .in_flight = in_flight});
        return counters;
    }
};

TEST_F(ReloadTest, ASourceThatIsNoLongerNamedIsDrainedNotCut) {
    secret("nano.key", "k");
    apply(with_api());
    apply(small_config());
    const std::string ix = std::to_string(nano().value());
    EXPECT_EQ(rig.gateway.told, (std::vector<std::string>{"up nano", "draining " + ix}));
    sources.tick(busy(2));
    EXPECT_EQ(rig.gateway.told.size(), 2u) << "two requests still run";
    sources.tick(busy(0));
    EXPECT_EQ(rig.gateway.told.back(), "gone " + ix);
    sources.tick(busy(0));
    EXPECT_EQ(rig.gateway.told.size(), 3u);
}

TEST_F(ReloadTest, ASourceThatComesBackWhileItDrainsStays) {
    secret("nano.key", "k");
    apply(with_api());
    apply(small_config());
    apply(with_api());
    sources.tick(busy(0));
    EXPECT_EQ(rig.gateway.told.back(), "up nano");
}

TEST_F(ReloadTest, F105_ASourceThatWorksOutlivesACredentialThatCannotBeRead) {
    secret("nano.key", "k");
    apply(with_api());
    std::filesystem::remove(folder.path() / "credentials" / "nano.key");
    apply(with_api());
    ASSERT_EQ(sources.warnings().size(), 1u);
    EXPECT_NE(sources.warnings()[0].find("nano.key"), std::string::npos);
    EXPECT_EQ(rig.gateway.told, (std::vector<std::string>{"up nano"}));
    EXPECT_TRUE(sources.all().contains(nano()));
}

TEST_F(ReloadTest, F105_ARotatedKeyOrAnotherAddressMakesANewDriver) {
    secret("cloud.key", "one");
    config::Config config = small_config();
    config.providers[0].credential = "cloud.key";
    const auto driver = [&] { return rig.fleet->runner("cloud")->current().get(); };
    drivers.apply(config);
    const auto first = driver();
    drivers.apply(config);
    EXPECT_EQ(driver(), first) << "nothing changed";
    secret("cloud.key", "two");
    drivers.apply(config);
    const auto second = rig.fleet->runner("cloud")->current();
    EXPECT_NE(second.get(), first);
    config.providers[0].base_url = "http://127.0.0.1:10";
    drivers.apply(config);
    EXPECT_NE(driver(), second.get());
    EXPECT_TRUE(drivers.warnings().empty());
}

TEST_F(ReloadTest, F105_ADriverOutlivesACredentialThatCannotBeRead) {
    secret("cloud.key", "one");
    config::Config config = small_config();
    config.providers[0].credential = "cloud.key";
    drivers.apply(config);
    const auto before = rig.fleet->runner("cloud")->current();
    std::filesystem::remove(folder.path() / "credentials" / "cloud.key");
    drivers.apply(config);
    EXPECT_EQ(drivers.warnings().size(), 1u);
    EXPECT_EQ(rig.fleet->runner("cloud")->current(), before);
}

TEST_F(ReloadTest, AProviderKeepsKindAndAddressWhileItHasMachines) {
    config::Config config = small_config();
    drivers.apply(config);
    rig.fleet->use_provider("cloud", std::make_shared<CloudDriver>(world.cloud, world.clock));
    rig.order();
    rig.rounds(2);
    const auto before = rig.fleet->runner("cloud")->current();
    config.providers[0].driver = "runpod";
    drivers.apply(config);
    EXPECT_EQ(rig.fleet->runner("cloud")->current(), before);
    EXPECT_EQ(drivers.warnings().size(), 1u);
    config = small_config();
    config.providers[0].base_url = "http://127.0.0.1:10";
    drivers.apply(config);
    EXPECT_EQ(rig.fleet->runner("cloud")->current(), before);
    EXPECT_EQ(drivers.warnings().size(), 1u);
}

/// Engines that are always well.
struct WellProber final : Prober {
    int asked{0};
    void health(
        EngineAt,
        std::chrono::milliseconds,
        std::function<void(Result<inference::engine::Health>)> done) override {
        ++asked;
        done(inference::engine::Health::ready);
    }
    void accept(
        EngineAt,
        inference::engine::Expected,
        std::chrono::milliseconds,
        std::function<void(Result<inference::engine::Acceptance>)> done) override {
        done(inference::engine::Acceptance{.completion_tokens = 1});
    }
};

struct SickGpuTest : testing::Test {
    World world{};
    Rig rig{world};
    ledger::TemporaryFolder folder{};
    Credentials credentials{folder.path()};
    WellProber prober{};
    Sources sources{
        {rig.inbox, world.clock, *rig.books, rig.gateway, prober, rig.names, credentials}};

    SickGpuTest() {
        config::Config config = small_config();
        for (const std::string name : {"desk", "shelf"}) {
            config.providers.push_back(
                {.name = name,
                 .kind = config::ProviderKind::local,
                 .url = "http://127.0.0.1:9",
                 .hardware = name,
                 .engine = "vllm"});
            config.models[0].offers.push_back({.name = name, .on = name, .slots = 4});
        }
        sources.apply(*routing::compile(std::move(config), 2, rig.names));
    }
    [[nodiscard]] const ConfiguredSource& source(const std::string& name) {
        return sources.all().at(rig.names.intern(routing::NameKind::source, name));
    }
    void later() {
        world.clock.advance(6s);
        sources.tick({});
    }
};

TEST_F(SickGpuTest, F44_ItsEnginesAreDrainedAndOthersGoOn) {
    ASSERT_TRUE(source("desk").up && source("shelf").up);
    sources.distrust({{"desk", "GPU 1 reported Xid 79"}});
    EXPECT_FALSE(source("desk").up);
    EXPECT_EQ(source("desk").trouble, "GPU 1 reported Xid 79");
    EXPECT_TRUE(source("shelf").up);
    const std::string ix = std::to_string(source("desk").info.source.value());
    EXPECT_EQ(rig.gateway.told.back(), "draining " + ix) << "what runs there may end";
    later();
    EXPECT_GE(prober.asked, 4);
    EXPECT_FALSE(source("desk").up) << "its engine still answers";
    EXPECT_TRUE(sources.looked());
    sources.distrust({});
    later();
    EXPECT_TRUE(source("desk").up) << "the driver was reloaded";
    EXPECT_EQ(rig.gateway.told.back(), "up desk");
}

}  // namespace
}  // namespace evenkeel::agent::control_rig
