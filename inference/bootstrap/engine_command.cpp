#include "inference/bootstrap/engine_command.hpp"

#include "inference/bootstrap/render.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::inference::bootstrap {

namespace {

/// One request may not ask for more samples than this, or than there are slots (vLLM allows 16,384
/// by default, which one client could use to fill the GPU).
constexpr int samples_max = 16;

// Flags and variables of vLLM: https://docs.vllm.ai/en/latest/cli/serve/ and
// https://docs.vllm.ai/en/latest/configuration/env_vars/
EngineCommand vllm(const NodePlan& plan, const std::string& host) {
    EngineCommand command{.program = std::string{default_engine}, .key_variable = "VLLM_API_KEY"};
    const std::size_t at = plan.weights.rfind('@');
    const bool revision = at != std::string::npos && !plan.weights.starts_with('/');
    auto& out = command.arguments;
    out = {
        "serve",
        plan.weights.substr(0, revision ? at : std::string::npos),
        "--host",
        host,
        "--port",
        fmt::format("{}", engine_port_on_node),
        "--served-model-name",
        plan.model,
        "--max-num-seqs",
        fmt::format("{}", plan.slots),
        // Cached tokens are priced differently, so they must be counted.
        "--enable-prompt-tokens-details"};
    const auto add = [&out](const char* flag, std::string value) {
        out.emplace_back(flag);
        out.push_back(std::move(value));
    };
    if (revision) {
        add("--revision", plan.weights.substr(at + 1));
    }
    if (plan.context > 0) {
        add("--max-model-len", fmt::format("{}", plan.context));
    }
    if (plan.gpus > 1) {
        add("--tensor-parallel-size", fmt::format("{}", plan.gpus));
    }
    const std::string cache = cache_of(plan);
    command.environment = {
        {"HF_HOME", cache + "/hf"},
        {"HF_XET_HIGH_PERFORMANCE", "1"},
        {"VLLM_CACHE_ROOT", cache + "/vllm"},
        {"VLLM_MAX_N_SEQUENCES", fmt::format("{}", std::max(plan.slots, samples_max))},
        {"VLLM_NO_USAGE_STATS", "1"}};
    return command;
}

// Flags of llama-server: https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
EngineCommand llama(const NodePlan& plan, const std::string& host) {
    EngineCommand command{.program = "llama-server", .key_variable = "LLAMA_API_KEY"};
    const bool file = plan.weights.starts_with('/');
    auto& out = command.arguments;
    out = {
        file ? "-m" : "-hf",
        plan.weights,
        "--host",
        host,
        "--port",
        fmt::format("{}", engine_port_on_node),
        "--alias",
        plan.model,
        "-np",
        fmt::format("{}", plan.slots),
        // Its slots share one context.
        "-c",
        fmt::format("{}", plan.context * plan.slots),
        "-ngl",
        "all",
        "--metrics",
        "--sse-ping-interval",
        "5"};
    command.environment = {{"LLAMA_CACHE", cache_of(plan) + "/llama"}};
    return command;
}

}  // namespace

std::string cache_of(const NodePlan& plan) {
    return plan.volume.empty() ? own_cache : plan.volume;
}

EngineCommand engine_command(const NodePlan& plan, const std::string& host) {
    EngineCommand command = plan.engine == NodeEngine::vllm ? vllm(plan, host) : llama(plan, host);
    command.arguments.insert(command.arguments.end(), plan.arguments.begin(), plan.arguments.end());
    return command;
}

}  // namespace evenkeel::inference::bootstrap
