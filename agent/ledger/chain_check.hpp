#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace evenkeel::ledger {

/// Where a walk along all chains stands: after transaction `seq` of `gateway`.
struct ChainPosition {
    std::int64_t gateway{0};
    std::int64_t seq{0};
};

/// What a walk along the chain found; each problem is a sentence.
struct ChainCheck {
    std::int64_t transactions{0};
    std::int64_t postings{0};
    std::vector<std::string> problems{};
};

}  // namespace evenkeel::ledger
