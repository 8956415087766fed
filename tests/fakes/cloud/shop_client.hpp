#pragma once

#include "policies/domain/time.hpp"
#include "providers/http/client.hpp"
#include "tests/fakes/cloud/shop.hpp"

#include <memory>
#include <string>

namespace evenkeel::fakes::cloud {

/// How a driver meets one vendor of `shop` without sockets, in whatever time `clock` tells: answers
/// are the shop's, and what a socket would do to them (lost, late, endless) becomes the error the
/// product's client gives for it. No time passes within a call. Effects for processes stay in the
/// shop's world. `shop` and `clock` must outlive it; one thread.
[[nodiscard]] std::unique_ptr<providers::HttpClient> make_shop_client(
    Shop& shop, Vendor vendor, std::string token, const Clock& clock);

/// The limit of a whole exchange, as the product's client has it: later answers are lost.
inline constexpr std::chrono::seconds exchange_limit{60};

}  // namespace evenkeel::fakes::cloud
