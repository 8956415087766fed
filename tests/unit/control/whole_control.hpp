#pragma once

#include "agent/control/control.hpp"
#include "tests/unit/control/rig.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>

namespace evenkeel::agent::control_rig {

/// All of control on a real ledger and a clock of the test's; only the gateway is quiet.
struct WholeControl : testing::Test {
    WholeControl() : WholeControl{[](World&) {}} {}
    /// `before` is an earlier run, and what it left behind.
    explicit WholeControl(const std::function<void(World&)>& before)
        : books{(before(world), open())} {}

    World world{};
    std::unique_ptr<ledger::Ledger> books;
    ledger::LedgerBooks adapter{*books, world.clock, ledger::Zone{}};
    QuietGateway gateway{};
    ledger::StoredKeys keys{{}};
    Credentials credentials{world.folder.path()};
    Board board{};

    [[nodiscard]] std::unique_ptr<ledger::Ledger> open() const {
        ledger::Options options{.dir = world.state(), .clock = &world.clock};
        options.limits.ballast_bytes = 64 * 1024;
        options.limits.retry = 5ms;
        options.limits.awaited_wait = world.awaited_wait;
        return *ledger::Ledger::open(options);
    }
    [[nodiscard]] std::unique_ptr<Control> make() {
        return std::make_unique<Control>(
            Control::Parts{world.clock, *books, adapter, gateway, keys, credentials, board},
            ControlOptions{
                .state = world.state(), .owner_mark = "ek-1a2b3c4d", .boot_id = "boot-1"});
    }
};

}  // namespace evenkeel::agent::control_rig
