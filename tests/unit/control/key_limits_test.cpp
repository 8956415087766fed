#include "agent/control/key_limits.hpp"

#include "agent/ledger/keys.hpp"
#include "policies/gate/gate.hpp"
#include "tests/unit/control/rig.hpp"

#include <gtest/gtest.h>

/// Limits of money whose amount, window or key changes while the agent runs: real books, a real
/// gate, a clock of the test's.
namespace evenkeel::agent::control_rig {
namespace {

constexpr std::int64_t dollar = 1'000'000'000;
constexpr NameIx api{700};

/// Lets one key spend through a gate of its own.
class GatedGateway final : public QuietGateway {
public:
    explicit GatedGateway(const Clock& clock) : clock_{clock} {
        gate_.worker_changed(
            {.source = api, .kind = SourceKind::api, .slots = 1'000}, clock_.read(), effects);
    }
    void budget_booked(NameIx budget, std::int64_t report, UtcTime resets) override {
        gate_.budget_booked(budget, report, clock_.read(), resets);
    }
    void budget_added(NameIx budget, std::int64_t report) override {
        gate_.budget_added(budget, report, clock_.read());
    }
    void key_changed(const gate::KeyLimits& limits) override {
        QuietGateway::key_changed(limits);
        gate_.key_changed(limits, clock_.read(), effects);
    }
    void key_spent(NameIx key, std::int64_t report) override {
        gate_.key_spent(key, report, clock_.read());
    }
    gate::Handle ask(NameIx key) {
        const Now now = clock_.read();
        gate::Arrival arrival{
            .key = key, .api_count = 1, .overflow_at = now.boot, .give_up_at = now.boot + 1h};
        arrival.apis[0] = {.source = api, .hold = Money{dollar, usd}, .hold_report = dollar};
        return gate_.arrive(arrival, now, effects);
    }
    void finish(gate::Handle handle) {
        gate_.finish(handle, {.charged_report = dollar}, clock_.read(), effects);
    }
    void cancel(gate::Handle handle) { gate_.cancel(handle, clock_.read(), effects); }
    /// What has happened since the last call.
    [[nodiscard]] gate::Effects said() {
        gate_.due(clock_.read(), effects);
        return std::exchange(effects, {});
    }

    gate::Effects effects{};

private:
    const Clock& clock_;
    gate::Gate gate_{{}};
};

struct OpenLedger : ledger::LedgerTest {
    OpenLedger() { open(); }
};

struct KeyLimitsTest : OpenLedger {
    KeyLimitsTest() {
        names.on_new([this](NameIx ix, routing::NameKind kind, std::string_view text) {
            ledger_->name({ix, kind, std::string{text}});
        });
        catalogue = routing::compile(small_config(), 1, names);
        books.use(*catalogue);
        row = ledger::make_key("ci", names.intern(routing::NameKind::key, "ci"), now().utc)->row;
        limits.start(catalogue, {}, now());
    }
    [[nodiscard]] Now now() const { return clock_.read(); }
    [[nodiscard]] ledger::KeyRow with(std::int64_t dollars, config::BudgetPer per) const {
        ledger::KeyRow limited = row;
        limited.terms.money = ledger::KeyMoney{Money{dollars * dollar, usd}, per};
        return limited;
    }
    [[nodiscard]] ledger::KeyRow revoked(ledger::KeyRow living) const {
        living.revoked = now().utc;
        return living;
    }
    /// A limit with what the books say, as for a key that is made while the ledger is quick.
    void put(const ledger::KeyRow& limited) {
        if (limits.put(limited, now())) {
            limits.add_spent(row.ix, now());
        }
    }
    /// A dollar in the books alone.
    void book() {
        ASSERT_TRUE(books.record(
            {.id = RequestId{++last_request},
             .at = now().utc,
             .policy = 1,
             .key = row.ix,
             .route = NameIx{1},
             .model = NameIx{1},
             .source = NameIx{1},
             .kind = SourceKind::api,
             .paid = Money{dollar, usd},
             .charged = Money{dollar, usd},
             .charged_report = dollar}));
        ASSERT_TRUE(ledger_->flush());
    }
    /// How many dollars of at most `most` the key spends, one after the other.
    int spend(int most = 100) {
        for (int spent = 0; spent < most; ++spent) {
            static_cast<void>(gateway.said());
            const gate::Handle handle = gateway.ask(row.ix);
            if (gateway.effects.back().kind != gate::EffectKind::grant) {
                gateway.cancel(handle);
                return spent;
            }
            gateway.finish(handle);
            book();
        }
        return most;
    }

    routing::NameTable names{};
    std::shared_ptr<const routing::Catalogue> catalogue{};
    ledger::LedgerBooks books{*ledger_, clock_, ledger::Zone{}};
    GatedGateway gateway{clock_};
    ledger::KeyRow row{};
    KeyLimits limits{gateway, books, names, ledger::Zone{}, dir_.path() / "state"};
    std::int64_t last_request{least_id_at(ledger::test_start)};
};

TEST_F(KeyLimitsTest, ALimitThatIsNewCountsWhatWasSpentBefore) {
    EXPECT_EQ(spend(3), 3);
    put(with(10, config::BudgetPer::hour));
    EXPECT_EQ(spend(), 7);
    put(with(12, config::BudgetPer::hour));
    EXPECT_EQ(spend(), 2) << "a new amount forgets nothing";
    put(with(20, config::BudgetPer::month));
    EXPECT_EQ(spend(), 8) << "nor does another window";
}

TEST_F(KeyLimitsTest, UntilTheBooksHaveAnsweredNothingIsSpent) {
    EXPECT_EQ(spend(3), 3);
    ASSERT_TRUE(limits.put(with(10, config::BudgetPer::hour), now()));
    EXPECT_EQ(spend(), 0);
    limits.add_spent(row.ix, now());
    EXPECT_EQ(spend(), 7);
}

TEST_F(KeyLimitsTest, AWindowThatTurnsBeforeTheBooksHaveAnsweredGivesNoCredit) {
    clock_.advance(1h - 10ms);
    EXPECT_EQ(spend(10), 10);
    ASSERT_TRUE(limits.put(with(10, config::BudgetPer::hour), now()));
    clock_.advance(20ms);
    EXPECT_EQ(spend(1), 1) << "of the new hour everything is known";
    limits.add_spent(row.ix, now());
    limits.tick(now());
    EXPECT_EQ(spend(), 9);
    clock_.advance(1h);
    limits.tick(now());
    EXPECT_EQ(spend(), 10);
}

TEST_F(KeyLimitsTest, AWindowThatIsToldBeforeTheBooksHaveAnsweredGivesNoCredit) {
    clock_.advance(1h - 10ms);
    ASSERT_TRUE(limits.put(with(10, config::BudgetPer::hour), now()));
    clock_.advance(20ms);
    limits.tick(now());
    limits.add_spent(row.ix, now());
    EXPECT_EQ(spend(), 10);
}

TEST_F(KeyLimitsTest, AnotherWindowOpensTheKeyAtNoMoment) {
    put(with(1, config::BudgetPer::day));
    const gate::Handle runs = gateway.ask(row.ix);
    for (int i = 0; i < 5; ++i) {
        static_cast<void>(gateway.ask(row.ix));
    }
    ASSERT_EQ(gateway.said().size(), 6u) << "one grant, five wait";
    put(with(1, config::BudgetPer::hour));
    EXPECT_TRUE(gateway.said().empty());
    gateway.finish(runs);
    EXPECT_TRUE(gateway.said().empty()) << "the dollar is spent";
}

TEST_F(KeyLimitsTest, AKeyMadeAnewKnowsWhatItsNameSpent) {
    put(with(10, config::BudgetPer::month));
    EXPECT_EQ(spend(9), 9);
    put(revoked(with(10, config::BudgetPer::month)));
    put(with(10, config::BudgetPer::month));
    EXPECT_EQ(spend(), 1);
}

TEST_F(KeyLimitsTest, AKeyMadeAnewAfterARestartKnowsWhatItsNameSpent) {
    EXPECT_EQ(spend(9), 9);
    GatedGateway fresh{clock_};
    KeyLimits next{fresh, books, names, ledger::Zone{}, dir_.path() / "state"};
    ledger::Recovered recovered;
    recovered.keys.push_back(revoked(with(10, config::BudgetPer::month)));
    next.start(catalogue, recovered, now());
    next.tick(now());
    next.apply(catalogue, now());
    EXPECT_TRUE(fresh.keys.empty()) << "who is revoked asks for nothing";
    EXPECT_TRUE(next.put(with(10, config::BudgetPer::month), now()));
    next.add_spent(row.ix, now());
    static_cast<void>(fresh.said());
    static_cast<void>(fresh.ask(row.ix));
    static_cast<void>(fresh.ask(row.ix));
    const gate::Effects said = fresh.said();
    ASSERT_EQ(said.size(), 2u);
    EXPECT_EQ(said[0].kind, gate::EffectKind::grant);
    EXPECT_EQ(said[1].kind, gate::EffectKind::queued) << "nine are spent, one is set aside";
}

TEST_F(KeyLimitsTest, AKeyMadeAnewIsNotClosedByALimitOnItsWay) {
    ASSERT_TRUE(limits.put(with(10, config::BudgetPer::month), now()));
    EXPECT_FALSE(limits.put(revoked(with(10, config::BudgetPer::month)), now()));
    put(with(10, config::BudgetPer::month));
    EXPECT_EQ(spend(), 10);
}

}  // namespace
}  // namespace evenkeel::agent::control_rig
