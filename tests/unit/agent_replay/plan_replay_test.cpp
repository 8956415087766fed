#include "agent/cli/plan_replay.hpp"

#include "tests/unit/agent_replay/past.hpp"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace evenkeel::cli {
namespace {

using ledger::test_start;
using namespace std::chrono_literals;

class PlanReplayTest : public agent::Past {
protected:
    /// Nobody rents, so that quiet days take no time; the draft sends everything to the API.
    [[nodiscard]] static Sides sides() {
        std::vector<config::SourceFile> files = agent::past_files();
        EXPECT_TRUE(config::override_value(files, "scaling", "[]"));
        const auto load = [](const std::vector<config::SourceFile>& of) {
            auto loaded = config::load(
                of,
                config::Date{
                    std::chrono::year{2026}, std::chrono::month{11}, std::chrono::day{25}});
            EXPECT_TRUE(loaded) << config::render_all(loaded.error());
            return std::move(*loaded);
        };
        Sides sides;
        sides.running.loaded = load(files);
        EXPECT_TRUE(config::override_value(
            files,
            "models.reference-32b.offers",
            "[{on: api, name: hosted, price: {in: 1 USD/Mtok, out: 2 USD/Mtok}, "
            "seen: 2026-11-01}]"));
        sides.draft.loaded = load(files);
        return sides;
    }
    [[nodiscard]] PlanReplay look_back(const Sides& of, agent::ReplayLimit limit = {.time = 60s}) {
        ledger::Reader reader = this->reader();
        return replay_plan(state(), reader, of, test_start, limit);
    }
};

TEST_F(PlanReplayTest, TellsWhatTheLastMonthWouldHaveCost) {
    fill(test_start, 4, 1'000);
    const PlanReplay replay = look_back(sides());
    ASSERT_EQ(replay.none, "");
    EXPECT_EQ(replay.before.answered_own, 1'000);
    EXPECT_EQ(replay.after.answered_api, 1'000);
    // 1,000 x (1,200 x 1 + 300 x 2) / 1e6 USD
    EXPECT_EQ(replay.after.total, Money(1'800'000'000, usd));
    const std::string text = plan_replay_text(replay);
    EXPECT_TRUE(text.starts_with("Replay  of the last 30 days")) << text;
    EXPECT_NE(text.find(" -> US$1.80"), std::string::npos) << text;
    EXPECT_NE(text.find("p95 wait"), std::string::npos) << text;
    EXPECT_NE(text.find("0 -> 0 machine starts"), std::string::npos) << text;
    EXPECT_NE(text.find("within the limit"), std::string::npos) << text;
    const boost::json::object json = plan_replay_json(replay);
    EXPECT_TRUE(json.at("none").is_null());
    EXPECT_EQ(json.at("requests").as_int64(), 1'000);
    EXPECT_EQ(json.at("after").at("cost").at("total").as_string(), "1.80");
    EXPECT_EQ(json.at("since"), json.at("asked_since"));
}

TEST_F(PlanReplayTest, SaysHowMuchHistoryThereIs) {
    fill(test_start, 2, 300);
    const PlanReplay replay = look_back(sides());
    EXPECT_EQ(
        plan_replay_text(replay),
        "Replay  too little history: 300 requests in 48 hours; it takes 1,000 in 3 days\n");
    EXPECT_EQ(plan_replay_json(replay).at("none").as_string(), replay.none);
    EXPECT_EQ(plan_replay_json(replay).at("requests").as_int64(), 300);
}

TEST_F(PlanReplayTest, SumsOverModelsAndLeavesOutWhatTheDraftCannotServe) {
    fill(test_start, 4, 1'000);
    ledger::Request bought = overflowed(test_start - 1h, 1'000'000, 0);
    bought.reason = {ReasonCode::api_only};
    book(bought);
    ASSERT_TRUE(ledger_->flush());
    const PlanReplay both = look_back(sides());
    ASSERT_EQ(both.none, "");
    EXPECT_EQ(both.busiest, "reference-32b");
    EXPECT_EQ(both.after.total, Money(6'800'000'000, usd));  // and 1 Mtok at 5 USD
    EXPECT_EQ(both.before.requests, 1'001);
    Sides without = sides();
    std::erase_if(without.draft.loaded.config.models, [](const config::Model& model) {
        return model.name == "big";
    });
    without.draft.loaded.config.routes.front().use = {"reference-32b"};
    const PlanReplay one = look_back(without);
    ASSERT_EQ(one.left_out.size(), 1u);
    EXPECT_NE(one.left_out[0].find("big: in the draft"), std::string::npos) << one.left_out[0];
    EXPECT_EQ(one.before.requests, 1'000);
    EXPECT_NE(plan_replay_text(one).find("without big"), std::string::npos);
}

TEST_F(PlanReplayTest, ALongHistoryIsCutAndSaysSo) {
    fill(test_start, 20, 30'000);
    int looks = 0;
    const PlanReplay replay =
        look_back(sides(), {.time = 1s, .spent = [&looks] { return 100ms * looks++; }});
    ASSERT_EQ(replay.none, "");
    EXPECT_LT(replay.before.requests, 30'000);
    EXPECT_EQ(replay.before.requests, replay.after.requests);
    const std::string text = plan_replay_text(replay);
    EXPECT_TRUE(text.starts_with("Replay  of the newest ")) << text;
    EXPECT_NE(text.find("of 30 days"), std::string::npos) << text;
    EXPECT_NE(plan_replay_json(replay).at("since"), plan_replay_json(replay).at("asked_since"));
}

}  // namespace
}  // namespace evenkeel::cli
