#include "agent/control/key_terms.hpp"
#include "tests/unit/control/whole_control.hpp"

#include <thread>

/// Client keys are made, changed and revoked while the agent runs, and after a restart.
namespace evenkeel::agent::control_rig {
namespace {

constexpr std::int64_t dollar = 1'000'000'000;

/// What words make of nothing, or why not.
Result<ledger::KeyTerms> terms_of(const KeyChange& change, ledger::KeyTerms before = {}) {
    static const config::Config config = small_config();
    return change_terms(std::move(before), change, &config, ledger::test_start);
}

TEST(KeyTerms, AreReadAsTheyAreWritten) {
    const auto terms = terms_of(
        {.limit = "20 USD/mo",
         .requests = "60/min",
         .tokens = "200k/min",
         .in_flight = "8",
         .routes = "default,default",
         .team = "research",
         .expires = "90d"});
    ASSERT_TRUE(terms) << terms.error().message;
    EXPECT_EQ(
        *terms,
        (ledger::KeyTerms{
            .money = ledger::KeyMoney{Money{20 * dollar, usd}, config::BudgetPer::month},
            .rate = {.requests_min = 60, .tokens_min = 200'000, .in_flight = 8},
            .routes = {"default"},
            .team = "research",
            .expires = ledger::test_start + std::chrono::days{90}}));
    EXPECT_EQ(limit_text(*terms), "20.00 USD/mo");
    EXPECT_EQ(per_minute_text(terms->rate.tokens_min), "200k/min");
    EXPECT_EQ(*terms_of({}, *terms), *terms) << "what is left out stays";
    const auto none = terms_of(
        {.limit = "none",
         .requests = "none",
         .tokens = "none",
         .in_flight = "none",
         .routes = "all",
         .team = "none",
         .expires = "none"},
        *terms);
    EXPECT_EQ(*none, ledger::KeyTerms{});
    EXPECT_EQ(terms_of({.limit = "5 USD/day"})->money->per, config::BudgetPer::day);
    EXPECT_EQ(terms_of({.limit = "0 USD/h"})->money->per, config::BudgetPer::hour);
    EXPECT_EQ(
        terms_of({.expires = "2026-12-31"})->expires,
        UtcTime{std::chrono::sys_days{std::chrono::December / 31 / 2026}});
}

struct Wrong {
    const char* name;
    KeyChange change;
    const char* says;
};

class KeyTermsRefused : public testing::TestWithParam<Wrong> {};

TEST_P(KeyTermsRefused, WithWhatToWriteInstead) {
    const auto terms = terms_of(GetParam().change);
    ASSERT_FALSE(terms);
    EXPECT_EQ(terms.error().code, Errc::invalid_argument);
    EXPECT_NE(terms.error().message.find(GetParam().says), std::string::npos)
        << terms.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Words,
    KeyTermsRefused,
    testing::Values(
        Wrong{"NoWindow", {.limit = "20 USD"}, "'20 AUD/mo'"},
        Wrong{"OddWindow", {.limit = "20 USD/week"}, "/day"},
        Wrong{"NoCurrency", {.limit = "20/mo"}, "not an amount in a window"},
        Wrong{"Negative", {.limit = "-1 USD/mo"}, "not an amount in a window"},
        Wrong{"NoRate", {.limit = "20 AUD/mo"}, "currency.rates"},
        Wrong{"NoMinute", {.requests = "60"}, "--requests"},
        Wrong{"PerSecond", {.requests = "60/s"}, "60/min"},
        Wrong{"Zero", {.tokens = "0/min"}, "out of range"},
        Wrong{"NoNumber", {.in_flight = "many"}, "--in-flight"},
        Wrong{"NoRoute", {.routes = "defualt"}, "known: default"},
        Wrong{"NoList", {.routes = "default,"}, "'a,b'"},
        Wrong{"OddTeam", {.team = "a b"}, "--team"},
        Wrong{"NoDay", {.expires = "2026-02-30"}, "90d"}),
    [](const testing::TestParamInfo<Wrong>& test) { return test.param.name; });

/// Nothing but keys: no provider, no offer.
void start(Control& control) {
    control.start();
    config::Config config = small_config();
    config.providers.clear();
    config.models[0].offers.clear();
    config.scaling.clear();
    EXPECT_TRUE(control.apply(config, "one", "test", 10s));
}

struct KeysTest : WholeControl {
    std::unique_ptr<Control> control{make()};
    KeysTest() { begin(); }
    void begin() { start(*control); }
    /// The agent of the next start, on what the ledger kept.
    struct Next {
        explicit Next(KeysTest& test)
            : books{*test.books, test.world.clock, ledger::Zone{}},
              keys{test.books->recovered().keys, &test.world.clock},
              control{
                  {test.world.clock,
                   *test.books,
                   books,
                   gateway,
                   keys,
                   test.credentials,
                   test.board},
                  {.state = test.world.state(), .owner_mark = "ek-1a2b3c4d", .boot_id = "boot-1"}} {
            start(control);
        }
        ledger::LedgerBooks books;
        QuietGateway gateway{};
        ledger::StoredKeys keys;
        Control control;
    };
    [[nodiscard]] Next restart() {
        control.reset();
        EXPECT_TRUE(books->close());
        books.reset();
        books = open();
        return Next{*this};
    }
    /// Set aside for a paid call that does not end.
    void set_aside(NameIx key, std::int64_t dollars) {
        ledger::Answer<HoldId> held;
        adapter.hold(
            {.request = RequestId{++last_request},
             .key = key,
             .source = NameIx{1},
             .amount = Money{dollars * dollar, usd},
             .amount_report = dollars * dollar,
             .policy = 1},
            held.done());
        ASSERT_TRUE(held.get());
    }
    void create(const std::string& name, KeyChange change = {}) {
        const auto text = control->create_key(name, std::move(change)).get();
        ASSERT_TRUE(text) << text.error().message;
        texts[name] = *text;
    }
    /// A finished paid request of a key.
    void spend(NameIx key, std::int64_t dollars) {
        ASSERT_TRUE(adapter.record(
            {.id = RequestId{++last_request},
             .at = world.clock.read().utc,
             .policy = 1,
             .key = key,
             .route = NameIx{1},
             .model = NameIx{1},
             .source = NameIx{1},
             .kind = SourceKind::api,
             .usage = {.prompt = 100, .completion = 50},
             .paid = Money{dollars * dollar, usd},
             .charged = Money{dollars * dollar, usd},
             .charged_report = dollars * dollar}));
    }
    /// A finished request of a key that an own worker answered, at an internal price.
    void charge(NameIx key, std::int64_t dollars) {
        ASSERT_TRUE(adapter.record(
            {.id = RequestId{++last_request},
             .at = world.clock.read().utc,
             .policy = 1,
             .key = key,
             .route = NameIx{1},
             .model = NameIx{1},
             .source = NameIx{2},
             .kind = SourceKind::own,
             .usage = {.prompt = 100, .completion = 50},
             .charged = Money{dollars * dollar, usd},
             .charged_report = dollars * dollar}));
    }
    std::map<std::string, std::string> texts{};
    std::int64_t last_request{least_id_at(world.clock.read().utc)};
};

TEST_F(KeysTest, AKeyOpensOnlyWhenTheGateKnowsItsLimits) {
    create("ci", {.limit = "20 USD/mo", .requests = "60/min", .in_flight = "4"});
    const auto key = keys.find(texts["ci"]);
    ASSERT_TRUE(key);
    const gate::KeyLimits& limits = gateway.keys.at(key->ix);
    EXPECT_EQ(limits.rate, (gate::RateLimit{.name = key->ix, .requests_min = 60, .in_flight = 4}));
    EXPECT_EQ(limits.money, 20 * dollar);
    EXPECT_EQ(limits.resets, UtcTime{std::chrono::sys_days{std::chrono::December / 1 / 2026}});
    EXPECT_EQ(control->create_key("ci", {}).get().error().code, Errc::conflict);
    EXPECT_EQ(
        control->create_key("other", {.routes = "nowhere"}).get().error().code,
        Errc::invalid_argument);
    EXPECT_EQ(keys.size(), 1u);
}

TEST_F(KeysTest, ALimitThatIsNewKnowsWhatWasSpentBefore) {
    create("ci");
    const NameIx ix = keys.find(texts["ci"])->ix;
    spend(ix, 3);
    ASSERT_TRUE(control->limit_key("ci", {.limit = "20 USD/mo"}).get());
    EXPECT_EQ(gateway.keys.at(ix).money, 20 * dollar);
    EXPECT_TRUE(gateway.keys.at(ix).spent_unknown);
    EXPECT_EQ(gateway.spent_before[ix], std::vector{3 * dollar});
    ASSERT_TRUE(control->limit_key("ci", {.limit = "30 USD/mo"}).get());
    EXPECT_EQ(gateway.keys.at(ix).money, 30 * dollar);
    EXPECT_FALSE(gateway.keys.at(ix).spent_unknown);
    EXPECT_EQ(gateway.spent_before[ix].size(), 1u) << "not a second time";
    ASSERT_TRUE(control->limit_key("ci", {.limit = "1 USD/h", .team = "research"}).get());
    EXPECT_EQ(gateway.spent_before[ix], (std::vector{3 * dollar, 3 * dollar}))
        << "another window begins with what it has";
    EXPECT_EQ(keys.find(texts["ci"])->team, "research");
    ASSERT_TRUE(control->limit_key("ci", {.limit = "none"}).get());
    EXPECT_EQ(gateway.keys.at(ix).money, -1);
    EXPECT_EQ(control->limit_key("nobody", {}).get().error().code, Errc::not_found);
}

TEST_F(KeysTest, ARevokedKeyIsClosedAtOnceAndItsNameMayBeMadeAnew) {
    create("ci", {.limit = "20 USD/mo"});
    const std::string old = texts["ci"];
    const NameIx ix = keys.find(old)->ix;
    spend(ix, 3);
    ASSERT_TRUE(control->revoke_key("ci").get());
    EXPECT_FALSE(keys.find(old));
    EXPECT_EQ(control->revoke_key("ci").get().error().code, Errc::not_found);
    EXPECT_EQ(control->limit_key("ci", {.team = "x"}).get().error().code, Errc::not_found);
    create("ci");
    EXPECT_EQ(keys.find(texts["ci"])->ix, ix) << "the same name in the reports";
    EXPECT_FALSE(keys.find(old));
    EXPECT_EQ(gateway.keys.at(ix).money, -1) << "with terms of its own";
}

TEST_F(KeysTest, F95_ARestartKnowsLimitsAndWhatIsUsed) {
    create("ci", {.limit = "20 USD/mo", .requests = "60/min", .expires = "90d"});
    create("gone");
    const NameIx ix = keys.find(texts["ci"])->ix;
    spend(ix, 3);
    set_aside(ix, 2);
    ASSERT_TRUE(control->revoke_key("gone").get());
    Next next = restart();
    EXPECT_TRUE(next.keys.find(texts["ci"]));
    EXPECT_FALSE(next.keys.find(texts["gone"]));
    EXPECT_EQ(next.gateway.keys.at(ix).money, 20 * dollar);
    EXPECT_EQ(next.gateway.keys.at(ix).rate.requests_min, 60);
    EXPECT_EQ(next.gateway.booked.at(ix), 5 * dollar)
        << "three were paid, two were set aside when it died and count as spent";
    ASSERT_EQ(next.gateway.recalled[ix].size(), 1u) << "of the last minute";
    EXPECT_EQ(next.gateway.recalled[ix][0], 150);
}

TEST_F(KeysTest, F95_WhatLapsedCountsAfterEveryRestart) {
    create("ci", {.limit = "20 USD/mo"});
    const NameIx ix = keys.find(texts["ci"])->ix;
    spend(ix, 3);
    set_aside(ix, 2);
    for (int start = 0; start < 3; ++start) {
        Next next = restart();
        EXPECT_EQ(next.gateway.booked.at(ix), 5 * dollar) << start;
    }
}

TEST_F(KeysTest, F95_WhatOwnWorkWasChargedCountsForANewLimitAndAfterARestart) {
    create("ci");
    const NameIx ix = keys.find(texts["ci"])->ix;
    charge(ix, 3);
    ASSERT_TRUE(control->limit_key("ci", {.limit = "20 USD/h"}).get());
    ASSERT_TRUE(control->limit_key("ci", {.limit = "20 USD/mo"}).get());
    EXPECT_EQ(gateway.spent_before[ix], (std::vector{3 * dollar, 3 * dollar}))
        << "another window begins with what it has";
    charge(ix, 1);
    spend(ix, 2);
    Next next = restart();
    EXPECT_EQ(next.gateway.booked.at(ix), 6 * dollar);
}

/// Another process may hold the ledger's write lock, longer than the ledger waits.
struct KeysOfALockedLedger : WholeControl {
    KeysOfALockedLedger() : WholeControl{[](World& world) { world.awaited_wait = 50ms; }} {
        start(*control);
    }
    std::unique_ptr<Control> control{make()};
};

TEST_F(KeysOfALockedLedger, ARevocationThatWasNotStoredIsRepeated) {
    const auto text = control->create_key("ci", {.limit = "20 USD/mo"}).get();
    ASSERT_TRUE(text);
    ASSERT_TRUE(books->flush());
    auto other = std::make_unique<ledger::Database>(
        world.state() / ledger::ledger_file, ledger::Database::Mode::read_write);
    other->exec("BEGIN IMMEDIATE");
    const auto failed = control->revoke_key("ci").get();
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().message.find("closed"), std::string::npos) << failed.error().message;
    EXPECT_NE(failed.error().message.find("repeat `evenkeel keys revoke ci`"), std::string::npos)
        << failed.error().message;
    EXPECT_FALSE(keys.find(*text));
    EXPECT_EQ(control->create_key("ci", {}).get().error().code, Errc::conflict);
    EXPECT_EQ(control->limit_key("ci", {.team = "x"}).get().error().code, Errc::conflict);
    EXPECT_FALSE(keys.find(*text)) << "nothing opens it again";
    const auto second = control->revoke_key("ci").get();
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().code, Errc::not_found) << second.error().message;
    other.reset();
    Result<void> last = second;
    for (int i = 0; i < 100 && !last; ++i) {
        std::this_thread::sleep_for(5ms);
        last = control->revoke_key("ci").get();
    }
    ASSERT_TRUE(last) << last.error().message;
    EXPECT_EQ(control->revoke_key("ci").get().error().code, Errc::not_found);
    EXPECT_TRUE(control->create_key("ci", {}).get()) << "the name is free";
    control.reset();
    EXPECT_TRUE(books->close());
    books.reset();
    books = open();
    const ledger::StoredKeys next{books->recovered().keys};
    EXPECT_FALSE(next.find(*text));
}

TEST_F(KeysTest, ALimitThatIsStillOnItsWayOpensNoRevokedKey) {
    for (int i = 0; i < 20; ++i) {
        const std::string name = "k" + std::to_string(i);
        create(name);
        auto limited = control->limit_key(name, {.limit = "20 USD/mo"});
        auto revoked = control->revoke_key(name);
        static_cast<void>(limited.get());
        ASSERT_TRUE(revoked.get());
        EXPECT_FALSE(keys.find(texts[name])) << i;
    }
}

TEST_F(KeysTest, ASecondChangeWaitsForTheFirst) {
    create("ci", {.limit = "20 USD/mo"});
    auto first = control->limit_key("ci", {.limit = "30 USD/mo"});
    auto second = control->limit_key("ci", {.limit = "40 USD/mo"});
    ASSERT_TRUE(first.get());
    const auto late = second.get();
    EXPECT_TRUE(late || late.error().code == Errc::conflict);
    const NameIx ix = keys.find(texts["ci"])->ix;
    EXPECT_EQ(gateway.keys.at(ix).money, (late ? 40 : 30) * dollar) << "as it was told";
    ASSERT_TRUE(control->limit_key("ci", {.limit = "50 USD/mo"}).get());
    EXPECT_EQ(gateway.keys.at(ix).money, 50 * dollar);
}

}  // namespace
}  // namespace evenkeel::agent::control_rig
