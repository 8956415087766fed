#include "agent/report/focus.hpp"

#include "tests/unit/ledger/ledger_fixture.hpp"

#include <boost/json.hpp>

#include <array>
#include <regex>
#include <tuple>

namespace evenkeel::report {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

/// UX.md section 5, word for word: the columns in its order, and which of them FOCUS demands.
constexpr std::string_view columns_wanted =
    "BilledCost M,EffectiveCost M,ListCost M,ContractedCost M,BillingCurrency M,"
    "PricingCurrency C,x_FxRate x,x_FxDate x,BillingPeriodStart M,BillingPeriodEnd M,"
    "ChargePeriodStart M,ChargePeriodEnd M,ChargeCategory M,ChargeClass M,ChargeFrequency R,"
    "ChargeDescription M,PricingCategory C,PricingQuantity M,PricingUnit M,ConsumedQuantity C,"
    "ConsumedUnit C,ListUnitPrice C,ContractedUnitPrice C,CommitmentDiscountId C,"
    "CommitmentDiscountStatus C,ServiceCategory M,ServiceSubcategory R,ServiceName M,"
    "ProviderName M,PublisherName M,InvoiceIssuerName M,BillingAccountId M,BillingAccountName M,"
    "SubAccountId C,SubAccountName C,RegionId C,AvailabilityZone C,ResourceId C,ResourceName C,"
    "ResourceType C,SkuId C,SkuMeter C,SkuPriceDetails C,Tags C,x_Model x,x_Phase x,"
    "x_InputTokens x,x_OutputTokens x,x_CachedTokens x,x_PriceSeen x,x_LedgerHash x,"
    "x_AllocatedCost x";

TEST(FocusColumns, AreThoseOfTheDesign) {
    constexpr std::string_view letters = "MCRx";
    std::string found;
    for (const FocusColumn& column : focus_columns()) {
        found += found.empty() ? "" : ",";
        found += column.name;
        found += ' ';
        found += letters[static_cast<std::size_t>(column.need)];
        const bool may = column.need != FocusNeed::mandatory || column.name == "ChargeClass";
        EXPECT_EQ(column.may_be_empty, may) << column.name;
    }
    EXPECT_EQ(found, columns_wanted);
    std::string head = focus_csv_head();
    EXPECT_EQ(std::ranges::count(head, ','), std::ranges::count(columns_wanted, ','));
    EXPECT_TRUE(head.starts_with("BilledCost,EffectiveCost,"));
    EXPECT_TRUE(head.ends_with(",x_AllocatedCost\r\n"));
}

/// An API, a rented machine and an own one in November, with what each of them answered.
class FocusExport : public ledger::LedgerTest {
protected:
    void SetUp() override {
        open();
        ledger::store_names(*ledger_);
        ledger_->name({offer_claude, routing::NameKind::offer, "claude"});
        ledger_->name({evil_key, routing::NameKind::key, "=HYPERLINK(\"x\")"});
        ledger_->source({ledger::source_desk, SourceKind::own, {}, "desk", false});
        ledger_->source(
            {ledger::source_claude, SourceKind::api, ledger::provider_claude, "claude", false});
        price("in", 4'000'000'000);
        price("out", 20'000'000'000);
        price("cached", 200'000'000);
        ledger_->fx_seen(
            {.base = usd,
             .quote = aud,
             .num = 1'423'500'000,
             .den = 1'000'000'000,
             .as_of = std::chrono::sys_days{std::chrono::June / 30 / 2026}});
    }
    void price(const char* meter, std::int64_t mtok) {
        ledger_->price_seen(
            {.offer = offer_claude,
             .meter = meter,
             .price = Price::per_mtok(ledger::dollars(mtok)),
             .seen = ledger::test_start - 240h,
             .from = ledger::test_start - 240h});
    }
    static std::int64_t id(std::int64_t i) { return least_id_at(ledger::test_start) + i; }
    void api(std::int64_t i, std::int64_t paid, Usage usage, std::string tags = {}) {
        ledger::Request request = ledger::api_request(id(i), paid);
        request.usage = usage;
        request.tags = std::move(tags);
        request.budgets.clear();
        ASSERT_TRUE(ledger_->record(request));
    }
    void own(std::int64_t i, std::int64_t tokens) {
        ledger::Request request = ledger::own_request(id(i));
        request.usage = {.prompt = tokens, .completion = 0};
        ASSERT_TRUE(ledger_->record(request));
    }
    void rented(std::int64_t i, std::int64_t tokens, MachineId machine) {
        ledger::Request request = ledger::own_request(id(i));
        request.usage = {.prompt = tokens - 1, .completion = 1};
        request.source = ledger::source_rented;
        request.kind = SourceKind::rental;
        request.provider = ledger::provider_cloud;
        request.machine = machine;
        ASSERT_TRUE(ledger_->record(request));
    }
    /// A machine that booted a minute and served two hours.
    void rent(std::int64_t number, std::string detail = "v1") {
        const auto wanted = ledger::intent(number, clock_.read());
        ASSERT_TRUE(step(wanted));
        auto gone = ledger::next_step(wanted, MachineState::gone, clock_.read());
        gone.machine.remote_id = "pod-" + std::to_string(number);
        gone.machine.detail = std::move(detail);
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
             .amount = ledger::dollars(8'746'500'000),
             .paid_for = 2h - 60s}};
        ASSERT_TRUE(step(gone));
    }
    void adjust(std::int64_t number, std::int64_t before, std::int64_t amount) {
        ledger::Answer<void> answer;
        ledger_->adjust(
            {.machine = MachineId{number},
             .amount = ledger::dollars(amount),
             .paid_before = ledger::dollars(before),
             .reason = "bill"},
            answer.done());
        ASSERT_TRUE(answer.get());
    }
    void power(std::int64_t microjoules, std::int64_t wear) {
        ledger_->power(
            {.hardware = "desk",
             .source = ledger::source_desk,
             .hour = ledger::test_start,
             .microjoules = microjoules,
             .price = Price::per_kwh(Money{330'000'000, aud}),
             .on = 1h,
             .wear = Money{wear, aud}});
    }
    [[nodiscard]] FocusOptions asked() const { return {.now = clock_.read().utc, .currency = aud}; }
    [[nodiscard]] std::vector<FocusRow> rows(const FocusOptions& options) {
        EXPECT_TRUE(ledger_->flush());
        auto books = reader();
        std::vector<FocusRow> found;
        const auto read =
            each_focus_row(books, options, [&](const FocusRow& row) { found.push_back(row); });
        EXPECT_TRUE(read) << (read ? "" : read.error().message);
        return found;
    }
    [[nodiscard]] static std::int64_t sum(
        const std::vector<FocusRow>& all, Focus column, std::string_view currency) {
        std::int64_t total = 0;
        for (const FocusRow& row : all) {
            if (row[Focus::billing_currency] == currency && !row[column].empty()) {
                total += *parse_decimal(row[column], 9);
            }
        }
        return total;
    }
    static constexpr NameIx offer_claude{12};
    static constexpr NameIx evil_key{13};
};

TEST_F(FocusExport, APaidRequestIsARowForEachKindOfToken) {
    // 900 in at 4, 100 cached at 0.20, 50 out at 20 USD a million.
    api(1, 4'620'000, {.prompt = 1'000, .cached = 100, .completion = 50}, "team=search");
    const auto all = rows(asked());
    ASSERT_EQ(all.size(), 3u);
    const FocusRow& in = all[0];
    EXPECT_EQ(in[Focus::billed_cost], "0.0036");
    EXPECT_EQ(in[Focus::effective_cost], "0.0036");
    EXPECT_EQ(in[Focus::list_cost], "0.0036");
    EXPECT_EQ(in[Focus::billing_currency], "USD");
    EXPECT_EQ(in[Focus::pricing_currency], "AUD");
    EXPECT_EQ(in[Focus::fx_rate], "1.4235");
    EXPECT_EQ(in[Focus::fx_date], "2026-06-30");
    EXPECT_EQ(in[Focus::charge_period_start], "2026-11-23T10:00:00Z");
    EXPECT_EQ(in[Focus::charge_period_end], "2026-11-23T11:00:00Z");
    EXPECT_EQ(in[Focus::billing_period_start], "2026-11-01T00:00:00Z");
    EXPECT_EQ(in[Focus::billing_period_end], "2026-12-01T00:00:00Z");
    EXPECT_EQ(in[Focus::charge_category], "Usage");
    EXPECT_EQ(in[Focus::charge_class], "");
    EXPECT_EQ(in[Focus::charge_description], "qwq-32b input tokens");
    EXPECT_EQ(in[Focus::pricing_quantity], "0.0009");
    EXPECT_EQ(in[Focus::pricing_unit], "1000000 Tokens");
    EXPECT_EQ(in[Focus::consumed_quantity], "900");
    EXPECT_EQ(in[Focus::consumed_unit], "Tokens");
    EXPECT_EQ(in[Focus::list_unit_price], "4.00");
    EXPECT_EQ(in[Focus::service_category], "AI and Machine Learning");
    EXPECT_EQ(in[Focus::provider_name], "claude") << "without a configuration";
    EXPECT_EQ(in[Focus::sub_account_name], "me");
    EXPECT_EQ(in[Focus::tags], R"({"key":"me","route":"default","team":"search"})");
    EXPECT_EQ(in[Focus::price_seen], "2026-11-13T10:00:00Z");
    EXPECT_EQ(in[Focus::ledger_hash].size(), 64u);
    EXPECT_EQ(in[Focus::input_tokens], "900");
    EXPECT_EQ(all[1][Focus::billed_cost], "0.00002");
    EXPECT_EQ(all[1][Focus::sku_meter], "cache read");
    EXPECT_EQ(all[1][Focus::cached_tokens], "100");
    EXPECT_EQ(all[2][Focus::billed_cost], "0.001");
    EXPECT_EQ(all[2][Focus::list_unit_price], "20.00");
    EXPECT_EQ(all[2][Focus::output_tokens], "50");
}

TEST_F(FocusExport, ARentedMachineHasItsRegionAndItsGpus) {
    const std::array<std::tuple<std::string, std::string, std::string>, 4> cases{
        {{R"({"region":"tor1","gpu_count_wanted":2,"gpu_count":0})", "tor1", "2"},
         {R"({"region":"EU-RO-1","gpu_count_wanted":1,"gpu_count":8})", "EU-RO-1", "8"},
         {R"({"region":"","gpu_count_wanted":1,"gpu_count":1})", "", "1"},
         {"not JSON", "", "1"}}};
    std::int64_t number = 76;
    for (const auto& [detail, region, gpus] : cases) {
        rent(++number, detail);
        rented(number, 100, MachineId{number});
        std::size_t of_it = 0;
        for (const FocusRow& row : rows(asked())) {
            if (row[Focus::resource_id] != "pod-" + std::to_string(number)) {
                continue;
            }
            ++of_it;
            EXPECT_EQ(row[Focus::region_id], region) << detail;
            EXPECT_EQ(row[Focus::availability_zone], "");
            if (!row[Focus::phase].empty()) {
                EXPECT_EQ(row[Focus::sku_price_details], "{\"GpuCount\":" + gpus + "}");
            }
        }
        EXPECT_EQ(of_it, 3u) << "two phases and a request";
    }
}

TEST_F(FocusExport, PhasesCarryTheMoneyAndRequestsTheirShare) {
    rent(77);
    rented(2, 100, MachineId{77});
    rented(3, 200, MachineId{77});
    adjust(77, 8'820'000'000, -20'000'000);
    FocusOptions options = asked();
    options.sellers["sandbox"] = {"RunPod", "RunPod Pods", "GPU pod"};
    const auto all = rows(options);
    ASSERT_EQ(all.size(), 5u);
    const FocusRow& boot = all[0];
    EXPECT_EQ(boot[Focus::billed_cost], "0.0735");
    EXPECT_EQ(boot[Focus::list_cost], "0.0735");
    EXPECT_EQ(boot[Focus::charge_description], "H100 80GB, booting");
    EXPECT_EQ(boot[Focus::charge_period_start], "2026-11-23T10:00:00Z");
    EXPECT_EQ(boot[Focus::charge_period_end], "2026-11-23T10:01:00Z");
    EXPECT_EQ(boot[Focus::pricing_quantity], "0.016666667");
    EXPECT_EQ(boot[Focus::pricing_unit], "Hours");
    EXPECT_EQ(boot[Focus::consumed_quantity], "60");
    EXPECT_EQ(boot[Focus::consumed_unit], "Seconds");
    EXPECT_EQ(boot[Focus::list_unit_price], "4.41");
    EXPECT_EQ(boot[Focus::provider_name], "RunPod");
    EXPECT_EQ(boot[Focus::service_name], "RunPod Pods");
    EXPECT_EQ(boot[Focus::billing_account_id], "sandbox");
    EXPECT_EQ(boot[Focus::resource_id], "pod-77");
    EXPECT_EQ(boot[Focus::resource_type], "GPU pod");
    EXPECT_EQ(boot[Focus::sku_meter], "GPU Hours");
    EXPECT_EQ(boot[Focus::phase], "boot");
    EXPECT_EQ(boot[Focus::allocated_cost], "");
    EXPECT_EQ(all[1][Focus::charge_period_start], "2026-11-23T10:01:00Z");
    EXPECT_EQ(all[1][Focus::charge_period_end], "2026-11-23T12:00:00Z");
    EXPECT_EQ(all[2][Focus::billed_cost], "-0.02");
    EXPECT_EQ(all[2][Focus::charge_category], "Credit") << "the provider asked for less";
    EXPECT_EQ(all[2][Focus::charge_class], "Correction");
    EXPECT_EQ(all[2][Focus::charge_frequency], "One-Time");
    EXPECT_EQ(all[2][Focus::consumed_quantity], "");
    EXPECT_EQ(all[2][Focus::charge_description], "H100 80GB, adjusted to the bill");
    EXPECT_EQ(all[3][Focus::billed_cost], "0.00");
    EXPECT_EQ(all[3][Focus::allocated_cost], "2.933333333");
    EXPECT_EQ(all[4][Focus::allocated_cost], "5.866666667") << "to the last unit: 8.80 in all";
    EXPECT_EQ(all[4][Focus::resource_id], "pod-77");
    EXPECT_EQ(sum(all, Focus::billed_cost, "USD"), 8'800'000'000);
}

TEST_F(FocusExport, AChargeBeyondWhatWasMeteredIsUsage) {
    rent(77);
    adjust(77, 8'820'000'000, 5);
    const auto all = rows(asked());
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all[2][Focus::charge_category], "Usage");
    EXPECT_EQ(all[2][Focus::charge_class], "Correction");
    EXPECT_EQ(all[2][Focus::billed_cost], "0.000000005");
}

TEST_F(FocusExport, NobodyBearsTheShareOfWhoWasDeleted) {
    const auto ids_since_start = [](UtcTime at) { return least_id_at(at) - id(0); };
    const std::int64_t first = ids_since_start(ledger::test_start + 10min);
    rent(77);
    rented(first + 2, 100, MachineId{77});
    rented(first + 3, 200, MachineId{77});
    power(3'600'000'000'000, 50'000'000);
    own(first + 4, 300);
    own(first + 5, 100);
    ASSERT_TRUE(ledger_->flush());
    // As the writer deletes: the oldest first, with a note how far it came.
    const std::string end = std::to_string(id(first + 3));
    shell(
        "DELETE FROM request WHERE id < " + end +
        "; INSERT INTO detail_deleted(what, deleted, below, at_us) VALUES('request', 1, " + end +
        ", 0)");
    for (const FocusRow& row : rows(asked())) {
        EXPECT_EQ(row[Focus::allocated_cost], "") << row[Focus::charge_description];
    }
    // Those of the next hour, and of the next machine, are all there.
    clock_.advance(2h);
    rent(78);
    rented(ids_since_start(clock_.read().utc) + 1, 100, MachineId{78});
    const auto all = rows(asked());
    EXPECT_EQ(all.back()[Focus::allocated_cost], "8.82");
}

TEST_F(FocusExport, OwnWorkBearsPowerAndWear) {
    power(3'600'000'000'000, 50'000'000);
    own(1, 300);
    own(2, 100);
    const auto all = rows(asked());
    ASSERT_EQ(all.size(), 4u);
    EXPECT_EQ(all[0][Focus::billed_cost], "0.33");
    EXPECT_EQ(all[0][Focus::billing_currency], "AUD");
    EXPECT_EQ(all[0][Focus::fx_rate], "1");
    EXPECT_EQ(all[0][Focus::pricing_unit], "kWh");
    EXPECT_EQ(all[0][Focus::pricing_quantity], "1");
    EXPECT_EQ(all[0][Focus::list_unit_price], "0.33");
    EXPECT_EQ(all[0][Focus::charge_description], "desk power");
    EXPECT_EQ(all[0][Focus::service_name], "Own hardware");
    EXPECT_EQ(all[0][Focus::invoice_issuer_name], "owner");
    EXPECT_EQ(all[1][Focus::billed_cost], "0.00") << "nobody is paid for wear";
    EXPECT_EQ(all[1][Focus::effective_cost], "0.05");
    EXPECT_EQ(all[1][Focus::charge_frequency], "Recurring");
    EXPECT_EQ(all[2][Focus::allocated_cost], "0.285");
    EXPECT_EQ(all[3][Focus::allocated_cost], "0.095");
    EXPECT_EQ(all[3][Focus::billed_cost], "0.00");
}

TEST_F(FocusExport, APurchaseIsTheOneRowWithoutAPosting) {
    FocusOptions options = asked();
    options.purchases = {
        {"desk", std::chrono::year{2026} / 11 / 5, Money{6'800'000'000'000, aud}},
        {"old", std::chrono::year{2025} / 12 / 1, Money{1, aud}}};
    const auto all = rows(options);
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0][Focus::charge_category], "Purchase");
    EXPECT_EQ(all[0][Focus::billed_cost], "6800.00");
    EXPECT_EQ(all[0][Focus::effective_cost], "0.00") << "wear carries it, hour by hour";
    EXPECT_EQ(all[0][Focus::charge_period_start], "2026-11-05T00:00:00Z");
}

TEST_F(FocusExport, NamesOfClientsStayData) {
    ledger::Request request = ledger::api_request(id(1), 1'000);
    request.key = evil_key;
    request.tags = "note=-2+3,x=\"a\"";
    request.budgets.clear();
    ASSERT_TRUE(ledger_->record(request));
    const auto all = rows(asked());
    ASSERT_FALSE(all.empty());
    const std::string text = focus_csv(all[0]);
    EXPECT_NE(text.find(R"x("'=HYPERLINK(""x"")")x"), std::string::npos) << text;
    EXPECT_EQ(text.find(",=HYPER"), std::string::npos);
    EXPECT_NE(text.find(R"(""note"":""-2+3"")"), std::string::npos) << text;
    const json::value row = json::parse(focus_json(all[0]));
    EXPECT_EQ(row.at("SubAccountName"), "=HYPERLINK(\"x\")");
    EXPECT_TRUE(row.at("x_Phase").is_null());
}

TEST_F(FocusExport, DaysOfAnEarlierZoneAreWholeAfterAChange) {
    close();
    ledger::Options east = FocusExport::options();
    east.zone = "+14:00";
    open(east);
    api(1, 900'000, {.prompt = 100, .completion = 20});  // in the first minute of the 24th there
    close();
    ledger::Options west = FocusExport::options();
    west.zone = "-12:00";
    open(west);
    FocusOptions day = asked();
    day.zone = *ledger::Zone::load("-12:00");
    day.since = day.until = "2026-11-24";
    EXPECT_EQ(sum(rows(day), Focus::billed_cost, "USD"), 900'000);
    day.since = day.until = "2026-11-23";
    EXPECT_EQ(sum(rows(day), Focus::billed_cost, "USD"), 0);
}

TEST_F(FocusExport, MandatoryCellsAreNeverEmpty) {
    rent(77);
    rent(78);
    rented(2, 100, MachineId{77});
    adjust(77, 8'820'000'000, 5);
    power(3'600'000'000'000, 50'000'000);
    own(3, 10);
    api(4, 900'000, {.prompt = 100, .completion = 20});
    const auto held = hold(ledger::hold_for(id(5), 700'000));
    ASSERT_TRUE(held);
    reopen();  // and the hold lapses
    const auto all = rows(asked());
    EXPECT_EQ(all.size(), 12u);
    const std::regex time{R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"};
    const std::map<std::string, std::string> units{
        {"Hours", "Seconds"}, {"1000000 Tokens", "Tokens"}, {"kWh", "kWh"}};
    for (const FocusRow& row : all) {
        for (std::size_t i = 0; i < focus_columns().size(); ++i) {
            EXPECT_TRUE(focus_columns()[i].may_be_empty || !row[static_cast<Focus>(i)].empty())
                << focus_columns()[i].name << " of " << row[Focus::charge_description];
        }
        for (const Focus column :
             {Focus::billing_period_start,
              Focus::billing_period_end,
              Focus::charge_period_start,
              Focus::charge_period_end}) {
            EXPECT_TRUE(std::regex_match(row[column], time)) << row[column];
        }
        EXPECT_LT(row[Focus::charge_period_start], row[Focus::charge_period_end]);
        ASSERT_TRUE(units.contains(row[Focus::pricing_unit])) << row[Focus::pricing_unit];
        EXPECT_EQ(units.at(row[Focus::pricing_unit]), row[Focus::consumed_unit]);
    }
}

}  // namespace
}  // namespace evenkeel::report
