#pragma once

#include "inference/bootstrap/certificate.hpp"
#include "policies/domain/error.hpp"
#include "policies/domain/time.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What a rented node is told when it is created: which engine to run on which weights, with which
/// identity, and when to end. Pure functions over a plan; nothing here reads a clock.
namespace evenkeel::inference::bootstrap {

enum class NodeEngine : std::uint8_t { vllm, llama_cpp };
/// The engine of a node whose offer names none, as the configuration spells it.
inline constexpr std::string_view default_engine{"vllm"};

/// One node, before it exists. Every text is checked by `check` and quoted where it is rendered.
struct NodePlan {
    std::string machine{};     ///< unique name, "ek-<agent id>-<ulid>"
    std::string owner_mark{};  ///< "ek-<agent id>"
    std::string model{};       ///< the one name the engine answers to
    /// What the engine loads: a repository of the Hugging Face hub ("Qwen/QwQ-32B-AWQ", for
    /// llama.cpp with a quantisation: "bartowski/QwQ-32B-GGUF:Q4_K_M"), or an absolute path.
    std::string weights{};
    NodeEngine engine{NodeEngine::vllm};
    /// Container image of the engine with its version, for `cloud_init`:
    /// "vllm/vllm-openai:v0.27.1". A container node runs the image it was created from.
    std::string image{};
    int slots{1};                          ///< sequences at once
    std::int64_t context{0};               ///< tokens of one sequence; 0 = the model's own
    int gpus{1};                           ///< how many the node must have; fewer: it never serves
    std::int64_t vram_mib{0};              ///< least memory of each GPU; 0 = not checked
    std::vector<std::string> arguments{};  ///< more arguments for the engine, as they are
    WipedText engine_key{};                ///< what requests must present
    NodeCertificate certificate{};
    std::uint16_t port{8443};  ///< where the front listens
    /// Our address or CIDR block: nobody else may connect. Empty: any.
    std::string agent_network{};
    bool ssh{false};  ///< the owner put SSH keys on it: port 22 is open to the same addresses
    /// How long the node lives at most, counted by its own uptime and never by its wall clock.
    std::chrono::seconds life{std::chrono::hours{6}};
    /// Ends it after so long without a request that carried the key; probes of the agent carry it.
    std::chrono::seconds quiet{std::chrono::minutes{30}};
    UtcTime expires{};  ///< the same end as `life` for people who read the text
    /// Where a volume with weights and caches is (or is to be) mounted; empty: none, the node
    /// downloads to its own disk.
    std::string volume{};
    /// Device of that volume, a path in which '*' is allowed, when the node must mount it itself
    /// ("/dev/disk/by-id/scsi-0DO_Volume_*"); empty: the provider has mounted it.
    std::string volume_device{};
    /// Name of the provider's stored secret that holds a Hugging Face token (RunPod). Only
    /// `container` can use it: a long-lived token never goes into a cloud-init text.
    std::string hub_secret{};
};

/// Largest cloud-init text: what DigitalOcean takes as user data.
/// https://docs.digitalocean.com/reference/api/digitalocean/#tag/Droplets
inline constexpr std::size_t cloud_init_bytes_max = 64 * 1024;
/// Linux refuses a longer single argument (MAX_ARG_STRLEN is 128 KiB); half of it leaves room.
inline constexpr std::size_t container_args_bytes_max = 64 * 1024;

/// invalid_argument with a sentence that names the field when `plan` cannot be rendered: a text
/// with control or non-ASCII characters, an image without a version, an argument that would replace
/// what the agent sets (address, port, key, served name, TLS), a bad address, name, key or number.
[[nodiscard]] Result<void> check(const NodePlan& plan);

}  // namespace evenkeel::inference::bootstrap
