#include "agent/control/machine_row.hpp"

#include <gtest/gtest.h>

namespace evenkeel::agent {
namespace {

using namespace std::chrono_literals;

lifecycle::Machine full(routing::NameTable& names, MachineNames& ix) {
    ix = {
        .provider = names.intern(routing::NameKind::provider, "sandbox"),
        .offer = names.intern(routing::NameKind::offer, "h100"),
        .model = names.intern(routing::NameKind::model, "qwq-32b"),
        .source = names.intern(routing::NameKind::source, "sandbox-1"),
        .synthetic = true};
    const Now now{.boot = BootTime{5s}, .utc = from_us(1'795'618'404'329'005)};
    lifecycle::Machine machine;
    machine.id = MachineId{42};
    machine.name = "ek-1a2b3c4d-42";
    machine.owner_mark = "ek-1a2b3c4d";
    machine.provider = "sandbox";
    machine.offer = "h100";
    machine.model = "qwq-32b";
    machine.sku = "sandbox-h100";
    machine.region = "local";
    machine.remote_id = "m-1";
    machine.host = "127.0.0.1";
    machine.port = 4711;
    machine.gpu = machine.gpu_wanted = "H100 80GB";
    machine.gpu_count = 1;
    machine.state = MachineState::serving;
    machine.step = 5;
    machine.boot_id = "boot";
    machine.intent_price = Price::per_hour(Money{4'410'000'000, usd});
    machine.real_price = machine.intent_price;
    machine.min_bill = 60s;
    machine.wanted_at = machine.state_at = machine.phase_at = machine.alive_at = now;
    machine.billed_from = machine.serving_at = now;
    machine.expires = now.utc + 6h;
    machine.phase = Phase::idle;
    machine.phase_no = 4;
    machine.posted = Money{517'466'017, usd};
    return machine;
}

TEST(MachineRow, ReadsBackEverythingThatARestartNeeds) {
    routing::NameTable names;
    MachineNames ix;
    const lifecycle::Machine machine = full(names, ix);
    const auto read = from_row(to_row(machine, ix), names, machine.owner_mark);
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_EQ(read->name, machine.name);
    EXPECT_EQ(read->state, machine.state);
    EXPECT_EQ(read->step, machine.step);
    EXPECT_EQ(read->host, machine.host);
    EXPECT_EQ(read->port, machine.port);
    EXPECT_EQ(read->intent_price, machine.intent_price);
    EXPECT_EQ(read->real_price, machine.real_price);
    EXPECT_EQ(read->posted, machine.posted);
    EXPECT_EQ(read->phase, machine.phase);
    EXPECT_EQ(read->phase_no, machine.phase_no);
    ASSERT_TRUE(read->billed_from && read->serving_at);
    EXPECT_EQ(read->billed_from->utc, machine.billed_from->utc);
    EXPECT_EQ(read->serving_at->boot, machine.serving_at->boot);
    EXPECT_FALSE(read->end_asked || read->gone_at || read->delete_asked);
    EXPECT_EQ(read->expires, machine.expires);
}

TEST(MachineRow, AFreshIntentReadsBackToo) {
    routing::NameTable names;
    MachineNames ix;
    lifecycle::Machine machine = full(names, ix);
    machine.state = MachineState::wanted;
    machine.phase.reset();
    machine.real_price.reset();
    machine.billed_from.reset();
    machine.serving_at.reset();
    machine.posted = {};
    const auto read = from_row(to_row(machine, ix), names, machine.owner_mark);
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_FALSE(read->phase || read->real_price || read->billed_from || read->serving_at);
}

TEST(MachineRow, DamagedDetailIsCorrupt) {
    routing::NameTable names;
    MachineNames ix;
    ledger::MachineRow row = to_row(full(names, ix), ix);
    for (const char* detail : {"", "{", "[]", "{}", R"({"sku":1})"}) {
        row.detail = detail;
        const auto read = from_row(row, names, "ek-1a2b3c4d");
        ASSERT_FALSE(read.has_value()) << detail;
        EXPECT_EQ(read.error().code, Errc::corrupt);
    }
}

TEST(MachineRow, WhatCanBeReadOfADamagedRowIsEnoughToEndIt) {
    routing::NameTable names;
    MachineNames ix;
    const lifecycle::Machine machine = full(names, ix);
    ledger::Recovered::Machine stored{.row = to_row(machine, ix), .paid = machine.posted};
    stored.row.detail = "torn";
    stored.row.created = machine.wanted_at.utc;
    stored.phases = {
        {.no = 3, .phase = Phase::serve, .from = stored.row.created, .to = stored.row.created},
        {.no = 4, .phase = Phase::idle, .from = stored.row.created}};
    const Now now{.boot = BootTime{1h}, .utc = machine.wanted_at.utc + 10min};
    const lifecycle::Machine saved = salvage(stored, names, "ek-1a2b3c4d", "boot", now);
    EXPECT_EQ(saved.state, machine.state);
    EXPECT_FALSE(saved.end_asked);
    EXPECT_EQ(saved.remote_id, machine.remote_id);
    EXPECT_EQ(saved.phase, Phase::idle);
    EXPECT_EQ(saved.phase_no, 4);
    EXPECT_EQ(saved.billed_from->boot, BootTime{50min});
    EXPECT_EQ(saved.posted, machine.posted);
    stored.row.state = MachineState::verifying;
    const lifecycle::Machine ending = salvage(stored, names, "ek-1a2b3c4d", "boot", now);
    EXPECT_TRUE(ending.end_asked && ending.delete_asked);
}

TEST(PlainGpu, SaysNothingTwice) {
    EXPECT_EQ(plain_gpu("H100 80GB (synthetic)"), "H100 80GB");
    EXPECT_EQ(plain_gpu("H100 80GB"), "H100 80GB");
}

}  // namespace
}  // namespace evenkeel::agent
