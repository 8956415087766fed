#pragma once

#include "providers/http/client.hpp"
#include "providers/http/lines.hpp"
#include "providers/provider.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The sandbox cloud's wire format as pure functions over requests and bodies. An answer that
/// cannot be read is outcome_unknown where the call may have done something, invalid_response
/// elsewhere; messages never carry a body.
namespace evenkeel::providers::sandbox {

/// Machines asked for in one page of a list.
inline constexpr int page_size = 100;
/// Pages read before a list is refused as endless.
inline constexpr int pages_max = 200;

[[nodiscard]] HttpRequest make_offers_request();
[[nodiscard]] HttpRequest make_create_request(const MachineSpec& spec);
/// The page after the machine `after`; the first one when empty.
[[nodiscard]] HttpRequest make_list_request(std::string_view after);
[[nodiscard]] HttpRequest make_get_request(std::string_view remote_id);
[[nodiscard]] HttpRequest make_destroy_request(std::string_view remote_id);
[[nodiscard]] HttpRequest make_bill_request(std::string_view owner_mark);

/// Offers dated `now`. An offer without a readable price is left out: nothing is bought blind.
[[nodiscard]] Result<std::vector<MarketOffer>> parse_offers(
    const HttpResponse& response, UtcTime now);

/// Errors of a create: conflict (the name exists), no_capacity, rejected, unauthorized,
/// rate_limited (none of these made a machine); outcome_unknown for 5xx and everything that cannot
/// be read, a machine of another name included.
[[nodiscard]] Result<RemoteMachine> parse_created(
    const HttpResponse& response, const MachineSpec& spec);

using Page = PageOf<RemoteMachine>;
[[nodiscard]] Result<Page> parse_page(const HttpResponse& response);

/// not_found only for a 404 that the cloud itself wrote: one of a wrong address proves nothing.
[[nodiscard]] Result<RemoteMachine> parse_machine(const HttpResponse& response);
[[nodiscard]] Result<void> parse_destroyed(const HttpResponse& response);

/// The bill's lines; their sum must be its total, and all in one currency.
[[nodiscard]] Result<std::vector<BillLine>> parse_bill(const HttpResponse& response);

}  // namespace evenkeel::providers::sandbox
