#include "agent/ledger/keys.hpp"

#include "agent/ledger/books.hpp"
#include "agent/ledger/reader.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

namespace evenkeel::ledger {
namespace {

using namespace std::chrono_literals;

const KeyTerms all_terms{
    .money = KeyMoney{.amount = Money{20'000'000'000, aud}, .per = config::BudgetPer::day},
    .rate = {.requests_min = 60, .tokens_min = 200'000, .in_flight = 8},
    .routes = {"default", "night"},
    .team = "research",
    .expires = test_start + 24h * 90};

class LedgerKeyTerms : public LedgerTest {
protected:
    void SetUp() override {
        open();
        store_names(*ledger_);
    }
    Result<void> add(const KeyRow& row) {
        Answer<void> answer;
        ledger_->add_key(row, answer.done());
        return answer.get();
    }
    Result<void> change(const KeyTerms& terms) {
        Answer<void> answer;
        ledger_->key_terms("me", terms, answer.done());
        return answer.get();
    }
    Result<void> revoke() {
        Answer<void> answer;
        ledger_->revoke_key("me", answer.done());
        return answer.get();
    }
    NewKey key_{*make_key("me", key_me, test_start)};
};

TEST_F(LedgerKeyTerms, SurviveARestart) {
    key_.row.terms = all_terms;
    ASSERT_TRUE(add(key_.row));
    reopen();
    ASSERT_EQ(ledger_->recovered().keys.size(), 1u);
    EXPECT_EQ(ledger_->recovered().keys[0].terms, all_terms);
    ASSERT_TRUE(change({.team = "sales"}));
    EXPECT_EQ(reader().keys()->at(0).terms, (KeyTerms{.team = "sales"}))
        << "all of them are replaced";
    ASSERT_TRUE(revoke());
    EXPECT_EQ(change({}).error().code, Errc::not_found);
}

TEST_F(LedgerKeyTerms, ARevokedNameMayBeMadeAnewAndKeepsItsNumber) {
    key_.row.terms = all_terms;
    ASSERT_TRUE(add(key_.row));
    ASSERT_TRUE(revoke());
    NewKey second = *make_key("me", key_me, test_start + 1h);
    ASSERT_TRUE(add(second.row));
    reopen();
    ASSERT_EQ(ledger_->recovered().keys.size(), 1u);
    const KeyRow& row = ledger_->recovered().keys[0];
    EXPECT_FALSE(row.revoked);
    EXPECT_EQ(row.terms, KeyTerms{}) << "nothing of the old one is left";
    const StoredKeys keys{ledger_->recovered().keys};
    EXPECT_TRUE(keys.find(second.text));
    EXPECT_FALSE(keys.find(key_.text)) << "the old one stays closed";
}

TEST_F(LedgerKeyTerms, WhatALimitedKeySpendsIsCountedUnderItsName) {
    LedgerBooks books{*ledger_, clock_, Zone{}};
    const auto hold = [&](std::int64_t id) {
        Answer<HoldId> answer;
        books.hold(
            {.request = RequestId{id},
             .key = key_me,
             .source = source_claude,
             .amount = dollars(500),
             .amount_report = 500,
             .policy = 1},
            answer.done());
        return answer.get().value();
    };
    const auto settle = [&](std::int64_t id, HoldId held) {
        return books.record(
            {.id = RequestId{id},
             .at = test_start,
             .key = key_me,
             .source = source_claude,
             .kind = SourceKind::api,
             .provider = provider_claude,
             .paid = dollars(300),
             .charged = dollars(300),
             .charged_report = 300,
             .hold = held});
    };
    ASSERT_TRUE(settle(1, hold(1)));
    books.use_key(key_me, config::BudgetPer::month);
    ASSERT_TRUE(settle(2, hold(2)));
    static_cast<void>(hold(3));
    books.use_key(key_me, std::nullopt);
    ASSERT_TRUE(settle(4, hold(4)));
    expect_sound();
    const std::string mine = " FROM budget_window WHERE budget = " + std::to_string(key_me.value());
    EXPECT_EQ(count("SELECT count(*)" + mine), 1);
    EXPECT_EQ(count("SELECT settled" + mine), 300) << "only while it had a limit";
    EXPECT_EQ(count("SELECT held" + mine), 500);
    reopen();
    EXPECT_EQ(count("SELECT settled" + mine), 800) << "F95: an open hold is spending";
    EXPECT_EQ(count("SELECT held" + mine), 0);
}

TEST(StoredKeyTerms, AnExpiredKeyOpensNothing) {
    ManualClock clock{Now{.boot = BootTime{1h}, .utc = test_start}};
    NewKey key = *make_key("ci", NameIx{3}, test_start);
    key.row.terms = {.routes = {"default"}, .team = "research", .expires = test_start + 10s};
    StoredKeys keys{{key.row}, &clock};
    const auto found = keys.find(key.text);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->team, "research");
    EXPECT_EQ(found->routes, (std::vector<std::string>{"default"}));
    clock.advance(10s - 1us);
    EXPECT_TRUE(keys.find(key.text));
    clock.advance(1us);
    EXPECT_FALSE(keys.find(key.text));
    key.row.terms = {.team = "sales"};
    keys.add(key.row);
    EXPECT_EQ(keys.size(), 1u) << "in its own place";
    EXPECT_EQ(keys.find(key.text)->team, "sales");
    EXPECT_TRUE(keys.remove("ci"));
    EXPECT_FALSE(keys.find(key.text));
}

}  // namespace
}  // namespace evenkeel::ledger
