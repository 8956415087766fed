#pragma once

#include "agent/config/credentials.hpp"
#include "agent/control/fleet.hpp"
#include "policies/config/config.hpp"
#include "providers/provider.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace evenkeel::agent {

/// The driver of one entry of the configuration, with its secret; `speed` is the demo's. Errors:
/// those of providers::make_driver.
[[nodiscard]] Result<std::unique_ptr<providers::Provider>> driver_of(
    const config::Provider& entry,
    providers::Secret credential,
    std::string owner_mark,
    std::int64_t speed,
    const Clock& clock);

/// Makes the drivers of the providers that rent, and makes them anew when their entry or their
/// credential changed. What cannot be made is told by `warnings`; a driver that works is kept then,
/// because machines may have to be ended through it. For the same reason another address or kind
/// must wait until the provider has no machine of ours, and another key is taken only after it has
/// shown one of those machines: a foreign account's list would "prove" that they are gone. The
/// state folder remembers a fingerprint of what each driver was made of, so that this holds over a
/// restart too. Control thread only.
class Drivers {
public:
    struct Parts {
        const Clock& clock;
        const Credentials& credentials;
        Fleet& fleet;
        Inbox inbox{};
        std::filesystem::path state{};  ///< empty: nothing is remembered
        /// Providers that have machines in the ledger at the start.
        std::set<std::string> with_machines{};
    };
    Drivers(Parts parts, std::string owner_mark);

    void apply(const config::Config& config);
    [[nodiscard]] const std::vector<std::string>& warnings() const noexcept { return warnings_; }

private:
    struct Made {
        config::Provider entry{};
        providers::Secret credential{};
    };
    void make(const config::Provider& entry);
    void warn(const std::string& provider, std::string_view why);
    /// Lists with the new driver on a thread of its own; takes it if it shows our machines.
    void try_key(Made next, std::shared_ptr<providers::Provider> driver);
    void take(Made next, std::shared_ptr<providers::Provider> driver);
    [[nodiscard]] bool made_of_something_else(const Made& next) const;
    void remember(const Made& made);

    Parts parts_;
    std::string owner_mark_;
    std::int64_t speed_{1};
    std::map<std::string, Made> made_{};
    std::map<std::string, std::string> fingerprints_{};  ///< by provider, as stored
    std::map<std::string, std::unique_ptr<ProviderRunner>> trials_{};
    std::vector<std::string> warnings_{};
};

}  // namespace evenkeel::agent
