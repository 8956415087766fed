#pragma once

#include "agent/control/fleet.hpp"
#include "agent/ledger/ledger.hpp"
#include "policies/routing/catalogue.hpp"
#include "providers/provider.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace evenkeel::agent {

/// What the providers offer now, with the age of each price, and what our accounts there have left.
/// Lives on the control thread.
class Market {
public:
    Market(Fleet& fleet, const Clock& clock, ledger::Ledger& ledger, routing::NameTable& names)
        : fleet_{fleet}, clock_{clock}, ledger_{ledger}, names_{names} {}

    void apply(std::shared_ptr<const routing::Catalogue> catalogue);
    /// Asks providers whose offers are older than the refresh interval.
    void tick();
    /// The best thing on the market for an offer of the configuration: in stock before not, then
    /// the cheapest. Nothing until the provider has answered once.
    [[nodiscard]] std::optional<providers::MarketOffer> find(const config::Offer& offer) const;
    /// Asks `provider` now; `done` gets its answer on the control thread. Errors: those of the
    /// driver; not_found at once when nothing is rented there.
    void refresh(
        const std::string& provider,
        std::function<void(const Result<std::vector<providers::MarketOffer>>&)> done);
    /// Why the account at `provider` cannot carry one more machine at `price`: an hour of it must
    /// be there, because RunPod ends every pod of an account that has reached zero (docs.runpod.io,
    /// accounts-billing/billing). None where the provider states no balance.
    [[nodiscard]] Reason closed(const std::string& provider, const Price& price) const;
    /// Our account at a provider, and what is the matter there.
    struct Standing {
        bool known{false};  ///< it answered with our key
        std::optional<Money> balance{};
        std::vector<std::string> troubles{};
    };
    [[nodiscard]] Standing standing(const std::string& provider) const;
    /// The troubles of all of them.
    [[nodiscard]] std::vector<std::string> warnings() const;

private:
    struct Stall {
        std::vector<providers::MarketOffer> offers{};
        bool asking{false};
        BootTime next{};
        std::string trouble{};
        providers::Account account{};
        bool asking_account{false};
        bool account_known{false};
        BootTime next_account{};
        std::string account_trouble{};  ///< why the account could not be read
    };
    void answered(const std::string& provider, Result<std::vector<providers::MarketOffer>> offers);
    void note_prices(const std::string& provider);
    void ask_account(const std::string& provider, Stall& stall);

    Fleet& fleet_;
    const Clock& clock_;
    ledger::Ledger& ledger_;
    routing::NameTable& names_;
    std::shared_ptr<const routing::Catalogue> catalogue_{};
    std::map<std::string, Stall> stalls_{};
};

}  // namespace evenkeel::agent
