#include "agent/ledger/books.hpp"

#include "agent/ledger/keys.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

#include <set>

namespace evenkeel::ledger {
namespace {

using namespace std::chrono_literals;

routing::Catalogue catalogue(std::int64_t revision) {
    routing::Catalogue made{.revision = revision};
    made.config.budgets = {
        {.name = "all", .limit = dollars(1), .per = config::BudgetPer::month},
        {.name = "api", .limit = dollars(1), .per = config::BudgetPer::day}};
    made.budgets = {budget_all, budget_api};
    return made;
}

class LedgerBooksTest : public LedgerTest {
protected:
    void SetUp() override {
        open();
        store_names(*ledger_);
        books_ = std::make_unique<LedgerBooks>(*ledger_, clock_, Zone{});
        books_->use(catalogue(1));
    }
    /// A hold of 500 nano-dollars in both budgets.
    [[nodiscard]] Result<HoldId> hold_five_hundred(RequestId request) {
        Answer<HoldId> answer;
        books_->hold(
            {.request = request,
             .source = source_claude,
             .amount = dollars(500),
             .amount_report = 500,
             .budgets = 0b11,
             .policy = 1},
            answer.done());
        return answer.get();
    }
    /// How the call of request 1 to claude ended.
    [[nodiscard]] static inference::RequestRecord record_of(
        std::optional<HoldId> hold, std::int64_t paid, bool estimated = false) {
        return {
            .id = RequestId{1},
            .at = test_start,
            .policy = 1,
            .key = key_me,
            .route = route_default,
            .model = model_qwq,
            .source = source_claude,
            .kind = SourceKind::api,
            .provider = provider_claude,
            .tags = "team=search",
            .usage = {.prompt = 10, .completion = 5, .estimated = estimated},
            .paid = dollars(paid),
            .charged = dollars(paid),
            .charged_report = paid,
            .budgets = 0b11,
            .hold = hold};
    }
    std::unique_ptr<LedgerBooks> books_;
};

TEST_F(LedgerBooksTest, TurnBitsIntoWindows) {
    const auto both = books_->shares(1, 0b11, 70, test_start);
    ASSERT_EQ(both.size(), 2u);
    EXPECT_EQ(both[0].budget, budget_all);
    EXPECT_EQ(both[0].window, (std::chrono::sys_days{std::chrono::November / 1 / 2026}));
    EXPECT_EQ(both[1].budget, budget_api);
    EXPECT_EQ(both[1].window, (std::chrono::sys_days{std::chrono::November / 23 / 2026}));
    EXPECT_EQ(both[1].amount_report, 70);
    EXPECT_EQ(books_->shares(1, 0b10, 70, test_start).size(), 1u);
    EXPECT_EQ(books_->shares(9, 0b11, 70, test_start).size(), 0u) << "a revision never heard of";
    for (std::int64_t revision = 2; revision < 60; ++revision) {
        books_->use(catalogue(revision));
    }
    EXPECT_EQ(books_->shares(59, 0b11, 70, test_start).size(), 2u);
    EXPECT_EQ(books_->shares(1, 0b11, 70, test_start).size(), 0u) << "bounded";
}

TEST_F(LedgerBooksTest, F100SettleInTheWindowOfTheHold) {
    clock_.advance(13h + 59min + 59s);  // one second to midnight
    const auto held = hold_five_hundred(RequestId{1});
    ASSERT_TRUE(held);
    clock_.advance(10s);
    inference::RequestRecord record = record_of(*held, 400, /*estimated=*/true);
    ASSERT_TRUE(books_->record(record));
    // One without a hold belongs to today.
    record.id = RequestId{2};
    record.hold.reset();
    ASSERT_TRUE(books_->record(record));
    expect_sound();
    EXPECT_EQ(count("SELECT count(*) FROM budget_window WHERE budget = 11"), 2);
    EXPECT_EQ(count("SELECT min(settled) FROM budget_window WHERE budget = 11"), 400);
    EXPECT_EQ(count("SELECT settled FROM budget_window WHERE budget = 10"), 800);
    EXPECT_EQ(count("SELECT flags FROM request WHERE id = 1"), flag_estimated);
    EXPECT_EQ(count("SELECT charged FROM request WHERE id = 1"), 400);
    EXPECT_EQ(count("SELECT tags = 'team=search' FROM request WHERE id = 1"), 1);
    EXPECT_TRUE(books_->accepts_paid_work());
}

TEST_F(LedgerBooksTest, OwnWorkIsChargedInItsBudgetsAndItsKeysOwnAndPaysNothing) {
    books_->use_key(key_me, config::BudgetPer::month);
    inference::RequestRecord record = record_of(std::nullopt, 0);
    record.kind = SourceKind::own;
    record.source = source_desk;
    record.provider = {};
    record.paid = {};
    record.charged = Money{600, aud};
    record.charged_report = 400;
    record.budgets = 0b10;
    ASSERT_TRUE(books_->record(record));
    expect_sound();
    EXPECT_EQ(count("SELECT paid FROM request WHERE id = 1"), 0);
    EXPECT_EQ(count("SELECT charged FROM request WHERE id = 1 AND currency = 'AUD'"), 600);
    EXPECT_EQ(count("SELECT count(*) FROM tx"), 0) << "no external money moved";
    EXPECT_EQ(count("SELECT sum(charged) FROM rollup_day WHERE currency = 'AUD'"), 600);
    EXPECT_EQ(count("SELECT sum(settled) FROM budget_window WHERE budget = 11"), 400);
    EXPECT_EQ(count("SELECT count(*) FROM budget_window WHERE budget = 10"), 0);
    const std::string mine = " FROM budget_window WHERE budget = " + std::to_string(key_me.value());
    EXPECT_EQ(count("SELECT sum(settled)" + mine), 400);
    EXPECT_EQ(count("SELECT sum(held)" + mine), 0);
}

TEST_F(LedgerBooksTest, ATopUpIsHeldInTheSameWindowsAndSettledWithItsHold) {
    const auto held = hold_five_hundred(RequestId{1});
    ASSERT_TRUE(held);
    clock_.advance(13h + 59min + 59s);  // to the next day
    const auto top_up = [this](HoldId hold, Money more) {
        Answer<void> done;
        books_->top_up(hold, more, 300, done.done());
        return done.get();
    };
    ASSERT_TRUE(top_up(*held, dollars(300)));
    EXPECT_EQ(count("SELECT amount FROM hold"), 800);
    EXPECT_EQ(count("SELECT max(held) FROM budget_window WHERE budget = 11"), 800);
    EXPECT_EQ(count("SELECT count(*) FROM budget_window WHERE budget = 11"), 1);
    EXPECT_EQ(top_up(*held, dollars(0)).error().code, Errc::invalid_argument);
    EXPECT_EQ(
        top_up(*held, Money{5, *Currency::parse("EUR")}).error().code, Errc::invalid_argument);
    EXPECT_EQ(top_up(HoldId{held->value() + 1}, dollars(1)).error().code, Errc::not_found);
    expect_sound();
    ASSERT_TRUE(books_->record(record_of(*held, 700)));
    expect_sound();
    EXPECT_EQ(count("SELECT max(held) FROM budget_window"), 0);
    EXPECT_EQ(count("SELECT settled FROM budget_window WHERE budget = 11"), 700);
    EXPECT_EQ(top_up(*held, dollars(1)).error().code, Errc::not_found) << "it is settled";
}

TEST_F(LedgerBooksTest, FrozenNothingIsSetAsideAndWhatWasBoughtIsBooked) {
    const auto bought = hold_five_hundred(RequestId{1});
    ASSERT_TRUE(bought);
    books_->freeze(true);
    EXPECT_FALSE(books_->accepts_paid_work());
    EXPECT_EQ(hold_five_hundred(RequestId{2}).error().code, Errc::unavailable);
    books_->release(*bought);
    books_->freeze(false);
    EXPECT_TRUE(books_->accepts_paid_work());
    EXPECT_TRUE(hold_five_hundred(RequestId{3}));
    expect_sound();
}

TEST(LedgerKeys, AreFoundByWhatIsPresented) {
    const auto me = make_key("me", NameIx{1}, test_start);
    const auto ci = make_key("ci.test_2", NameIx{2}, test_start);
    ASSERT_TRUE(me);
    ASSERT_TRUE(ci);
    EXPECT_EQ(me->text.size(), 35u);
    EXPECT_TRUE(me->text.starts_with(me->row.prefix));
    EXPECT_EQ(me->row.sha256.size(), 32u);
    EXPECT_EQ(me->row.sha256.find(me->text), std::string::npos);
    StoredKeys keys{{me->row}};
    keys.add(ci->row);
    EXPECT_EQ(keys.size(), 2u);
    EXPECT_EQ(keys.find(me->text)->name, "me");
    EXPECT_EQ(keys.find(ci->text)->ix, NameIx{2});
    for (const std::string& wrong :
         {std::string{},
          std::string{"ek-"},
          me->text + "x",
          me->text.substr(1),
          me->row.sha256,
          std::string(10'000, 'a')}) {
        EXPECT_FALSE(keys.find(wrong)) << wrong.substr(0, 40);
    }
    EXPECT_TRUE(keys.remove("me"));
    EXPECT_FALSE(keys.remove("me"));
    EXPECT_FALSE(keys.find(me->text));
    KeyRow revoked = me->row;
    revoked.revoked = test_start;
    keys.replace({revoked});
    EXPECT_EQ(keys.size(), 0u);
}

TEST(LedgerKeys, HaveTidyNamesAndNeverRepeat) {
    for (const std::string& bad :
         {std::string{},
          std::string{"a b"},
          std::string{"a\n"},
          std::string{"\xC3\xA4"},
          std::string(65, 'a')}) {
        EXPECT_EQ(make_key(bad, NameIx{1}, test_start).error().code, Errc::invalid_argument);
    }
    std::set<std::string> texts;
    for (int i = 0; i < 200; ++i) {
        texts.insert(make_key("me", NameIx{1}, test_start)->text);
    }
    EXPECT_EQ(texts.size(), 200u);
}

}  // namespace
}  // namespace evenkeel::ledger
