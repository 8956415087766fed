#include "tests/unit/ledger/ledger_fixture.hpp"

#include <atomic>
#include <thread>

namespace evenkeel::ledger {
namespace {

using namespace std::chrono_literals;

class LedgerHolds : public LedgerTest {
protected:
    void SetUp() override {
        open();
        store_names(*ledger_);
    }
    [[nodiscard]] BudgetWindow window(NameIx budget) {
        EXPECT_TRUE(ledger_->flush());
        const auto windows = reader().budget_windows(UtcTime{});
        for (const BudgetWindow& found : windows.value()) {
            if (found.budget == budget) {
                return found;
            }
        }
        return {};
    }
};

TEST_F(LedgerHolds, AreCountedUntilSettled) {
    const auto id = hold(hold_for(1, 5'000));
    ASSERT_TRUE(id) << id.error().message;
    EXPECT_EQ(window(budget_all).held, 5'000);
    EXPECT_EQ(window(budget_all).settled, 0);

    ASSERT_TRUE(ledger_->record(api_request(1, 3'200, *id)));
    EXPECT_EQ(window(budget_all).held, 0);
    EXPECT_EQ(window(budget_all).settled, 3'200);
    EXPECT_EQ(window(budget_api).settled, 3'200);
    EXPECT_EQ(count("SELECT count(*) FROM hold WHERE state = 'settled'"), 1);
    EXPECT_EQ(count("SELECT sum(amount) FROM posting WHERE account = 'expense:api:claude'"), 3'200);
    EXPECT_EQ(count("SELECT sum(amount) FROM posting WHERE account = 'payable:claude'"), -3'200);
    expect_sound();
}

TEST_F(LedgerHolds, AreGivenBack) {
    const auto id = hold(hold_for(1, 5'000));
    ASSERT_TRUE(id);
    ledger_->release(*id);
    ledger_->release(*id);            // a second time changes nothing
    ledger_->release(HoldId{4'711});  // nor does one that never was
    EXPECT_EQ(window(budget_all).held, 0);
    EXPECT_EQ(count("SELECT count(*) FROM tx"), 0);
    expect_sound();
}

TEST_F(LedgerHolds, MayCostMoreThanWasHeld) {
    const auto id = hold(hold_for(1, 5'000));
    ASSERT_TRUE(ledger_->record(api_request(1, 7'777, *id)));
    EXPECT_EQ(window(budget_all).settled, 7'777);
    EXPECT_EQ(window(budget_all).held, 0);
    expect_sound();
}

TEST_F(LedgerHolds, RefuseNonsense) {
    for (Hold bad : {hold_for(1, 0), hold_for(1, -1), hold_for(0, 5), Hold{}}) {
        const auto id = hold(std::move(bad));
        ASSERT_FALSE(id);
        EXPECT_EQ(id.error().code, Errc::invalid_argument);
    }
    Hold both = hold_for(1, 5);
    both.machine = MachineId{2};
    EXPECT_FALSE(hold(std::move(both)));
    expect_sound();
}

TEST_F(LedgerHolds, RequestsAreBookedOnce) {
    const auto id = hold(hold_for(1, 5'000));
    ASSERT_TRUE(ledger_->record(api_request(1, 3'200, *id)));
    ASSERT_TRUE(ledger_->record(api_request(1, 3'200, *id)));
    ASSERT_TRUE(ledger_->record(api_request(1, 9'999)));
    EXPECT_EQ(window(budget_all).settled, 3'200);
    EXPECT_EQ(count("SELECT count(*) FROM tx"), 1);
    EXPECT_EQ(count("SELECT sum(requests) FROM rollup_day"), 1);
    expect_sound();
}

TEST_F(LedgerHolds, FreeRequestsMakeNoTransaction) {
    ASSERT_TRUE(ledger_->record(own_request(1)));
    ASSERT_TRUE(ledger_->flush());
    EXPECT_EQ(count("SELECT count(*) FROM tx"), 0);
    EXPECT_EQ(count("SELECT count(*) FROM request WHERE paid = 0 AND tx IS NULL"), 1);
    EXPECT_EQ(count("SELECT tok_in FROM rollup_day"), 50);
    EXPECT_EQ(count("SELECT tok_out FROM rollup_hour"), 10);
    expect_sound();
}

TEST_F(LedgerHolds, DaysAreLocal) {
    close();
    Options sydney = options();
    sydney.zone = "Australia/Sydney";
    open(sydney);
    Request late = api_request(1, 100);
    late.at = test_start + 3h + 30min;  // 13:30 UTC is 00:30 of the next day in Sydney
    ASSERT_TRUE(ledger_->record(late));
    ASSERT_TRUE(ledger_->flush());
    EXPECT_EQ(count("SELECT day FROM rollup_day"), 20261124);
    EXPECT_EQ(count("SELECT day FROM tx"), 20261124);
    expect_sound();
}

TEST_F(LedgerHolds, OneBadRowHarmsOnlyItself) {
    // A payment below zero is a bug of the caller; its neighbours in the batch are booked.
    Request bad = api_request(2, 5);
    bad.paid = dollars(-5);
    ASSERT_TRUE(ledger_->record(api_request(1, 100)));
    ASSERT_TRUE(ledger_->record(bad));
    ASSERT_TRUE(ledger_->record(api_request(3, 300)));
    ASSERT_TRUE(ledger_->flush());
    EXPECT_EQ(count("SELECT count(*) FROM request"), 2);
    EXPECT_NE(ledger_->health().problem.find("could not be booked"), std::string::npos);
    expect_sound();
}

TEST_F(LedgerHolds, LazyRowsCommitByThemselves) {
    ASSERT_TRUE(ledger_->flush());
    const auto before = ledger_->health().commits;
    for (int i = 1; i <= 10; ++i) {
        ASSERT_TRUE(ledger_->record(own_request(i)));
    }
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (ledger_->health().queued > 0 && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(1ms);
    }
    EXPECT_EQ(count("SELECT count(*) FROM request"), 10);
    EXPECT_LE(ledger_->health().commits - before, 3) << "rows of 20 ms share a commit";
}

TEST_F(LedgerHolds, KeepTheirOrderAmongManyThreads) {
    std::atomic<int> settled{0};
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 1; i <= 50; ++i) {
                const std::int64_t request = t * 1000 + i;
                const auto id = hold(hold_for(request, 1'000));
                if (!id) {
                    continue;
                }
                if (i % 5 == 0) {
                    ledger_->release(*id);
                } else if (ledger_->record(api_request(request, 900, *id))) {
                    ++settled;
                }
            }
        });
    }
    threads.clear();
    EXPECT_EQ(settled.load(), 160);
    EXPECT_EQ(window(budget_all).settled, 160 * 900);
    EXPECT_EQ(window(budget_all).held, 0);
    expect_sound();
}

TEST_F(LedgerHolds, FullQueueRefusesHoldsFirst) {
    close();
    Options small = options();
    small.limits.queue_max = 8;
    small.limits.queue_paid_max = 4;
    small.limits.batch_rows = 1'000;
    small.limits.batch_time = 10s;  // nothing is committed unless somebody waits for it
    open(small);
    int accepted = 0;
    while (ledger_->record(own_request(accepted + 1))) {
        ++accepted;
        ASSERT_LE(accepted, 8);
        EXPECT_EQ(ledger_->accepts_paid_work(), accepted < 4) << accepted;
    }
    EXPECT_EQ(accepted, 8);
    const auto refused = hold(hold_for(99, 5));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::refused);
    ASSERT_TRUE(ledger_->flush());
    EXPECT_TRUE(ledger_->accepts_paid_work());
    EXPECT_TRUE(hold(hold_for(99, 5)));
    EXPECT_EQ(count("SELECT count(*) FROM request"), 8);
}

TEST_F(LedgerHolds, CloseLosesNothing) {
    for (int i = 1; i <= 500; ++i) {
        ASSERT_TRUE(ledger_->record(own_request(i)));
    }
    const auto closed = ledger_->close();
    EXPECT_TRUE(closed);
    EXPECT_FALSE(ledger_->record(own_request(501)));
    EXPECT_EQ(hold(hold_for(1, 5)).error().code, Errc::cancelled);
    EXPECT_TRUE(ledger_->close()) << "a second close is harmless";
    ledger_.reset();
    EXPECT_FALSE(std::filesystem::exists(file().string() + "-wal"));
    EXPECT_EQ(count("SELECT count(*) FROM request"), 500);
}

TEST_F(LedgerHolds, KeysAreStoredAndRevoked) {
    const KeyRow key{
        .ix = key_me,
        .name = "me",
        .sha256 = std::string(32, 'x'),
        .prefix = "ek-abc",
        .created = test_start};
    Answer<void> first;
    ledger_->add_key(key, first.done());
    EXPECT_TRUE(first.get());
    KeyRow twin = key;
    twin.ix = NameIx{40};
    twin.sha256 = std::string(32, 'y');
    Answer<void> second;
    ledger_->add_key(twin, second.done());
    EXPECT_EQ(second.get().error().code, Errc::conflict);
    Answer<void> revoked;
    ledger_->revoke_key("me", revoked.done());
    EXPECT_TRUE(revoked.get());
    Answer<void> again;
    ledger_->revoke_key("me", again.done());
    EXPECT_EQ(again.get().error().code, Errc::not_found);
    Answer<void> third;
    ledger_->add_key(twin, third.done());
    EXPECT_TRUE(third.get()) << "a revoked name may be used again";
    reopen();
    ASSERT_EQ(ledger_->recovered().keys.size(), 2u);
    EXPECT_TRUE(ledger_->recovered().keys[0].revoked.has_value());
    EXPECT_FALSE(ledger_->recovered().keys[1].revoked.has_value());
}

TEST_F(LedgerHolds, PolicyGetsANumberPerChange) {
    const auto store = [this](std::string text) {
        Answer<std::int64_t> answer;
        ledger_->policy(std::move(text), "root", answer.done());
        return answer.get().value();
    };
    EXPECT_EQ(store("a: 1"), 1);
    EXPECT_EQ(store("a: 1"), 1);
    EXPECT_EQ(store("a: 2"), 2);
    EXPECT_EQ(store("a: 1"), 3);
    reopen();
    EXPECT_EQ(ledger_->recovered().policy_revision, 3);
    EXPECT_EQ(store("a: 1"), 3) << "a restart without a change makes no revision";
}

TEST_F(LedgerHolds, PricesAndRatesAreRowsPerChange) {
    const Price price = Price::per_hour(dollars(4'410'000'000));
    PriceSeen seen{offer_cloud, "hour", price, test_start, test_start};
    ledger_->price_seen(seen);
    seen.seen += 59min;
    ledger_->price_seen(seen);
    seen.seen = test_start + 61min;
    ledger_->price_seen(seen);
    seen.price = Price::per_hour(dollars(5'000'000'000));
    ledger_->price_seen(seen);
    FxRate rate{usd, aud, 14'235, 10'000, test_start};
    ledger_->fx_seen(rate);
    ledger_->fx_seen(rate);
    ASSERT_TRUE(ledger_->flush());
    EXPECT_EQ(count("SELECT count(*) FROM price"), 3);
    EXPECT_EQ(count("SELECT count(*) FROM fx_rate"), 1);
    auto books = reader();
    const auto prices = books.prices();
    ASSERT_EQ(prices->size(), 1u);
    EXPECT_EQ(to_text(prices->front().price), "5.00 USD/h");
    EXPECT_EQ(books.fx(usd, aud)->value().num, 14'235);
    EXPECT_EQ(books.fx(aud, usd)->value().den, 14'235);
    EXPECT_FALSE(books.fx(usd, usd)->has_value());
}

TEST_F(LedgerHolds, PowerIsPostedOncePerHour) {
    const auto price = parse_price("0.33 USD/kWh");
    PowerPost post{"desk", source_desk, test_start, 1'800'000'000'000, *price, {}};
    ledger_->power(post);
    ledger_->power(post);
    post.hour += 1h;
    ledger_->power(post);
    expect_sound();
    EXPECT_EQ(
        count("SELECT sum(amount) FROM posting WHERE account = 'expense:power:desk'"), 330'000'000);
    EXPECT_EQ(count("SELECT sum(paid) FROM rollup_day WHERE phase = 'power'"), 330'000'000);
}

TEST_F(LedgerHolds, NamesNeverChangeTheirNumber) {
    ledger_->name({key_me, routing::NameKind::key, "you"});
    ASSERT_TRUE(ledger_->flush());
    EXPECT_NE(ledger_->health().problem.find("'you'"), std::string::npos);
    const auto names = reader().names();
    EXPECT_EQ(names->front().text, "me");
}

TEST_F(LedgerHolds, DecisionsComeBackNewestFirst) {
    ledger_->decision(
        {.policy = 1,
         .kind = "hold",
         .model = model_qwq,
         .reason = {ReasonCode::hold_max, {1, 2, 3}}});
    ledger_->decision(
        {.policy = 1,
         .kind = "rent",
         .model = model_qwq,
         .reason = {ReasonCode::rent_debt, {-7, 8, 1}}});
    ASSERT_TRUE(ledger_->flush());
    const auto rows = reader().decisions(10);
    ASSERT_EQ(rows->size(), 2u);
    EXPECT_EQ(rows->at(0).decision.kind, "rent");
    EXPECT_EQ(rows->at(0).decision.reason, (Reason{ReasonCode::rent_debt, {-7, 8, 1}}));
    EXPECT_EQ(reader().decisions(1)->size(), 1u);
}

TEST_F(LedgerHolds, RestartGetsBackWhatItNeeds) {
    ledger_->rent_state({model_qwq, 3, std::string("a\0b", 3)});
    Hold machine_hold{
        .machine = MachineId{77},
        .source = source_rented,
        .amount = dollars(900),
        .budgets = shares_of(900)};
    ASSERT_TRUE(hold(machine_hold));
    const std::string agent = ledger_->recovered().agent_id;
    EXPECT_TRUE(ledger_->recovered().created);
    reopen();
    const Recovered& back = ledger_->recovered();
    EXPECT_FALSE(back.created);
    EXPECT_EQ(back.agent_id, agent);
    EXPECT_EQ(back.agent_id.size(), 8u);
    ASSERT_EQ(back.names.size(), 11u);
    EXPECT_EQ(back.names[2].text, "qwq-32b");
    EXPECT_EQ(back.names[2].kind, routing::NameKind::model);
    ASSERT_EQ(back.rent_states.size(), 1u);
    EXPECT_EQ(back.rent_states[0].bytes, std::string("a\0b", 3));
    ASSERT_EQ(back.machine_holds.size(), 1u);
    EXPECT_EQ(back.machine_holds[0].hold.amount, dollars(900));
    EXPECT_EQ(back.machine_holds[0].hold.budgets.size(), 2u);
    ASSERT_EQ(back.windows.size(), 2u);
    EXPECT_EQ(back.windows[0].held, 900);
    EXPECT_GT(back.last_id, 0);
    ledger_->release(back.machine_holds[0].id);
    EXPECT_EQ(window(budget_all).held, 0);
    expect_sound();
}

TEST_F(LedgerHolds, ReportCurrencyCanChange) {
    ASSERT_TRUE(ledger_->record(api_request(1, 1'000'000)));
    Hold machine_hold{
        .machine = MachineId{77},
        .source = source_rented,
        .amount = dollars(1'000),
        .budgets = shares_of(1'000)};
    ASSERT_TRUE(hold(machine_hold));
    close();
    Options other = options();
    other.report = aud;
    const auto refused = Ledger::open(other);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::invalid_argument);
    EXPECT_NE(refused.error().message.find("currency.rates.USD"), std::string::npos);
    other.rates = {{usd, aud, 3, 2, test_start}};
    open(other);
    EXPECT_EQ(window(budget_all).settled, 1'500'000);
    EXPECT_EQ(window(budget_all).held, 1'500);
    expect_sound();
}

TEST_F(LedgerHolds, BackupIsCompleteAndVerified) {
    for (int i = 1; i <= 300; ++i) {
        ASSERT_TRUE(ledger_->record(api_request(i, 100 + i)));
    }
    const auto target = dir_.path() / "copy" / "ledger.db";
    std::filesystem::create_directory(target.parent_path());
    Answer<std::int64_t> answer;
    ledger_->backup(target, answer.done());
    const auto bytes = answer.get();
    ASSERT_TRUE(bytes) << bytes.error().message;
    EXPECT_EQ(static_cast<std::uintmax_t>(*bytes), std::filesystem::file_size(target));
    EXPECT_EQ(
        std::filesystem::status(target).permissions(),
        std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    auto copy = Reader::open(target.parent_path());
    ASSERT_TRUE(copy) << copy.error().message;
    const auto found = copy->verify();
    EXPECT_TRUE(found->ok());
    EXPECT_EQ(found->requests, 300);
    Answer<std::int64_t> again;
    ledger_->backup(target, again.done());
    EXPECT_EQ(again.get().error().code, Errc::conflict) << "never overwrites";
}

TEST_F(LedgerHolds, HeartbeatMoves) {
    const auto before = ledger_->heartbeat();
    ASSERT_TRUE(ledger_->flush());
    EXPECT_GT(ledger_->heartbeat(), before);
}

}  // namespace
}  // namespace evenkeel::ledger
