#include "agent/ledger/reader.hpp"
#include "providers/http/rfc3339.hpp"
#include "scene.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

/// The commands about machines, prices and spending, as a person runs them: with the agent up,
/// hung, killed and back again (FAULTS F26, F27, F48).
namespace evenkeel::integration {
namespace {

constexpr int money_hazard = 6;

class Commands : public testing::Test {
protected:
    Scene scene{quick_world(60)};

    [[nodiscard]] lab::demo::ToolResult run(const std::vector<std::string>& command) const {
        auto result = const_cast<Scene&>(scene).stage().tool(command);
        return result ? *result : lab::demo::ToolResult{.err = result.error().message};
    }
    [[nodiscard]] std::filesystem::path state() { return scene.stage().state(); }
    void edit(const std::string& file, const std::string& old, const std::string& with) {
        edit_file(scene.stage().config() + "/" + file, old, with);
    }
    void always_rent_one() { edit("policy.yaml", "min: 0", "min: 1"); }
    void only_alert() { edit("policy.yaml", "unknown_machine: destroy", "unknown_machine: alert"); }
    void start() {
        const auto started = scene.start_daemon(10s);
        ASSERT_TRUE(started) << started.error().message;
    }
    void switch_cloud(const std::string& json) {
        ASSERT_EQ(
            fetch(
                scene.stage().ports().cloud,
                "POST",
                "/v1/_switch",
                scene.stage().cloud_token(),
                json)
                .status,
            200);
    }
    [[nodiscard]] std::string mark() {
        return "ek-" + ledger::Reader::open(state())->summary()->agent_id;
    }
    /// A machine that somebody made past the agent; gives its id.
    std::string stray(const std::string& owner_mark, const std::string& name, UtcTime expires) {
        const Answer answer = fetch(
            scene.stage().ports().cloud,
            "POST",
            "/v1/machines",
            scene.stage().cloud_token(),
            fmt::format(
                R"({{"name":"{}","sku":"sandbox-h100","region":"local","image":"i",)"
                R"("model":"qwq-32b","engine_key":"k","owner_mark":"{}","expires":"{}"}})",
                name,
                owner_mark,
                providers::format_rfc3339(expires)));
        EXPECT_EQ(answer.status, 201) << answer.body;
        boost::system::error_code code;
        const json::value made = json::parse(answer.body, code);
        return code || answer.status != 201 ? "" : std::string{made.at("id").as_string().c_str()};
    }
    [[nodiscard]] std::set<std::string> at_the_cloud() {
        std::set<std::string> ids;
        const json::object list = scene.cloud("/v1/machines");
        if (const json::value* machines = list.if_contains("machines")) {
            for (const json::value& machine : machines->as_array()) {
                ids.emplace(machine.at("id").as_string().c_str());
            }
        }
        return ids;
    }
    [[nodiscard]] bool serves() {
        const json::object nodes = scene.nodes();
        const json::value* machines = nodes.if_contains("machines");
        return machines != nullptr && !machines->as_array().empty() &&
               machines->at(0).at("state").as_string() == "serving";
    }
    void age_the_heartbeat() {
        std::filesystem::last_write_time(
            state() / "heartbeat", std::filesystem::file_time_type::clock::now() - 10min);
    }
    static UtcTime now() {
        return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
    }
};

TEST_F(Commands, AMachineIsShownDestroyedAndProvedGone) {
    always_rent_one();
    start();
    ASSERT_TRUE(eventually(30s, [&] { return serves(); })) << scene.logs();
    EXPECT_EQ(
        std::filesystem::status(state() / "control.sock").permissions(),
        std::filesystem::perms{0660})
        << "the agent's group may read";
    EXPECT_EQ(run({"freeze", "--reason", "a test"}).status, 0);
    const auto frozen = run({"status"});
    EXPECT_NE(frozen.out.find("spending is frozen by"), std::string::npos) << frozen.out;
    EXPECT_NE(frozen.out.find("a test"), std::string::npos);

    const auto shown = run({"nodes", "show", "sandbox-1"});
    EXPECT_EQ(shown.status, 0) << shown.err;
    for (const char* part :
         {"asked US$",
          "read back US$",
          "in the ledger, about",
          "fewer machines than the policy's",
          "creating -> booting",
          "warming -> serving",
          "PHASE",
          "boot",
          "at the latest"}) {
        EXPECT_NE(shown.out.find(part), std::string::npos) << part << "\n" << shown.out;
    }
    EXPECT_EQ(run({"nodes", "destroy", "sandbox-1"}).status, 2) << "nobody is here to ask";
    EXPECT_TRUE(serves());
    EXPECT_EQ(run({"nodes", "destroy", "sandbox-9", "--yes"}).status, 1);
    const auto destroyed = run({"nodes", "destroy", "sandbox-1", "--yes", "--wait", "60s"});
    EXPECT_EQ(destroyed.status, 0) << destroyed.err;
    EXPECT_NE(destroyed.out.find("destroyed sandbox-1 after"), std::string::npos) << destroyed.out;
    EXPECT_TRUE(at_the_cloud().empty()) << "the command said so";
    EXPECT_EQ(run({"nodes"}).status, 0);
    EXPECT_EQ(run({"nodes", "destroy", "sandbox-1", "--yes"}).status, 0) << "it is gone already";
    EXPECT_EQ(scene.stage().stop_daemon(), 0);

    const auto later = run({"nodes", "show", "sandbox-1", "--json"});
    EXPECT_EQ(later.status, 0) << later.err;
    const json::value node = json::parse(later.out);
    EXPECT_EQ(node.at("schema").as_string(), "evenkeel.node/1");
    EXPECT_EQ(node.at("gone_how").as_string(), "destroyed");
    EXPECT_EQ(node.at("reason").as_string(), "asked for by a person");
    EXPECT_EQ(run({"nodes", "drain", "sandbox-1"}).status, 3)
        << "nothing is changed without the agent";
    EXPECT_EQ(run({"thaw"}).status, 0) << "works without it";
    EXPECT_FALSE(std::filesystem::exists(state() / "FREEZE"));
}

TEST_F(Commands, WhatCannotBeDestroyedIsAMoneyHazardEverywhere) {
    always_rent_one();
    start();
    ASSERT_TRUE(eventually(30s, [&] { return serves(); })) << scene.logs();
    ASSERT_EQ(run({"freeze"}).status, 0);
    switch_cloud(R"({"delete_ignored":1000000})");
    const auto destroyed = run({"nodes", "destroy", "sandbox-1", "--yes", "--now", "--wait", "2s"});
    EXPECT_EQ(destroyed.status, money_hazard) << destroyed.err;
    EXPECT_NE(destroyed.err.find("goes on in the background"), std::string::npos);
    EXPECT_TRUE(eventually(20s, [&] { return run({"status"}).status == money_hazard; }));
    const auto nodes = run({"nodes"});
    EXPECT_EQ(nodes.status, money_hazard);
    EXPECT_NE(nodes.out.find("its deletion is not proved"), std::string::npos) << nodes.out;
    switch_cloud(R"({"delete_ignored":0})");
    EXPECT_TRUE(eventually(40s, [&] { return run({"nodes"}).status == 0; }));
    EXPECT_TRUE(at_the_cloud().empty());
}

TEST_F(Commands, F26_F27_UnknownMachinesAreShownAdoptedOrDestroyedAndOthersLeftAlone) {
    only_alert();
    start();
    const std::string ours = stray(mark(), mark() + "-stray", now() + 1h);
    const std::string others = stray("ek-99999999", "ek-99999999-x", now() - 1h);
    const std::string foreign = stray("", "somebodys-training", now() - 1h);
    ASSERT_TRUE(eventually(20s, [&] { return run({"nodes"}).status == money_hazard; }));
    const auto nodes = run({"nodes"});
    EXPECT_NE(nodes.out.find("UNKNOWN"), std::string::npos) << nodes.out;
    EXPECT_NE(nodes.out.find("nobody: adopt or destroy"), std::string::npos) << nodes.out;
    EXPECT_NE(nodes.out.find("not ours: never touched"), std::string::npos) << nodes.out;
    EXPECT_EQ(nodes.out.find(foreign), std::string::npos) << "nothing of ours resembles it";
    EXPECT_EQ(run({"status"}).status, money_hazard);
    EXPECT_EQ(run({"nodes", "adopt", others, "--destroy"}).status, 4);
    EXPECT_EQ(run({"nodes", "adopt", others}).status, 4);
    EXPECT_EQ(run({"nodes", "destroy", foreign, "--yes"}).status, 1) << "no such machine of ours";
    const auto taken = run({"nodes", "adopt", ours, "--destroy", "--wait", "60s"});
    EXPECT_EQ(taken.status, 0) << taken.err;
    EXPECT_EQ(at_the_cloud(), (std::set{others, foreign}));
    EXPECT_EQ(run({"nodes"}).status, 0) << "another agent's machine is its own business";
    EXPECT_EQ(scene.stage().stop_daemon(), 0);
    EXPECT_EQ(at_the_cloud(), (std::set{others, foreign}));
}

TEST_F(Commands, F48_TheReaperEndsWhatADeadAgentLeftAndTheAgentBooksIt) {
    always_rent_one();
    start();
    ASSERT_TRUE(eventually(30s, [&] { return serves(); })) << scene.logs();
    EXPECT_EQ(run({"reap"}).status, 0) << "a healthy agent has left nothing";
    scene.stage().kill_daemon();
    const std::set<std::string> rented = at_the_cloud();
    ASSERT_EQ(rented.size(), 1u);
    const std::string late = stray(mark(), mark() + "-late", now() - 5min);
    const std::string orphan = stray(mark(), mark() + "-orphan", now() + 1h);
    EXPECT_EQ(run({"nodes"}).status, money_hazard) << "nobody looks after them";

    const auto careful = run({"reap"});
    EXPECT_EQ(careful.status, 0) << careful.err;
    EXPECT_EQ(at_the_cloud().size(), 3u) << "it died a moment ago: it may come back";
    age_the_heartbeat();
    auto dry = run({"reap", "--dry-run"});
    EXPECT_TRUE(eventually(20s, [&] {  // a machine made just now is left to an agent that starts
        dry = run({"reap", "--dry-run"});
        return dry.out.find(orphan + " would be destroyed") != std::string::npos;
    }));
    EXPECT_EQ(dry.status, money_hazard);
    EXPECT_NE(dry.out.find(late + " would be destroyed"), std::string::npos) << dry.out;
    EXPECT_NE(dry.out.find(orphan + " would be destroyed"), std::string::npos) << dry.out;
    EXPECT_EQ(at_the_cloud().size(), 3u);

    switch_cloud(R"({"delete_ignored":1000000})");
    EXPECT_EQ(run({"reap", "--wait", "1s"}).status, money_hazard) << "left";
    switch_cloud(R"({"delete_ignored":0,"api_down":true})");
    EXPECT_EQ(run({"reap", "--wait", "1s"}).status, 5);
    switch_cloud(R"({"api_down":false})");
    const auto reaped = run({"reap", "--wait", "60s", "--json"});
    EXPECT_EQ(reaped.status, 0) << reaped.out << reaped.err;
    EXPECT_EQ(json::parse(reaped.out).at("agent").as_string(), "dead");
    EXPECT_EQ(at_the_cloud(), rented) << "a live row's machine stays";
    const std::string others = stray("ek-99999999", "ek-99999999-x", now() - 1h);
    EXPECT_EQ(run({"reap"}).status, 0);
    EXPECT_TRUE(at_the_cloud().contains(others)) << "another agent's machine stays";
    EXPECT_TRUE(std::filesystem::exists(state() / "reap.log"));

    edit("policy.yaml", "min: 1", "min: 0");
    start();
    EXPECT_TRUE(eventually(60s, [&] {
        return std::filesystem::exists(state() / "reap.log.booked") &&
               std::filesystem::file_size(state() / "reap.log") == 0;
    })) << scene.logs();
    EXPECT_TRUE(eventually(60s, [&] { return at_the_cloud() == std::set{others}; }))
        << "the idle machine was given back";
    EXPECT_TRUE(eventually(60s, [&] { return run({"nodes"}).status == 0; }));
    EXPECT_EQ(scene.stage().stop_daemon(), 0);
    auto reader = ledger::Reader::open(state());
    const auto machines = reader->machines(UtcTime{});
    ASSERT_EQ(machines->size(), 3u);
    for (const ledger::MachineView& machine : *machines) {
        EXPECT_EQ(machine.row.state, MachineState::gone) << machine.row.name;
        const bool by_reaper = machine.row.remote_id == late || machine.row.remote_id == orphan;
        EXPECT_EQ(machine.row.reason.code == ReasonCode::machine_reaped, by_reaper);
        EXPECT_GT(machine.paid.nanos(), 0) << "billed from its creation";
    }
    EXPECT_EQ(run({"ledger", "verify"}).status, 0);
    EXPECT_TRUE(eventually(10s, [&] {
        const json::object bill = scene.cloud("/v1/bill?owner_mark=" + mark());
        Money total{0, usd};
        for (const ledger::MachineView& machine : *machines) {
            total += machine.paid;
        }
        const json::value* said = bill.if_contains("total");
        return said != nullptr &&
               parse_decimal(std::string{said->as_string().c_str()}, 9) == total.nanos();
    })) << scene.bills_text();
}

TEST_F(Commands, PricesComeFromTheAgentTheProviderOrTheFiles) {
    const auto files = run({"prices"});
    EXPECT_EQ(files.status, 0) << files.err;
    EXPECT_NE(files.out.find("configured"), std::string::npos) << files.out;
    EXPECT_NE(files.err.find("agent is not running"), std::string::npos);
    const auto alone = run({"prices", "refresh"});
    EXPECT_EQ(alone.status, 0) << alone.err;
    EXPECT_NE(alone.out.find("sandbox-h100"), std::string::npos) << alone.out;
    start();
    EXPECT_TRUE(eventually(10s, [&] {
        const auto listed = run({"prices", "list", "--json"});
        return listed.status == 0 && listed.out.find("\"source\":\"seen\"") != std::string::npos;
    }));
    const auto refreshed = run({"prices", "refresh", "sandbox"});
    EXPECT_EQ(refreshed.status, 0) << refreshed.err;
    EXPECT_NE(refreshed.out.find("sandbox-h100"), std::string::npos) << refreshed.out;
    EXPECT_EQ(run({"prices", "refresh", "nobody"}).status, 2);
    switch_cloud(R"({"api_down":true})");
    EXPECT_EQ(run({"prices", "refresh"}).status, 5);
    EXPECT_EQ(run({"prices"}).status, 0) << "what was seen is still shown";
}

TEST_F(Commands, FrozenNoPaidCallIsMadeAndOwnWorkGoesOn) {
    ASSERT_EQ(run({"freeze", "--reason", "month end"}).status, 0) << "before the agent runs";
    start();
    scene.burst(12, 200, 20);
    const auto count = [&](const char* kind) {
        const json::object status = scene.status();
        return status.at("requests").as_object().at(kind).to_number<std::int64_t>();
    };
    EXPECT_TRUE(eventually(5s, [&] { return count("own") > 0; }));
    EXPECT_EQ(count("api"), 0);
    EXPECT_TRUE(scene.status().at("frozen").as_bool());
    EXPECT_TRUE(at_the_cloud().empty());
    ASSERT_EQ(run({"thaw"}).status, 0);
    EXPECT_FALSE(scene.status().at("frozen").as_bool()) << "at once, not at the next tick";
    scene.burst(48, 1'500, 900);
    EXPECT_TRUE(eventually(5s, [&] { return count("api") > 0; }));
}

}  // namespace
}  // namespace evenkeel::integration
