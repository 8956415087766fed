#include "agent/report/savings.hpp"

#include "tests/unit/report/rentals_fixture.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::report {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

/// A week with own, rented and bought work, and prices that came and went.
class SavingsReport : public RentalsTest {
protected:
    static constexpr NameIx offer_claude{20};
    static constexpr NameIx offer_nano{21};
    static constexpr NameIx offer_other_cloud{22};

    void SetUp() override {
        RentalsTest::SetUp();
        ledger_->name({NameIx{12}, routing::NameKind::model, "opus"});
        for (int i = 13; i < 20; ++i) {
            ledger_->name({NameIx{i}, routing::NameKind::key, fmt::format("key {}", i)});
        }
        ledger_->name({offer_claude, routing::NameKind::offer, "claude"});
        ledger_->name({offer_nano, routing::NameKind::offer, "nano"});
        ledger_->name({offer_other_cloud, routing::NameKind::offer, "other-cloud"});
        config_.providers = {
            {.name = "claude", .kind = config::ProviderKind::anthropic},
            {.name = "nano", .kind = config::ProviderKind::openai_compatible},
            {.name = "sandbox", .kind = config::ProviderKind::rental},
            {.name = "other-cloud", .kind = config::ProviderKind::rental}};
        config::Model qwq{.name = "qwq-32b"};
        qwq.offers = {
            {.name = "nano", .on = "nano"},
            {.name = "sandbox", .on = "sandbox", .gpu = "H100"},
            {.name = "other-cloud", .on = "other-cloud", .gpu = "H100 SXM"}};
        config::Model opus{.name = "opus"};
        opus.offers = {{.name = "claude", .on = "claude"}};
        config_.models = {qwq, opus};
    }
    void price(NameIx offer, const char* meter, Price price, UtcTime seen) {
        ledger_->price_seen(
            {.offer = offer, .meter = meter, .price = price, .seen = seen, .from = seen});
    }
    void token_price(NameIx offer, std::int64_t in, std::int64_t out, UtcTime seen) {
        price(offer, "in", Price::per_mtok(ledger::dollars(in)), seen);
        price(offer, "out", Price::per_mtok(ledger::dollars(out)), seen);
    }
    void own(std::int64_t id, std::int64_t in, std::int64_t cached, std::int64_t out) {
        ledger::Request request = ledger::own_request(id);
        request.at = clock_.read().utc;
        request.usage = {.prompt = in, .cached = cached, .completion = out};
        ASSERT_TRUE(ledger_->record(request));
    }
    [[nodiscard]] Savings savings(const config::Config* config = nullptr) const {
        SpendOptions options = asked();
        options.now = clock_.read().utc;
        auto books = reader();
        auto made = make_savings(books, config, options);
        if (!made) {
            throw std::runtime_error{made.error().message};
        }
        return *std::move(made);
    }
    static const SavingsLine& line_of(
        const Savings& savings, std::string_view what, std::string_view offer) {
        const auto found = std::ranges::find_if(savings.lines, [&](const SavingsLine& line) {
            return line.what == what && line.offer == offer;
        });
        if (found == savings.lines.end()) {
            throw std::runtime_error{fmt::format("no line of {} at {}", what, offer)};
        }
        return *found;
    }
    config::Config config_{};
};

TEST_F(SavingsReport, TakesThePriceOfEachDay) {
    const UtcTime first = ledger::test_start;
    token_price(offer_nano, 1'000'000'000, 2'000'000'000, first - 24h * 9);
    own(1, 1'000'000, 0, 1'000'000);  // at 1 and 2
    clock_.jump_utc(24h);
    token_price(offer_nano, 3'000'000'000, 4'000'000'000, clock_.read().utc - 1h);
    own(2, 1'000'000, 0, 1'000'000);  // at 3 and 4
    clock_.jump_utc(24h);
    own(3, 1'000'000, 0, 0);  // still at 3
    ASSERT_TRUE(ledger_->flush());
    const Savings made = savings(&config_);
    const SavingsLine& line = line_of(made, "all", "nano");
    EXPECT_EQ(line.cost, ledger::dollars(13'000'000'000));
    EXPECT_EQ(line.saved(), ledger::dollars(13'000'000'000)) << "own work without power is free";
    EXPECT_EQ(line.age.days, 3);
    EXPECT_EQ(line.age.days_seen, 1);
    EXPECT_EQ(line.age.days_earlier, 2);
    EXPECT_EQ(line.age.days_later, 0);
    EXPECT_EQ(line.age.age_days_max, 9) << "the first day's price was nine days old";
    EXPECT_EQ(line.tokens_other_model, 0);
    EXPECT_FALSE(line.age.configured);
    EXPECT_EQ(line_of(made, "own", "nano").cost, line.cost);
    EXPECT_FALSE(line.synthetic);
    config_.providers[1].synthetic = true;
    EXPECT_NE(savings_text(savings(&config_)).find("nano (synthetic) "), std::string::npos);
}

TEST_F(SavingsReport, OwnsUpToDaysBeforeAnyPrice) {
    own(1, 1'000'000, 0, 0);
    clock_.jump_utc(24h);
    token_price(offer_nano, 1'000'000'000, 2'000'000'000, clock_.read().utc);
    ASSERT_TRUE(ledger_->flush());
    const Savings made = savings(&config_);
    const SavingsLine& line = line_of(made, "all", "nano");
    EXPECT_EQ(line.cost, ledger::dollars(1'000'000'000));
    EXPECT_EQ(line.age.days_later, 1);
    EXPECT_NE(savings_text(made).find("(!) 1 of 1 day before any price"), std::string::npos)
        << savings_text(made);
}

TEST_F(SavingsReport, SaysWhatNobodyKnows) {
    token_price(offer_claude, 4'000'000'000, 20'000'000'000, ledger::test_start);
    own(1, 2'000'000, 1'500'000, 100'000);
    ASSERT_TRUE(ledger_->flush());
    const Savings made = savings(&config_);
    const SavingsLine& line = line_of(made, "all", "claude");
    EXPECT_EQ(line.cost, ledger::dollars(10'000'000'000)) << "cached tokens at the full price";
    EXPECT_EQ(line.tokens_other_model, 2'100'000) << "qwq-32b answered, not opus";
    const std::string text = savings_text(made);
    EXPECT_NE(
        text.find("1.5M of the 2.0M prompt tokens came from a cache here"), std::string::npos)
        << text;
    EXPECT_NE(text.find("(*) another model"), std::string::npos) << text;
    EXPECT_NE(
        savings_text(savings(nullptr)).find("nobody knows which model an offer serves"),
        std::string::npos);
}

TEST_F(SavingsReport, PutsRentedHoursAtOtherSellers) {
    price(offer_other_cloud, "hour", Price::per_hour(ledger::dollars(2'890'000'000)),
          ledger::test_start - 48h);
    price(ledger::offer_cloud, "hour", Price::per_hour(ledger::dollars(4'410'000'000)),
          ledger::test_start);
    token_price(offer_nano, 1'000'000'000, 1'000'000'000, ledger::test_start);
    life(1, {{Phase::boot, 30min}, {Phase::serve, 90min}});
    served_by_rental(1);
    ASSERT_TRUE(ledger_->flush());
    const Savings made = savings(&config_);
    const SavingsLine& hours = line_of(made, "rental", "other-cloud");
    EXPECT_EQ(hours.kind, "rental");
    EXPECT_EQ(hours.rented, 2h);
    EXPECT_EQ(hours.gpu, "H100 SXM");
    EXPECT_EQ(hours.paid, ledger::dollars(8'820'000'000));
    EXPECT_EQ(hours.cost, ledger::dollars(5'780'000'000));
    EXPECT_EQ(hours.saved(), ledger::dollars(-3'040'000'000)) << "so much too much";
    EXPECT_EQ(hours.age.age_days_max, 2);
    EXPECT_THROW(static_cast<void>(line_of(made, "rental", "sandbox")), std::runtime_error)
        << "all of it was rented there";
    const SavingsLine& tokens = line_of(made, "rental", "nano");
    EXPECT_EQ(tokens.kind, "api");
    EXPECT_EQ(tokens.cost, ledger::dollars(60'000));
    EXPECT_EQ(tokens.paid, ledger::dollars(8'820'000'000));
}

TEST_F(SavingsReport, CountsWearAndNamesTheExtremes) {
    token_price(offer_claude, 4'000'000'000, 20'000'000'000, ledger::test_start - 24h);
    token_price(offer_nano, 200'000'000, 300'000'000, ledger::test_start - 24h);
    own(1, 1'000'000, 0, 1'000'000);
    ledger_->power(
        {.hardware = "desk",
         .source = ledger::source_desk,
         .hour = ledger::test_start,
         .microjoules = 3'600'000'000'000,
         .price = Price::per_kwh(ledger::dollars(330'000'000)),
         .on = 1h,
         .worked = 1h,
         .wear = ledger::dollars(500'000'000),
         .wear_worked = ledger::dollars(500'000'000)});
    ASSERT_TRUE(ledger_->flush());
    const Savings made = savings(&config_);
    ASSERT_NE(made.cheapest(), nullptr);
    EXPECT_EQ(made.cheapest()->offer, "nano");
    EXPECT_EQ(made.dearest()->offer, "claude");
    EXPECT_EQ(made.cheapest()->saved(), ledger::dollars(-330'000'000));
    EXPECT_EQ(made.dearest()->saved(), ledger::dollars(23'170'000'000));
    EXPECT_EQ(
        savings_text(made),
        "November 2026 to the 23rd, USD          alternatives not taken\n"
        "\n"
        "everything at the dearest API, claude (*) would have been       24.0000\n"
        "everything at the cheapest API, nano would have been             0.5000\n"
        "you paid                                                         0.3300\n"
        "wear of own hardware                                             0.5000\n"
        "saved against the dearest                                       23.1700\n"
        "paid too much against the cheapest                               0.3300\n"
        "\n"
        "WORK             INSTEAD AT     WOULD BE          WAS        SAVED  PRICE SEEN\n"
        "everything       nano             0.5000       0.8300      -0.3300  "
        "2026-11-22, 1 day old at most\n"
        "everything       claude (*)      24.0000       0.8300      23.1700  "
        "2026-11-22, 1 day old at most\n"
        "own work         nano             0.5000       0.8300      -0.3300  "
        "2026-11-22, 1 day old at most\n"
        "own work         claude (*)      24.0000       0.8300      23.1700  "
        "2026-11-22, 1 day old at most\n"
        "\n"
        "(*) another model than the one that answered: the tokens would not be the same\n");
}

/// `report spend` ends with what `report savings` begins with.
TEST_F(SavingsReport, HasTheHeadlineOfTheSpendReport) {
    const Currency eur = *Currency::parse("EUR");
    token_price(offer_nano, 1'000'000'000, 9'000'000'000, ledger::test_start - 24h);
    own(1, 3'000'000, 0, 1'000);
    clock_.jump_utc(24h);
    token_price(offer_nano, 2'000'000'000, 3'000'000'000, clock_.read().utc);
    price(offer_claude, "in", Price::per_mtok({5'000'000'000, aud}), clock_.read().utc);
    price(offer_claude, "out", Price::per_mtok({7'000'000'000, aud}), clock_.read().utc);
    own(2, 2'000'000, 0, 500'000);
    ledger_->fx_seen({usd, aud, 14'235'671, 10'000'003, ledger::test_start});
    // In a currency that nobody knows a rate of, and by its bare figure the dearest of all.
    config_.models[0].offers.push_back(
        {.name = "far",
         .on = "nano",
         .token_price = config::TokenPrices{
             .in = Price::per_mtok({90'000'000'000, eur}),
             .out = Price::per_mtok({90'000'000'000, eur})}});
    ASSERT_TRUE(ledger_->flush());
    for (const Currency currency : {usd, aud}) {
        SpendOptions options = asked();
        options.now = clock_.read().utc;
        options.currency = currency;
        use_config(config_, options);
        auto books = reader();
        const auto saved = make_savings(books, &config_, options);
        ASSERT_TRUE(saved) << saved.error().message;
        ASSERT_NE(saved->dearest(), nullptr);
        const Spend spend = made(options);
        EXPECT_EQ(spend.api_label, "claude") << "5 AUD are more than 1 USD, and than 2";
        EXPECT_EQ(spend.api_label, saved->dearest()->offer);
        EXPECT_EQ(spend.api_only, saved->dearest()->cost);
        ASSERT_EQ(spend.notes.size(), 1u);
        EXPECT_TRUE(spend.notes[0].starts_with("far is left out: there is no rate from EUR"))
            << spend.notes[0];
        EXPECT_NE(spend_text(spend).find("\nfar is left out: "), std::string::npos);
    }
}

TEST_F(SavingsReport, JsonAndCsvSayTheSame) {
    token_price(offer_nano, 1'000'000'000, 2'000'000'000, ledger::test_start);
    ASSERT_TRUE(ledger_->record(ledger::api_request(1, 2'000'000'000)));
    ASSERT_TRUE(ledger_->flush());
    const Savings made = savings(&config_);
    const json::value root = json::parse(savings_json(made));
    EXPECT_EQ(root.at("schema").as_string(), "evenkeel.savings/1");
    EXPECT_EQ(root.at("parts").at(0).at("what").as_string(), "all");
    EXPECT_EQ(root.at("parts").at(0).at("cost").as_string(), "2.00");
    EXPECT_EQ(root.at("lines").as_array().size(), 2u) << "all, and API work";
    const json::value& line = root.at("lines").at(1);
    EXPECT_EQ(line.at("what").as_string(), "api");
    EXPECT_EQ(line.at("cost").as_string(), "0.00014");
    EXPECT_EQ(line.at("saved").as_string(), "-1.99986");
    EXPECT_EQ(line.at("price").at("from").as_string(), "ledger");
    EXPECT_EQ(line.at("prices"), (json::array{"1.00 USD/Mtok", "2.00 USD/Mtok"}));
    EXPECT_EQ(root.at("cheapest").at("offer").as_string(), "nano");
    const std::string csv = savings_csv(made);
    EXPECT_NE(
        csv.find("\r\napi,nano,api,qwq-32b,,false,100,20,0,0,0.00014,2.00,-1.99986,USD,ledger,"
                 "2026-11-23T10:00:00.000000Z,2026-11-23T10:00:00.000000Z,1,1,0,0,0\r\n"),
        std::string::npos)
        << csv;
}

TEST_F(SavingsReport, LeavesOutWhatHasNoRateAndSaysSo) {
    price(offer_nano, "in", Price::per_mtok({1'000'000'000, *Currency::parse("EUR")}),
          ledger::test_start);
    price(offer_nano, "out", Price::per_mtok({1'000'000'000, *Currency::parse("EUR")}),
          ledger::test_start);
    own(1, 1'000, 0, 10);
    ASSERT_TRUE(ledger_->flush());
    const Savings made = savings(&config_);
    EXPECT_TRUE(made.lines.empty());
    ASSERT_FALSE(made.notes.empty());
    EXPECT_TRUE(made.notes[0].starts_with("nano is left out: there is no rate from EUR"))
        << made.notes[0];
}

TEST_F(SavingsReport, TakesTheConfigurationWhereNoRowIs) {
    config_.models[0].offers[0].token_price = config::TokenPrices{
        .in = Price::per_mtok(ledger::dollars(1'000'000'000)),
        .out = Price::per_mtok(ledger::dollars(1'000'000'000))};
    config_.models[0].offers[0].seen = std::chrono::year{2026} / 11 / std::chrono::day{20};
    own(1, 1'000'000, 0, 0);
    ASSERT_TRUE(ledger_->flush());
    const Savings made = savings(&config_);
    const SavingsLine& line = line_of(made, "all", "nano");
    EXPECT_TRUE(line.age.configured);
    EXPECT_EQ(line.age.age_days_max, 3);
    EXPECT_EQ(line.cost, ledger::dollars(1'000'000'000));
}

TEST_F(SavingsReport, NothingIsSaidPlainly) {
    ASSERT_TRUE(ledger_->flush());
    EXPECT_NE(savings_text(savings(&config_)).find("nothing was asked"), std::string::npos);
}

}  // namespace
}  // namespace evenkeel::report
