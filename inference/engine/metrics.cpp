#include "inference/engine/kinds.hpp"
#include "inference/engine/probe.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

namespace evenkeel::inference::engine {

namespace {

constexpr double count_max = 1e15;

void add(std::optional<std::int64_t>& sum, double value) {
    if (value >= 0 && value <= count_max) {
        sum = sum.value_or(0) + std::llround(value);
    }
}

/// The whole number that a label holds; 0 when it is not there or none ("None").
std::int64_t label(std::string_view labels, std::string_view name) {
    const std::string key = std::string{name} + "=\"";
    std::size_t at = labels.find(key);
    while (at != std::string_view::npos && at > 0 && labels[at - 1] != ',' &&
           labels[at - 1] != '{') {
        at = labels.find(key, at + 1);  // the end of a longer name
    }
    std::int64_t value = 0;
    if (at != std::string_view::npos) {
        labels.remove_prefix(at + key.size());
        std::from_chars(labels.data(), labels.data() + labels.size(), value);
    }
    return value;
}

/// `name{labels} value [time]`; labels may hold anything in quotes, also braces.
void read_line(std::string_view line, Metrics& metrics) {
    const std::size_t end = line.find_first_of("{ ");
    const auto names = metric_names();
    const auto known = std::ranges::find(names, line.substr(0, end), &MetricName::text);
    if (end == std::string_view::npos || known == names.end()) {
        return;
    }
    line.remove_prefix(end);
    std::string_view labels;
    if (line.front() == '{') {
        bool quoted = false;
        std::size_t at = 1;
        for (; at < line.size() && (quoted || line[at] != '}'); ++at) {
            if (line[at] == '\\') {
                ++at;
            } else if (line[at] == '"') {
                quoted = !quoted;
            }
        }
        labels = line.substr(0, at);
        line.remove_prefix(std::min(at + 1, line.size()));
    }
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    double value = 0;
    const auto parsed = std::from_chars(line.data(), line.data() + line.size(), value);
    if (parsed.ec != std::errc{} || !std::isfinite(value)) {
        return;
    }
    switch (known->meaning) {
        case Meaning::running:
            add(metrics.running, value);
            break;
        case Meaning::waiting:
            add(metrics.waiting, value);
            break;
        case Meaning::kv_used:
            metrics.kv_used = std::max(metrics.kv_used.value_or(0.0), std::clamp(value, 0.0, 1.0));
            break;
        case Meaning::prompt_tokens:
            add(metrics.prompt_tokens, value);
            break;
        case Meaning::generation_tokens:
            add(metrics.generation_tokens, value);
            break;
        case Meaning::kv_tokens:
            add(metrics.kv_tokens, value);
            break;
        case Meaning::kv_blocks: {
            const auto blocks = static_cast<double>(label(labels, "num_gpu_blocks"));
            const auto size = static_cast<double>(label(labels, "block_size"));
            if (blocks > 0 && size > 0) {
                add(metrics.kv_tokens, blocks * size);
            }
            break;
        }
    }
}

}  // namespace

Metrics parse_metrics(std::string_view text) {
    Metrics metrics;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        read_line(text.substr(0, end), metrics);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return metrics;
}

}  // namespace evenkeel::inference::engine
