#include "policies/capacity/fit.hpp"
#include "policies/capacity/known.hpp"
#include "policies/config/check.hpp"
#include "policies/config/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>

namespace evenkeel::config {
namespace {

/// An engine's flags change what it holds: with one of these the sums below would be wrong.
constexpr std::array<std::string_view, 8> other_sums{
    "--cpu-offload-gb",
    "--swap-space",
    "-ngl",
    "--gpu-layers",
    "--n-gpu-layers",
    "--n-cpu-moe",
    "--cpu-moe",
    "--no-kv-offload"};

/// Arguments of an engine, as "--flag value" or "--flag=value".
class Arguments {
public:
    explicit Arguments(const Node* args) : args_{items_of(args)} {}

    [[nodiscard]] bool has(std::string_view flag) const noexcept {
        return std::ranges::any_of(args_, [&](const Node& each) {
            return each.text == flag ||
                   (each.text.starts_with(flag) && each.text.substr(flag.size()).starts_with('='));
        });
    }
    /// The last value of any of these flags, as engines take it; empty when there is none.
    [[nodiscard]] std::string_view value_of(
        std::initializer_list<std::string_view> flags) const noexcept {
        std::string_view found;
        for (std::size_t i = 0; i < args_.size(); ++i) {
            const std::string_view text = args_[i].text;
            for (const std::string_view flag : flags) {
                if (text == flag && i + 1 < args_.size()) {
                    found = args_[i + 1].text;
                } else if (text.starts_with(flag) && text.substr(flag.size()).starts_with('=')) {
                    found = text.substr(flag.size() + 1);
                }
            }
        }
        return found;
    }

private:
    std::span<const Node> args_;
};

std::string_view text_of(const Node* node) noexcept {
    const Value* found = value(node);
    return found == nullptr ? std::string_view{} : std::string_view{found->text};
}
std::int64_t number_of(const Node* node) noexcept {
    const Value* found = value(node);
    return found == nullptr ? 0 : found->number;
}

/// What an offer asks of its GPUs.
struct Need {
    capacity::GpuMemory memory{};
    std::string gpu{};  ///< how a person calls them
    capacity::ModelSize size{};
    std::int64_t context{0};  ///< 0: not stated
    std::int64_t slots{1};
    bool sets_aside{false};  ///< the engine takes the cache of all slots at its start
};

/// The GPUs of an offer, or false where they are not known.
bool read_gpus(const OfferRef& offer, const Node* hardware, Need& out) {
    const bool own = offer.provider->kind == "local";
    const Node* place = own ? hardware : offer.node;
    const std::string_view text = text_of(child(place, "gpu"));
    const auto known = capacity::find_gpu(text);
    const std::int64_t stated = number_of(child(place, "vram"));
    if (!known && stated == 0) {
        return false;
    }
    out.memory.vram_bytes = stated != 0 ? stated : known->gpu.vram_bytes;
    const auto listed = static_cast<int>(items_of(child(hardware, "gpus")).size());
    out.memory.gpus = own && listed > 0 ? listed : known ? known->count : 1;
    const std::string name = known ? std::string{known->gpu.name} : printable(text);
    out.gpu = name.empty() ? "its GPU" : "the " + name;
    return true;
}

/// What the engine's own arguments say otherwise.
bool read_arguments(const Arguments& args, Need& out) {
    if (std::ranges::any_of(other_sums, [&](std::string_view flag) { return args.has(flag); })) {
        return false;
    }
    const auto whole = [&](std::initializer_list<std::string_view> flags, std::int64_t most) {
        const auto number = parse_decimal(args.value_of(flags), 0);
        return number && *number >= 1 && *number <= most ? *number : 0;
    };
    if (const auto share = parse_decimal(args.value_of({"--gpu-memory-utilization"}), 3);
        share && *share >= 1 && *share <= 1'000) {
        out.memory.util_millis = static_cast<int>(*share);
    }
    constexpr std::int64_t tokens_max = 100'000'000;
    if (const std::int64_t tokens = whole({"--max-model-len"}, tokens_max); tokens != 0) {
        out.context = tokens;
    }
    if (const std::int64_t gpus = whole({"--tensor-parallel-size", "-tp"}, 64); gpus != 0) {
        out.memory.gpus = static_cast<int>(gpus);
    }
    return true;
}

bool has_8_bit_cache(const Node* offer, const Arguments& args) {
    if (const std::string_view stated = text_of(child(offer, "kv_cache")); !stated.empty()) {
        return stated == "fp8";
    }
    return args.value_of({"--kv-cache-dtype"}).starts_with("fp8") ||
           (args.value_of({"-ctk", "--cache-type-k"}) == "q8_0" &&
            args.value_of({"-ctv", "--cache-type-v"}) == "q8_0");
}

/// Weights and cache, or false where one of them is not known.
bool read_model(const OfferRef& offer, const Arguments& args, bool vllm, Need& out) {
    const std::string_view weights = text_of(child(offer.node, "weights"));
    const std::int64_t stated = number_of(child(offer.node, "weights_size"));
    const auto known = capacity::find_weights_bytes(weights);
    // vLLM may quantise at loading; AWQ only names the kernel for weights that are AWQ already.
    const std::string_view quantised = args.value_of({"--quantization", "-q"});
    if (stated == 0 && (!known || !(quantised.empty() || quantised.starts_with("awq")))) {
        return false;
    }
    out.size.weights_bytes = stated != 0 ? stated : *known;
    auto model = capacity::find_model(weights);
    if (!model) {
        model = capacity::find_model(offer.model->key);
    }
    out.size.kv_bytes = number_of(child(&offer.model->node, "kv_per_token"));
    if (out.size.kv_bytes == 0 && model) {
        out.size.kv_bytes = model->kv_bytes;
    }
    if (out.size.kv_bytes > 1 && has_8_bit_cache(offer.node, args)) {
        out.size.kv_bytes /= 2;
    }
    // https://docs.vllm.ai/en/latest/serving/data_parallel_deployment/: without data parallelism
    // every rank of a tensor-parallel group keeps the whole latent cache.
    if (model && model->kv_on_each_gpu && vllm && !args.has("--data-parallel-size")) {
        out.size.kv_bytes *= out.memory.gpus;
    }
    return true;
}

std::string thousands(std::int64_t number) {
    std::string digits = fmt::format("{}", number);
    for (std::size_t at = digits.size(); at > 3; at -= 3) {
        digits.insert(at - 3, ",");
    }
    return digits;
}

/// "41.2" of bytes, in GB.
std::string gb(std::int64_t bytes) {
    const std::int64_t tenths = bytes / 100'000'000 + (bytes % 100'000'000 >= 50'000'000 ? 1 : 0);
    return fmt::format("{}.{}", tenths / 10, tenths % 10);
}

/// "31.84 GiB x 0.90", for several GPUs "2 x 31.84 GiB x 0.90".
std::string memory_text(const capacity::GpuMemory& memory) {
    const std::int64_t hundredths = static_cast<std::int64_t>(
        (static_cast<__int128>(memory.vram_bytes) * 100 + capacity::gib_bytes / 2) /
        capacity::gib_bytes);
    return fmt::format(
        "{}{}.{:02} GiB x {}.{:02}",
        memory.gpus > 1 ? fmt::format("{} x ", memory.gpus) : "",
        hundredths / 100,
        hundredths % 100,
        memory.util_millis / 1'000,
        memory.util_millis % 1'000 / 10);
}

/// The sum for `count` requests of the whole context, against what the GPUs have.
std::string sum_text(const Need& need, std::int64_t count) {
    const std::string requests =
        count == 1 ? std::string{"one request"} : fmt::format("{} requests", count);
    const std::string cache =
        need.context == 0 || need.size.kv_bytes == 0
            ? std::string{}
            : fmt::format(
                  ", KV of {} of {} tokens {}",
                  requests,
                  thousands(need.context),
                  gb(capacity::needed_bytes(
                      {.gpus = 0}, {.kv_bytes = need.size.kv_bytes}, need.context, count)));
    const std::int64_t all =
        cache.empty() ? capacity::needed_bytes(need.memory, need.size, 1, 0)
                      : capacity::needed_bytes(need.memory, need.size, need.context, count);
    return fmt::format(
        "needs {} GB (weights {}{}, overhead {}), {} has {} = {} GB",
        gb(all),
        gb(need.size.weights_bytes),
        cache,
        gb(need.memory.overhead_bytes * need.memory.gpus),
        need.gpu,
        memory_text(need.memory),
        gb(capacity::usable_bytes(need.memory)));
}

}  // namespace

void Checker::check_memory(const OfferRef& offer, const std::string& path) {
    const Node* provider = &offer.provider->entry->node;
    const std::string_view kind = source_kind(offer.provider->kind);
    const Value* synthetic = value(child(provider, "synthetic"));
    if ((kind != "own" && kind != "rental") || offer.provider->kind == "sandbox" ||
        (synthetic != nullptr && synthetic->number != 0)) {
        return;  // APIs have room of their own, and what is played has no memory
    }
    const auto hardware = index_.hardware.find(text_of(child(provider, "hardware")));
    const std::string_view engine = text_of(child(kind == "own" ? provider : offer.node, "engine"));
    const Arguments args{child(offer.node, "args")};
    Need need{
        .context = number_of(child(&offer.model->node, "context")),
        .slots = std::max<std::int64_t>(number_of(child(offer.node, "slots")), 1),
        .sets_aside = engine == "llama.cpp"};
    if (engine == "synthetic" ||
        !read_gpus(offer, hardware == index_.hardware.end() ? nullptr : hardware->second, need) ||
        !read_arguments(args, need) || !read_model(offer, args, engine == "vllm", need)) {
        return;
    }
    const Node* weights = child(offer.node, "weights_size");
    weights = weights != nullptr ? weights : child(offer.node, "weights");
    const std::int64_t room = capacity::kv_room(need.memory, need.size.weights_bytes);
    const bool knows_cache = need.context > 0 && need.size.kv_bytes > 0;
    const std::int64_t fit =
        knows_cache ? capacity::sequences(need.memory, need.size, need.context) : need.slots;
    if (room < 0 || fit == 0) {
        const std::int64_t tokens = knows_cache && room > 0 ? room / need.size.kv_bytes : 0;
        report(File::models, weights->spot, "EK-C060", sum_text(need, 1), path).hint =
            tokens == 0 ? "take smaller weights or more memory"
                        : fmt::format("a context of at most {} tokens fits", thousands(tokens));
        return;
    }
    if (fit >= need.slots) {
        return;
    }
    const Node* slots = child(offer.node, "slots");
    Diagnostic& found = report(
        File::models,
        slots->spot,
        need.sets_aside ? "EK-C060" : "EK-W045",
        sum_text(need, need.slots),
        path + ".slots");
    found.hint = fmt::format("{} fit at once", fit);
    if (need.sets_aside) {
        found.hint = fmt::format(
            "write '{}', or a context of at most {} tokens",
            fit,
            thousands(room / need.size.kv_bytes / need.slots));
        found.suggestion = fmt::format("{}", fit);
    } else {
        found.notes.emplace_back("shorter requests share the room; long ones put each other off");
    }
}

}  // namespace evenkeel::config
