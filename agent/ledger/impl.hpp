#pragma once

#include "agent/ledger/ledger.hpp"
#include "agent/ledger/state_dir.hpp"
#include "agent/ledger/writer.hpp"

#include <memory>
#include <utility>

namespace evenkeel::ledger {

/// Declared in the order of need: the lock outlives the writer.
struct Ledger::Impl {
    Impl(Options opened, Zone its_zone, StateLock its_lock)
        : options{std::move(opened)}, zone{std::move(its_zone)}, lock{std::move(its_lock)} {}

    Options options;
    Zone zone;
    StateLock lock;
    Recovered recovered{};
    std::unique_ptr<Writer> writer{};
};

}  // namespace evenkeel::ledger
