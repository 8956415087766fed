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

bool Candidates::refused(const std::string& sku, const std::string& region) {
    const Place place{sku, region};
    if (std::ranges::find(refused_, place) == refused_.end()) {
        refused_.push_back(place);
    }
    ++in_a_row_;
    return in_a_row_ >= refusals_min && std::ranges::all_of(in_stock_, [&](const Place& each) {
               return each.first != sku || std::ranges::find(refused_, each) != refused_.end();
           });
}

void Candidates::accepted() noexcept {
    refused_.clear();
    in_a_row_ = 0;
}

}  // namespace evenkeel::providers::runpod
