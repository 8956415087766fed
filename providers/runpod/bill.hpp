#pragma once

#include "providers/http/client.hpp"
#include "providers/provider.hpp"

#include <chrono>
#include <vector>

/// RunPod's hourly books (https://docs.runpod.io/api-reference-v2/billing).
namespace evenkeel::providers::runpod {

/// How far back the books are read. Machines live for hours; their bills are asked for hourly.
inline constexpr std::chrono::hours bill_window{7 * 24};
/// The billing job runs every five minutes: an hour is settled two runs after its end.
inline constexpr std::chrono::milliseconds settles_after = std::chrono::minutes{10};

[[nodiscard]] HttpRequest make_bill_request(UtcTime now);
/// Adds up the hours of each pod. A line is final when the last hour in which the pod cost anything
/// ended `settle` before `now`: a pod that still ran would have a newer one. Pods that already cost
/// in the first hour of the window are left out: earlier hours are not in the answer.
[[nodiscard]] Result<std::vector<BillLine>> parse_bill(
    const HttpResponse& response, UtcTime now, std::chrono::milliseconds settle);

}  // namespace evenkeel::providers::runpod
