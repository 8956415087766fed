#pragma once

#include "policies/domain/error.hpp"
#include "policies/domain/money.hpp"
#include "policies/domain/time.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>

/// A ledger with a plausible year in it, for reports, their benchmark and their golden files.
namespace evenkeel::bench {

/// What the year is like. The same shape makes the same rows, whatever the machine.
struct YearShape {
    std::uint64_t seed{7};
    std::int64_t requests{10'000'000};
    int machines{400};
    std::chrono::sys_days start{std::chrono::December / 1 / 2025};
    int days{365};
    int keys{14};  ///< at least 2
};

/// What was booked, counted by the generator itself and not by the ledger.
struct YearFigures {
    std::int64_t requests{0};
    std::int64_t paid_requests{0};
    std::int64_t machines{0};
    std::int64_t tokens{0};  ///< both ways
    std::int64_t usd_nanos{0};
    std::int64_t aud_nanos{0};  ///< without wear
    UtcTime end{};              ///< of the year
};

/// Fills a new ledger in `dir` through the ledger's own writer: own engines, two providers of
/// machines, two APIs in two currencies, keys and routes, tags, holds, power and wear, prices and
/// policies that change, bills with their corrections, refunds and machines that nobody knows.
/// Reports in AUD, zone Australia/Sydney. `progress` hears now and then how many requests there
/// are.
[[nodiscard]] Result<YearFigures> fill_year(
    const std::filesystem::path& dir,
    const YearShape& shape,
    const std::function<void(std::int64_t)>& progress = {});

}  // namespace evenkeel::bench
