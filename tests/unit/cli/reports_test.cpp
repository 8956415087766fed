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
    EXPECT_NE(unknown.err.find("currency.rates.USD"), std::string::npos) << unknown.err;
}

TEST_F(Reports, RefuseWhatMakesNoSense) {
    EXPECT_EQ(report({"spend", "--days", "--hours"}).status, Exit::usage);
    const Said by_tag = report({"spend", "--days", "--by", "tag"});
    EXPECT_NE(by_tag.status, Exit::done);
    EXPECT_NE(by_tag.err.find("days are not counted by tag"), std::string::npos) << by_tag.err;
    const Said since = report({"forecast", "--since", "30d"});
    EXPECT_EQ(since.status, Exit::usage);
    EXPECT_NE(since.err.find("--since"), std::string::npos) << since.err;
}

}  // namespace
}  // namespace evenkeel::cli
