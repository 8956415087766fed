#pragma once

#include "inference/http/server.hpp"
#include "tests/fakes/cloud/shop.hpp"

namespace evenkeel::fakes::cloud {

/// Sends `reply` in the way it wants to be sent, late, lost or far too long.
[[nodiscard]] boost::asio::awaitable<void> deliver(
    inference::http::Exchange& exchange, const Reply& reply);

}  // namespace evenkeel::fakes::cloud
