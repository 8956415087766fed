#include "policies/capacity/roofline.hpp"

#include "policies/capacity/known.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace evenkeel::capacity {

namespace {

constexpr double giga = 1e9;
constexpr double tera = 1e12;

/// Memory bandwidth and dense 16-bit tensor rate with 32-bit accumulation, of the makers' sheets:
/// images.nvidia.com/aem-dam/Solutions/geforce/ada/nvidia-ada-gpu-architecture.pdf (RTX 4090),
/// images.nvidia.com/aem-dam/Solutions/geforce/blackwell/nvidia-rtx-blackwell-gpu-architecture.pdf
/// (RTX 5090), nvidia.com/en-us/data-center/a100, /h100, /h200.
struct SheetRow {
    std::string_view name{};  ///< as in known.cpp
    std::string_view word{};  ///< of a variant; empty: the plain one
    double gigabytes_s{0};
    double teraflops{0};
};
constexpr std::array<SheetRow, 7> sheet{{
    {"RTX 4090", "", 1'008, 165.2},
    {"RTX 5090", "", 1'792, 209.5},
    {"A100 80GB", "pcie", 1'935, 312},
    {"A100 80GB", "", 2'039, 312},
    {"H100 PCIe", "", 2'000, 756},
    {"H100", "", 3'350, 989.4},
    {"H200", "", 4'800, 989.4},
}};

/// Parameters that take part in one token: layers, heads and vocabulary of the published
/// config.json files; DeepSeek-R1 routes each token to 37 of its 671 billion.
struct ParameterRow {
    std::string_view name{};  ///< as in known.cpp
    double active{0};
    double all{0};
};
constexpr std::array<ParameterRow, 8> parameter_rows{{
    {"qwq-32b", 32.764e9, 32.764e9},
    {"deepseek-r1-distill-qwen-32b", 32.764e9, 32.764e9},
    {"deepseek-r1-distill-llama-70b", 70.554e9, 70.554e9},
    {"llama-3.1-70b", 70.554e9, 70.554e9},
    {"llama-3.3-70b", 70.554e9, 70.554e9},
    {"llama-3.1-405b", 405.853e9, 405.853e9},
    {"deepseek-r1-671b", 37e9, 671e9},
    {"deepseek-r1", 37e9, 671e9},
}};

bool says_pcie(std::string_view text) {
    std::string lower{text};
    std::ranges::transform(lower, lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return lower.contains("pcie");
}

std::string grouped(double value) {
    std::string text = fmt::format("{:.0f}", value);
    for (std::size_t at = text.size(); at > 3;) {
        at -= 3;
        text.insert(at, ",");
    }
    return text;
}

}  // namespace

std::optional<CardSpeed> datasheet_speed(std::string_view text) {
    const auto found = find_gpu(text);
    if (!found) {
        return std::nullopt;
    }
    const bool pcie = says_pcie(text);
    const auto row = std::ranges::find_if(sheet, [&](const SheetRow& each) {
        return each.name == found->gpu.name && (each.word.empty() || pcie);
    });
    if (row == sheet.end()) {
        return std::nullopt;
    }
    return CardSpeed{
        .bytes_s = row->gigabytes_s * giga * found->count,
        .flops_s = row->teraflops * tera * found->count,
        .of = row->name};
}

std::optional<TokenWork> work_of(
    std::string_view weights, std::int64_t weights_bytes, std::int64_t kv_bytes) {
    const auto bytes =
        weights_bytes > 0 ? std::optional{weights_bytes} : find_weights_bytes(weights);
    if (!bytes) {
        return std::nullopt;
    }
    TokenWork work{.weights_bytes = *bytes, .kv_bytes = kv_bytes};
    const auto model = find_model(weights);
    if (!model) {
        return work;
    }
    if (kv_bytes == 0) {
        work.kv_bytes = model->kv_bytes;
    }
    const auto row = std::ranges::find(parameter_rows, model->name, &ParameterRow::name);
    if (row != parameter_rows.end()) {
        work.parameters = row->active;
        work.weights_bytes = std::llround(static_cast<double>(*bytes) * (row->active / row->all));
    }
    return work;
}

Prediction predict(
    const CardSpeed& card, const TokenWork& work, std::int64_t length, std::int64_t streams) {
    const auto weights = static_cast<double>(work.weights_bytes);
    const double cache =
        static_cast<double>(work.kv_bytes) * static_cast<double>(std::max<std::int64_t>(length, 0));
    const auto count = static_cast<double>(std::max<std::int64_t>(streams, 1));
    const bool bounded = card.flops_s > 0 && work.parameters > 0;
    const double compute =
        bounded ? card.flops_s * compute_reached / (2 * work.parameters) : HUGE_VAL;
    Prediction out{
        .bound_tok_s = card.bytes_s / (weights + cache),
        .prefill_tok_s = bounded ? compute : 0,
        .streams = std::max<std::int64_t>(streams, 1),
        .measured_bandwidth = card.measured};
    out.single_tok_s = std::min(out.bound_tok_s * roofline_reached, compute);
    out.aggregate_tok_s =
        std::min(roofline_reached * count * card.bytes_s / (weights + count * cache), compute);
    return out;
}

std::optional<double> mixed_tok_s(const Prediction& prediction, double prompts) {
    if (prediction.prefill_tok_s <= 0 || prediction.aggregate_tok_s <= 0) {
        return std::nullopt;
    }
    return (1 + prompts) / (1 / prediction.aggregate_tok_s + prompts / prediction.prefill_tok_s);
}

std::string to_text(const Prediction& prediction, const CardSpeed& card) {
    std::string text =
        fmt::format("about {} tokens/s for one stream", grouped(prediction.single_tok_s));
    if (prediction.streams > 1) {
        text += fmt::format(
            ", {} for {} together", grouped(prediction.aggregate_tok_s), prediction.streams);
    }
    return text + fmt::format(
                      " (prediction from {} GB/s {})",
                      grouped(card.bytes_s / giga),
                      card.measured ? "measured by the probe" : "of the data sheet");
}

}  // namespace evenkeel::capacity
