#pragma once

#include "policies/replay/replay.hpp"

#include <span>
#include <string_view>

/// Policies that need no file, and the world they are compared in.
namespace evenkeel::replay {

/// Names of the built-in policies, in the order tables show them; `always-1` stands for always-N.
[[nodiscard]] std::span<const std::string_view> builtin_policies() noexcept;

/// Makes `options` follow the built-in policy `name`: api-only, own+api, always-N (N = 1 ... 1000),
/// break-even, break-even+k, level-memory (the rules of
/// `scaling.rule`), skyserve-like, dstack-like, kpa-like,
/// oracle. The world (engines, prices, limits) stays. Errc::not_found names them all.
[[nodiscard]] Result<void> apply_builtin(std::string_view name, Options& options);

/// The world of the reference figures: one RTX 5090 of the owner's (32B AWQ, 575 W at 0.20
/// USD/kWh while busy), at most 8 rented H100 (32B FP8) at 3.39 USD/h with a minimum of 300 s and a
/// boot of 420 s, an API at 5 / 25 USD per Mtok.
[[nodiscard]] Options reference_world();

/// API prices in USD per Mtok.
void set_api_price(Options& options, Money in, Money out);

}  // namespace evenkeel::replay
