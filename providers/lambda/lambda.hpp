#pragma once

#include "providers/http/lines.hpp"

/// On-demand instances of Lambda Cloud, API 1.10 (https://docs.lambda.ai/api/cloud).
/// `make_lambda` of drivers.hpp makes the driver. It is the worked example of
/// docs/adding-a-provider.md.
///
/// - A machine carries the owner mark, its expiry and the port of its front as tags.
/// - Exactly one SSH key (`providers.<name>.ssh_keys`, by its name) is wanted for a launch.
/// - Capacity is read from the price list, never probed by launching.
/// - The API has no bill and no balance: `billing` and `account` answer empty.
namespace evenkeel::providers {

/// One request a second; one launch in twelve.
[[nodiscard]] RateRules lambda_rate_rules();

/// The same driver over clients of the caller's making.
[[nodiscard]] std::unique_ptr<Provider> make_lambda(
    DriverOptions options, ClientPair clients, const Clock& clock, Pause pause = sleeping_pause());

}  // namespace evenkeel::providers
