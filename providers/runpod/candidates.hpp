#pragma once

#include "policies/domain/time.hpp"
#include "providers/provider.hpp"

#include <chrono>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace evenkeel::providers::runpod {

/// Tells a request that is wrong from a place that is full. RunPod answers 400 (and 403 for a pool
/// that is closed to the account) for both, and says itself how to tell them apart: a wrong request
/// fails on every candidate
/// (https://docs.runpod.io/api-reference-v2/pods/create-pod). Each GPU is judged by itself. Pure
/// bookkeeping; not thread-safe.
class Candidates {
public:
    /// Refusals in a row, at least, before the request is blamed: with a single candidate one
    /// refusal says nothing.
    static constexpr int refusals_min = 3;
    /// How long a refusal counts: places fill and empty within it.
    static constexpr std::chrono::milliseconds refusal_counts = std::chrono::hours{1};
    /// Refusals remembered, the newest ones: more than places there are.
    static constexpr std::size_t refusals_max = 1'000;

    /// `counts`: how long a refusal counts.
    explicit Candidates(std::chrono::milliseconds counts = refusal_counts) : counts_{counts} {}

    /// The newest catalogue: what is not in stock any more is no candidate.
    void offered(std::span<const MarketOffer> offers);
    /// A create was refused there. True when every candidate of this GPU has refused since its
    /// last success, all of them lately: then the request is wrong.
    [[nodiscard]] bool refused(const std::string& sku, const std::string& region, BootTime now);
    /// A create of `sku` was accepted: requests like it are right.
    void accepted(const std::string& sku);

private:
    using Place = std::pair<std::string, std::string>;  ///< sku and region
    struct Refusal {
        Place place{};
        BootTime at{};
    };
    std::chrono::milliseconds counts_;
    std::vector<Place> in_stock_{};
    std::vector<Refusal> refusals_{};  ///< oldest first
};

}  // namespace evenkeel::providers::runpod
