#include "agent/ledger/schema.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

#include <algorithm>
#include <limits>

namespace evenkeel::ledger {
namespace {

using namespace std::chrono_literals;

constexpr TxId newest{std::numeric_limits<std::int64_t>::max()};

/// Paid requests of three days, a machine with two phases and a correction, an hour of power.
class LedgerTransactions : public LedgerTest {
protected:
    void SetUp() override {
        open();
        store_names(*ledger_);
        for (std::int64_t id = 1; id <= 3; ++id) {
            Request request = api_request(id, id * 1'000);
            request.at = clock_.read().utc;
            ASSERT_TRUE(ledger_->record(request));
            ASSERT_TRUE(ledger_->flush());
            clock_.advance(24h);
        }
        const MachineStep first = intent(77, clock_.read());
        ASSERT_TRUE(step(first));
        MachineStep boot = next_step(first, MachineState::booting, clock_.read());
        boot.machine.remote_id = "pod-1";
        boot.phases = {
            {.no = 1,
             .phase = Phase::boot,
             .from = clock_.read().utc - 60s,
             .to = clock_.read().utc,
             .amount = dollars(70),
             .paid_for = 60s}};
        ASSERT_TRUE(step(boot));
        Answer<void> adjusted;
        ledger_->adjust(
            {.machine = MachineId{77},
             .amount = dollars(-20),
             .paid_before = dollars(70),
             .reason = "bill of sandbox"},
            adjusted.done());
        ASSERT_TRUE(adjusted.get());
        ledger_->power(
            {.hardware = "desk",
             .source = source_desk,
             .hour = clock_.read().utc,
             .microjoules = 3'600'000'000'000,
             .price = Price::per_kwh(dollars(330'000'000))});
        ASSERT_TRUE(ledger_->flush());
    }
    [[nodiscard]] std::vector<TxView> all(const TxFilter& filter) {
        auto page = reader().transactions(filter, newest, 1'000);
        if (!page) {
            throw std::runtime_error{page.error().message};
        }
        EXPECT_FALSE(page->next);
        return std::move(page->rows);
    }
    [[nodiscard]] std::vector<std::string> kinds(const TxFilter& filter) {
        std::vector<std::string> kinds;
        std::ranges::transform(all(filter), std::back_inserter(kinds), &TxView::kind);
        return kinds;
    }
};

using Kinds = std::vector<std::string>;

TEST_F(LedgerTransactions, AreReadTheNewestFirst) {
    const auto rows = all({});
    ASSERT_EQ(rows.size(), 6u);
    EXPECT_EQ(kinds({}), (Kinds{"power", "adjust", "phase", "request", "request", "request"}));
    const TxView& phase = rows[2];
    EXPECT_EQ(phase.seq, 4);
    EXPECT_EQ(phase.ref, 77);
    EXPECT_EQ(phase.day, 20261126);
    EXPECT_EQ(phase.hash.size(), 32u);
    ASSERT_EQ(phase.postings.size(), 2u);
    EXPECT_EQ(phase.postings[0].account, "expense:rental:sandbox:boot");
    EXPECT_EQ(phase.postings[0].amount, dollars(70));
    EXPECT_EQ(phase.postings[0].quantity, 60'000'000'000);
    EXPECT_EQ(phase.postings[0].price, Price::per_hour(dollars(4'410'000'000)));
    EXPECT_EQ(phase.postings[0].price_seen, test_start + 72h);
    EXPECT_EQ(phase.postings[1].amount, dollars(-70));
    EXPECT_EQ(rows[0].postings[0].price, Price::per_kwh(dollars(330'000'000)));
}

TEST_F(LedgerTransactions, FiltersKeepWhatIsMeant) {
    EXPECT_EQ(kinds({.kind = "phase"}), Kinds{"phase"});
    EXPECT_EQ(kinds({.account = "expense:rental"}), (Kinds{"adjust", "phase"}));
    EXPECT_EQ(kinds({.account = "expense:rental:sandbox:adjust"}), Kinds{"adjust"});
    EXPECT_EQ(kinds({.account = "expense:rent"}), Kinds{}) << "a part of a word is no account";
    EXPECT_EQ(kinds({.account = "payable:claude"}).size(), 3u);
    EXPECT_EQ(kinds({.machine = MachineId{77}}), (Kinds{"adjust", "phase"}));
    EXPECT_EQ(kinds({.first_day = 20261124, .last_day = 20261125}), (Kinds{"request", "request"}));
    const auto second = all({.request = RequestId{2}});
    ASSERT_EQ(second.size(), 1u);
    EXPECT_EQ(second[0].postings[0].amount, dollars(2'000));
}

TEST_F(LedgerTransactions, PagesJoinWithoutHoleOrRepeat) {
    std::vector<std::int64_t> seqs;
    TxId before = newest;
    for (int pages = 0; pages < 10; ++pages) {
        const auto page = reader().transactions({}, before, 4);
        ASSERT_TRUE(page);
        std::ranges::transform(page->rows, std::back_inserter(seqs), &TxView::seq);
        if (!page->next) {
            break;
        }
        before = *page->next;
    }
    EXPECT_EQ(seqs, (std::vector<std::int64_t>{6, 5, 4, 3, 2, 1}));
    std::vector<std::int64_t> upwards;
    TxId after{};
    for (auto rows = reader().transactions_from({}, after, 4); !rows->empty();
         rows = reader().transactions_from({}, after, 4)) {
        std::ranges::transform(*rows, std::back_inserter(upwards), &TxView::seq);
        after = rows->back().id;
    }
    EXPECT_EQ(upwards, (std::vector<std::int64_t>{1, 2, 3, 4, 5, 6}));
}

TEST_F(LedgerTransactions, MachineSumsTellMeteredFromAdjusted) {
    const auto sums = reader().machine_sums(20261101, 20261130);
    ASSERT_TRUE(sums);
    ASSERT_EQ(sums->size(), 1u);
    EXPECT_EQ((*sums)[0].machine, MachineId{77});
    EXPECT_EQ((*sums)[0].metered, dollars(70));
    EXPECT_EQ((*sums)[0].adjusted, dollars(-20));
    EXPECT_EQ((*sums)[0].prices, 1);
    EXPECT_TRUE(reader().machine_sums(20261201, 20261231)->empty());
    const auto names = reader().machine_names();
    ASSERT_TRUE(names);
    ASSERT_EQ(names->size(), 1u);
    EXPECT_EQ((*names)[0].remote_id, "pod-1");
}

TEST_F(LedgerTest, ALedgerWithoutBillsIsReadAsItIs) {
    // As the version before made it, and no agent of this one has opened it.
    const std::filesystem::path state = dir_.path() / "state";
    std::filesystem::create_directory(state);
    std::filesystem::permissions(state, std::filesystem::perms::owner_all);
    const auto made = create_database(
        state / ledger_file,
        embedded_migrations().first(5),
        {.zone = "UTC", .report_currency = "USD", .agent_id = "0011aabb", .created_us = 1},
        {});
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_TRUE(reader().bills()->empty());
    EXPECT_TRUE(reader().deleted()->empty());
    EXPECT_TRUE(reader().transactions({}, newest, 10)->rows.empty());
    EXPECT_TRUE(reader().machine_sums(0, 99'991'231)->empty());
    EXPECT_TRUE(reader().verify()->ok());
    open();
    store_names(*ledger_);
    ASSERT_TRUE(ledger_->record(api_request(1, 400)));
    expect_sound();
    EXPECT_EQ(count("PRAGMA user_version"), newest_schema());
}

}  // namespace
}  // namespace evenkeel::ledger
