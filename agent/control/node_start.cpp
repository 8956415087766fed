#include "agent/control/node_start.hpp"

#include "agent/ledger/sha256.hpp"
#include "inference/bootstrap/render.hpp"

#include <fmt/format.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <utility>

namespace evenkeel::agent {

namespace {

namespace bootstrap = inference::bootstrap;

constexpr std::size_t key_bytes = 20;
constexpr std::size_t seed_bytes = 32;
/// Longer than the agent needs to end a machine by itself: the node's own timer is the last resort.
constexpr std::chrono::minutes life_margin{15};

std::string derive(std::string_view secret, const std::string& purpose, std::size_t bytes) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    ::HMAC(
        EVP_sha256(),
        secret.data(),
        static_cast<int>(secret.size()),
        reinterpret_cast<const unsigned char*>(purpose.data()),
        purpose.size(),
        digest,
        &size);
    const auto length = std::min<std::size_t>(bytes, size);
    return ledger::to_hex({reinterpret_cast<const char*>(digest), length});
}

std::string seed_of(std::string_view secret, std::string_view machine_name) {
    return derive(secret, fmt::format("tls:{}", machine_name), seed_bytes);
}

bootstrap::NodePlan plan_of(
    const providers::MachineSpec& spec, const NodeOrder& order, std::chrono::seconds life) {
    bootstrap::NodePlan plan{
        .machine = spec.name,
        .owner_mark = spec.owner_mark,
        .model = order.machine.model,
        .weights = order.offer.weights.empty() ? order.model.name : order.offer.weights,
        .engine = order.offer.engine == "llama.cpp" ? bootstrap::NodeEngine::llama_cpp
                                                    : bootstrap::NodeEngine::vllm,
        .image = order.offer.image,
        .slots = order.offer.slots,
        .context = order.model.context,
        .gpus = std::max(1, order.machine.gpu_count_wanted),
        .arguments = order.offer.args,
        .engine_key = bootstrap::WipedText{spec.engine_key},
        .port = static_cast<std::uint16_t>(node_port),
        .agent_network = order.provider.allow_from,
        .ssh = !order.provider.ssh_keys.empty(),
        .life = life,
        .expires = spec.expires,
        .hub_secret = order.offer.hub_secret};
    if (!order.offer.volume.empty()) {
        plan.volume = order.volume.path;
        plan.volume_device = order.volume.device;
    }
    return plan;
}

}  // namespace

std::string node_key(std::string_view engine_secret, std::string_view machine_name) {
    return "ekm-" + derive(engine_secret, std::string{machine_name}, key_bytes);
}

Result<std::string> node_pin(std::string_view engine_secret, std::string_view machine_name) {
    return bootstrap::node_pin(seed_of(engine_secret, machine_name));
}

Result<void> start_node(
    providers::MachineSpec& spec,
    providers::StartForm form,
    std::string_view engine_secret,
    const NodeOrder& order,
    UtcTime now) {
    if (form == providers::StartForm::own) {
        return {};
    }
    const bool container = form == providers::StartForm::container;
    const auto life =
        std::chrono::ceil<std::chrono::seconds>(order.life) + std::chrono::seconds{life_margin};
    bootstrap::NodePlan plan = plan_of(spec, order, life);
    auto certificate =
        bootstrap::make_node_certificate(spec.name, seed_of(engine_secret, spec.name), now, life);
    if (!certificate) {
        return std::unexpected{certificate.error()};
    }
    plan.certificate = std::move(*certificate);
    spec.port = node_port;
    spec.disk_gb = order.offer.disk_gb;
    spec.volume = order.offer.volume;
    if (container) {
        auto start = bootstrap::container(plan);
        if (!start) {
            return std::unexpected{start.error()};
        }
        spec.args = std::move(start->args);
        spec.env = std::move(start->env);
        return {};
    }
    auto text = bootstrap::cloud_init(plan);
    if (!text) {
        return std::unexpected{text.error()};
    }
    spec.user_data = std::move(*text);
    return {};
}

}  // namespace evenkeel::agent
