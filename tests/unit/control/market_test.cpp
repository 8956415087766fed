#include "agent/control/market.hpp"

#include "tests/unit/control/rig.hpp"

/// What an account must have before something is ordered with it.
namespace evenkeel::agent::control_rig {
namespace {

struct MarketTest : testing::Test {
    World world{};
    config::Config config{small_config()};
    std::unique_ptr<Rig> rig{};
    std::unique_ptr<Market> market{};

    void open(Result<providers::Account> account) {
        config.safety.low_balance = Money{10'000'000'000, usd};
        world.cloud.account = std::move(account);
        rig = std::make_unique<Rig>(world, config);
        market = std::make_unique<Market>(*rig->fleet, world.clock, *rig->books, rig->names);
        market->apply(rig->catalogue);
        rig->settle();
    }
    [[nodiscard]] ReasonCode closed() const {
        return market->closed("cloud", Price::per_hour(Money{4'410'000'000, usd})).code;
    }
};

TEST_F(MarketTest, AnAccountThatCannotPayAnHourOrdersNothing) {
    open(providers::Account{.balance = Money{4'409'999'999, usd}});
    EXPECT_EQ(closed(), ReasonCode::hold_balance);
    ASSERT_EQ(market->warnings().size(), 2u) << "both providers are that account";
    EXPECT_NE(market->warnings()[0].find("4.409999999 USD left"), std::string::npos)
        << market->warnings()[0];
}

TEST_F(MarketTest, AnAccountWithAnHourLeftMayOrderAndIsWarnedOf) {
    open(providers::Account{.balance = Money{4'410'000'000, usd}});
    EXPECT_EQ(closed(), ReasonCode::none);
    EXPECT_EQ(market->warnings().size(), 2u);
}

TEST_F(MarketTest, WhereBillsComeAfterwardsThereIsNoBalance) {
    open(providers::Account{.trouble = "the droplet limit is reached"});
    EXPECT_EQ(closed(), ReasonCode::none);
    ASSERT_EQ(market->warnings().size(), 2u);
    EXPECT_EQ(market->warnings()[0], "cloud: the droplet limit is reached");
}

TEST_F(MarketTest, AnAccountThatCannotBeReadIsSaidAndStopsNothing) {
    open(fail(Errc::invalid_response, "GraphQL is gone"));
    EXPECT_EQ(closed(), ReasonCode::none);
    ASSERT_EQ(market->warnings().size(), 2u);
    EXPECT_EQ(market->warnings()[0], "cloud: account unknown: GraphQL is gone");
}

TEST_F(MarketTest, F36AKeyThatMayNotReadTheBooksStillRents) {
    world.cloud.bill_fails = Errc::unauthorized;
    open(fail(Errc::unauthorized, "the key lacks billing:read"));
    rig->fleet->sweep();
    rig->settle();
    ASSERT_EQ(rig->fleet->closed("cloud").code, ReasonCode::none) << "its list is answered";
    world.clock.advance(5min);
    market->tick();
    rig->fleet->want_bills();
    rig->settle();
    EXPECT_EQ(rig->fleet->closed("cloud").code, ReasonCode::none);
    EXPECT_EQ(market->warnings().size(), 2u) << "it is said";
}

TEST_F(MarketTest, F36BooksThatAreReadDoNotHideThatListsFail) {
    open(providers::Account{});
    ASSERT_EQ(rig->fleet->closed("cloud").code, ReasonCode::none);
    world.cloud.list_fails = true;
    for (int i = 0; i < lifecycle::breaker_failures; ++i) {
        rig->fleet->sweep();
        rig->settle();
        rig->fleet->want_bills();
        rig->settle();
    }
    EXPECT_NE(rig->fleet->closed("cloud").code, ReasonCode::none);
}

TEST_F(MarketTest, TheAccountIsAskedAgainEveryFiveMinutes) {
    open(providers::Account{.balance = Money{1, usd}});
    world.cloud.account = providers::Account{.balance = Money{50'000'000'000, usd}};
    world.clock.advance(4min);
    market->tick();
    rig->settle();
    EXPECT_EQ(closed(), ReasonCode::hold_balance);
    world.clock.advance(1min);
    market->tick();
    rig->settle();
    EXPECT_EQ(closed(), ReasonCode::none);
    EXPECT_TRUE(market->warnings().empty());
}

/// A provider whose key came after the start, or is still on trial, trades once it has a driver.
TEST_F(MarketTest, AProviderThatGetsItsDriverLaterIsAskedThen) {
    config::Provider late = config.providers[0];
    late.name = "late";
    config.providers.push_back(late);
    config::Offer offer = config.models[0].offers[0];
    offer.name = offer.on = "late";
    config.models[0].offers.push_back(offer);
    open(providers::Account{});
    EXPECT_FALSE(market->find(offer));
    rig->fleet->use_provider("late", std::make_shared<CloudDriver>(world.cloud, world.clock));
    market->tick();
    rig->settle();
    EXPECT_TRUE(market->find(offer));
}

/// RunPod's ids name the maker ("NVIDIA H100 PCIe"); people write what they rent.
TEST_F(MarketTest, AGpuIsFoundWithAndWithoutItsMaker) {
    struct Case {
        const char* written;
        const char* sold;
        bool found;
    };
    for (const Case& test : {
             Case{"H100 PCIe", "NVIDIA H100 PCIe", true},
             Case{"NVIDIA H100 PCIe", "NVIDIA H100 PCIe", true},
             Case{"h100", "NVIDIA H100 PCIe", true},  // the size it is sold as
             Case{"H100", "NVIDIA H100 PCIe", false},
             Case{"H100 PCIe", "AMD H100 PCIe", false},
             Case{"NVIDIA H100 PCIe", "H100 PCIe", false},
         }) {
        config = small_config();
        config.models[0].offers[0].gpu = test.written;
        world.cloud.gpu = test.sold;
        open(providers::Account{});
        const auto found = market->find(config.models[0].offers[0]);
        EXPECT_EQ(found.has_value(), test.found) << test.written << " of " << test.sold;
        market.reset();
        rig.reset();
    }
}

}  // namespace
}  // namespace evenkeel::agent::control_rig
