#pragma once

#include "agent/ledger/reader.hpp"
#include "policies/config/config.hpp"
#include "policies/domain/error.hpp"
#include "providers/provider.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The price catalogue: what each offer costs, who said so, and how old that is.
namespace evenkeel::report {

/// One offer that costs money. `prices` are by meter: "hour", or "in", "out", "cached",
/// "cache_write", and of tiers "in over 200000".
struct PriceRow {
    std::string offer{};
    std::string model{};
    std::string provider{};
    std::string what{};  ///< the GPU, or the seller's name of the model
    std::vector<std::pair<std::string, Price>> prices{};
    std::optional<UtcTime> seen{};
    bool measured{false};  ///< asked of the provider; false: as the configuration states it
    /// Older than this and nothing is rented at it; nothing where no rule says so.
    std::optional<std::chrono::milliseconds> age_max{};
    [[nodiscard]] bool stale(UtcTime now) const noexcept {
        return age_max && (!seen || now - *seen > *age_max);
    }
};

/// The newest price per hour that a provider stated for an offer, and when.
using SeenPrice = std::function<std::optional<std::pair<Price, UtcTime>>(const config::Offer&)>;

/// Of the ledger's price rows. Nothing is known of a ledger that cannot be read.
[[nodiscard]] SeenPrice prices_in(ledger::Reader& reader);

/// Every offer of `config` that costs money, in the order of its files.
[[nodiscard]] std::vector<PriceRow> price_rows(const config::Config& config, const SeenPrice& seen);
/// evenkeel.prices/1.
[[nodiscard]] std::string prices_json(const std::vector<PriceRow>& rows, UtcTime now);

/// What one provider answered when it was asked now.
struct Refreshed {
    std::string provider{};
    std::optional<Error> error{};
    std::vector<providers::MarketOffer> offers{};
};
/// evenkeel.prices-refresh/1.
[[nodiscard]] std::string refreshed_json(const std::vector<Refreshed>& answers);

}  // namespace evenkeel::report
