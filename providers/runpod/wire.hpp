#pragma once

#include "providers/http/client.hpp"
#include "providers/provider.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

/// RunPod's REST v2 as pure functions over requests and bodies
/// (https://docs.runpod.io/api-reference-v2). An answer that cannot be read is outcome_unknown
/// where the call may have done something, invalid_response elsewhere; messages carry of a body
/// only the provider's own short sentence, cleaned: pods are answered with their environment in
/// clear text.
namespace evenkeel::providers::runpod {

inline constexpr std::string_view vendor_url = "https://api.runpod.io";
/// Disk of a pod for image and weights when the spec names none.
inline constexpr int default_disk_gb = 120;
/// Hosts with an older driver cannot start the engines' images; there the container would wait for
/// ever, and bill.
inline constexpr std::string_view min_cuda_version = "12.8";
/// Variables a pod may have (a limit of the vendor).
inline constexpr std::size_t env_max = 50;

/// `cloud` is "SECURE" or "COMMUNITY".
[[nodiscard]] HttpRequest make_catalog_request(std::string_view cloud);
[[nodiscard]] HttpRequest make_list_request();
[[nodiscard]] HttpRequest make_get_request(std::string_view id);
[[nodiscard]] HttpRequest make_destroy_request(std::string_view id);
[[nodiscard]] HttpRequest make_create_request(const MachineSpec& spec, std::string_view cloud);
/// GraphQL: the balance is nowhere else.
[[nodiscard]] HttpRequest make_balance_request();

/// One offer for each data centre that has the GPU, and for each of `wanted` that has it not (out
/// of stock, so that its price is known). GPUs of the other cloud, or without a readable price, are
/// left out: nothing is bought blind. Regions are upper case.
[[nodiscard]] Result<std::vector<MarketOffer>> parse_catalog(
    const HttpResponse& response,
    std::string_view cloud,
    std::span<const std::string> wanted,
    UtcTime now);

/// All pods of the account; those that are terminated are left out.
[[nodiscard]] Result<std::vector<RemoteMachine>> parse_list(const HttpResponse& response);
/// not_found only for a 404 in RunPod's own words, or a pod that it calls TERMINATED.
[[nodiscard]] Result<RemoteMachine> parse_machine(const HttpResponse& response);
/// Whether a refused create (400) says in known words that the place is full.
[[nodiscard]] bool says_full(const HttpResponse& response);
/// Errors: no_capacity for 400 and 403 (the caller decides with `Candidates` whether the request is
/// to blame), refused (402, too little credit), rejected (404, 422), conflict, unauthorized (401),
/// rate_limited: no machine was made. outcome_unknown for 5xx and everything that cannot be read.
[[nodiscard]] Result<RemoteMachine> parse_created(
    const HttpResponse& response, const MachineSpec& spec);
[[nodiscard]] Result<void> parse_destroyed(const HttpResponse& response);

struct Balance {
    Money left{};
    std::optional<Money> spend_per_hour{};
};
/// Errors: invalid_response when GraphQL no longer tells it; unauthorized; unavailable.
[[nodiscard]] Result<Balance> parse_balance(const HttpResponse& response);

/// The failure that `response` means, with RunPod's own sentence.
[[nodiscard]] Error failure(
    const HttpResponse& response, Errc lost, std::span<const std::string> secrets = {});
/// `text` in capital letters: data-centre ids work in no other form.
[[nodiscard]] std::string upper(std::string_view text);

}  // namespace evenkeel::providers::runpod
