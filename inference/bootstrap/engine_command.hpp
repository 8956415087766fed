#pragma once

#include "inference/bootstrap/plan.hpp"

#include <string>
#include <utility>
#include <vector>

namespace evenkeel::inference::bootstrap {

/// How an engine is started.
struct EngineCommand {
    std::string program{};
    std::vector<std::string> arguments{};
    std::vector<std::pair<std::string, std::string>> environment{};  ///< no secrets
    /// The engine reads its key from this variable, so that it is in no list of processes.
    std::string key_variable{};
};

/// Where an engine keeps weights and compiled kernels when the node has no volume.
inline constexpr const char* own_cache = "/var/lib/evenkeel/cache";

/// The folder for weights and compiled kernels: on the volume when there is one.
[[nodiscard]] std::string cache_of(const NodePlan& plan);

/// The command of `plan`'s engine, which shall listen on `host`:`engine_port_on_node`.
[[nodiscard]] EngineCommand engine_command(const NodePlan& plan, const std::string& host);

}  // namespace evenkeel::inference::bootstrap
