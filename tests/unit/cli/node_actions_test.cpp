#include "agent/cli/node_actions.hpp"

#include "agent/cli/exit_codes.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sstream>

/// The talk between a person, `evenkeel nodes destroy` and the agent.
namespace evenkeel::cli {
namespace {

using namespace std::chrono_literals;

/// An agent that answers and remembers, a person that answers, and a clock that the pauses move.
struct Stage {
    std::vector<std::string> told{};
    std::vector<std::string> questions{};
    std::optional<std::string> person{};  ///< nothing: nobody is there
    std::optional<Error> refuses{};
    std::string state{"serving"};
    std::string begun{"draining"};  ///< what the agent says of the action
    int in_flight{0};
    std::chrono::milliseconds now{0};
    std::chrono::milliseconds gone_at{24h};
    std::ostringstream out{};
    std::ostringstream err{};
    Globals globals{};

    std::string machine() const {
        const bool gone = !told.empty() && now >= gone_at;
        return fmt::format(
            R"({{"name":"runpod-1","machine":"ek-1","remote_id":"k3x9","provider":"runpod",)"
            R"("state":"{}","in_flight":{},"gone_how":{},"paid":"1.1","rate":"2.89",)"
            R"("currency":"USD","age_s":962.0}})",
            gone           ? "gone"
            : told.empty() ? state
                           : "deleting",
            in_flight,
            gone ? R"("destroyed")" : "null");
    }
    NodeTalk talk() {
        return {
            .ask = [this](const std::string&) -> Result<std::string> {
                return fmt::format(R"({{"machines":[{}]}})", machine());
            },
            .tell = [this](
                        const std::string& target, const std::string& body) -> Result<std::string> {
                if (refuses) {
                    return std::unexpected{*refuses};
                }
                told.push_back(target + " " + body);
                return fmt::format(
                    R"({{"schema":"evenkeel.action/1","name":"runpod-1","machine":"ek-1",)"
                    R"("provider":"runpod","remote_id":"k3x9","state":"{}","in_flight":{}}})",
                    begun,
                    in_flight);
            },
            .question =
                [this](const std::string& question) {
                    questions.push_back(question);
                    return person;
                },
            .pause = [this](std::chrono::milliseconds time) { now += time; },
            .clock = [this] { return now; },
            .out = out,
            .err = err};
    }
    int destroy(NodeArguments arguments) {
        arguments.name = "runpod-1";
        return nodes_destroy(globals, arguments, talk());
    }
};

struct Answer {
    const char* name;
    int in_flight;
    bool now;
    std::optional<std::string> person;
    const char* path;  ///< what the agent is asked, or empty
    int status;
};

class NodesDestroyAsks : public testing::TestWithParam<Answer> {};

TEST_P(NodesDestroyAsks, AndDoesWhatThePersonSays) {
    Stage stage;
    stage.in_flight = GetParam().in_flight;
    stage.person = GetParam().person;
    stage.gone_at = 90s;
    EXPECT_EQ(stage.destroy({.now = GetParam().now}), GetParam().status) << stage.err.str();
    ASSERT_EQ(stage.questions.size(), 1u);
    const std::string path = GetParam().path;
    EXPECT_EQ(stage.told.size(), path.empty() ? 0u : 1u);
    if (!path.empty()) {
        EXPECT_TRUE(stage.told[0].starts_with(path + " ")) << stage.told[0];
        EXPECT_NE(stage.out.str().find("destroyed runpod-1 after 16m 02s"), std::string::npos);
        EXPECT_NE(stage.out.str().find("US$1.1000 in the ledger"), std::string::npos);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    NodesDestroyAsks,
    testing::Values(
        Answer{"WorkingEnter", 11, false, "", "/api/nodes/drain", 0},
        Answer{"WorkingYes", 11, false, "Y", "/api/nodes/drain", 0},
        Answer{"WorkingNow", 11, false, "now", "/api/nodes/destroy", 0},
        Answer{"WorkingNo", 11, false, "n", "", Exit::failed},
        Answer{"WorkingOddWord", 11, false, "perhaps", "", Exit::failed},
        Answer{"IdleYes", 0, false, "y", "/api/nodes/drain", 0},
        Answer{"IdleEnterIsNo", 0, false, "", "", Exit::failed},
        Answer{"NowFlagYes", 11, true, "yes", "/api/nodes/destroy", 0},
        Answer{"NobodyThere", 0, false, std::nullopt, "", Exit::usage}),
    [](const testing::TestParamInfo<Answer>& test) { return test.param.name; });

TEST(NodesDestroy, NamesTheRequestsThatRun) {
    Stage stage;
    stage.in_flight = 11;
    stage.person = "n";
    static_cast<void>(stage.destroy({}));
    EXPECT_EQ(stage.questions.at(0), "runpod-1 is serving 11 requests. Drain first? [Y/n/now] ");
}

TEST(NodesDestroy, WithYesNobodyIsAsked) {
    Stage stage;
    stage.gone_at = 0s;
    EXPECT_EQ(stage.destroy({.now = true, .yes = true}), Exit::done);
    EXPECT_TRUE(stage.questions.empty());
    EXPECT_TRUE(stage.told.at(0).starts_with("/api/nodes/destroy "));
}

TEST(NodesDestroy, WithoutProofItIsAMoneyHazard) {
    Stage stage;
    EXPECT_EQ(stage.destroy({.wait = "2m", .yes = true}), Exit::money_hazard);
    EXPECT_GE(stage.now, 2min);
    EXPECT_LE(stage.now, 2min + 1s);
    EXPECT_NE(stage.err.str().find("goes on in the background"), std::string::npos);
    EXPECT_TRUE(stage.out.str().empty());
}

TEST(NodesDestroy, ErrorsOfTheAgentHaveTheirStatus) {
    const std::pair<Errc, int> cases[] = {
        {Errc::refused, Exit::refused},
        {Errc::unavailable, Exit::daemon_down},
        {Errc::not_found, Exit::failed},
        {Errc::conflict, Exit::failed}};
    for (const auto& [code, status] : cases) {
        Stage stage;
        stage.refuses = Error{code, "no"};
        EXPECT_EQ(stage.destroy({.yes = true}), status) << to_text(code);
    }
    Stage stage;
    EXPECT_EQ(stage.destroy({.wait = "soon", .yes = true}), Exit::usage);
    EXPECT_TRUE(stage.told.empty());
}

TEST(NodesAdopt, KeepsOrDestroysButNotBoth) {
    Stage keep;
    EXPECT_EQ(nodes_adopt(keep.globals, {.name = "k3x9", .model = "m"}, keep.talk()), Exit::done);
    EXPECT_EQ(keep.told.at(0), R"(/api/nodes/adopt {"name":"k3x9","provider":"","model":"m"})");
    Stage both;
    EXPECT_EQ(
        nodes_adopt(both.globals, {.name = "k3x9", .model = "m", .destroy = true}, both.talk()),
        Exit::usage);
    EXPECT_TRUE(both.told.empty());
    Stage end;
    end.gone_at = 1s;
    EXPECT_EQ(nodes_adopt(end.globals, {.name = "k3x9", .destroy = true}, end.talk()), Exit::done);
    EXPECT_TRUE(end.told.at(0).starts_with("/api/nodes/destroy "));
    Stage foreign;
    foreign.refuses = Error{Errc::refused, "not ours"};
    EXPECT_EQ(nodes_adopt(foreign.globals, {.name = "x"}, foreign.talk()), Exit::refused);
}

TEST(NodeActions, WhatIsGoneAlreadyIsNotWaitedFor) {
    for (const bool json : {false, true}) {
        Stage stage;
        stage.begun = "gone";
        stage.globals.json = json;
        EXPECT_EQ(stage.destroy({.yes = true}), Exit::done);
        EXPECT_EQ(stage.now, 0ms) << "no pause";
        EXPECT_EQ(
            stage.out.str(),
            json ? R"({"schema":"evenkeel.action/1","action":"destroy","name":"runpod-1",)"
                   R"("machine":"ek-1","state":"gone"})"
                   "\n"
                 : "runpod-1 is gone already\n");
    }
}

}  // namespace
}  // namespace evenkeel::cli
