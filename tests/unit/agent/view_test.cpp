#include "agent/admin/view_json.hpp"
#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/status.hpp"

#include <gtest/gtest.h>

/// What the daemon writes is what the command line reads.
namespace evenkeel::agent {
namespace {

View busy() {
    View view;
    view.version = "0.1.0";
    view.host = "forge";
    view.state = "serving";
    view.uptime_s = 90;
    view.policy_revision = 37;
    view.rented = 1;
    view.rented_max = 2;
    view.cost_rate = Money{4'410'000'000, usd};
    view.sources = {
        {.name = "desk",
         .kind = "own",
         .what = "RTX 5090 (own)",
         .model = "qwq-32b",
         .state = "serving",
         .busy = 4,
         .slots = 4,
         .queue = 3},
        {.name = "sandbox-1",
         .kind = "rental",
         .what = "H100 80GB (rented)",
         .model = "qwq-32b",
         .state = "serving",
         .synthetic = true,
         .busy = 11,
         .slots = 16,
         .cost_rate = Money{4'410'000'000, usd}}};
    view.machines = {
        {.id = "0",
         .name = "sandbox-1",
         .provider = "sandbox",
         .gpu = "H100 80GB",
         .state = "serving",
         .ends = "16:17 UTC at the latest",
         .synthetic = true,
         .age_ms = 860'000,
         .paid = Money{980'000'000, usd},
         .rate = Money{4'410'000'000, usd},
         .useful_percent = 78}};
    view.machines_gone = view.machines;
    view.machines_gone[0].gone_how = "destroyed";
    view.machines_gone[0].reason = "idling has cost 0.5 USD";
    view.unknown = {
        {.provider = "sandbox",
         .remote_id = "k3x9",
         .gpu = "RTX 4090",
         .ours = true,
         .verdict = "report",
         .ends = "nobody: adopt or destroy",
         .age_ms = 7'860'000,
         .rate = Money{690'000'000, usd},
         .paid = Money{1'506'500'000, usd}},
        {.provider = "sandbox", .remote_id = "z9", .ends = "not ours: never touched"}};
    view.hazards = {"sandbox: machine k3x9 carries our mark"};
    view.money_hazard = true;
    view.warnings = {"do: no driver"};
    return view;
}

TEST(StatusScreen, ShowsWhatTheDaemonSays) {
    const Spent spent{.today = Money{6'310'000'000, usd}, .month = Money{187'420'000'000, usd}};
    const auto text = cli::status_text(status_json(busy(), spent), true);
    ASSERT_TRUE(text.has_value()) << text.error().message;
    for (const char* part :
         {"Evenkeel 0.1.0 on forge",
          "policy #37",
          "rented: 1 of 2",
          "US$4.41/h",
          "11/16",
          "H100 80GB (rented) (synthetic)",
          "today US$6.31",
          "month US$187.42",
          "! do: no driver"}) {
        EXPECT_NE(text->find(part), std::string::npos) << part << "\n" << *text;
    }
}

TEST(StatusScreen, AnEmptyDaemonIsNoError) {
    const auto text = cli::status_text(status_json(View{}, {}), true);
    ASSERT_TRUE(text.has_value()) << text.error().message;
    EXPECT_NE(text->find("No source is configured."), std::string::npos) << *text;
}

TEST(NodesTable, ShowsLivingAndGoneMachines) {
    const auto text = cli::nodes_text(nodes_json(busy()), false);
    ASSERT_TRUE(text.has_value()) << text.error().message;
    for (const char* part :
         {"sandbox-1",
          "14m 20s",
          "US$0.9800",
          "78 %",
          "gone, destroyed",
          "k3x9 RTX 4090",
          "UNKNOWN",
          "2h 11m",
          "US$1.51?",
          "US$0.69/h",
          "nobody: adopt or destroy",
          "not ours: never touched",
          "! sandbox: machine k3x9"}) {
        EXPECT_NE(text->find(part), std::string::npos) << part << "\n" << *text;
    }
    const auto csv = cli::nodes_text(nodes_json(busy()), true);
    ASSERT_TRUE(csv.has_value());
    EXPECT_TRUE(csv->starts_with("name,provider,what,")) << *csv;
}

TEST(MoneyHazard, IsReadFromEveryAnswerThatSaysIt) {
    EXPECT_TRUE(cli::has_hazard(nodes_json(busy())));
    EXPECT_TRUE(cli::has_hazard(status_json(busy(), {})));
    EXPECT_FALSE(cli::has_hazard(nodes_json(View{})));
    EXPECT_FALSE(cli::has_hazard(status_json(View{}, {})));
    EXPECT_FALSE(cli::has_hazard("{"));
    const cli::Globals globals{};
    EXPECT_EQ(cli::show(globals, nodes_json(busy()), std::string{}), cli::Exit::money_hazard);
    EXPECT_EQ(cli::show(globals, nodes_json(View{}), std::string{}), cli::Exit::done);
}

TEST(StatusScreen, AnswersOfAnotherKindAreRefused) {
    for (const char* document : {"", "[]", "{}", "{\"sources\":1}"}) {
        EXPECT_FALSE(cli::status_text(document, true).has_value()) << document;
        EXPECT_FALSE(cli::nodes_text(document, false).has_value()) << document;
    }
}

}  // namespace
}  // namespace evenkeel::agent
