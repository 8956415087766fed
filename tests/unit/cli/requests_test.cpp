#include "agent/cli/exit_codes.hpp"
#include "agent/service/clock.hpp"
#include "tests/unit/cli/say.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

#include <boost/json/parse.hpp>

/// `evenkeel report requests`, and the way from an answer's id to its row.
namespace evenkeel::cli {
namespace {

namespace json = boost::json;

class ReportRequests : public ledger::LedgerTest {
protected:
    void SetUp() override {
        open();
        ledger::store_names(*ledger_);
        ledger::Request request = ledger::api_request(id_.value(), 1'500'000);
        request.at = now_;
        request.tags = "team=search,job=7";
        ASSERT_TRUE(ledger_->record(request));
        close();
    }
    [[nodiscard]] Said report(std::vector<std::string> more) const {
        std::vector<std::string> words{
            "--state", (dir_.path() / "state").string(), "--utc", "report", "requests"};
        words.insert(words.end(), more.begin(), more.end());
        return say(words);
    }
    UtcTime now_{agent::SystemClock{}.read().utc};
    RequestId id_{least_id_at(now_) + 1};
};

TEST_F(ReportRequests, ShowsIdsAndTags) {
    const Said said = report({"--since", "1d"});
    EXPECT_EQ(said.status, Exit::done) << said.err;
    EXPECT_TRUE(said.out.starts_with("AT ")) << said.out;
    EXPECT_NE(said.out.find(request_id_text(id_)), std::string::npos) << said.out;
    EXPECT_NE(said.out.find("  answered  team=search,job=7\n"), std::string::npos) << said.out;
    EXPECT_EQ(report({"--since", "1d", "--tag", "team=ads"}).out, "no request in this time\n");
    EXPECT_NE(report({"--since", "1d", "--key", "who"}).err.find("named 'who'"), std::string::npos);
}

TEST_F(ReportRequests, ExportsJsonAndCsv) {
    const Said said = report({"--since", "1d", "--json", "--tag", "job=7"});
    EXPECT_EQ(said.status, Exit::done) << said.err;
    const json::object root = json::parse(said.out).as_object();
    EXPECT_EQ(root.at("schema").as_string(), "evenkeel.requests/1");
    ASSERT_EQ(root.at("requests").as_array().size(), 1u);
    EXPECT_EQ(root.at("requests").at(0).at("id").as_string(), request_id_text(id_));
    const Said csv = report({"--since", "1d", "--csv"});
    EXPECT_TRUE(csv.out.starts_with("id,at,key,")) << csv.out;
    EXPECT_NE(csv.out.find("\r\n" + request_id_text(id_) + ","), std::string::npos) << csv.out;
    EXPECT_TRUE(csv.out.ends_with(",\"team=search,job=7\"\r\n")) << csv.out;
}

TEST_F(ReportRequests, HelpSaysWhatTagsAreAndHowTheyCount) {
    EXPECT_NE(say({"report", "spend", "--help"}).out.find("x-evenkeel-tag"), std::string::npos);
    const Said wrong = say({"report", "spend", "--by", "colour"});
    EXPECT_EQ(wrong.status, Exit::usage);
    EXPECT_NE(wrong.err.find("machine or tag"), std::string::npos) << wrong.err;
}

}  // namespace
}  // namespace evenkeel::cli
