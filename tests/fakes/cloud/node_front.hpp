#pragma once

#include "policies/domain/error.hpp"
#include "tests/fakes/cloud/world.hpp"

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <memory>

namespace evenkeel::fakes::cloud {

/// What listens on a rented machine: TLS with the certificate it was given, a list of paths, the
/// engine's key; behind it the synthetic engine on a port of 127.0.0.1. It answers as the front
/// that the product renders for real nodes does: other paths 404, other methods 405, no key 401
/// (but for /health), 503 while no engine listens. Every answer closes its connection.
class NodeFront {
public:
    virtual ~NodeFront() = default;
    [[nodiscard]] virtual std::uint16_t port() const noexcept = 0;
};

/// Listens on the machine's own address; on `port`, or on one the system picks when it is 0.
/// Errors: invalid_argument (certificate not usable), conflict (address in use), io_failed.
[[nodiscard]] Result<std::unique_ptr<NodeFront>> make_node_front(
    boost::asio::io_context& context, const Machine& machine, int port, std::uint16_t engine_port);

}  // namespace evenkeel::fakes::cloud
