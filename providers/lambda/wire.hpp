#pragma once

#include "providers/http/client.hpp"
#include "providers/provider.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Lambda Cloud's wire format as pure functions over requests and bodies
/// (https://docs.lambda.ai/api/cloud). Answers are {"data": ...} or {"error": {"code", "message"}};
/// only the code decides. An answer that cannot be read is outcome_unknown where the call may have
/// done something, invalid_response elsewhere.
namespace evenkeel::providers::lambda {

inline constexpr std::string_view vendor_url = "https://cloud.lambda.ai";
/// Bytes of cloud-init text (a limit of the API).
inline constexpr std::size_t user_data_max = 1'000'000;
/// Machines are billed by the minute.
inline constexpr std::chrono::milliseconds min_bill{60'000};

[[nodiscard]] HttpRequest make_types_request();
[[nodiscard]] HttpRequest make_list_request();
[[nodiscard]] HttpRequest make_get_request(std::string_view id);
[[nodiscard]] HttpRequest make_terminate_request(std::string_view id);
[[nodiscard]] HttpRequest make_launch_request(const MachineSpec& spec, std::string_view ssh_key);

/// One offer for each region with capacity; a type without any is offered out of stock, once for
/// each of `wanted` (or once without a region), so that its price is known.
[[nodiscard]] Result<std::vector<MarketOffer>> parse_types(
    const HttpResponse& response, std::span<const std::string> wanted, UtcTime now);
/// Errors: no_capacity, refused (quota or billing address), rejected, conflict, unauthorized,
/// rate_limited: no machine was made. outcome_unknown for 5xx, faults of Lambda's own upstream and
/// everything that cannot be read.
[[nodiscard]] Result<RemoteMachine> parse_launched(
    const HttpResponse& response, const MachineSpec& spec);
/// All machines; those that are terminated are left out.
[[nodiscard]] Result<std::vector<RemoteMachine>> parse_list(const HttpResponse& response);
/// not_found only for a 404 in Lambda's own words, or a machine that it calls terminated.
[[nodiscard]] Result<RemoteMachine> parse_machine(const HttpResponse& response);
/// outcome_unknown when the answer does not name `id` among the terminated.
[[nodiscard]] Result<void> parse_terminated(const HttpResponse& response, std::string_view id);

}  // namespace evenkeel::providers::lambda
