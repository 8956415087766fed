#include "inference/engine/probe.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace evenkeel::inference::engine {

namespace {

/// Names drift between releases and engines: the first that an engine shows counts.
struct Names {
    std::array<std::string_view, 4> names;
};

constexpr Names running{
    {"vllm:num_requests_running", "llamacpp:requests_processing", "sglang:num_running_reqs", ""}};
constexpr Names waiting{
    {"vllm:num_requests_waiting", "llamacpp:requests_deferred", "sglang:num_queue_reqs", ""}};
constexpr Names kv_used{
    {"vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc", "sglang:token_usage", ""}};
constexpr Names prompt{
    {"vllm:prompt_tokens_total", "llamacpp:prompt_tokens_total", "sglang:prompt_tokens_total", ""}};
constexpr Names generation{
    {"vllm:generation_tokens_total",
     "llamacpp:tokens_predicted_total",
     "sglang:generation_tokens_total",
     ""}};

struct Sample {
    std::string_view name{};
    double value{0};
};

/// One line of the Prometheus text format: name, optional {labels}, value.
std::optional<Sample> sample(std::string_view line) {
    if (line.empty() || line.front() == '#') {
        return std::nullopt;
    }
    const auto name_end = line.find_first_of("{ \t");
    if (name_end == std::string_view::npos) {
        return std::nullopt;
    }
    std::size_t at = name_end;
    if (line[at] == '{') {
        bool quoted = false;
        for (++at; at < line.size() && (quoted || line[at] != '}'); ++at) {
            if (line[at] == '\\' && quoted) {
                ++at;
            } else if (line[at] == '"') {
                quoted = !quoted;
            }
        }
        ++at;
    }
    while (at < line.size() && (line[at] == ' ' || line[at] == '\t')) {
        ++at;
    }
    if (at >= line.size()) {
        return std::nullopt;
    }
    Sample found{.name = line.substr(0, name_end)};
    const auto [end, code] =
        std::from_chars(line.data() + at, line.data() + line.size(), found.value);
    if (code != std::errc{} || !(found.value >= 0 && found.value < 9e15)) {
        return std::nullopt;
    }
    return found;
}

bool has(const Names& names, std::string_view name) {
    return std::ranges::find(names.names, name) != names.names.end();
}

void add(std::optional<std::int64_t>& sum, double value) {
    sum = sum.value_or(0) + static_cast<std::int64_t>(value);
}

}  // namespace

Metrics parse_metrics(std::string_view text) {
    Metrics metrics;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        const auto found = sample(line);
        if (!found || found->name.empty()) {
            continue;
        }
        if (has(running, found->name)) {
            add(metrics.running, found->value);
        } else if (has(waiting, found->name)) {
            add(metrics.waiting, found->value);
        } else if (has(kv_used, found->name)) {
            metrics.kv_used = std::max(metrics.kv_used.value_or(0), found->value);
        } else if (has(prompt, found->name)) {
            add(metrics.prompt_tokens, found->value);
        } else if (has(generation, found->name)) {
            add(metrics.generation_tokens, found->value);
        }
    }
    return metrics;
}

}  // namespace evenkeel::inference::engine
