#include "inference/engine/kinds.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::inference::engine {

namespace {

constexpr std::array all_kinds{
    Kind{
        .name = "vllm",
        .loading = Loading::refused,
        .metrics_path = "/metrics",
        .context = ContextAt::max_model_len,
        .is_tried = true,
        .at_term = AtTerm::aborts,
        .sleep_target = "/sleep?level=1",
        .wake_target = "/wake_up",
        .messages = true,
        .responses = true,
        .embeddings = true},
    Kind{
        .name = "llama.cpp",
        .loading = Loading::unavailable,
        .metrics_path = "/metrics",
        .context = ContextAt::meta_n_ctx,
        .answers_any_model = true,
        .is_tried = true,
        .at_term = AtTerm::hangs,
        .messages = true,
        .responses = true,
        .embeddings = true},
    Kind{
        .name = "sglang",
        .loading = Loading::unavailable,
        .metrics_path = "/metrics",
        .context = ContextAt::max_model_len,
        .is_tried = true,
        .at_term = AtTerm::drains,
        .messages = true,
        .responses = true,
        .embeddings = true},
    // It loads weights at the first request, so its health says nothing about them.
    Kind{
        .name = "ollama",
        .health_path = "/api/version",
        .loading = Loading::anything,
        .default_tag = ":latest",
        .at_term = AtTerm::aborts,
        .messages = true,
        .responses = true,
        .embeddings = true,
        .tool_choice = false},
    Kind{.name = "openai", .health_is_sure = false},
    Kind{
        .name = "synthetic",
        .loading = Loading::refused,
        .metrics_path = "/metrics",
        .context = ContextAt::max_model_len,
        .completions = false}};

constexpr std::array names{
    MetricName{"vllm:num_requests_running", Meaning::running},
    MetricName{"llamacpp:requests_processing", Meaning::running},
    MetricName{"sglang:num_running_reqs", Meaning::running},
    MetricName{"vllm:num_requests_waiting", Meaning::waiting},
    MetricName{"llamacpp:requests_deferred", Meaning::waiting},
    MetricName{"sglang:num_queue_reqs", Meaning::waiting},
    MetricName{"vllm:kv_cache_usage_perc", Meaning::kv_used},
    MetricName{"vllm:gpu_cache_usage_perc", Meaning::kv_used},
    MetricName{"sglang:token_usage", Meaning::kv_used},
    MetricName{"vllm:prompt_tokens_total", Meaning::prompt_tokens},
    MetricName{"llamacpp:prompt_tokens_total", Meaning::prompt_tokens},
    MetricName{"llamacpp:prompt_tokens_cached_total", Meaning::prompt_tokens},
    MetricName{"sglang:prompt_tokens_total", Meaning::prompt_tokens},
    MetricName{"vllm:generation_tokens_total", Meaning::generation_tokens},
    MetricName{"llamacpp:tokens_predicted_total", Meaning::generation_tokens},
    MetricName{"sglang:generation_tokens_total", Meaning::generation_tokens},
    MetricName{"sglang:max_total_num_tokens", Meaning::kv_tokens},
    MetricName{"vllm:cache_config_info", Meaning::kv_blocks}};

std::string_view to_text(Loading loading) noexcept {
    switch (loading) {
        case Loading::refused:
            return "connection refused";
        case Loading::unavailable:
            return "503";
        case Loading::anything:
            return "not told apart";
    }
    return "";
}

std::string_view to_text(ContextAt at) noexcept {
    switch (at) {
        case ContextAt::unstated:
            return "not stated";
        case ContextAt::max_model_len:
            return "`max_model_len`";
        case ContextAt::meta_n_ctx:
            return "`meta.n_ctx`";
    }
    return "";
}

std::string_view to_text(AtTerm at) noexcept {
    switch (at) {
        case AtTerm::aborts:
            return "cuts them, ends";
        case AtTerm::hangs:
            return "leaves them silent";
        case AtTerm::drains:
            return "waits for them";
    }
    return "";
}

std::string code(std::string_view text, std::string_view none) {
    return text.empty() ? std::string{none} : fmt::format("`{}`", text);
}

std::string endpoints(const Kind& kind) {
    std::string out = "chat";
    const auto add = [&](bool has, std::string_view name) {
        out += has ? fmt::format(", {}", name) : "";
    };
    add(kind.completions, "completions");
    add(kind.messages, "messages");
    add(kind.responses, "responses");
    add(kind.embeddings, "embeddings");
    return out + (kind.tool_choice ? "" : "; no `tool_choice`");
}

/// The first part of its metric names; empty where it has none of its own.
std::string_view metric_prefix(const Kind& kind) noexcept {
    return kind.name == "llama.cpp"                          ? "llamacpp:"
           : kind.name == "vllm" || kind.name == "synthetic" ? "vllm:"
           : kind.name == "sglang"                           ? "sglang:"
                                                             : "";
}

}  // namespace

std::span<const Kind> kinds() noexcept {
    return all_kinds;
}

const Kind& kind_of(std::string_view name) noexcept {
    const auto found = std::ranges::find(all_kinds, name, &Kind::name);
    return found != all_kinds.end() ? *found : *std::ranges::find(all_kinds, "openai", &Kind::name);
}

std::span<const MetricName> metric_names() noexcept {
    return names;
}

std::string kinds_markdown() {
    std::string out =
        "| `engine` | healthy | while it loads | metrics | context in the model list | unknown "
        "model | SIGTERM and its requests | sleeps | endpoints |\n"
        "|---|---|---|---|---|---|---|---|---|\n";
    for (const Kind& kind : all_kinds) {
        out += fmt::format(
            "| `{}` | 200 on `{}`{} | {} | {} | {} | {} | {} | {} | {} |\n",
            kind.name,
            kind.health_path,
            kind.health_is_sure ? "" : ", or no such path",
            to_text(kind.loading),
            kind.metrics_path.empty()
                ? "none"
                : fmt::format("`{}`: `{}*`", kind.metrics_path, metric_prefix(kind)),
            to_text(kind.context),
            kind.answers_any_model ? "answered all the same" : "404",
            to_text(kind.at_term),
            code(kind.sleep_target, "-"),
            endpoints(kind));
    }
    return out;
}

}  // namespace evenkeel::inference::engine
