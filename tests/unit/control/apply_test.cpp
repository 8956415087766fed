#include "tests/unit/control/whole_control.hpp"

#include <thread>

/// A policy is put in force as a whole or not at all, and nobody waits for ever.
namespace evenkeel::agent::control_rig {
namespace {

struct ApplyTest : WholeControl {
    std::unique_ptr<Control> whole{make()};
    Control& control{*whole};

    [[nodiscard]] static config::Config lonely() {
        config::Config config = small_config();
        config.providers.clear();
        config.models[0].offers.clear();
        config.scaling.clear();
        return config;
    }
};

TEST_F(ApplyTest, GivesTheRevisionAndIsInForce) {
    control.start();
    const auto first = control.apply(lonely(), "text one", "test", 10s);
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_EQ(*first, 1);
    EXPECT_EQ(*control.apply(lonely(), "text one", "test", 10s), 1) << "nothing changed";
    EXPECT_EQ(*control.apply(lonely(), "text two", "test", 10s), 2);
    EXPECT_EQ(gateway.policy.revision, 2);
}

/// Who is told to try again does so.
TEST_F(ApplyTest, F80_TheSamePolicyAgainWhileTheFirstTryIsStillToBeStoredIsInForce) {
    control.start();
    ASSERT_TRUE(control.apply(lonely(), "text one", "test", 10s));
    Result<std::int64_t> second = fail(Errc::unavailable, "not asked");
    std::thread again;
    {
        ledger::Database lock{
            world.state() / ledger::ledger_file, ledger::Database::Mode::read_write};
        lock.exec("BEGIN IMMEDIATE");
        ASSERT_FALSE(control.apply(lonely(), "text two", "test", 100ms));
        again = std::thread{[&] { second = control.apply(lonely(), "text two", "test", 10s); }};
        std::this_thread::sleep_for(100ms);
        lock.exec("ROLLBACK");
    }
    again.join();
    ASSERT_TRUE(second) << second.error().message;
    std::this_thread::sleep_for(200ms);
    ASSERT_TRUE(books->flush());
    const auto row = ledger::Reader::open(world.state())->policy();
    ASSERT_TRUE(row);
    EXPECT_EQ(row->text, "text two") << "what is in force";
    EXPECT_EQ(gateway.applied.back(), row->no);
}

/// The gate places requests by it, and rescues those that will be late.
TEST_F(ApplyTest, TheGatewayHearsHowFastAWorkerIs) {
    for (std::int32_t ix = 1; ix < 20; ++ix) {  // whatever the number of the worker's name
        gateway.counted.sources.push_back({.source = NameIx{ix}, .kind = SourceKind::own});
    }
    config::Config config = lonely();
    config.hardware = {{.name = "desk", .gpu = "RTX 5090"}};
    config.providers = {
        {.name = "here",
         .kind = config::ProviderKind::local,
         .url = "http://127.0.0.1:9",
         .hardware = "desk"}};
    config.models[0].name = "qwq-32b";
    config.models[0].offers = {{.name = "desk-qwq", .on = "here", .slots = 4}};
    control.start();
    ASSERT_TRUE(control.apply(config, "one", "test", 10s));
    const auto told = [this] {
        const std::lock_guard lock{gateway.mutex};
        return gateway.speeds;
    };
    for (int i = 0; i < 200 && told().empty(); ++i) {
        world.clock.advance(1s);
        static_cast<void>(control.apply(config, "one", "test", 10s));
        std::this_thread::sleep_for(10ms);
    }
    ASSERT_EQ(told().size(), 1u);
    const auto seed = *capacity::find_profile("5090-32b-awq");
    EXPECT_EQ(told().begin()->second.prefill_tok_s, seed.prefill_tok_s);
    EXPECT_EQ(told().begin()->second.kv_tokens, seed.kv_tokens);
}

/// A budget that a reload adds, renames or moves knows what was spent before it; one that stays
/// keeps the gate's figures.
TEST_F(ApplyTest, F99_ABudgetOfAReloadKnowsWhatWasSpentBefore) {
    control.start();
    config::Config config = lonely();
    ASSERT_TRUE(control.apply(config, "one", "test", 10s));
    gateway.booked.clear();
    ASSERT_TRUE(books->record(
        {.id = RequestId{9},
         .at = world.clock.read().utc,
         .model = NameIx{1},
         .source = NameIx{1},
         .kind = SourceKind::api,
         .paid = Money{3'000'000'000, usd},
         .charged = Money{3'000'000'000, usd},
         .charged_report = 3'000'000'000}));
    config.budgets.push_back({.name = "late", .limit = Money{9'000'000'000, usd}});
    config.budgets.push_back(
        {.name = "own", .scope = {.kind = "own"}, .limit = Money{9'000'000'000, usd}});
    ASSERT_TRUE(control.apply(config, "two", "test", 10s));
    ASSERT_EQ(gateway.policy.budgets.size(), 3u);
    EXPECT_EQ(gateway.policy.budgets[1].settled, 3'000'000'000);
    EXPECT_EQ(gateway.policy.budgets[2].settled, 0);
    EXPECT_EQ(gateway.booked.size(), 2u) << "the one that stayed keeps its figures";
    gateway.booked.clear();
    config.budgets[2].scope = {.kind = "api"};
    ASSERT_TRUE(control.apply(config, "three", "test", 10s));
    ASSERT_EQ(gateway.booked.size(), 1u);
    EXPECT_EQ(gateway.booked.begin()->second, 3'000'000'000);
}

/// Budgets of who asks count what was charged, those of who serves what was paid.
TEST_F(ApplyTest, F99_ABudgetOfAReloadKnowsWhatOwnWorkWasCharged) {
    control.start();
    config::Config config = lonely();
    const std::string model = config.models[0].name;
    ASSERT_TRUE(control.apply(config, "one", "test", 10s));
    const auto ix = [&] {
        const auto names = ledger::Reader::open(world.state())->names();
        return std::ranges::find_if(
                   *names,
                   [&](const ledger::NameRow& row) {
                       return row.kind == routing::NameKind::model && row.text == model;
                   })
            ->ix;
    };
    ASSERT_TRUE(books->flush());
    ASSERT_TRUE(books->record(
        {.id = RequestId{9},
         .at = world.clock.read().utc,
         .model = ix(),
         .source = NameIx{900},
         .kind = SourceKind::own,
         .charged = Money{3'000'000'000, usd},
         .charged_report = 3'000'000'000}));
    config.budgets.push_back({.name = "late", .limit = Money{9'000'000'000, usd}});
    config.budgets.push_back(
        {.name = "own", .scope = {.kind = "own"}, .limit = Money{9'000'000'000, usd}});
    config.budgets.push_back(
        {.name = "model", .scope = {.model = model}, .limit = Money{9'000'000'000, usd}});
    ASSERT_TRUE(control.apply(config, "two", "test", 10s));
    ASSERT_EQ(gateway.policy.budgets.size(), 4u);
    EXPECT_EQ(gateway.policy.budgets[1].settled, 0);
    EXPECT_EQ(gateway.policy.budgets[2].settled, 0);
    EXPECT_EQ(gateway.policy.budgets[3].settled, 3'000'000'000);
    EXPECT_EQ(
        gateway.policy.budgets[3].resets,
        UtcTime{std::chrono::sys_days{std::chrono::December / 1 / 2026}});
    gateway.booked.clear();
    config.models[0].internal_price =
        config::TokenPrices{.in = *parse_price("1 USD/Mtok"), .out = *parse_price("1 USD/Mtok")};
    ASSERT_TRUE(control.apply(config, "three", "test", 10s));
    EXPECT_EQ(gateway.booked.size(), 1u) << "the model's budget counts other work now";
}

TEST_F(ApplyTest, F80_ALedgerThatDoesNotAnswerChangesNothingNowOrLater) {
    control.start();
    ASSERT_TRUE(control.apply(lonely(), "text one", "test", 10s));
    {
        ledger::Database lock{
            world.state() / ledger::ledger_file, ledger::Database::Mode::read_write};
        lock.exec("BEGIN IMMEDIATE");
        const auto late = control.apply(lonely(), "text two", "test", 100ms);
        ASSERT_FALSE(late);
        EXPECT_EQ(late.error().code, Errc::timed_out);
        lock.exec("ROLLBACK");
    }
    ASSERT_TRUE(books->flush());
    const auto third = control.apply(lonely(), "text three", "test", 10s);
    ASSERT_TRUE(third) << third.error().message;
    EXPECT_EQ(gateway.applied, (std::vector<std::int64_t>{1, *third}))
        << "the late one was not applied afterwards";
}

/// policy diff and plan take the newest row for the policy in force.
TEST_F(ApplyTest, F80_AfterAPolicyThatWasStoredTooLateTheNewestRowIsTheOneInForce) {
    control.start();
    ASSERT_TRUE(control.apply(lonely(), "text one", "test", 10s));
    {
        ledger::Database lock{
            world.state() / ledger::ledger_file, ledger::Database::Mode::read_write};
        lock.exec("BEGIN IMMEDIATE");
        ASSERT_FALSE(control.apply(lonely(), "text two", "test", 100ms));
        lock.exec("ROLLBACK");
    }
    auto reader = ledger::Reader::open(world.state());
    ASSERT_TRUE(reader);
    std::vector<std::string> texts;
    for (int i = 0; i < 500 && (texts.empty() || texts.back() != "text one" || texts.size() < 2);
         ++i) {
        const auto row = reader->policy();
        ASSERT_TRUE(row);
        if (texts.empty() || texts.back() != row->text) {
            texts.push_back(row->text);
        }
        std::this_thread::sleep_for(10ms);
    }
    const auto third = reader->policy();
    ASSERT_TRUE(third);
    EXPECT_EQ(third->text, "text one");
    EXPECT_EQ(third->no, 3) << "the late one is row 2";
}

}  // namespace
}  // namespace evenkeel::agent::control_rig
