#pragma once

#include "policies/config/keys.hpp"

#include <span>

/// The rows of each file; joined by keys(). Internal to policies/config.
namespace evenkeel::config {

[[nodiscard]] std::span<const Key> daemon_keys() noexcept;
[[nodiscard]] std::span<const Key> provider_keys() noexcept;
[[nodiscard]] std::span<const Key> model_keys() noexcept;
[[nodiscard]] std::span<const Key> policy_keys() noexcept;
[[nodiscard]] std::span<const Key> case_keys() noexcept;

}  // namespace evenkeel::config
