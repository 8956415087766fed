#include "agent/report/spend.hpp"

#include "tests/unit/ledger/ledger_fixture.hpp"

#include <boost/json.hpp>

namespace evenkeel::report {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

/// A small November: an own GPU, a rented one, an API, two keys.
class SpendReport : public ledger::LedgerTest {
protected:
    void SetUp() override {
        open();
        ledger::store_names(*ledger_);
        ledger_->name({other_key, routing::NameKind::key, "=team,\"b\""});
        ledger_->source({ledger::source_desk, SourceKind::own, {}, "desk", false});
        ledger_->source(
            {ledger::source_rented, SourceKind::rental, ledger::provider_cloud, "H100 80GB", true});
        book_api(1, 2'000'000'000, ledger::test_start);
        book_api(2, 1'000'000'000, ledger::test_start - std::chrono::days{3});
        book_api(3, 500'000'000, ledger::test_start - std::chrono::days{40});
        for (int i = 10; i < 17; ++i) {
            ledger::Request own = ledger::own_request(i);
            own.usage = {.prompt = 900'000, .completion = 100'000};
            ASSERT_TRUE(ledger_->record(own));
        }
        ledger_->power(
            {.hardware = "desk",
             .source = ledger::source_desk,
             .hour = ledger::test_start,
             .microjoules = 3'600'000'000'000,
             .price = Price::per_kwh(ledger::dollars(330'000'000)),
             .work_microjoules = 2'700'000'000'000,
             .host_microjoules = 360'000'000'000,
             .estimated_microjoules = 540'000'000'000,
             .on = 10h,
             .worked = 4h,
             .wear = ledger::dollars(500'000'000),
             .wear_worked = ledger::dollars(200'000'000)});
        rent();
        ASSERT_TRUE(ledger_->flush());
    }
    void book_api(std::int64_t id, std::int64_t paid, UtcTime at) {
        ledger::Request request = ledger::api_request(id, paid);
        request.at = at;
        request.usage = {.prompt = 75'000, .completion = 25'000};
        request.key = id == 2 ? other_key : ledger::key_me;
        request.budgets.clear();
        ASSERT_TRUE(ledger_->record(request));
    }
    void rent() {
        const auto first = ledger::intent(1, clock_.read());
        ASSERT_TRUE(step(first));
        auto gone = ledger::next_step(first, MachineState::gone, clock_.read());
        gone.machine.gone = clock_.read().utc;
        gone.machine.gone_how = GoneHow::destroyed;
        gone.phases = {
            {.no = 1,
             .phase = Phase::boot,
             .from = ledger::test_start,
             .to = ledger::test_start + 60s,
             .amount = ledger::dollars(1'500'000'000),
             .paid_for = 60s},
            {.no = 2,
             .phase = Phase::serve,
             .from = ledger::test_start + 60s,
             .to = ledger::test_start + 180s,
             .amount = ledger::dollars(4'500'000'000),
             .paid_for = 120s}};
        ASSERT_TRUE(step(gone));
        ledger::Request served = ledger::own_request(100);
        served.source = ledger::source_rented;
        served.kind = SourceKind::rental;
        served.provider = ledger::provider_cloud;
        ASSERT_TRUE(ledger_->record(served));
    }
    [[nodiscard]] SpendOptions asked() const {
        return {.now = ledger::test_start, .currency = usd};
    }
    [[nodiscard]] Spend made(const SpendOptions& options) {
        auto books = reader();
        auto spend = make_spend(books, options);
        if (!spend) {
            throw std::runtime_error{spend.error().message};
        }
        return *std::move(spend);
    }
    static constexpr NameIx other_key{12};
};

TEST_F(SpendReport, AddsUpTheMonthBySource) {
    const Spend spend = made(asked());
    EXPECT_EQ(spend.first, (std::chrono::year{2026} / 11 / 1));
    ASSERT_EQ(spend.lines.size(), 3u);
    EXPECT_EQ(spend.lines[0].kind, "own");
    EXPECT_EQ(spend.lines[0].label, "desk");
    EXPECT_EQ(spend.lines[0].requests, 7);
    EXPECT_EQ(spend.lines[0].cost, ledger::dollars(330'000'000)) << "power of one kWh";
    EXPECT_EQ(spend.lines[1].kind, "rental");
    EXPECT_TRUE(spend.lines[1].synthetic);
    EXPECT_EQ(spend.lines[1].requests, 1);
    EXPECT_EQ(spend.lines[1].cost, ledger::dollars(6'000'000'000));
    EXPECT_EQ(spend.lines[2].kind, "api");
    EXPECT_EQ(spend.lines[2].requests, 2) << "the one of October is not asked for";
    EXPECT_EQ(spend.lines[2].cost, ledger::dollars(3'000'000'000));
    EXPECT_EQ(spend.lines[2].per_mtok, ledger::dollars(15'000'000'000));
    EXPECT_EQ(spend.total.cost, ledger::dollars(9'330'000'000));
    EXPECT_EQ(spend.total.requests, 10);
    ASSERT_EQ(spend.rental.size(), 2u);
    EXPECT_EQ(spend.rental[0].phase, "serve");
    EXPECT_EQ(spend.rental[0].share_permille, 750);
    EXPECT_EQ(spend.rental_not_serving, ledger::dollars(1'500'000'000));
    EXPECT_FALSE(spend.api_only);
}

TEST_F(SpendReport, RefusedRequestsAreNobodysWork) {
    ledger::Request refused = ledger::own_request(300);
    refused.source = NameIx{};
    refused.usage = {};
    refused.outcome = Outcome::refused;
    ASSERT_TRUE(ledger_->record(refused));
    ASSERT_TRUE(ledger_->flush());
    const Spend spend = made(asked());
    ASSERT_EQ(spend.lines.size(), 4u);
    EXPECT_EQ(spend.lines[0].requests, 7) << "not the own GPU's";
    EXPECT_EQ(spend.lines[3].kind, "");
    EXPECT_EQ(spend.lines[3].label, "(not served)");
    EXPECT_EQ(spend.lines[3].requests, 1);
}

TEST_F(SpendReport, TextIsWhatPeopleRead) {
    config::Config config;
    config.models = {{.name = "opus"}};
    config.models[0].offers = {
        {.name = "claude-opus-5-5",
         .on = "claude",
         .token_price = config::TokenPrices{
             .in = Price::per_mtok(ledger::dollars(4'000'000'000)),
             .out = Price::per_mtok(ledger::dollars(20'000'000'000))}}};
    SpendOptions options = asked();
    use_config(config, options);
    EXPECT_EQ(
        spend_text(made(options)),
        "November 2026 to the 23rd, USD          source: ledger, 10 requests\n"
        "\n"
        "SOURCE                         REQUESTS          TOKENS   IN/OUT          COST   SHARE"
        "   PER MTOK\n"
        "own    desk                           7  70 %      6.3M / 700.0k          0.33     4 %"
        "       0.05\n"
        "rented H100 80GB (synthetic)          1  10 %        50 / 10              6.00    64 %"
        " 100,000.00\n"
        "API    claude                         2  20 %    150.0k / 50.0k           3.00    32 %"
        "      15.00\n"
        "total                                10            6.5M / 750.0k          9.33        "
        "       1.30\n"
        "\n"
        "of the rental:  serving 75 %  booting 25 %      1.50 USD paid while not serving\n"
        "\n"
        "RENTED TIME                    TIME         COST   SHARE\n"
        "serving                      2m 00s         4.50    75 %\n"
        "booting                      1m 00s         1.50    25 %\n"
        "total                        3m 00s         6.00\n"
        "\n"
        "OWN HARDWARE                ON     IN USE  IDLE kWh  WORK kWh  HOST kWh      POWER"
        "       WEAR\n"
        "desk                    10.0 h      4.0 h     0.150     0.750     0.100       0.33"
        "       0.50\n"
        "a million tokens of own work: 0.0354 for the power of the work, 0.0471 with idle and host,"
        "\n"
        "0.0757 with the wear of the hours in use, 0.1186 with all wear\n"
        "17 % of idle and work is an estimate: no energy counter measured it\n"
        "\n"
        "all of it from claude-opus-5-5 would have been        40.80\n"
        "you paid                                               9.33\n"
        "wear of own hardware                                   0.50\n"
        "saved                                                 30.97\n");
}

TEST_F(SpendReport, JsonCarriesMoneyAsText) {
    const json::value root = json::parse(spend_json(made(asked())));
    EXPECT_EQ(root.at("schema").as_string(), "evenkeel.spend/1");
    EXPECT_EQ(root.at("currency").as_string(), "USD");
    EXPECT_EQ(root.at("by").as_string(), "source");
    EXPECT_EQ(root.at("first").as_string(), "2026-11-01");
    EXPECT_EQ(root.at("total").at("cost").as_string(), "9.33");
    EXPECT_EQ(root.at("lines").as_array().size(), 3u);
    EXPECT_EQ(root.at("lines").at(1).at("synthetic").as_bool(), true);
    EXPECT_EQ(root.at("rental").at("not_serving").as_string(), "1.50");
    EXPECT_EQ(root.at("rental").at("phases").at(0).at("time_s").as_int64(), 120);
    EXPECT_TRUE(root.at("api_only").is_null());
    const json::value& own = root.at("own");
    EXPECT_EQ(own.at("tokens").as_int64(), 7'000'000);
    EXPECT_EQ(own.at("hardware").at(0).at("work_microjoules").as_int64(), 2'700'000'000'000);
    EXPECT_EQ(own.at("hardware").at(0).at("wear_worked").as_string(), "0.20");
    EXPECT_EQ(own.at("per_mtok_work").as_string(), "0.035357143");
}

TEST_F(SpendReport, F72CsvIsNoFormula) {
    SpendOptions options = asked();
    options.by = SpendBy::key;
    const std::string csv = spend_csv(made(options));
    EXPECT_NE(
        csv.find("\r\n,\"'=team,\"\"b\"\"\",false,1,75000,25000,1.00,USD,10.00,1.00,\r\n"),
        std::string::npos)
        << csv;
    EXPECT_TRUE(csv.starts_with("kind,label,synthetic,requests,"));
    EXPECT_TRUE(csv.ends_with("phase,serve,,,,,4.50,USD,,,120\r\nphase,boot,,,,,1.50,USD,,,60\r\n"))
        << csv;
}

TEST_F(SpendReport, GroupsByAnyDimension) {
    SpendOptions options = asked();
    options.by = SpendBy::key;
    const Spend by_key = made(options);
    ASSERT_EQ(by_key.lines.size(), 3u);
    EXPECT_EQ(by_key.lines[0].label, "(not by request)");
    EXPECT_EQ(by_key.lines[0].cost, ledger::dollars(6'330'000'000));
    options.by = SpendBy::model;
    const Spend by_model = made(options);
    EXPECT_EQ(by_model.lines.back().label, "qwq-32b");
    EXPECT_EQ(by_model.lines.back().cost, ledger::dollars(9'000'000'000));
    options.by = SpendBy::provider;
    const Spend by_provider = made(options);
    ASSERT_EQ(by_provider.lines.size(), 3u);
    EXPECT_EQ(by_provider.lines[2].label, "sandbox");
    EXPECT_TRUE(by_provider.lines[2].synthetic);
    options.by = SpendBy::route;
    EXPECT_EQ(made(options).total.cost, ledger::dollars(9'330'000'000)) << "however it is cut";
    EXPECT_EQ(spend_by_from("provider"), SpendBy::provider);
    EXPECT_FALSE(spend_by_from("colour"));
}

TEST_F(SpendReport, TakesDaysAndSpans) {
    const auto requests = [this](
                              std::optional<std::string> since, std::optional<std::string> until) {
        SpendOptions options = asked();
        options.since = std::move(since);
        options.until = std::move(until);
        return made(options).total.requests;
    };
    EXPECT_EQ(requests("2026-10-01", {}), 11);
    EXPECT_EQ(requests("2026-10-01", "2026-11-19"), 1);
    EXPECT_EQ(requests("3d", {}), 10);
    EXPECT_EQ(requests("2d", {}), 9);
    EXPECT_EQ(requests("24h", {}), 9);
    EXPECT_EQ(requests("2026-11-20", "2026-11-20"), 1);
    EXPECT_EQ(requests("2026-11-21", "2026-11-22"), 0);
    for (const char* bad :
         {"yesterday", "2026-13-01", "2026-02-30", "5", "d", "-1d", "99999d", "3 d", "3dd",
          "", "-999-01-01", "0001-01-01", "1969-12-31"}) {
        SpendOptions options = asked();
        options.since = bad;
        auto books = reader();
        const auto spend = make_spend(books, options);
        ASSERT_FALSE(spend) << bad;
        EXPECT_EQ(spend.error().code, Errc::invalid_argument);
    }
    SpendOptions turned = asked();
    turned.since = "2026-11-05";
    turned.until = "2026-11-04";
    auto books = reader();
    EXPECT_FALSE(make_spend(books, turned));
    turned.until.reset();
    turned.since = "2026-11-24";
    const auto early = make_spend(books, turned);
    ASSERT_FALSE(early);
    EXPECT_EQ(early.error().message, "--since is a day that has not come yet");
}

TEST_F(SpendReport, BeginsWithTheMonthOfTheLastDay) {
    SpendOptions options = asked();
    options.until = "2026-10-20";
    const Spend spend = made(options);
    EXPECT_EQ(spend.first, (std::chrono::year{2026} / 10 / 1));
    EXPECT_EQ(spend.last, (std::chrono::year{2026} / 10 / 20));
    EXPECT_EQ(spend.total.requests, 1);
}

/// A report asks several times; the daemon goes on booking meanwhile.
TEST_F(SpendReport, IsOfOneMoment) {
    auto books = reader();
    {
        const auto snapshot = books.snapshot();
        ASSERT_TRUE(snapshot);
        ASSERT_TRUE(make_spend(books, asked()));
        book_api(500, 1'000'000'000, ledger::test_start);
        ASSERT_TRUE(ledger_->flush());
        EXPECT_EQ(make_spend(books, asked())->total.requests, 10);
        const auto wrong = books.policy(99);
        EXPECT_FALSE(wrong) << "an answer that nothing is there ends no snapshot";
        EXPECT_EQ(make_spend(books, asked())->total.requests, 10);
    }
    EXPECT_EQ(make_spend(books, asked())->total.requests, 11);
}

TEST_F(SpendReport, NothingIsSaidPlainly) {
    SpendOptions options = asked();
    options.since = "2025-02-03";
    options.until = "2025-02-03";
    const std::string text = spend_text(made(options));
    EXPECT_TRUE(text.starts_with("2025-02-03, USD"));
    EXPECT_NE(text.find("nothing was asked"), std::string::npos);
    options.until = "2025-03-01";
    EXPECT_TRUE(spend_text(made(options)).starts_with("2025-02-03 to 2025-03-01, USD"));
    options.since = "2025-02-01";
    options.until = "2025-02-28";
    EXPECT_TRUE(spend_text(made(options)).starts_with("February 2025, USD"));
}

TEST_F(SpendReport, ConvertsByTheNewestRate) {
    SpendOptions options = asked();
    options.currency = aud;
    auto books = reader();
    const auto without = make_spend(books, options);
    ASSERT_FALSE(without);
    EXPECT_NE(without.error().message.find("add currency.rates.AUD to"), std::string::npos)
        << without.error().message;

    // From the configuration...
    options.rates.report = aud;
    options.rates.rates[usd] = {
        .rate_nanos = 2'000'000'000, .as_of = std::chrono::year{2026} / 6 / std::chrono::day{30}};
    const Spend twice = made(options);
    EXPECT_EQ(twice.total.cost, (Money{18'660'000'000, aud}));
    EXPECT_EQ(twice.rates, std::vector<std::string>{"USD at 2.00 (2026-06-30)"});
    EXPECT_NE(spend_text(twice).find(", AUD, USD at 2.00 (2026-06-30)"), std::string::npos);
    // ... unless the ledger has a row of it.
    ledger_->fx_seen({usd, aud, 14'235, 10'000, ledger::test_start});
    ASSERT_TRUE(ledger_->flush());
    const Spend newest = made(options);
    EXPECT_EQ(newest.rates, std::vector<std::string>{"USD at 1.4235 (2026-11-23)"});
    EXPECT_EQ(newest.lines[2].cost, (Money{4'270'500'000, aud}));
}

TEST_F(SpendReport, ShowsWhatKeysWereChargedWhereOwnWorkHasAPrice) {
    SpendOptions options = asked();
    options.by = SpendBy::key;
    EXPECT_EQ(spend_text(made(options)).find("CHARGED"), std::string::npos);
    ledger::Request own = ledger::own_request(400);
    own.charged = ledger::dollars(250'000'000);
    ASSERT_TRUE(ledger_->record(own));
    ASSERT_TRUE(ledger_->flush());
    const Spend spend = made(options);
    const auto me = std::ranges::find(spend.lines, "me", &SpendLine::label);
    ASSERT_NE(me, spend.lines.end());
    EXPECT_EQ(me->cost, ledger::dollars(2'000'000'000));
    EXPECT_EQ(me->charged, ledger::dollars(2'250'000'000));
    EXPECT_EQ(spend.total.charged, ledger::dollars(3'250'000'000)) << "machine time is nobody's";
    EXPECT_NE(spend_text(spend).find("      CHARGED\n"), std::string::npos) << spend_text(spend);
    EXPECT_EQ(spend_text(made(asked())).find("CHARGED"), std::string::npos) << "by source";
}

TEST_F(SpendReport, NeverLooksAtSingleRequestsUnlessAskedByTag) {
    close();
    shell("DELETE FROM request");  // what is only in rows is lost, what is in roll-ups stays
    for (const SpendBy by :
         {SpendBy::source,
          SpendBy::model,
          SpendBy::key,
          SpendBy::route,
          SpendBy::provider,
          SpendBy::machine}) {
        SpendOptions options = asked();
        options.by = by;
        const Spend spend = made(options);
        EXPECT_EQ(spend.total.requests, 10) << to_text(by);
        std::int64_t requests = 0;
        for (const SpendLine& line : spend.lines) {
            requests += line.requests;
        }
        EXPECT_EQ(requests, 10) << to_text(by);
    }
}

TEST_F(SpendReport, WorksWithTheDaemonDown) {
    close();
    EXPECT_EQ(made(asked()).total.requests, 10);
}

}  // namespace
}  // namespace evenkeel::report
