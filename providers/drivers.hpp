#pragma once

#include "policies/domain/rental_kinds.hpp"
#include "providers/http/secret.hpp"
#include "providers/provider.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::providers {

/// What a driver is made of: one provider entry of the configuration, its secret read.
struct DriverOptions {
    std::string name{};      ///< as in providers.yaml
    std::string base_url{};  ///< empty: the vendor's own host
    std::string ca_file{};   ///< PEM of the authorities to trust instead of the system's
    Secret credential{};
    std::string owner_mark{};  ///< "ek-<agent id>": which machines are ours
    std::vector<std::string> regions{};
    std::string cloud{"secure"};
    std::string tag{"evenkeel"};  ///< a further mark on our machines, for people
    std::vector<std::string> ssh_keys{};
    std::chrono::milliseconds connect_limit{10'000};
    std::chrono::milliseconds total_limit{60'000};
    /// Divides the time a provider's books are given to settle (BillLine::final), its minimum bill
    /// and the windows of its rate limits; above 1 only where the provider itself runs faster, in
    /// tests and demonstrations.
    std::int64_t speed{1};
};

#define EVENKEEL_RENTAL_MAKER(word)                              \
    [[nodiscard]] Result<std::unique_ptr<Provider>> make_##word( \
        DriverOptions options, const Clock& clock);
EVENKEEL_RENTAL_KINDS(EVENKEEL_RENTAL_MAKER)
#undef EVENKEEL_RENTAL_MAKER

/// The driver of the kind `kind` (a word of rental_kinds.hpp). `clock` must outlive it. Errors:
/// invalid_argument for an unknown kind, a base_url that is not allowed or an option the driver
/// cannot use, each with the reason.
[[nodiscard]] Result<std::unique_ptr<Provider>> make_driver(
    std::string_view kind, DriverOptions options, const Clock& clock);

}  // namespace evenkeel::providers
