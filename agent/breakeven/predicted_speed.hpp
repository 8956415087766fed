#pragma once

#include "policies/breakeven/exact.hpp"
#include "policies/config/config.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::agent {

/// Tokens a second for the break-even report: of the seeds where there is one for the pair, else
/// predicted from the memory's bandwidth, and then said so. The configuration outlives it.
class PredictedSpeed {
public:
    explicit PredictedSpeed(const config::Config& config) : config_{config} {}
    /// Read and written together, four to one, at a full batch; nothing where nobody knows.
    [[nodiscard]] std::optional<breakeven::Exact> of(std::string_view gpu, std::string_view model);
    /// One line for each prediction that was made.
    [[nodiscard]] const std::vector<std::string>& notes() const noexcept { return notes_; }

private:
    const config::Config& config_;
    std::vector<std::string> notes_{};
};

}  // namespace evenkeel::agent
