#pragma once

#include "providers/http/client.hpp"
#include "providers/http/exact_json.hpp"
#include "providers/http/lines.hpp"
#include "providers/provider.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

/// DigitalOcean's wire format as pure functions over requests and bodies
/// (https://docs.digitalocean.com/reference/api/). An answer that cannot be read is outcome_unknown
/// where the call may have done something, invalid_response elsewhere; messages carry of a body
/// only the provider's own short sentence, cleaned.
namespace evenkeel::providers::digitalocean {

inline constexpr std::string_view vendor_url = "https://api.digitalocean.com";
/// Entries asked for in one page; the most the API gives.
inline constexpr int page_size = 200;
/// Pages read before a list is refused as endless.
inline constexpr int pages_max = 200;
/// Bytes of cloud-init text (a limit of the API).
inline constexpr std::size_t user_data_max = 64 * 1024;
/// Every machine is billed for at least so long.
inline constexpr std::chrono::milliseconds min_bill{60'000};

struct Size {
    std::string slug{};
    std::string gpu{};  ///< model; " spot" is appended for sizes that may be taken away
    int gpu_count{0};
    Price price{};  ///< per hour; without currency when it cannot be read
    bool available{false};
    std::vector<std::string> regions{};  ///< where this account may create it
};
struct Region {
    std::string slug{};
    bool available{false};
};

/// Lists take the page to read: "1", "2", ...
[[nodiscard]] HttpRequest make_sizes_request(std::string_view page);
[[nodiscard]] HttpRequest make_regions_request(std::string_view page);
[[nodiscard]] HttpRequest make_list_request(std::string_view page);
/// What carries `tag`, of any type.
[[nodiscard]] HttpRequest make_tagged_request(std::string_view tag, std::string_view page);
[[nodiscard]] HttpRequest make_get_request(std::string_view id);
[[nodiscard]] HttpRequest make_destroy_request(std::string_view id);
[[nodiscard]] HttpRequest make_account_request();
/// `keys`: numbers are ids, all else fingerprints. `tag`: see digitalocean.hpp.
[[nodiscard]] HttpRequest make_create_request(
    const MachineSpec& spec, std::string_view tag, std::span<const std::string> keys);

/// The disk image a machine of `size` boots: what the vendor ships with GPU drivers.
[[nodiscard]] std::string_view image_for(std::string_view size) noexcept;
/// Letters, digits, ':', '-' and '_', at most 255.
[[nodiscard]] bool is_tag(std::string_view text) noexcept;
/// An id of a Droplet: digits.
[[nodiscard]] bool is_id(std::string_view text) noexcept;

[[nodiscard]] Result<PageOf<Size>> parse_sizes(const HttpResponse& response, std::string_view page);
[[nodiscard]] Result<PageOf<Region>> parse_regions(
    const HttpResponse& response, std::string_view page);
/// Joins sizes with regions: in stock where a region is listed for the size and open, and the size
/// available. A size without stock anywhere is offered once for each of `wanted` (or once without a
/// region), out of stock, so that its price is known. Sizes without a GPU or a readable price are
/// left out: nothing is bought blind.
[[nodiscard]] std::vector<MarketOffer> make_offers(
    std::span<const Size> sizes,
    std::span<const Region> regions,
    std::span<const std::string> wanted,
    UtcTime now);

/// Of several marks on one machine, that of its name counts.
[[nodiscard]] Result<PageOf<RemoteMachine>> parse_list(
    const HttpResponse& response, std::string_view page);
/// Errors: no_capacity (size or region closed for us), refused (Droplet limit of the account),
/// conflict, rejected (our request), unauthorized, rate_limited: no machine was made.
/// outcome_unknown for 5xx and everything that cannot be read, a machine of another name included.
[[nodiscard]] Result<RemoteMachine> parse_created(
    const HttpResponse& response, const MachineSpec& spec);
/// not_found only for a 404 in DigitalOcean's own words.
[[nodiscard]] Result<RemoteMachine> parse_machine(const HttpResponse& response);
/// conflict while an event of the machine is pending (422): ask again.
[[nodiscard]] Result<void> parse_destroyed(const HttpResponse& response);

struct Standing {
    std::string status{};  ///< active, warning, locked
    int droplet_limit{0};
};
[[nodiscard]] Result<Standing> parse_standing(const HttpResponse& response);

// ---- shared by wire.cpp and bill.cpp ---------------------------------------------------------

/// The failure that `response` means, with DigitalOcean's own sentence.
[[nodiscard]] Error failure(
    const HttpResponse& response, Errc lost, std::span<const std::string> secrets = {});
/// The page after `page`, when `body` links to one; empty on the last.
[[nodiscard]] std::string next_page(const exact_json::Value& body, std::string_view page);
/// `meta.total`.
[[nodiscard]] std::optional<std::int64_t> total_of(const exact_json::Value& body);

}  // namespace evenkeel::providers::digitalocean
