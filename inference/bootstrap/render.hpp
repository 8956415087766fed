#pragma once

#include "inference/bootstrap/plan.hpp"

#include <string>
#include <utility>
#include <vector>

namespace evenkeel::inference::bootstrap {

/// The cloud-init text (`user_data`) of a virtual machine whose image has Docker and the NVIDIA
/// container toolkit. ASCII, at most `cloud_init_bytes_max`. It holds the node's own key and
/// certificate, which die with it, and no other secret. Errors: as `check`; invalid_argument when
/// the plan names a `hub_secret` or is too large.
[[nodiscard]] Result<std::string> cloud_init(const NodePlan& plan);

/// What a container node is created with.
struct ContainerStart {
    /// Arguments of the image's entry point, one string: `bash -c "..."` with one base64 word that
    /// holds the whole script. No '$', backtick or single quote, so that it survives a provider
    /// that splits or expands it. Holds the node's key: as secret as the engine key itself.
    std::string args{};
    std::vector<std::pair<std::string, std::string>> env{};  ///< holds no secret
};

/// The same for the image of `packaging/pod`, which runs its arguments. Errors: as `check`;
/// invalid_argument when it gets too large.
[[nodiscard]] Result<ContainerStart> container(const NodePlan& plan);

/// Where the front finds its files on a node.
struct FrontFiles {
    std::string certificate{};
    std::string key{};
    std::string run{};   ///< folder it may write: process id, temporary files, `beat`
    std::string user{};  ///< of the worker processes, with its group after a blank; empty: default
};

/// The configuration of nginx as the node's TLS front: listens on `plan.port`, lets the paths of
/// the dialects through to 127.0.0.1:`engine_port` with the key checked, answers 401 without it and
/// 404 to every other path, 503 while the engine does not listen. Streams are not buffered, bodies
/// never touch the disk. Each request with the right key adds a line to `<run>/beat`.
[[nodiscard]] std::string front_config(
    const NodePlan& plan, const FrontFiles& files, std::uint16_t engine_port);

/// Where engines listen on a node, on loopback.
inline constexpr std::uint16_t engine_port_on_node = 8000;

}  // namespace evenkeel::inference::bootstrap
