#pragma once

#include "tests/fakes/cloud/query.hpp"
#include "tests/fakes/cloud/wire.hpp"

#include <string>
#include <vector>

/// DigitalOcean API v2, as https://docs.digitalocean.com/reference/api/ describes it, where a
/// renter of GPU Droplets meets it. Not played: creating several Droplets with one call (`names`),
/// resizes, snapshots, backups, domains and the products beside Droplets.
namespace evenkeel::fakes::cloud::digitalocean {

[[nodiscard]] Reply error(int status, std::string_view id, std::string_view message);
[[nodiscard]] Reply not_found();
[[nodiscard]] Reply unprocessable(std::string_view message);
[[nodiscard]] Reply refuse(Fault fault, std::chrono::seconds retry_after);

/// `items` in pages as `query` asks: {"<name>":[..],"links":{..},"meta":{"total":n}}. Sizes above
/// 200 are taken as 200. `unseen` is counted in the total but not shown.
[[nodiscard]] Reply paged(
    std::string_view name,
    const std::vector<std::string>& items,
    const Call& call,
    const Query& query,
    std::size_t unseen = 0);

// Droplets and what one does with them.
[[nodiscard]] Reply create_droplet(Shop& shop, const Call& call, UtcTime now);
[[nodiscard]] Reply list_droplets(Shop& shop, const Call& call, UtcTime now);
[[nodiscard]] Reply get_droplet(Shop& shop, std::string_view id, UtcTime now);
[[nodiscard]] Reply delete_droplet(Shop& shop, std::string_view id, UtcTime now);
[[nodiscard]] Reply delete_by_tag(Shop& shop, const Query& query, UtcTime now);
[[nodiscard]] Reply act_on_droplet(Shop& shop, const Call& call, std::string_view id, UtcTime now);
[[nodiscard]] Reply get_action(Shop& shop, std::string_view id, UtcTime now);

// What is for sale, and the account.
[[nodiscard]] std::string size_json(const World& world, const Shop* shop, const Sku& sku);
[[nodiscard]] std::string region_json(const Shop& shop, const Place& place);
[[nodiscard]] std::string image_json(std::string_view slug);
[[nodiscard]] bool image_fits(std::string_view slug, const Sku& sku);
/// The account's SSH keys; one is there from the start (512190).
[[nodiscard]] Shop::Drawer& ssh_keys(Shop& shop);
[[nodiscard]] bool image_exists(std::string_view slug);
[[nodiscard]] Reply catalogue(Shop& shop, const Call& call, UtcTime now);
[[nodiscard]] Reply account(Shop& shop, const Call& call, UtcTime now);

}  // namespace evenkeel::fakes::cloud::digitalocean
