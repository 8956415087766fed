#pragma once

#include "policies/config/config.hpp"
#include "policies/domain/error.hpp"
#include "policies/domain/time.hpp"
#include "policies/lifecycle/machine.hpp"
#include "providers/provider.hpp"

#include <chrono>
#include <string>
#include <string_view>

/// What a rented node is told when it is created, and how it proves afterwards who it is. Both
/// follow from one secret of the agent and the machine's name, so a restart knows them again.
namespace evenkeel::agent {

/// Where the TLS front of a node listens.
inline constexpr int node_port = providers::default_port;

/// The key that the engine of `machine_name` takes requests with. Never logged.
[[nodiscard]] std::string node_key(std::string_view engine_secret, std::string_view machine_name);

/// SHA-256 of the public key with which that node serves TLS, 64 hex digits. Errors: io_failed.
[[nodiscard]] Result<std::string> node_pin(
    std::string_view engine_secret, std::string_view machine_name);

/// Whose start is rendered.
struct NodeOrder {
    const lifecycle::Machine& machine;
    const config::Model& model;
    const config::Offer& offer;
    const config::Provider& provider;
    std::chrono::milliseconds life{0};  ///< from the create to its latest end, drain included
    providers::VolumePlace volume{};    ///< where it finds the offer's volume
};

/// Fills in what `form` needs of `spec`: the cloud-init text, or arguments and environment of a
/// container, each with the node's own certificate and key. Errors: invalid_argument with a
/// sentence that names what the owner must mend in models.yaml.
[[nodiscard]] Result<void> start_node(
    providers::MachineSpec& spec,
    providers::StartForm form,
    std::string_view engine_secret,
    const NodeOrder& order,
    UtcTime now);

}  // namespace evenkeel::agent
