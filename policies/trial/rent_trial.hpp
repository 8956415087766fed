#pragma once

#include "policies/trial/trial.hpp"

#include <cstddef>
#include <expected>
#include <string>
#include <vector>

namespace evenkeel::trial {

/// One decision of the rent rule.
struct RentOutcome {
    std::string decision{};  ///< order | release | hold
    std::string offer{};
    int count{0};
    int machine{0};
    std::string reason{};
    milliseconds at{0};
};

/// "order 1 from runpod (rent_debt) after 51 s"
[[nodiscard]] std::string to_text(const RentOutcome& outcome);

/// The first `most` decisions of the scaling entry that the case names, with the policy's own
/// limits. Errors: a sentence when the case names something unknown.
[[nodiscard]] std::expected<std::vector<RentOutcome>, std::string> play_scaling(
    const config::Config& config, const config::PolicyCase& test, std::size_t most);

}  // namespace evenkeel::trial
