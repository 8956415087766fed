#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace evenkeel::fakes::cloud {

/// What a machine is told by the text it is started with.
struct NodeData {
    std::string certificate{};  ///< PEM
    std::string key{};          ///< PEM
    std::string engine_key{};   ///< what clients of the engine must present
    std::string model{};        ///< served name; empty when the text names none
    int port{8443};             ///< the front listens here
};

/// Finds it in cloud-init user data or in container arguments: the PEM blocks and the line
/// `EVENKEEL_ENGINE_KEY=...`, plain (indented or not) or within base64 words. Nothing when one of
/// the three is missing.
[[nodiscard]] std::optional<NodeData> read_node_data(std::string_view text);

}  // namespace evenkeel::fakes::cloud
