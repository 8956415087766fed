#include "agent/report/reconcile.hpp"

#include "tests/unit/ledger/ledger_fixture.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace evenkeel::report {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

/// Machines at 4.41 USD/h that lived two hours each, a minute of it boot: 8.82 USD.
class Reconcile : public ledger::LedgerTest {
protected:
    void SetUp() override {
        open();
        ledger::store_names(*ledger_);
        ledger_->source(
            {ledger::source_claude, SourceKind::api, ledger::provider_claude, "claude", false});
    }
    static constexpr std::int64_t life = 8'820'000'000;

    void rent(std::int64_t number, bool ordered = true) {
        auto wanted = ledger::intent(id(number), clock_.read());
        if (ordered) {
            wanted.decision = ledger::Decision{.kind = "rent", .machine = MachineId{id(number)}};
        }
        ASSERT_TRUE(step(wanted));
        auto gone = ledger::next_step(wanted, MachineState::gone, clock_.read());
        gone.machine.remote_id = "pod-" + std::to_string(number);
        gone.machine.gone = clock_.read().utc;
        gone.machine.gone_how = GoneHow::destroyed;
        gone.phases = {
            {.no = 1,
             .phase = Phase::boot,
             .from = ledger::test_start,
             .to = ledger::test_start + 60s,
             .amount = ledger::dollars(73'500'000),
             .paid_for = 60s},
            {.no = 2,
             .phase = Phase::serve,
             .from = ledger::test_start + 60s,
             .to = ledger::test_start + 2h,
             .amount = ledger::dollars(life - 73'500'000),
             .paid_for = 2h - 60s}};
        ASSERT_TRUE(step(gone));
    }
    static std::int64_t id(std::int64_t number) { return least_id_at(ledger::test_start) + number; }
    void bill(std::int64_t number, std::int64_t amount, bool booked = true) {
        ledger_->bill_seen(
            {.provider = ledger::provider_cloud,
             .remote_id = "pod-" + std::to_string(number),
             .amount = ledger::dollars(amount),
             .final = true});
        if (!booked || amount == life) {
            return;
        }
        ledger::Answer<void> answer;
        ledger_->adjust(
            {.machine = MachineId{id(number)},
             .amount = ledger::dollars(amount - life),
             .paid_before = ledger::dollars(life),
             .reason = "bill of sandbox"},
            answer.done());
        ASSERT_TRUE(answer.get());
    }
    [[nodiscard]] ReconcileAsked asked() const { return {.now = clock_.read().utc}; }
    [[nodiscard]] Reconciliation found(const ReconcileAsked& what) {
        EXPECT_TRUE(ledger_->flush());
        auto books = reader();
        auto made = reconcile(books, what);
        if (!made) {
            throw std::runtime_error{made.error().message};
        }
        for (const ReconcileProvider& one : made->providers) {
            Money sum = one.metered;
            for (const ReconcileStep& step : one.steps) {
                sum += step.amount;
            }
            EXPECT_EQ(sum, one.bill.value_or(one.metered)) << "the steps lead to the bill exactly";
        }
        return *std::move(made);
    }
    [[nodiscard]] static const ReconcileStep* step_of(
        const ReconcileProvider& one, std::string_view cause) {
        const auto step = std::ranges::find(one.steps, cause, &ReconcileStep::cause);
        return step == one.steps.end() ? nullptr : &*step;
    }
};

TEST_F(Reconcile, EveryCauseIsAStepOfItsOwn) {
    rent(1);
    bill(1, life);  // as reckoned
    rent(2);
    bill(2, life + 4'000'000);  // not a cent more
    rent(3);
    bill(3, life - 73'500'000);  // its boot was free
    rent(4);
    ledger_->price_seen(
        {.offer = ledger::offer_cloud,
         .meter = "hour",
         .price = Price::per_hour(ledger::dollars(4'900'000'000)),
         .seen = clock_.read().utc,
         .from = clock_.read().utc});
    bill(4, 9'800'000'000);  // two hours at 4.90
    rent(5, false);
    bill(5, life + 2'000'000'000);  // adopted: it ran before
    rent(6);
    bill(6, life - 3'000'000'000);  // a refund
    rent(7);                        // no bill yet
    bill(99, 500'000'000, false);   // a machine that is in no row
    const auto made = found(asked());
    ASSERT_EQ(made.providers.size(), 1u);
    const ReconcileProvider& one = made.providers[0];
    EXPECT_EQ(one.provider, "sandbox");
    EXPECT_EQ(one.metered, ledger::dollars(7 * life));
    const std::vector<std::tuple<const char*, std::int64_t, int>> wanted{
        {"rounding", 4'000'000, 1},
        {"not_metered", -73'500'000, 1},
        {"price_change", 980'000'000, 1},
        {"unknown_machine", 2'500'000'000, 2},
        {"credit", -3'000'000'000, 1},
        {"not_billed_yet", -life, 1}};
    ASSERT_EQ(one.steps.size(), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        const auto& [cause, amount, machines] = wanted[i];
        EXPECT_EQ(one.steps[i].cause, cause);
        EXPECT_EQ(one.steps[i].amount, ledger::dollars(amount)) << cause;
        EXPECT_EQ(one.steps[i].machines, machines) << cause;
    }
    EXPECT_EQ(one.bill, ledger::dollars(6 * life + 410'500'000));
    EXPECT_EQ(one.ledger, ledger::dollars(7 * life - 89'500'000));
    EXPECT_EQ(one.machines.size(), 6u);
}

TEST_F(Reconcile, ABillThatCouldNotBeBookedYetCountsToo) {
    rent(1);
    bill(1, life + 1'000'000'000, false);
    const auto one = found(asked()).providers.at(0);
    EXPECT_EQ(one.ledger, ledger::dollars(life));
    EXPECT_EQ(one.bill, ledger::dollars(life + 1'000'000'000));
    EXPECT_EQ(step_of(one, "not_metered")->amount, ledger::dollars(1'000'000'000));
}

TEST_F(Reconcile, EachMonthHasItsOwnPart) {
    rent(1);
    clock_.advance(std::chrono::days{10});
    bill(1, life + 4'000'000);
    ReconcileAsked what = asked();
    EXPECT_EQ(found(what).month, std::chrono::year{2026} / 12);
    EXPECT_EQ(found(what).providers.at(0).metered, ledger::dollars(0));
    EXPECT_EQ(found(what).providers.at(0).bill, ledger::dollars(4'000'000));
    what.month = "2026-11";
    EXPECT_EQ(found(what).providers.at(0).bill, ledger::dollars(life));
    what.month = "2026-10";
    EXPECT_TRUE(found(what).providers.empty());
    what.month = "2026-13";
    auto books = reader();
    EXPECT_EQ(reconcile(books, what).error().code, Errc::invalid_argument);
}

TEST_F(Reconcile, AnInvoiceIsComparedLineByLine) {
    rent(1);
    rent(2);
    rent(3);
    ReconcileAsked what = asked();
    const auto invoice = parse_invoice_csv(
        "id,amount,currency,kind\r\n"
        "pod-1,8.82,USD,usage\r\n"
        "pod-2,8.7465,USD,usage\r\n"
        "pod-8,1.50,USD,usage\r\n"
        ",1.906650000,USD,Sales tax\r\n",
        usd);
    ASSERT_TRUE(invoice) << invoice.error().message;
    what.invoice = *invoice;
    const auto one = found(what).providers.at(0);
    EXPECT_TRUE(one.by_invoice);
    EXPECT_EQ(one.bill, ledger::dollars(20'973'150'000));
    EXPECT_EQ(step_of(one, "not_metered")->amount, ledger::dollars(-73'500'000));
    EXPECT_EQ(step_of(one, "unknown_machine")->amount, ledger::dollars(1'500'000'000));
    EXPECT_EQ(step_of(one, "tax")->amount, ledger::dollars(1'906'650'000));
    EXPECT_EQ(step_of(one, "not_billed_yet")->amount, ledger::dollars(-life));
}

TEST_F(Reconcile, AnApisInvoiceIsComparedAsAWhole) {
    ledger::Request request = ledger::api_request(id(1), 3'000'000'000);
    request.budgets.clear();
    ASSERT_TRUE(ledger_->record(request));
    ReconcileAsked what = asked();
    EXPECT_FALSE(found(what).providers.at(0).bill) << "nobody has said anything";
    what.invoice = *parse_invoice_amount("3.01", usd);
    EXPECT_EQ(
        step_of(found(what).providers.at(0), "rounding")->amount, ledger::dollars(10'000'000));
    what.invoice = *parse_invoice_amount("2.50 USD", usd);
    EXPECT_EQ(step_of(found(what).providers.at(0), "other")->amount, ledger::dollars(-500'000'000));
    what.invoice = *parse_invoice_csv("BilledCost,ChargeCategory\n3.00,Usage\n0.60,Tax\n", usd);
    const auto one = found(what).providers.at(0);
    EXPECT_EQ(one.steps.size(), 1u);
    EXPECT_EQ(step_of(one, "tax")->amount, ledger::dollars(600'000'000));
    what.invoice = *parse_invoice_amount("3.01 AUD", usd);
    auto books = reader();
    EXPECT_NE(reconcile(books, what).error().message.find("another currency"), std::string::npos);
}

TEST_F(Reconcile, AnInvoiceNeedsItsProvider) {
    rent(1);
    ledger::Request request = ledger::api_request(id(9), 3'000'000'000);
    request.budgets.clear();
    ASSERT_TRUE(ledger_->record(request));
    ReconcileAsked what = asked();
    EXPECT_EQ(found(what).providers.size(), 2u);
    what.invoice = *parse_invoice_amount("9.00", usd);
    auto books = reader();
    EXPECT_NE(reconcile(books, what).error().message.find("--provider"), std::string::npos);
    what.provider = "sandbox";
    EXPECT_EQ(found(what).providers.at(0).bill, ledger::dollars(9'000'000'000));
    what.provider = "nobody";
    EXPECT_EQ(reconcile(books, what).error().code, Errc::not_found);
}

TEST_F(Reconcile, TextCsvAndJsonSayTheSame) {
    rent(1);
    bill(1, life + 4'000'000);
    const auto made = found(asked());
    const std::string text = reconcile_text(made);
    EXPECT_NE(text.find("+0.004"), std::string::npos) << text;
    EXPECT_NE(text.find("8.824"), std::string::npos) << text;
    EXPECT_EQ(
        reconcile_csv(made),
        "month,provider,currency,step,amount,machines\r\n"
        "2026-11,sandbox,USD,metered,8.82,0\r\n"
        "2026-11,sandbox,USD,rounding,0.004,1\r\n"
        "2026-11,sandbox,USD,bill,8.824,0\r\n");
    const json::value said = json::parse(reconcile_json(made));
    EXPECT_EQ(said.at("schema"), "evenkeel.reconcile/1");
    const json::value& one = said.at("providers").at(0);
    EXPECT_EQ(one.at("metered"), "8.82");
    EXPECT_EQ(one.at("bill"), "8.824");
    EXPECT_EQ(one.at("steps").at(0).at("amount"), "0.004");
    EXPECT_EQ(one.at("machines").at(0).at("cause"), "rounding");
}

TEST(Invoice, CommasStandBetweenThousandsOnly) {
    for (const auto& [text, nanos] : std::map<std::string, std::int64_t>{
             {"1,234.50", 1'234'500'000'000},
             {"$1,234,567", 1'234'567'000'000'000},
             {"-$3.20", -3'200'000'000},
             {"-1,000.000000001", -1'000'000'000'001},
             {"12", 12'000'000'000}}) {
        const auto amount = parse_invoice_amount(text, usd);
        ASSERT_TRUE(amount) << amount.error().message;
        EXPECT_EQ(amount->amount, (Money{nanos, usd})) << text;
        const auto named = parse_invoice_amount(text + " AUD", usd);
        ASSERT_TRUE(named) << named.error().message;
        EXPECT_EQ(named->amount, (Money{nanos, aud})) << text;
    }
    for (const char* text :
         {"100,50",
          "1.234,56",
          "$1,2,3",
          "1,23",
          "1234,567",
          ",500",
          "1,",
          "1,,234",
          "1,234,",
          "1,-23",
          "--1",
          "-$-1",
          "1$2",
          "$",
          "",
          "12,345,67",
          "1,2345",
          "3.20 dollars"}) {
        const auto amount = parse_invoice_amount(text, usd);
        ASSERT_FALSE(amount) << text;
        EXPECT_EQ(amount.error().code, Errc::invalid_argument) << text;
    }
    const auto csv = parse_invoice_csv("id,amount\na,1.00\nb,\"100,50\"\n", usd);
    ASSERT_FALSE(csv);
    EXPECT_EQ(
        csv.error().message,
        "record 3 of the invoice: '100,50' is no amount: write 1234.50 or 1,234.50, commas only "
        "between thousands and a point before the decimals");
}

TEST(Invoice, MistakesAreNamedWithTheirRecord) {
    const auto message = [](std::string_view text) {
        const auto invoice = parse_invoice_csv(text, usd);
        return invoice ? std::string{} : invoice.error().message;
    };
    EXPECT_NE(message("name,price\na,1\n").find("column 'amount'"), std::string::npos);
    EXPECT_NE(message("amount\n1.00\nabc\n").find("record 3"), std::string::npos);
    EXPECT_NE(message("amount,currency\n1.00,Dollar\n").find("Dollar"), std::string::npos);
    EXPECT_EQ(message("\xEF\xBB\xBF\"Amount\"\r\n\"$1,234.50\"\r\n"), "");
    const auto quoted = parse_invoice_csv("id,amount\n\"a\"\"b\n,c\",2\n\n", usd);
    ASSERT_TRUE(quoted);
    ASSERT_EQ(quoted->lines.size(), 1u);
    EXPECT_EQ(quoted->lines[0].id, "a\"b\n,c");
}

}  // namespace
}  // namespace evenkeel::report
