#pragma once

#include "agent/ledger/reader.hpp"
#include "agent/ledger/sqlite.hpp"

#include <memory>
#include <utility>

namespace evenkeel::ledger {

struct Reader::Impl {
    explicit Impl(std::unique_ptr<Database> opened) : database{std::move(opened)} {}
    std::unique_ptr<Database> database;
};

}  // namespace evenkeel::ledger
