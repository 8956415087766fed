#include "agent/report/breakeven.hpp"

#include "policies/config/load.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

#include <boost/json.hpp>

#include <algorithm>
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
        const auto capacity = [](std::string_view gpu, std::string_view) {
            return gpu == "RTX 5090" ? std::optional{Exact{900}} : std::nullopt;
        };
        return breakeven_input(config, prices(), measured, ask, capacity, now);
    }
    [[nodiscard]] bool noted(std::string_view text) const {
        return std::ranges::any_of(input({})->notes, [&](const std::string& note) {
            return note.find(text) != std::string::npos;
        });
    }
};

TEST_F(BreakevenReport, WhatIsAskedComesBeforeWhatWasMeasuredBeforeWhatIsAssumed) {
    MeasuredUse measured{.span = 720h, .busy = {{"desk", Exact{1, 2}}}};
    measured.own_tokens["desk"] = breakeven::Tokens{.in_mtok = 7, .out_mtok = 3};
    measured.all_tokens = breakeven::Tokens{.in_mtok = 70, .out_mtok = 30};
    const auto asked = input({.use = Exact{1, 4}, .in_mtok = Exact{1}}, measured);
    ASSERT_TRUE(asked) << asked.error().message;
    EXPECT_EQ(to_fixed(asked->situation.use), "0.25");
    EXPECT_EQ(asked->use_from, "as asked");
    EXPECT_EQ(to_fixed(asked->situation.tokens->out_mtok), "0.00");
    const auto seen = input({}, measured);
    EXPECT_EQ(to_fixed(seen->situation.use), "0.50");
    EXPECT_EQ(seen->use_from, "measured over 30 days");
    EXPECT_EQ(to_fixed(seen->situation.tokens->in_mtok), "7.00") << "what the desk did itself";
    EXPECT_EQ(seen->tokens_from, "'desk', measured over 30 days");
    const auto other = input({.machine = "dual"}, measured);
    EXPECT_EQ(to_fixed(other->situation.tokens->in_mtok), "70.00") << "it has done nothing yet";
    const auto neither = input({});
    EXPECT_EQ(neither->use_from, "assumed");
    EXPECT_FALSE(neither->situation.tokens);
    EXPECT_FALSE(neither->notes.empty()) << "it says how to give tokens";
}

TEST_F(BreakevenReport, TheMachineIsTheOneAskedForWithThePriceAskedFor) {
    EXPECT_EQ(input({})->situation.own->name, "desk");
    const auto dual =
        input({.machine = "dual", .price = *parse_money("16200 AUD"), .residual = Exact{35, 100}});
    ASSERT_TRUE(dual);
    EXPECT_EQ(to_fixed(dual->situation.own->price), "16200.00");
    EXPECT_EQ(to_fixed(dual->situation.own->residual), "0.35");
    EXPECT_EQ(to_fixed(dual->situation.own->active_w), "1350.00");
    EXPECT_EQ(input({.machine = "tower"}).error().code, Errc::not_found);
    config.hardware[0].price.reset();
    config.hardware[1].price.reset();
    const auto unknown = input({});
    ASSERT_FALSE(unknown);
    EXPECT_NE(unknown.error().message.find("--price"), std::string::npos);
    config.hardware.clear();
    EXPECT_FALSE(input({})->situation.own) << "nothing of one's own is no error";
}

TEST_F(BreakevenReport, BatchesCountAndWhatTiersAndRetirementsDoIsNoted) {
    config::Offer* api = nullptr;
    for (config::Model& model : config.models) {
        for (config::Offer& offer : model.offers) {
            api = offer.token_price && api == nullptr ? &offer : api;
        }
    }
    ASSERT_NE(api, nullptr);
    EXPECT_EQ(input({})->situation.apis[0].batch, 1);
    api->token_price->batch_millis = 500;
    EXPECT_EQ(to_fixed(input({})->situation.apis[0].batch), "0.50");
    EXPECT_FALSE(noted("tokens; that is not counted"));
    api->token_price->tiers = {
        {.over = 200'000, .in = api->token_price->in, .out = api->token_price->out}};
    EXPECT_TRUE(noted("costs more where a prompt has over 200000 tokens; that is not counted"));
    const auto today = std::chrono::floor<std::chrono::days>(now);
    api->retires = config::Date{today + std::chrono::days{1}};
    EXPECT_EQ(input({})->situation.apis.size(), 3u);
    api->retires = config::Date{today};
    EXPECT_EQ(input({})->situation.apis.size(), 2u);
    EXPECT_TRUE(noted("is left out: it was retired on "));
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
    EXPECT_FALSE(input({})->situation.own);
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

TEST_F(BreakevenReport, AContractIsSetBesideItsGpuAndOnlyWhileItRuns) {
    config.breakeven.commitments[0].gpu = "H100";  // the provider says gpu-h100x1-80gb
    ASSERT_EQ(input({})->situation.reservations.size(), 1u);
    EXPECT_EQ(to_fixed(input({})->situation.reservations[0].list_rate), "4.41");
    config.breakeven.commitments[0].gpu = "H200";
    EXPECT_TRUE(input({})->situation.reservations.empty());
    EXPECT_TRUE(noted("H200"));
    config.breakeven.commitments[0].gpu = "H100";
    config.breakeven.commitments[0].from = std::chrono::year{2025} / 1 / 31;
    config.breakeven.commitments[0].months = 6;
    EXPECT_TRUE(input({})->situation.reservations.empty());
    EXPECT_TRUE(noted("has ended"));
}

TEST_F(BreakevenReport, OneKindOfMachineForSeveralModelsIsOneRow) {
    config.models[1].offers.push_back(config.models[0].offers[2]);
    config.models[1].offers.back().name = "runpod-h100-r1";
    EXPECT_EQ(input({})->situation.rentals.size(), 3u);
    EXPECT_EQ(to_fixed(*input({})->situation.rentals[2].capacity_tps, 0), "900");
    EXPECT_EQ(to_fixed(input({})->situation.rentals[0].boot_s, 0), "360") << "the rule's own";
}

/// Requests of the desk, by the hour in which they begin and their length.
class MeasuredUseTest : public BreakevenReport {
protected:
    void SetUp() override {
        open();
        ledger_->name({ledger::source_desk, routing::NameKind::source, "desk-llama"});
        ledger_->source({ledger::source_desk, SourceKind::own, {}, "desk", false});
    }
    void request(std::chrono::minutes at, std::chrono::minutes length) {
        ledger::Request own = ledger::own_request(0);
        own.at = ledger::test_start + at;
        own.id = RequestId{ids_.next(own.at)};
        own.wait_ms = 0;
        own.total_ms = std::chrono::milliseconds{length}.count();
        own.usage = {.prompt = 600'000, .completion = 150'000};
        ASSERT_TRUE(ledger_->record(own));
        ASSERT_TRUE(ledger_->flush());
    }
    [[nodiscard]] MeasuredUse measured(std::chrono::hours after) {
        auto books = reader();
        const auto use = measure_use(books, config, ledger::Zone{}, ledger::test_start + after);
        EXPECT_TRUE(use) << use.error().message;
        return *use;
    }

private:
    IdGenerator ids_{1};
};

TEST_F(MeasuredUseTest, UseIsTheTimeWithARequestInFlightAndTimeWithoutTheAgentIsIdle) {
    request(0min, 60min);
    request(30min, 60min);   // half of it at the same time as the first
    request(600min, 10min);  // the agent was off in between
    const MeasuredUse use = measured(20h);
    ASSERT_TRUE(use.busy.contains("desk"));
    EXPECT_EQ(to_fixed(use.busy.at("desk"), 4), "0.0833") << "100 minutes of 20 hours";
    EXPECT_EQ(use.span, 20h);
    // 20 of 730 hours; three requests.
    EXPECT_EQ(to_fixed(use.own_tokens.at("desk").in_mtok), "65.70");
    EXPECT_EQ(to_fixed(use.all_tokens->out_mtok), "16.43");
    EXPECT_TRUE(use.per_mtok.contains("own") && use.per_mtok.contains("all"));
}

TEST_F(MeasuredUseTest, OnlyTheWindowCounts) {
    request(0min, 60min);
    request(48 * 60min, 60min);
    config.breakeven.window = 24h;
    const MeasuredUse use = measured(60h);
    EXPECT_EQ(use.span, 24h);
    EXPECT_EQ(to_fixed(use.busy.at("desk"), 4), "0.0417") << "one hour of 24";
    EXPECT_EQ(to_fixed(use.own_tokens.at("desk").in_mtok), "18.25");
}

TEST_F(BreakevenReport, AnEmptyLedgerMeasuresNothing) {
    open();
    auto books = reader();
    const auto use = measure_use(books, config, ledger::Zone{}, now);
    ASSERT_TRUE(use) << use.error().message;
    EXPECT_TRUE(use->busy.empty());
    EXPECT_FALSE(use->all_tokens);
}

TEST_F(BreakevenReport, ProgramsGetEveryFigureAsTextWithItsCurrency) {
    const auto made = input({.use = Exact{3, 10}, .in_mtok = Exact{75}, .out_mtok = Exact{28}});
    ASSERT_TRUE(made);
    const auto comparison = breakeven::compare(made->situation);
    ASSERT_TRUE(comparison) << comparison.error().message;
    const json::value root = json::parse(breakeven_json(*made, {}, *comparison));
    EXPECT_EQ(root.at("schema").as_string(), "evenkeel.breakeven/1");
    EXPECT_EQ(root.at("currency").as_string(), "AUD");
    EXPECT_EQ(root.at("rates").at(0).at("rate").as_string(), "1.423500000");
    EXPECT_EQ(root.at("machine").at("price").as_string(), "6800.00");
    EXPECT_EQ(root.at("tariff_currency").as_string(), "AUD");
    EXPECT_EQ(root.at("rows").as_array().size(), 6u);
    EXPECT_EQ(root.at("rows").at(0).at("kind").as_string(), "rent");
    EXPECT_EQ(root.at("power_per_month").as_string(), "67.57");
    EXPECT_EQ(root.at("wear_per_month").as_string(), "188.89") << "6,800 over 36 months";
    EXPECT_FALSE(root.at("swings").as_array().empty());
    EXPECT_EQ(root.at("reserved").at(0).at("percent").as_string(), "43.31");
    EXPECT_EQ(root.at("reserved").at(0).at("currency").as_string(), "USD");
    EXPECT_EQ(root.at("horizon_months").as_int64(), 24);
    EXPECT_EQ(root.at("over_horizon").as_array().size(), 7u);
    EXPECT_TRUE(root.at("tokens").as_object().contains("cached_share"));
}

}  // namespace
}  // namespace evenkeel::report
