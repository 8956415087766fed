#pragma once

#include "agent/config/credentials.hpp"
#include "agent/control/fleet.hpp"
#include "policies/config/config.hpp"
#include "providers/provider.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
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
        /// Makes a driver of an entry and its secret; left empty it is `driver_of`.
        std::function<Result<std::unique_ptr<providers::Provider>>(
            const config::Provider&, const providers::Secret&)>
            make{};
    };
    Drivers(Parts parts, std::string owner_mark);

    void apply(const config::Config& config);
    /// Asks again with new keys whose list failed, every `ask_again`.
    void tick();
    [[nodiscard]] std::vector<std::string> warnings() const;

    static constexpr std::chrono::seconds ask_again{30};

private:
    struct Made {
        config::Provider entry{};
        providers::Secret credential{};
    };
    /// A new key or address on trial: it lists on a thread of its own until the list is answered.
    struct Trial {
        Made next{};
        std::shared_ptr<providers::Provider> driver{};
        std::unique_ptr<ProviderRunner> runner{};
        bool asking{false};
        BootTime again{};
    };
    void make(const config::Provider& entry);
    void warn(const std::string& provider, std::string_view why);
    /// Takes the new driver when its list shows our machines.
    void ask(const std::string& provider, Trial& trial);
    void tried(
        const std::string& provider, const Result<std::vector<providers::RemoteMachine>>& list);
    void take(Made next, std::shared_ptr<providers::Provider> driver);
    [[nodiscard]] bool made_of_something_else(const Made& next) const;
    void remember(const Made& made);

    Parts parts_;
    std::string owner_mark_;
    std::int64_t speed_{1};
    std::map<std::string, Made> made_{};
    std::map<std::string, std::string> fingerprints_{};  ///< by provider, as stored
    std::map<std::string, std::shared_ptr<Trial>> trials_{};
    std::map<std::string, std::string> warnings_{};  ///< by provider
};

}  // namespace evenkeel::agent
