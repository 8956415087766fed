#include "agent/admin/view_json.hpp"
#include "agent/control/machine_row.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

/// What control stores of a machine, and what it shows: absent is null, present is the plain value.
/// (Boost.JSON makes a list of one out of `value{x}`.)
namespace evenkeel::agent {
namespace {

using namespace std::chrono_literals;
using routing::NameKind;

Now at(std::chrono::seconds since) {
    return {.boot = BootTime{since}, .utc = UtcTime{1'795'000'000s + since}};
}

lifecycle::Machine serving_machine() {
    lifecycle::Machine machine;
    machine.id = MachineId{77};
    machine.name = "ek-b92c0bae-06z7pwg140g00";
    machine.owner_mark = "ek-b92c0bae";
    machine.provider = "sandbox";
    machine.offer = "sandbox";
    machine.model = "qwq-32b";
    machine.state = MachineState::serving;
    machine.step = 5;
    machine.boot_id = "boot-1";
    machine.intent_price = Price::per_hour(Money{4'410'000'000, usd});
    machine.real_price = machine.intent_price;
    machine.remote_id = "m-1";
    machine.host = "127.0.0.1";
    machine.port = 40'123;
    machine.wanted_at = at(10s);
    machine.billed_from = at(11s);
    machine.state_at = at(30s);
    machine.serving_at = at(30s);
    machine.phase = Phase::serve;
    machine.phase_no = 3;
    machine.phase_at = at(30s);
    machine.posted = Money{521'945'318, usd};
    machine.alive_at = at(40s);
    return machine;
}

TEST(MachineRow, ComesBackAsItWasStored) {
    routing::NameTable names;
    const MachineNames ids{
        .provider = names.intern(NameKind::provider, "sandbox"),
        .offer = names.intern(NameKind::offer, "sandbox"),
        .model = names.intern(NameKind::model, "qwq-32b"),
        .source = names.intern(NameKind::source, "sandbox-1"),
        .synthetic = true};
    lifecycle::Machine unborn = serving_machine();
    unborn.state = MachineState::wanted;
    unborn.billed_from.reset();
    unborn.serving_at.reset();
    unborn.phase.reset();
    unborn.real_price.reset();
    for (const lifecycle::Machine& machine : {serving_machine(), unborn}) {
        const auto back = from_row(to_row(machine, ids), names, machine.owner_mark);
        ASSERT_TRUE(back) << back.error().message;
        EXPECT_EQ(back->state, machine.state);
        EXPECT_EQ(back->phase, machine.phase);
        EXPECT_EQ(back->phase_no, machine.phase_no);
        EXPECT_EQ(back->posted, machine.posted);
        EXPECT_EQ(back->real_price, machine.real_price);
        EXPECT_EQ(back->billed_from.has_value(), machine.billed_from.has_value());
        EXPECT_EQ(back->serving_at.has_value(), machine.serving_at.has_value());
        EXPECT_FALSE(back->end_asked);
        EXPECT_FALSE(back->gone_at);
        EXPECT_EQ(back->wanted_at.boot, machine.wanted_at.boot);
        EXPECT_EQ(back->port, machine.port);
    }
}

TEST(ViewJson, OptionalValuesArePlainOrNull) {
    View view;
    view.cost_rate = Money{132'300'000'000, usd};
    view.sources = {
        {.name = "desk", .kind = "own", .cost_rate = Money{190'000'000, usd}},
        {.name = "claude", .kind = "api"}};
    view.machines = {
        {.id = "m", .rate = Money{1, usd}, .useful_percent = 71, .gone_how = "destroyed"},
        {.id = "n", .rate = Money{1, usd}}};
    const auto status = boost::json::parse(status_json(view, {})).as_object();
    const auto& sources = status.at("sources").as_array();
    EXPECT_EQ(sources.at(0).at("cost_rate").as_string(), "0.19");
    EXPECT_TRUE(sources.at(1).at("cost_rate").is_null());
    const auto nodes = boost::json::parse(nodes_json(view)).as_object();
    const auto& machines = nodes.at("machines").as_array();
    EXPECT_EQ(machines.at(0).at("useful_percent").as_int64(), 71);
    EXPECT_EQ(machines.at(0).at("gone_how").as_string(), "destroyed");
    EXPECT_TRUE(machines.at(1).at("useful_percent").is_null());
    EXPECT_TRUE(machines.at(1).at("gone_how").is_null());
}

}  // namespace
}  // namespace evenkeel::agent
