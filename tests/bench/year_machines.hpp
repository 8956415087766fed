#pragma once

#include "tests/bench/year_world.hpp"

#include <functional>
#include <vector>

/// The rented machines of the made year, as things that happen at their times.
namespace evenkeel::bench {

/// One thing that happens to a machine.
struct Happening {
    UtcTime at{};
    std::size_t order{0};  ///< among those of the same moment
    std::function<void(ledger::Ledger&, Now)> apply{};
};

/// Where rented requests can go at a time.
struct Stay {
    UtcTime from{};  ///< serving
    UtcTime to{};
    MachineId machine{};
    std::int32_t source{0};
    std::int32_t provider{0};
};

struct Machines {
    std::vector<Happening> happenings{};  ///< by their times
    std::vector<Stay> stays{};            ///< by their beginnings
    std::int64_t usd_nanos{0};            ///< what they cost in all, corrections included
};

/// `count` lives, spread over the days of the shape.
[[nodiscard]] Machines make_machines(const YearShape& shape, Dice& dice);

}  // namespace evenkeel::bench
