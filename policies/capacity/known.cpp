#include "policies/capacity/known.hpp"

#include "policies/capacity/fit.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace evenkeel::capacity {

namespace {

// ---- GPUs -----------------------------------------------------------------------------------

struct GpuRow {
    GpuFacts facts{};
    std::string_view word{};  ///< the model among the words of a text
    std::string_view also{};  ///< another word that must be there; empty: none
};

// Memory as nvidia-smi reports it: less than the data sheets of
// https://www.nvidia.com/en-us/geforce/graphics-cards/40-series/rtx-4090/ (and 50-series/rtx-5090)
// and https://www.nvidia.com/en-us/data-center/a100/ (and h100, h200) round it to.
constexpr std::array<GpuRow, 6> gpu_rows{{
    {{"RTX 4090", gib_hundredths(2399)}, "4090", ""},
    {{"RTX 5090", gib_hundredths(3184)}, "5090", ""},
    {{"A100 80GB", gib_hundredths(7925)}, "a100", "80gb"},
    {{"H100 PCIe", gib_hundredths(7965)}, "h100", "pcie"},
    {{"H100", gib_hundredths(7965)}, "h100", ""},
    {{"H200", gib_hundredths(13980)}, "h200", ""},
}};

/// Words of variants that have other memory than the plain one.
constexpr std::array<std::string_view, 9> other_variants{
    "laptop", "mobile", "nvl", "mig", "d", "40gb", "64gb", "94gb", "96gb"};

constexpr int gpus_max = 64;

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
bool is_alnum(char c) noexcept {
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z');
}
std::string lowered(std::string_view text) {
    std::string out{text};
    std::ranges::transform(out, out.begin(), lower);
    return out;
}

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> out;
    bool inside = false;
    for (const char c : text) {
        if (!is_alnum(c)) {
            inside = false;
            continue;
        }
        if (!inside) {
            out.emplace_back();
        }
        inside = true;
        out.back() += lower(c);
    }
    return out;
}

/// 8 of "8"; nothing for other texts and beyond `gpus_max`.
std::optional<int> small_number(std::string_view text) noexcept {
    if (text.empty() || text.size() > 2 || !std::ranges::all_of(text, is_digit)) {
        return std::nullopt;
    }
    int number = 0;
    for (const char c : text) {
        number = number * 10 + (c - '0');
    }
    return number >= 1 && number <= gpus_max ? std::optional{number} : std::nullopt;
}

/// Takes a count off a word: "8x" leaves nothing, "h100x8" leaves "h100". False: no such word.
bool take_count(std::string& word, std::optional<int>& count) {
    const std::size_t x = word.rfind('x');
    if (x == std::string::npos) {
        return false;
    }
    const bool before = x + 1 == word.size();
    const auto number = small_number(
        before ? std::string_view{word}.substr(0, x) : std::string_view{word}.substr(x + 1));
    if (!number || count) {
        return false;
    }
    count = number;
    word.resize(before ? 0 : x);
    return true;
}

// ---- models ---------------------------------------------------------------------------------

/// Weights in GB hundredths; 0: not known.
struct ModelRow {
    ModelFacts facts{};
    /// What its publisher's own repository holds, without a word for it in the name.
    std::string_view publisher{};
    std::int64_t plain{0};
    std::int64_t bf16{0};
    std::int64_t fp8{0};
    std::int64_t awq{0};
    std::int64_t q4_k_m{0};
};

constexpr std::int64_t kv_32b = gqa_kv_bytes(64, 8, 128, 2);
constexpr std::int64_t kv_70b = gqa_kv_bytes(80, 8, 128, 2);
constexpr std::int64_t kv_405b = gqa_kv_bytes(126, 8, 128, 2);
constexpr std::int64_t kv_r1 = mla_kv_bytes(61, 512, 64, 2);

// Layers and heads of the published config.json files; sizes of the weight files, in hundredths of
// a GB (bf16 is two bytes a parameter): https://huggingface.co/Qwen/QwQ-32B and its -AWQ and -GGUF,
// https://huggingface.co/deepseek-ai/DeepSeek-R1, https://huggingface.co/meta-llama.
constexpr std::array<ModelRow, 8> model_rows{{
    {{"qwq-32b", kv_32b}, "qwen", 6'550, 6'550, 3'400, 1'930, 1'985},
    {{"deepseek-r1-distill-qwen-32b", kv_32b}, "deepseek-ai", 6'550, 6'550, 3'400, 1'930, 1'985},
    {{"deepseek-r1-distill-llama-70b", kv_70b}, "deepseek-ai", 14'110, 14'110, 7'270, 3'980, 4'250},
    {{"llama-3.1-70b", kv_70b}, "meta-llama", 14'110, 14'110, 7'270, 3'980, 4'250},
    {{"llama-3.3-70b", kv_70b}, "meta-llama", 14'110, 14'110, 7'270, 3'980, 4'250},
    {{"llama-3.1-405b", kv_405b}, "meta-llama", 81'170, 81'170, 41'000, 0, 24'300},
    {{"deepseek-r1-671b", kv_r1, true}, "", 0, 0, 68'900, 35'200, 40'400},
    {{"deepseek-r1", kv_r1, true}, "deepseek-ai", 68'900, 0, 68'900, 35'200, 40'400},
}};

/// Shorter names for the same models.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> other_names{{
    {"r1-distill-qwen-32b", "deepseek-r1-distill-qwen-32b"},
    {"r1-distill-llama-70b", "deepseek-r1-distill-llama-70b"},
    {"meta-llama-3.1-70b", "llama-3.1-70b"},
    {"meta-llama-3.1-405b", "llama-3.1-405b"},
}};

/// A name taken apart: "Qwen/QwQ-32B-AWQ" is qwen, the row of QwQ, "awq".
struct Parts {
    std::string publisher{};
    const ModelRow* row{nullptr};
    std::string rest{};
    bool is_gguf{false};
};

/// "-00001-of-00003", as split GGUF files end.
void drop_split(std::string& name) {
    constexpr std::size_t length = 15;
    if (name.size() < length) {
        return;
    }
    const std::string_view end = std::string_view{name}.substr(name.size() - length);
    if (end[0] == '-' && end.substr(6, 4) == "-of-" &&
        std::ranges::all_of(end.substr(1, 5), is_digit) &&
        std::ranges::all_of(end.substr(10), is_digit)) {
        name.resize(name.size() - length);
    }
}

const ModelRow* row_of(std::string_view name) noexcept {
    const auto* const other =
        std::ranges::find(other_names, name, &std::pair<std::string_view, std::string_view>::first);
    const std::string_view wanted = other == other_names.end() ? name : other->second;
    const auto* const row =
        std::ranges::find(model_rows, wanted, [](const ModelRow& each) { return each.facts.name; });
    return row == model_rows.end() ? nullptr : row;
}

/// Takes `word` off the front, with the dash behind it.
bool drop_word(std::string& text, std::string_view word) {
    if (text != word && !(text.starts_with(word) && text[word.size()] == '-')) {
        return false;
    }
    text.erase(0, std::min(word.size() + 1, text.size()));
    return true;
}

Parts take_apart(std::string_view text) {
    Parts out;
    std::string name = lowered(text);
    if (const std::size_t at = name.rfind('@'); at != std::string::npos) {
        name.resize(at);  // a revision
    }
    if (const std::size_t slash = name.rfind('/'); slash != std::string::npos) {
        const std::size_t before = slash == 0 ? std::string::npos : name.rfind('/', slash - 1);
        const std::size_t from = before == std::string::npos ? 0 : before + 1;
        out.publisher = name.substr(from, slash - from);
        name.erase(0, slash + 1);
    }
    // llama-server's form for a file within a repository: "Qwen/QwQ-32B-GGUF:Q4_K_M".
    std::ranges::replace(name, ':', '-');
    if (name.ends_with(".gguf")) {
        out.is_gguf = true;
        name.resize(name.size() - 5);
    }
    drop_split(name);
    // The longest head that is a model's name; what follows it begins with a separator.
    for (std::size_t end = name.size(); end > 0; --end) {
        const bool ends =
            end == name.size() || std::string_view{"-._"}.find(name[end]) != std::string_view::npos;
        if (!ends) {
            continue;
        }
        if (const ModelRow* row = row_of(std::string_view{name}.substr(0, end))) {
            out.row = row;
            out.rest = name.substr(std::min(end + 1, name.size()));
            break;
        }
    }
    drop_word(out.rest, "instruct");
    out.is_gguf |= drop_word(out.rest, "gguf");
    return out;
}

/// Words for a quantisation, and which.
enum class Quant {
    bf16,
    fp8,
    awq,
    q4_k_m,
    other,  ///< a known word for one whose size is not in the table
};
constexpr std::array<std::pair<std::string_view, Quant>, 20> quant_words{{
    {"bf16", Quant::bf16},    {"fp16", Quant::bf16},       {"f16", Quant::bf16},
    {"fp8", Quant::fp8},      {"fp8-dynamic", Quant::fp8}, {"awq", Quant::awq},
    {"awq-int4", Quant::awq}, {"int4-awq", Quant::awq},    {"q4_k_m", Quant::q4_k_m},
    {"gptq", Quant::other},   {"gptq-int4", Quant::other}, {"gptq-int8", Quant::other},
    {"nvfp4", Quant::other},  {"w4a16", Quant::other},     {"q3_k_m", Quant::other},
    {"q4_0", Quant::other},   {"q4_k_s", Quant::other},    {"q5_k_m", Quant::other},
    {"q6_k", Quant::other},   {"q8_0", Quant::other},
}};

std::optional<Quant> quant_of(std::string_view word) noexcept {
    const auto* const found =
        std::ranges::find(quant_words, word, &std::pair<std::string_view, Quant>::first);
    return found == quant_words.end() ? std::nullopt : std::optional{found->second};
}

std::int64_t size_of(const ModelRow& row, Quant quant) noexcept {
    switch (quant) {
        case Quant::bf16:
            return row.bf16;
        case Quant::fp8:
            return row.fp8;
        case Quant::awq:
            return row.awq;
        case Quant::q4_k_m:
            return row.q4_k_m;
        case Quant::other:
            return 0;
    }
    return 0;
}

}  // namespace

std::optional<GpuMatch> find_gpu(std::string_view text) {
    std::vector<std::string> words = words_of(text);
    std::optional<int> count;
    for (std::string& word : words) {
        take_count(word, count);
    }
    const auto has = [&words](std::string_view wanted) {
        return std::ranges::find(words, wanted) != words.end();
    };
    if (std::ranges::any_of(other_variants, has)) {
        return std::nullopt;
    }
    for (const GpuRow& row : gpu_rows) {
        if (has(row.word) && (row.also.empty() || has(row.also))) {
            return GpuMatch{.gpu = row.facts, .count = count.value_or(1)};
        }
    }
    return std::nullopt;
}

std::optional<ModelFacts> find_model(std::string_view text) {
    const Parts parts = take_apart(text);
    // Another word may make it another model: DeepSeek-R1-Distill-Qwen-14B is no DeepSeek-R1.
    const bool same = parts.row != nullptr && (parts.rest.empty() || quant_of(parts.rest));
    return same ? std::optional{parts.row->facts} : std::nullopt;
}

std::optional<std::int64_t> find_weights_bytes(std::string_view text) {
    const Parts parts = take_apart(text);
    if (parts.row == nullptr) {
        return std::nullopt;
    }
    std::int64_t hundredths = 0;
    if (const auto quant = quant_of(parts.rest)) {
        hundredths = size_of(*parts.row, *quant);
    } else if (parts.rest.empty() && !parts.is_gguf && parts.publisher == parts.row->publisher) {
        hundredths = parts.row->plain;
    }
    return hundredths == 0 ? std::nullopt : std::optional{hundredths * (gb_bytes / 100)};
}

}  // namespace evenkeel::capacity
