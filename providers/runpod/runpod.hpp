#pragma once

#include "providers/http/lines.hpp"

/// GPU pods of RunPod, REST v2 (https://docs.runpod.io/api-reference-v2). `make_runpod` of
/// drivers.hpp makes the driver.
///
/// - RunPod has no tags: a machine is known by its name, "ek-<agent id>-<intent>"; the expiry is
///   written into its environment (EVENKEEL_EXPIRES).
/// - The engine's front is reached over TCP (address and port from the pod's runtime), never
/// through
///   the vendor's public https proxy with its 100 s limit.
/// - The balance lives only in the old GraphQL API; when that is gone, `account` says so and the
///   rest goes on.
/// - One GPU for each pod is offered: the catalogue's stock is asked for a count of one.
/// - Nothing is ever stopped: a stopped pod bills its disk twice and starts again without a GPU.
namespace evenkeel::providers {

/// What RunPod grants a user until its headers say otherwise.
[[nodiscard]] RateRules runpod_rate_rules();

/// The same driver over clients of the caller's making. Errors as `make_runpod`.
[[nodiscard]] Result<std::unique_ptr<Provider>> make_runpod(
    DriverOptions options, ClientPair clients, const Clock& clock, Pause pause = sleeping_pause());

}  // namespace evenkeel::providers
