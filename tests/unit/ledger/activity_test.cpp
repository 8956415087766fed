#include "agent/ledger/activity.hpp"

#include "tests/unit/ledger/ledger_fixture.hpp"

#include <algorithm>
#include <map>

/// What /metrics counts is what the books hold.
namespace evenkeel::ledger {
namespace {

using namespace std::chrono_literals;

const Figures::Requests* find(const Figures& figures, const std::string& source) {
    const auto found = std::ranges::find(figures.requests, source, &Figures::Requests::source);
    return found == figures.requests.end() ? nullptr : &*found;
}

std::int64_t total(const auto& amounts) {
    std::int64_t sum = 0;
    for (const auto& [key, amount] : amounts) {
        sum += amount.nanos();
    }
    return sum;
}

std::int64_t all(const auto& histogram) {
    std::int64_t sum = 0;
    for (const std::int64_t count : histogram.counts) {
        sum += count;
    }
    return sum;
}

class LedgerActivity : public LedgerTest {
protected:
    void SetUp() override {
        open();
        store_names(*ledger_);
    }
    Figures booked() {
        EXPECT_TRUE(ledger_->flush());
        return ledger_->figures();
    }
    /// Money less credit, which is to be what was posted.
    std::int64_t counted() {
        const Figures figures = booked();
        return total(figures.money) - total(figures.credit);
    }
    [[nodiscard]] std::int64_t posted() const {
        return count("SELECT coalesce(sum(amount), 0) FROM posting WHERE account LIKE 'expense:%'");
    }
};

TEST_F(LedgerActivity, RequestsAreCountedByWhoServedThemAndHowTheyEnded) {
    Request own = own_request(1);
    own.wait_ms = 10;
    own.ttft_ms = 260;
    own.total_ms = 1'000;
    own.usage = {.prompt = 50, .cached = 20, .cache_write = 0, .completion = 7};
    own.reason = {ReasonCode::own_free};
    ASSERT_TRUE(ledger_->record(own));
    own.id = RequestId{2};
    own.outcome = Outcome::cut;
    own.ttft_ms = 0;
    own.total_ms = 601'000;
    own.reason = {ReasonCode::own_waited, {10}};
    ASSERT_TRUE(ledger_->record(own));
    ASSERT_TRUE(ledger_->record(
        {.id = RequestId{3},
         .at = test_start,
         .key = key_me,
         .route = route_default,
         .model = model_qwq,
         .wait_ms = 70,
         .total_ms = 70,
         .outcome = Outcome::refused,
         .reason = {ReasonCode::queue_full, {5}}}));
    ASSERT_TRUE(ledger_->record(api_request(4, 900)));

    const Figures figures = booked();
    ASSERT_EQ(figures.requests.size(), 3u);
    const auto* desk = find(figures, "desk");
    ASSERT_NE(desk, nullptr);
    EXPECT_EQ(desk->route, "default");
    EXPECT_EQ(desk->model, "qwq-32b");
    EXPECT_EQ(desk->kind, "own");
    EXPECT_EQ(desk->outcomes[static_cast<std::size_t>(Outcome::answered)], 1);
    EXPECT_EQ(desk->outcomes[static_cast<std::size_t>(Outcome::cut)], 1);
    EXPECT_EQ(desk->tokens_input, 60) << "cached ones are counted apart";
    EXPECT_EQ(desk->tokens_cached, 40);
    EXPECT_EQ(desk->tokens_output, 14);
    EXPECT_EQ(desk->wait.counts[0], 2) << "10 ms is within the limit of 10 ms";
    EXPECT_EQ(desk->first_token.counts[3], 1) << "above 250, up to 500 ms";
    EXPECT_EQ(all(desk->first_token), 1) << "one had no first token";
    EXPECT_EQ(desk->duration.counts[3], 1);
    EXPECT_EQ(desk->duration.counts.back(), 1) << "beyond ten minutes";
    EXPECT_EQ(desk->duration.sum, 602'000);
    EXPECT_EQ(desk->reasons.size(), 2u);
    const auto* nobody = find(figures, no_name);
    ASSERT_NE(nobody, nullptr);
    EXPECT_EQ(nobody->kind, no_name);
    EXPECT_EQ(nobody->wait.counts[2], 1);
    EXPECT_EQ(nobody->reasons.front().first, ReasonCode::queue_full);
    EXPECT_EQ(find(figures, "claude")->kind, "api");
    EXPECT_GT(all(figures.writes), 0);
    EXPECT_GT(figures.rows, 4);
}

TEST_F(LedgerActivity, MoneyIsWhatWasPostedToTheLastUnitAndNeverFalls) {
    std::map<Figures::MoneyKey, Money> before;
    const auto agrees = [&](const char* after) {
        const Figures now = booked();
        EXPECT_EQ(total(now.money) - total(now.credit), posted()) << after;
        for (const auto& [key, amount] : before) {
            EXPECT_GE(now.money.at(key), amount) << after << ": " << std::get<0>(key);
        }
        before = now.money;
    };
    ASSERT_TRUE(ledger_->record(api_request(1, 900)));
    ASSERT_TRUE(ledger_->record(own_request(2)));
    agrees("requests");

    MachineStep first = intent(1, clock_.read());
    ASSERT_TRUE(step(first));
    clock_.advance(420s);
    MachineStep boot = next_step(first, MachineState::serving, clock_.read());
    boot.phases = {
        {.no = 1,
         .phase = Phase::boot,
         .from = test_start,
         .to = clock_.read().utc,
         .amount = dollars(514'500'001),
         .paid_for = 420s},
        {.no = 2, .phase = Phase::serve, .from = clock_.read().utc}};
    ASSERT_TRUE(step(boot));
    agrees("a phase");
    EXPECT_EQ(booked().paid_time.at({"sandbox", "boot"}), 420s);

    const auto adjust = [&](std::int64_t nanos, std::int64_t paid) {
        Answer<void> answer;
        ledger_->adjust(
            {.machine = MachineId{1},
             .amount = dollars(nanos),
             .paid_before = dollars(paid),
             .reason = "bill"},
            answer.done());
        ASSERT_TRUE(answer.get());
    };
    adjust(-14'500'001, 514'500'001);
    agrees("a bill that is lower");
    EXPECT_EQ(booked().credit.at({"sandbox-h100", usd}), dollars(14'500'001));
    adjust(4'000'000, 500'000'000);
    agrees("one that is higher");
    EXPECT_EQ(booked().credit.at({"sandbox-h100", usd}), dollars(10'500'001));
    clock_.advance(60s);
    MachineStep gone = next_step(boot, MachineState::gone, clock_.read());
    gone.machine.gone = clock_.read().utc;
    gone.machine.gone_how = GoneHow::destroyed;
    gone.phases = {
        {.no = 2,
         .phase = Phase::serve,
         .from = test_start + 420s,
         .to = clock_.read().utc,
         .amount = dollars(73'500'000),
         .paid_for = 60s}};
    ASSERT_TRUE(step(gone));
    agrees("the next phase");
    const Figures figures = booked();
    EXPECT_EQ(figures.credit.at({"sandbox-h100", usd}), dollars(0)) << "used up";
    EXPECT_EQ(
        figures.money.at({"sandbox-h100", "rental", "serve", usd}),
        dollars(73'500'000 - 10'500'001));
    EXPECT_EQ(figures.money.at({"claude", "api", "request", usd}), dollars(900));
    expect_sound();
}

TEST_F(LedgerActivity, PowerIsMoneyAndWearIsNot) {
    ledger_->power(
        {.hardware = "desk",
         .source = source_desk,
         .hour = test_start,
         .microjoules = 3'600'000'000'000,
         .price = Price::per_kwh(Money{330'000'000, aud}),
         .on = 1h,
         .wear = Money{168'188'737, aud}});
    const Figures figures = booked();
    ASSERT_EQ(figures.money.size(), 1u);
    EXPECT_EQ(figures.money.at({"desk", "own", "power", aud}), (Money{330'000'000, aud}));
}

TEST_F(LedgerActivity, WhatIsNotBookedIsNotCounted) {
    ASSERT_TRUE(ledger_->record(api_request(1, 900)));
    ASSERT_TRUE(ledger_->record(api_request(1, 900)));  // the same once more
    // In one batch with these: it is rolled back as a whole, then booked one by one.
    Request wrong = api_request(2, 900);
    wrong.paid = wrong.charged = dollars(-5);
    ASSERT_TRUE(ledger_->record(wrong));
    ASSERT_TRUE(ledger_->record(api_request(3, 1)));
    const Figures figures = booked();
    const auto* claude = find(figures, "claude");
    ASSERT_NE(claude, nullptr);
    EXPECT_EQ(claude->outcomes[0], 2);
    EXPECT_EQ(counted(), 901);
    EXPECT_EQ(counted(), posted());
}

TEST_F(LedgerActivity, AHoldThatLapsesAtTheStartIsCountedByThatRun) {
    ASSERT_TRUE(hold(hold_for(7, 12'345)));
    close();
    open();
    EXPECT_EQ(counted(), 12'345);
    EXPECT_EQ(counted(), posted());
}

TEST(Activity, ManyNamesEndInOther) {
    Activity activity;
    NameTexts names{{model_qwq, "qwq-32b"}, {source_desk, "desk"}};
    for (std::int32_t i = 100; i < 2'100; ++i) {
        names.emplace(NameIx{i}, "route-" + std::to_string(i));
        activity.add(
            {.requests = {{.route = NameIx{i}, .model = model_qwq, .source = source_desk}}}, names);
    }
    activity.add({.requests = {{.route = NameIx{99'999}, .source = source_desk}}}, names);
    const Figures figures = activity.read();
    EXPECT_LE(figures.requests.size(), series_max + 2);
    std::int64_t sum = 0;
    for (const Figures::Requests& cell : figures.requests) {
        sum += cell.outcomes[0];
    }
    EXPECT_EQ(sum, 2'001) << "none is lost";
    EXPECT_TRUE(std::ranges::any_of(figures.requests, [](const Figures::Requests& cell) {
        return cell.route == other_name && cell.outcomes[0] > 900;
    }));
}

TEST_F(LedgerActivity, TheChainIsWalkedInPortionsAndEveryLinkIsVisited) {
    constexpr std::int64_t rows = 600;
    for (std::int64_t id = 1; id <= rows; ++id) {
        ASSERT_TRUE(ledger_->record(api_request(id, id)));
    }
    ASSERT_TRUE(ledger_->flush());
    ChainPosition at;
    Reader sound = reader();
    std::int64_t visited = 0;
    for (int part = 0; part < 6; ++part) {
        const auto found = sound.check_chain(at, 100);
        ASSERT_TRUE(found) << found.error().message;
        EXPECT_TRUE(found->problems.empty()) << found->problems.front();
        visited += found->transactions - 256;
    }
    EXPECT_EQ(visited, rows);
    EXPECT_EQ(at.seq, 0) << "from the beginning again";
    close();
    shell("DROP TRIGGER tx_no_update; DROP TRIGGER tx_no_delete");
    const auto portion_of = [&](const std::string& harm) {
        shell(harm);
        ChainPosition from;
        Reader harmed = reader();
        for (int part = 0; part < 6; ++part) {
            if (const auto found = harmed.check_chain(from, 100); !found->problems.empty()) {
                return part;
            }
        }
        return -1;
    };
    // Far from the newest 256.
    EXPECT_EQ(portion_of("UPDATE tx SET at_us = at_us + 1 WHERE seq = 250"), 2);
    EXPECT_EQ(portion_of("UPDATE tx SET at_us = at_us - 1 WHERE seq = 250"), -1) << "mended";
    EXPECT_EQ(portion_of("DELETE FROM tx WHERE seq = 200"), 1) << "the last of its portion";
}

}  // namespace
}  // namespace evenkeel::ledger
