#pragma once

#include "providers/provider.hpp"

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace evenkeel::providers::runpod {

/// Tells a request that is wrong from a place that is full. RunPod answers 400 (and 403 for a pool
/// that is closed to the account) for both, and says itself how to tell them apart: a wrong request
/// fails on every candidate
/// (https://docs.runpod.io/api-reference-v2/pods/create-pod). Pure bookkeeping; not thread-safe.
class Candidates {
public:
    /// Refusals in a row, at least, before the request is blamed: with a single candidate one
    /// refusal says nothing.
    static constexpr int refusals_min = 3;

    /// The newest catalogue: what is not in stock any more is no candidate.
    void offered(std::span<const MarketOffer> offers);
    /// A create was refused there. True when every candidate of this GPU has refused since the
    /// last success: then the request is wrong.
    [[nodiscard]] bool refused(const std::string& sku, const std::string& region);
    /// A create was accepted: requests like it are right.
    void accepted() noexcept;

private:
    using Place = std::pair<std::string, std::string>;
    std::vector<Place> in_stock_{};
    std::vector<Place> refused_{};  ///< each once
    int in_a_row_{0};
};

}  // namespace evenkeel::providers::runpod
