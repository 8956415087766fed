#pragma once

#include "tests/fakes/cloud/query.hpp"
#include "tests/fakes/cloud/wire.hpp"

#include <string>
#include <string_view>

/// RunPod REST v2 (https://docs.runpod.io/api-reference-v2), where a renter of GPU pods meets it,
/// and the two numbers of its GraphQL API that have no successor yet (credit and spend rate). A
/// pod's `cost` and its bill include its disks. Not played: CPU pods, templates, registries,
/// clusters, serverless, logs and PATCH.
namespace evenkeel::fakes::cloud::runpod {

/// RFC 9457, with the single failures of a request that breaks the schema.
[[nodiscard]] Reply problem(
    int status,
    std::string_view title,
    std::string_view detail,
    const std::vector<std::string>& errors = {});
[[nodiscard]] Reply refuse(Fault fault, std::chrono::seconds retry_after);

[[nodiscard]] std::string pod_json(const Shop& shop, const Machine& machine, UtcTime now);
[[nodiscard]] Reply create_pod(Shop& shop, const Call& call, UtcTime now);
[[nodiscard]] Reply list_gpus(const Shop& shop, const Call& call);
[[nodiscard]] Reply list_centres(const Shop& shop, const Call& call);
[[nodiscard]] Reply pod_bill(const Shop& shop, const Call& call, UtcTime now);
[[nodiscard]] Reply whole_bill(const Shop& shop, const Call& call, UtcTime now);

/// The one network volume of the account.
inline constexpr std::string_view volume_id = "agv6w2qcg7";
inline constexpr std::string_view volume_centre = "US-KS-2";

}  // namespace evenkeel::fakes::cloud::runpod
