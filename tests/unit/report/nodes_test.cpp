#include "agent/report/nodes.hpp"

#include "tests/unit/ledger/ledger_fixture.hpp"

#include <boost/json.hpp>

namespace evenkeel::report {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

using NodesReport = ledger::LedgerTest;

TEST_F(NodesReport, ShowsTheLastKnownStates) {
    open();
    ledger::store_names(*ledger_);
    auto machine = ledger::intent(1, clock_.read());
    machine.machine.reason = {ReasonCode::rent_debt, {2'000'000'000, 1'000'000'000, 1}};
    ASSERT_TRUE(step(machine));
    clock_.advance(10s);
    auto serving = ledger::next_step(machine, MachineState::serving, clock_.read());
    serving.machine.remote_id = "m-1";
    serving.phases = {
        {.no = 1,
         .phase = Phase::boot,
         .from = ledger::test_start,
         .amount = ledger::dollars(10'000'000)},
        {.no = 2,
         .phase = Phase::serve,
         .from = ledger::test_start,
         .amount = ledger::dollars(30'000'000)}};
    ASSERT_TRUE(step(serving));
    const auto other = ledger::intent(2, clock_.read());
    ASSERT_TRUE(step(other));
    auto gone = ledger::next_step(other, MachineState::gone, clock_.read());
    gone.machine.gone = clock_.read().utc;
    gone.machine.gone_how = GoneHow::never_created;
    ASSERT_TRUE(step(gone));
    close();

    clock_.advance(90s);
    const UtcTime now = clock_.read().utc;
    auto books = reader();
    const json::value root =
        json::parse(nodes_json(*books.machines(now - gone_shown), *books.names(), now));
    EXPECT_EQ(root.at("schema").as_string(), "evenkeel.nodes/1");
    ASSERT_EQ(root.at("machines").as_array().size(), 2u);
    const json::value& first = root.at("machines").at(0);
    EXPECT_EQ(first.at("name").as_string(), "sandbox-h100");
    EXPECT_EQ(first.at("machine").as_string(), "ek-0011aabb-1");
    EXPECT_EQ(first.at("state").as_string(), "serving");
    EXPECT_EQ(first.at("state_for_s").as_double(), 90);
    EXPECT_EQ(first.at("age_s").as_double(), 100);
    EXPECT_EQ(first.at("paid").as_string(), "0.04");
    EXPECT_EQ(first.at("rate").as_string(), "4.41");
    EXPECT_EQ(first.at("useful_percent").as_int64(), 75);
    EXPECT_TRUE(first.at("gone_how").is_null());
    EXPECT_TRUE(root.at("money_hazard").as_bool()) << "nobody looks after it";
    EXPECT_EQ(first.at("ends").as_string(), "2026-11-23 16:00 UTC at the latest");
    EXPECT_NE(
        first.at("reason").as_string().find("overflow has cost 2.0000 USD"), json::string::npos);
    EXPECT_TRUE(first.at("synthetic").as_bool());
    EXPECT_EQ(first.at("model").as_string(), "qwq-32b");
    const json::value& second = root.at("machines").at(1);
    EXPECT_EQ(second.at("ends").as_string(), "never_created");
    EXPECT_TRUE(second.at("useful_percent").is_null());
    EXPECT_EQ(second.at("gone_how").as_string(), "never_created");
    EXPECT_EQ(second.at("age_s").as_double(), 0);
    EXPECT_EQ(books.machines(now - 1s)->size(), 1u) << "a machine gone for long is not shown";
}

TEST(FindNode, PrefersWhatLivesAndNeverGuesses) {
    const std::vector<NodeName> nodes{
        {.source = "runpod-1",
         .name = "ek-1",
         .remote_id = "a",
         .provider = "runpod",
         .gone = true},
        {.source = "runpod-1", .name = "ek-2", .remote_id = "b", .provider = "runpod"},
        {.source = "do-1", .name = "ek-3", .remote_id = "7", .provider = "do"},
        {.source = "lab-1", .name = "ek-4", .remote_id = "7", .provider = "lab"},
        {.source = "old-1", .name = "ek-5", .provider = "old", .gone = true},
        {.source = "old-1", .name = "ek-6", .provider = "old", .gone = true}};
    EXPECT_EQ(find_node(nodes, "runpod-1"), 1u);
    EXPECT_EQ(find_node(nodes, "ek-1"), 0u) << "its own name is unique for ever";
    EXPECT_EQ(find_node(nodes, "b"), 1u);
    EXPECT_EQ(find_node(nodes, "7", "lab"), 3u);
    EXPECT_EQ(find_node(nodes, "runpod-1", "do").error().code, Errc::not_found);
    for (const char* nothing : {"", "runpod", "ek-7"}) {
        EXPECT_EQ(find_node(nodes, nothing).error().code, Errc::not_found) << nothing;
    }
    for (const char* several : {"7", "old-1"}) {
        EXPECT_EQ(find_node(nodes, several).error().code, Errc::conflict) << several;
    }
    const std::string candidates = find_node(nodes, "7").error().message;
    EXPECT_NE(candidates.find("ek-3"), std::string::npos) << candidates;
    EXPECT_NE(candidates.find("ek-4"), std::string::npos) << candidates;
}

}  // namespace
}  // namespace evenkeel::report
