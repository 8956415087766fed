#include "agent/report/breakeven.hpp"

#include "policies/config/load.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

#include <boost/json.hpp>

#include <fstream>
#include <iterator>

namespace evenkeel::report {
namespace {

using namespace std::chrono_literals;
using breakeven::Exact;
using breakeven::to_fixed;
namespace json = boost::json;

std::string text_of(const std::filesystem::path& path) {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, {}};
}

config::Config study() {
    const std::filesystem::path folder =
        std::filesystem::path{EVENKEEL_SOURCE_DIR} / "examples/founding-study";
    std::vector<config::SourceFile> files;
    for (const char* name : {"evenkeel.yaml", "providers.yaml", "models.yaml", "policy.yaml"}) {
        files.push_back({name, text_of(folder / name)});
    }
    auto loaded =
        config::load(files, std::chrono::year_month_day{std::chrono::November / 25 / 2026});
    if (!loaded) {
        throw std::runtime_error{config::render_all(loaded.error())};
    }
    return std::move(loaded->config);
}

class BreakevenReport : public ledger::LedgerTest {
protected:
    config::Config config{study()};
    UtcTime now{ledger::test_start};

    [[nodiscard]] std::vector<PriceRow> prices() const {
        return price_rows(config, [](const config::Offer&) { return std::nullopt; });
    }
    [[nodiscard]] Result<BreakevenInput> input(
        const BreakevenAsk& ask, const std::optional<MeasuredUse>& measured = {}) const {
        return breakeven_input(config, prices(), measured, ask, now);
    }
};

TEST_F(BreakevenReport, WhatIsAskedComesBeforeWhatWasMeasuredBeforeWhatIsAssumed) {
    MeasuredUse measured{.days = 30, .busy = {{"desk", Exact{1, 2}}}};
    measured.tokens = breakeven::Tokens{.in_mtok = 7, .out_mtok = 3};
    const auto asked = input({.use = Exact{1, 4}, .in_mtok = Exact{1}}, measured);
    ASSERT_TRUE(asked) << asked.error().message;
    EXPECT_EQ(to_fixed(asked->situation.use), "0.25");
    EXPECT_EQ(asked->use_from, "as asked");
    EXPECT_EQ(to_fixed(asked->situation.tokens->out_mtok), "0.00");
    const auto seen = input({}, measured);
    EXPECT_EQ(to_fixed(seen->situation.use), "0.50");
    EXPECT_EQ(seen->use_from, "measured over 30 days");
    EXPECT_EQ(to_fixed(seen->situation.tokens->in_mtok), "7.00");
    const auto neither = input({});
    EXPECT_EQ(neither->use_from, "assumed");
    EXPECT_FALSE(neither->situation.tokens);
    EXPECT_FALSE(neither->notes.empty()) << "it says how to give tokens";
}

TEST_F(BreakevenReport, TheMachineIsTheOneAskedForWithThePriceAskedFor) {
    EXPECT_EQ(input({})->situation.machine->name, "desk");
    const auto dual =
        input({.machine = "dual", .price = *parse_money("16200 AUD"), .residual = Exact{35, 100}});
    ASSERT_TRUE(dual);
    EXPECT_EQ(to_fixed(dual->situation.machine->price), "16200.00");
    EXPECT_EQ(to_fixed(dual->situation.machine->residual), "0.35");
    EXPECT_EQ(to_fixed(dual->situation.machine->active_w), "1350.00");
    EXPECT_EQ(input({.machine = "tower"}).error().code, Errc::not_found);
    config.hardware[0].price.reset();
    config.hardware[1].price.reset();
    const auto unknown = input({});
    ASSERT_FALSE(unknown);
    EXPECT_NE(unknown.error().message.find("--price"), std::string::npos);
    config.hardware.clear();
    EXPECT_FALSE(input({})->situation.machine) << "nothing of one's own is no error";
}

TEST_F(BreakevenReport, OnlyWhatThePolicyComparesIsCompared) {
    EXPECT_EQ(input({})->situation.rentals.size(), 3u);
    EXPECT_EQ(input({})->situation.apis.size(), 3u);
    EXPECT_EQ(input({})->situation.reservations.size(), 1u);
    config.breakeven.rent = config.breakeven.reserve = false;
    EXPECT_TRUE(input({})->situation.rentals.empty());
    EXPECT_TRUE(input({})->situation.reservations.empty());
    config.breakeven.api = config.breakeven.buy = false;
    EXPECT_TRUE(input({})->situation.apis.empty());
    EXPECT_FALSE(input({})->situation.machine);
}

TEST_F(BreakevenReport, ATariffByTheHourIsTakenAsItsMean) {
    config.energy.tariff = {
        {.price = *parse_price("0.08 AUD/kWh"), .when = "10:00-16:00"},
        {.price = *parse_price("0.32 AUD/kWh"), .when = {}}};
    EXPECT_EQ(to_fixed(input({})->situation.tariff, 4), "0.2600");
    config.energy.tariff.clear();
    EXPECT_EQ(to_fixed(input({})->situation.tariff), "0.00");
    EXPECT_FALSE(input({})->notes.empty());
}

/// The desk drew 407.5 W on average: half of the time busy at 725, half idle at 90.
TEST_F(BreakevenReport, UseIsMeasuredFromThePostedElectricity) {
    open();
    ledger::store_names(*ledger_);
    for (int i = 0; i < 4; ++i) {
        const std::int64_t joules = i == 0 ? 999'999 : 407 * 300 + 150;
        ledger_->power(
            {"desk",
             ledger::source_desk,
             ledger::test_start + i * 5min,
             joules * 1'000'000,
             *parse_price("0.33 AUD/kWh"),
             {}});
        ASSERT_TRUE(ledger_->flush());
        clock_.advance(5min);
    }
    for (int i = 10; i < 14; ++i) {
        ledger::Request own = ledger::own_request(i);
        own.usage = {.prompt = 600'000, .completion = 150'000};
        ASSERT_TRUE(ledger_->record(own));
    }
    ASSERT_TRUE(ledger_->flush());
    auto books = reader();
    const auto use = measure_use(books, config, ledger::Zone{}, ledger::test_start + 73h);
    ASSERT_TRUE(use) << use.error().message;
    ASSERT_TRUE(use->busy.contains("desk"));
    EXPECT_EQ(to_fixed(use->busy.at("desk"), 3), "0.500");
    ASSERT_TRUE(use->tokens);
    // Three days and an hour hold a tenth of a month of 730 hours.
    EXPECT_EQ(to_fixed(use->tokens->in_mtok), "24.00");
    EXPECT_EQ(to_fixed(use->tokens->out_mtok), "6.00");
    EXPECT_EQ(use->days, 4);
    EXPECT_TRUE(use->per_mtok.contains("own") && use->per_mtok.contains("all"));
}

TEST_F(BreakevenReport, AnEmptyLedgerMeasuresNothing) {
    open();
    auto books = reader();
    const auto use = measure_use(books, config, ledger::Zone{}, now);
    ASSERT_TRUE(use) << use.error().message;
    EXPECT_TRUE(use->busy.empty());
    EXPECT_FALSE(use->tokens);
}

TEST_F(BreakevenReport, ProgramsGetEveryFigureAsText) {
    const auto made = input({.use = Exact{3, 10}, .in_mtok = Exact{75}, .out_mtok = Exact{28}});
    ASSERT_TRUE(made);
    const auto comparison = breakeven::compare(made->situation);
    ASSERT_TRUE(comparison) << comparison.error().message;
    const json::value root = json::parse(breakeven_json(*made, {}, *comparison));
    EXPECT_EQ(root.at("schema").as_string(), "evenkeel.breakeven/1");
    EXPECT_EQ(root.at("rows").as_array().size(), 6u);
    EXPECT_EQ(root.at("rows").at(0).at("kind").as_string(), "rent");
    EXPECT_EQ(root.at("power_per_month").as_string(), "67.57");
    EXPECT_FALSE(root.at("swings").as_array().empty());
    EXPECT_EQ(root.at("reserved").at(0).at("percent").as_string(), "43.31");
}

}  // namespace
}  // namespace evenkeel::report
