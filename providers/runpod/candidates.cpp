#include "providers/runpod/candidates.hpp"

#include <algorithm>

namespace evenkeel::providers::runpod {

void Candidates::offered(std::span<const MarketOffer> offers) {
    in_stock_.clear();
    for (const MarketOffer& offer : offers) {
        if (offer.in_stock) {
            in_stock_.emplace_back(offer.sku, offer.region);
        }
    }
}

bool Candidates::refused(const std::string& sku, const std::string& region, BootTime now) {
    std::erase_if(refusals_, [&](const Refusal& each) { return each.at + counts_ <= now; });
    if (refusals_.size() >= refusals_max) {
        refusals_.erase(refusals_.begin());
    }
    refusals_.push_back({.place = {sku, region}, .at = now});
    const auto of_sku = [&](const Refusal& each) { return each.place.first == sku; };
    return std::ranges::count_if(refusals_, of_sku) >= refusals_min &&
           std::ranges::all_of(in_stock_, [&](const Place& each) {
               return each.first != sku ||
                      std::ranges::find(refusals_, each, &Refusal::place) != refusals_.end();
           });
}

void Candidates::accepted(const std::string& sku) {
    std::erase_if(refusals_, [&](const Refusal& each) { return each.place.first == sku; });
}

}  // namespace evenkeel::providers::runpod
