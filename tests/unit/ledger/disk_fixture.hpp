#pragma once

#include "tests/unit/ledger/fault_vfs.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

#include <chrono>
#include <thread>

namespace evenkeel::ledger {

/// A ledger on a disk that fails as it is told to.
class LedgerDisk : public LedgerTest {
protected:
    [[nodiscard]] Options faulty() const {
        Options with = options();
        with.vfs = vfs_.name();
        with.limits.awaited_wait = std::chrono::seconds{2};
        return with;
    }
    /// Waits for what another thread brings about.
    template <class Predicate>
    [[nodiscard]] static bool eventually(Predicate predicate) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{5};
        while (!predicate()) {
            if (std::chrono::steady_clock::now() > deadline) {
                return false;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        }
        return true;
    }

    void TearDown() override { ledger_.reset(); }  // before the disk under it

    FaultVfs vfs_;
};

}  // namespace evenkeel::ledger
