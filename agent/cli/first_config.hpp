#pragma once

#include "agent/cli/find_engines.hpp"
#include "policies/capacity/roofline.hpp"
#include "policies/config/config.hpp"
#include "policies/config/load.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// The first configuration of a host, as text. Pure.
namespace evenkeel::cli {

struct FoundGpu {
    int index{0};
    std::string name{};
    std::int64_t memory_bytes{0};
    std::int64_t power_limit_milliwatts{0};  ///< 0 = not known
    std::string driver{};
};

struct FirstFacts {
    std::vector<FoundGpu> gpus{};
    std::vector<FoundEngine> engines{};
    std::string currency{"USD"};
    std::string tariff{};  ///< "0.33 AUD/kWh"; empty: not known
    std::string zone{"UTC"};
    std::optional<capacity::CardSpeed> card{};  ///< all its GPUs together
};

/// evenkeel.yaml, providers.yaml, models.yaml, policy.yaml: commented, and accepted by the loader
/// without a warning. What it cannot know stays a comment.
[[nodiscard]] std::vector<config::SourceFile> first_configuration(
    const FirstFacts& facts, config::Date today);

/// A name for a model that clients may use: of "/models/QwQ-32B-Q4_K_M.gguf" "qwq-32b-q4_k_m".
[[nodiscard]] std::string model_name(std::string_view id);

}  // namespace evenkeel::cli
