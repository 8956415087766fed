#include "agent/cli/exit_codes.hpp"
#include "tests/unit/agent_replay/past.hpp"
#include "tests/unit/cli/say.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

/// `evenkeel replay --since`, through the command line itself, with the agent down.
namespace evenkeel::cli {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using ledger::test_start;

class ReplaySince : public agent::Past {
protected:
    [[nodiscard]] Said replay(std::vector<std::string> more) const {
        std::vector<std::string> words{
            "replay", "--since", "2026-11-01", "--until", "2026-11-23", "--state", state()};
        words.insert(words.end(), more.begin(), more.end());
        return say(std::move(words));
    }
};

TEST_F(ReplaySince, TheLedgersRequestsAreReplayed) {
    const std::string config = write_config();
    fill(test_start, 1, 400);
    book(overflowed(test_start + 1min, 1'200, 300));
    book(refused(test_start + 2min));
    ledger::Request bought = overflowed(test_start + 3min, 10, 10);
    bought.reason = {ReasonCode::api_only};
    book(bought);
    close();
    const Said said = replay({"--config", config, "--policy", "api-only", "--json"});
    ASSERT_EQ(said.status, Exit::done) << said.err;
    const json::object answer = json::parse(said.out).as_object();
    EXPECT_EQ(answer.at("schema").as_string(), "evenkeel.replay/1");
    EXPECT_EQ(answer.at("requests").as_int64(), 402);
    // 402 x (1,200 x 5 + 300 x 25) / 1e6 USD
    EXPECT_EQ(answer.at("cost").at("api").as_string(), "5.427");
    EXPECT_EQ(answer.at("now").at("answered").at("own").as_int64(), 402);
    const json::object& history = answer.at("history").as_object();
    EXPECT_EQ(history.at("requests").as_int64(), 402);
    EXPECT_EQ(history.at("size_unknown").as_int64(), 1);
    EXPECT_EQ(history.at("other_models").as_int64(), 1);
    EXPECT_EQ(history.at("since").as_string(), "2026-11-01T00:00:00.000000Z");
    EXPECT_EQ(history.at("until").as_string(), "2026-11-24T00:00:00.000000Z");

    const Said table = replay({"--config", config, "--set", "scaling.h100.max=0"});
    ASSERT_EQ(table.status, Exit::done) << table.err;
    EXPECT_NE(
        table.out.find("23 days, 402 requests for reference-32b from the ledger"),
        std::string::npos)
        << table.out;
    EXPECT_NE(table.out.find("DRAFT"), std::string::npos);
    EXPECT_NE(
        table.out.find("1 requests were refused or given up before their size was known"),
        std::string::npos)
        << table.out;
}

TEST_F(ReplaySince, AnotherModelAndTheReferenceWorld) {
    const std::string config = write_config();
    fill(test_start, 1, 40);
    ledger::Request bought = overflowed(test_start + 3min, 1'000'000, 10'000);
    bought.reason = {ReasonCode::api_only};
    book(bought);
    close();
    const Said big = replay({"--config", config, "--model", "big", "--json"});
    ASSERT_EQ(big.status, Exit::done) << big.err;
    EXPECT_EQ(json::parse(big.out).at("requests").as_int64(), 1);
    EXPECT_EQ(json::parse(big.out).at("cost").at("total").as_string(), "5.25");
    const Said reference =
        replay({"--config", config, "--world", "reference", "--policy", "api-only", "--json"});
    ASSERT_EQ(reference.status, Exit::done) << reference.err;
    EXPECT_EQ(json::parse(reference.out).at("requests").as_int64(), 40);
}

TEST_F(ReplaySince, SaysWhatIsMissing) {
    const std::string config = write_config();
    fill(test_start, 1, 3);
    close();
    const Said none = replay({"--config", config, "--model", "big"});
    EXPECT_EQ(none.status, Exit::failed);
    EXPECT_NE(none.err.find("no request for 'big'"), std::string::npos) << none.err;
    EXPECT_NE(none.err.find("3 others"), std::string::npos) << none.err;
    const Said both = replay({"--config", config, "--trace", "x.csv"});
    EXPECT_EQ(both.status, Exit::usage);
    EXPECT_EQ(
        say({"replay", "--since", "soon", "--state", state(), "--config", config}).status,
        Exit::usage);
    EXPECT_EQ(
        say({"replay",
             "--since",
             "2026-11-05",
             "--until",
             "2026-11-03",
             "--state",
             state(),
             "--config",
             config})
            .status,
        Exit::usage);
    const Said nowhere =
        say({"replay", "--since", "30d", "--state", "/nonexistent", "--config", config});
    EXPECT_EQ(nowhere.status, Exit::failed);
    EXPECT_NE(nowhere.err.find("no ledger"), std::string::npos) << nowhere.err;
}

}  // namespace
}  // namespace evenkeel::cli
