#include "agent/report/keys.hpp"

#include "agent/ledger/keys.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

namespace evenkeel::report {
namespace {

using namespace std::chrono_literals;

class KeysReport : public ledger::LedgerTest {
protected:
    void SetUp() override {
        open();
        ledger::store_names(*ledger_);
        ledger_->name({other_key, routing::NameKind::key, "other"});
        ledger_->name({idle_key, routing::NameKind::key, "idle"});
        add("me", ledger::key_me, config::BudgetPer::hour);
        add("other", other_key, config::BudgetPer::day);
        add("idle", idle_key, std::nullopt);
    }
    void add(const char* name, NameIx ix, std::optional<config::BudgetPer> per) {
        ledger::KeyRow row = ledger::make_key(name, ix, ledger::test_start)->row;
        if (per) {
            row.terms.money = ledger::KeyMoney{.amount = ledger::dollars(9'000), .per = *per};
        }
        ledger::Answer<void> answer;
        ledger_->add_key(row, answer.done());
        ASSERT_TRUE(answer.get());
    }
    void book(NameIx key, std::int64_t paid, UtcTime at) {
        ledger::Request request = ledger::api_request(least_id_at(at) + ++booked_, paid);
        request.at = at;
        request.key = key;
        request.budgets.clear();
        ASSERT_TRUE(ledger_->record(request));
        ASSERT_TRUE(ledger_->flush());
    }
    static constexpr NameIx other_key{12};
    static constexpr NameIx idle_key{13};
    int booked_{0};
};

TEST_F(KeysReport, EachKeyHasItsOwnSumsAndWindow) {
    const UtcTime now = ledger::test_start + 30min;
    book(ledger::key_me, 1, now - 1min);
    book(ledger::key_me, 10, now - 2h);
    book(ledger::key_me, 100, now - 48h);
    book(other_key, 1'000, now - 2h);
    book(other_key, 10'000, now - 48h);
    book(other_key, 100'000, now - std::chrono::days{60});
    auto books = reader();
    const auto uses = key_uses(books, now);
    ASSERT_TRUE(uses) << uses.error().message;
    ASSERT_EQ(uses->size(), 3u);
    EXPECT_EQ((*uses)[0].month, ledger::dollars(111));
    EXPECT_EQ((*uses)[0].used, ledger::dollars(1)) << "of this hour";
    EXPECT_EQ((*uses)[0].last_used, now - 1min);
    EXPECT_EQ((*uses)[1].month, ledger::dollars(11'000));
    EXPECT_EQ((*uses)[1].used, ledger::dollars(1'000)) << "of this day";
    EXPECT_EQ((*uses)[2].month, ledger::dollars(0));
    EXPECT_FALSE((*uses)[2].used);
    EXPECT_FALSE((*uses)[2].last_used);
    for (const KeyUse& use : *uses) {
        const auto alone = spent_by_key(
            books,
            {.report = usd, .rates = {}},
            use.row.ix,
            config::BudgetPer::month,
            ledger::Zone{},
            now);
        EXPECT_EQ(alone, use.month.nanos()) << use.row.name;
    }
}

}  // namespace
}  // namespace evenkeel::report
