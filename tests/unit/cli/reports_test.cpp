#include "agent/cli/exit_codes.hpp"
#include "agent/service/clock.hpp"
#include "tests/unit/cli/say.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

#include <boost/json/parse.hpp>

/// `evenkeel report ...` as a person types it, with the agent down.
namespace evenkeel::cli {
namespace {

namespace json = boost::json;

class Reports : public ledger::LedgerTest {
protected:
    void SetUp() override {
        open();
        ledger::store_names(*ledger_);
        ledger_->source(
            {ledger::source_rented, SourceKind::rental, ledger::provider_cloud, "H100", false});
        ledger::Request request = ledger::api_request(least_id_at(now_) + 1, 1'500'000'000);
        request.at = now_;
        request.budgets.clear();
        ASSERT_TRUE(ledger_->record(request));
        ledger_->fx_seen({usd, aud, 14'235, 10'000, now_});
        ledger_->price_seen(
            {.offer = ledger::offer_cloud,
             .meter = "in",
             .price = Price::per_mtok(ledger::dollars(1'000'000'000)),
             .seen = now_,
             .from = now_});
        ledger_->price_seen(
            {.offer = ledger::offer_cloud,
             .meter = "out",
             .price = Price::per_mtok(ledger::dollars(1'000'000'000)),
             .seen = now_,
             .from = now_});
        close();
    }
    [[nodiscard]] Said report(std::vector<std::string> more) const {
        std::vector<std::string> words{
            "--state",
            (dir_.path() / "state").string(),
            "--config",
            (dir_.path() / "none").string(),
            "--utc",
            "report"};
        words.insert(words.end(), more.begin(), more.end());
        return say(words);
    }
    [[nodiscard]] Said ledger(std::vector<std::string> more) const {
        more.insert(more.begin(), {"--state", (dir_.path() / "state").string(), "ledger"});
        return say(more);
    }
    [[nodiscard]] json::object json_of(std::vector<std::string> more) const {
        more.emplace_back("--json");
        const Said said = report(more);
        EXPECT_EQ(said.status, Exit::done) << said.err;
        return json::parse(said.out).as_object();
    }
    UtcTime now_{agent::SystemClock{}.read().utc};
};

TEST_F(Reports, EachHasItsDocument) {
    EXPECT_EQ(json_of({}).at("schema").as_string(), "evenkeel.spend/1") << "spend by itself";
    EXPECT_EQ(json_of({"spend"}).at("schema").as_string(), "evenkeel.spend/1");
    EXPECT_EQ(json_of({"spend", "--days"}).at("schema").as_string(), "evenkeel.spend-days/1");
    EXPECT_EQ(json_of({"spend", "--hours"}).at("schema").as_string(), "evenkeel.hours/1");
    EXPECT_EQ(json_of({"savings"}).at("schema").as_string(), "evenkeel.savings/1");
    EXPECT_EQ(json_of({"idle"}).at("schema").as_string(), "evenkeel.idle/1");
    EXPECT_EQ(json_of({"forecast"}).at("schema").as_string(), "evenkeel.forecast/1");
}

TEST_F(Reports, FiguresAgree) {
    const std::string paid = "1.50";
    EXPECT_EQ(json_of({"spend"}).at("total").at("cost").as_string(), paid);
    EXPECT_EQ(json_of({"spend", "--by", "machine"}).at("total").at("cost").as_string(), paid);
    EXPECT_EQ(json_of({"spend", "--days"}).at("total").as_string(), paid);
    EXPECT_EQ(json_of({"savings"}).at("parts").at(0).at("paid").as_string(), paid);
    EXPECT_EQ(json_of({"savings"}).at("lines").at(0).at("cost").as_string(), "0.00012");
    EXPECT_EQ(json_of({"forecast"}).at("total").at("spent").as_string(), paid);
}

TEST_F(Reports, EachHasCsvAndText) {
    const std::vector<std::pair<std::vector<std::string>, std::string>> heads{
        {{"spend"}, "kind,label,"},
        {{"spend", "--days"}, "day,kind,label,"},
        {{"spend", "--hours"}, "at,own,rental,"},
        {{"savings"}, "what,offer,"},
        {{"idle"}, "kind,machine,"},
        {{"forecast"}, "name,per,"}};
    for (const auto& [words, head] : heads) {
        std::vector<std::string> as_csv = words;
        as_csv.emplace_back("--csv");
        const Said csv = report(as_csv);
        EXPECT_EQ(csv.status, Exit::done) << csv.err;
        EXPECT_TRUE(csv.out.starts_with(head)) << csv.out;
        EXPECT_TRUE(csv.out.ends_with("\r\n")) << csv.out;
        const Said text = report(words);
        EXPECT_EQ(text.status, Exit::done) << text.err;
        EXPECT_NE(text.out.find("USD"), std::string::npos) << text.out;
    }
}

TEST_F(Reports, InAnotherCurrency) {
    const Said said = report({"spend", "--currency", "AUD"});
    EXPECT_EQ(said.status, Exit::done) << said.err;
    EXPECT_NE(said.out.find(", AUD, USD at 1.4235 ("), std::string::npos) << said.out;
    EXPECT_NE(said.out.find("2.14"), std::string::npos) << said.out;
    EXPECT_EQ(json_of({"idle", "--currency", "AUD"}).at("currency").as_string(), "AUD");
    const Said wrong = report({"spend", "--currency", "dollars"});
    EXPECT_EQ(wrong.status, Exit::usage);
    const Said unknown = report({"savings", "--currency", "EUR"});
    EXPECT_EQ(unknown.status, Exit::failed);
    EXPECT_NE(unknown.err.find("currency.rates.EUR"), std::string::npos) << unknown.err;
}

TEST_F(Reports, RefuseWhatMakesNoSense) {
    EXPECT_EQ(report({"spend", "--days", "--hours"}).status, Exit::usage);
    const Said by_tag = report({"spend", "--days", "--by", "tag"});
    EXPECT_NE(by_tag.status, Exit::done);
    EXPECT_NE(by_tag.err.find("days are not counted by tag"), std::string::npos) << by_tag.err;
    EXPECT_EQ(by_tag.status, Exit::usage);
    const Said since = report({"forecast", "--since", "30d"});
    EXPECT_EQ(since.status, Exit::usage);
    EXPECT_NE(since.err.find("--since"), std::string::npos) << since.err;
}

TEST_F(Reports, MistakesInDaysAreMistakesOfUse) {
    for (const char* const which : {"spend", "savings", "idle", "requests"}) {
        const Said foo = report({which, "--since", "foo"});
        EXPECT_EQ(foo.status, Exit::usage) << which;
        EXPECT_NE(foo.err.find("'foo' is no day"), std::string::npos) << foo.err;
        const Said turned = report({which, "--since", "2026-01-02", "--until", "2026-01-01"});
        EXPECT_EQ(turned.status, Exit::usage) << which;
    }
    EXPECT_EQ(report({"spend", "--hours", "--since", "x"}).status, Exit::usage);
    EXPECT_EQ(ledger({"show", "--since", "foo"}).status, Exit::usage);
    EXPECT_EQ(ledger({"export", "--until", "foo"}).status, Exit::usage);
    const Said month = ledger({"reconcile", "--month", "2026-13"});
    EXPECT_EQ(month.status, Exit::usage);
    EXPECT_NE(month.err.find("'2026-13' is no month"), std::string::npos) << month.err;
    const Said currency = ledger({"reconcile", "--invoice", "5", "--invoice-currency", "usd"});
    EXPECT_EQ(currency.status, Exit::usage);
    EXPECT_NE(currency.err.find("--invoice-currency takes"), std::string::npos) << currency.err;
}

TEST_F(Reports, LimitsAreCounts) {
    for (const char* const bad : {"-1", "0", "1.5", "many", "99999999999999999999"}) {
        const Said said = report({"requests", "--limit", bad});
        EXPECT_EQ(said.status, Exit::usage) << bad;
        EXPECT_NE(said.err.find("a whole number from 1 on, not '"), std::string::npos) << said.err;
        EXPECT_LT(said.err.size(), 300u) << said.err;
        EXPECT_EQ(ledger({"show", "--limit", bad}).status, Exit::usage) << bad;
    }
}

TEST_F(Reports, UntilAloneNamesAnEarlierTime) {
    const json::object spend = json_of({"spend", "--until", "2020-02-10"});
    EXPECT_EQ(spend.at("first").as_string(), "2020-02-01");
    EXPECT_EQ(spend.at("last").as_string(), "2020-02-10");
    EXPECT_EQ(report({"requests", "--until", "2020-02-10"}).out, "no request in this time\n");
}

/// A zone whose day is not that of UTC now: --utc is of times, all days are booking days.
TEST_F(Reports, DaysAreBookingDaysAlsoWithUtc) {
    const auto of_day = now_.time_since_epoch() % std::chrono::days{1};
    const bool is_early = of_day < std::chrono::hours{12};
    const std::chrono::hours offset{is_early ? -13 : 13};
    ledger::Options with = options();
    with.zone = is_early ? "-13:00" : "+13:00";
    ledger::TemporaryFolder elsewhere;
    with.dir = elsewhere.path() / "state";
    open(with);
    ledger::store_names(*ledger_);
    ledger::Request request = ledger::api_request(least_id_at(now_) + 1, 1'500'000'000);
    request.at = now_;
    request.budgets.clear();
    ASSERT_TRUE(ledger_->record(request));
    close();
    const std::string day = config::to_text(
        std::chrono::year_month_day{std::chrono::floor<std::chrono::days>(now_ + offset)});
    const auto asked = [&](std::vector<std::string> words) {
        std::vector<std::string> all{"--state", with.dir.string(), "--utc", "--json", "report"};
        all.insert(all.end(), words.begin(), words.end());
        all.insert(all.end(), {"--since", day, "--until", day});
        const Said said = say(all);
        EXPECT_EQ(said.status, Exit::done) << said.err;
        return json::parse(said.out).as_object();
    };
    EXPECT_EQ(asked({"requests"}).at("requests").as_array().size(), 1u);
    EXPECT_EQ(asked({"spend"}).at("total").at("cost").as_string(), "1.50");
    EXPECT_EQ(asked({"spend", "--days"}).at("total").as_string(), "1.50");
    std::int64_t nanos = 0;
    const json::object hours = asked({"spend", "--hours"});
    for (const json::value& hour : hours.at("hours").as_array()) {
        nanos += parse_decimal(std::string{hour.at("api").as_string()}, 9).value_or(0);
    }
    EXPECT_EQ(nanos, 1'500'000'000);
}

}  // namespace
}  // namespace evenkeel::cli
