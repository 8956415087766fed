#include "tests/unit/config/files.hpp"
#include "tests/unit/config/support.hpp"

namespace evenkeel::config::test {
namespace {

/// One model with one offer, and the hardware it may run on.
struct Fit {
    const char* name{""};
    std::string hardware{};  ///< further keys of the own machine
    std::string provider{};  ///< further keys of the provider `desk`
    std::string model{};     ///< further keys of the model, with a comma
    std::string offer{};     ///< keys of the offer
    const char* code{""};    ///< empty: nothing is found
    const char* message{""};
    const char* hint{""};
    const char* under{""};  ///< the token that is underlined
    friend void PrintTo(const Fit& c, std::ostream* out) { *out << c.name; }
};

std::vector<SourceFile> files_of(const Fit& c) {
    std::vector<SourceFile> files = base_files();
    files[0].text = "version: 1\nhardware: [{name: box" + c.hardware + "}]\n";
    files[1].text =
        "version: 1\nproviders:\n  desk: {kind: local, hardware: box, url: "
        "\"http://127.0.0.1:8091\"" +
        c.provider +
        "}\n  cloud: {kind: runpod, credential: r.key}\n"
        "  sand: {kind: sandbox, base_url: \"http://127.0.0.1:8092\"}\n"
        "  shop: {kind: openai-compatible, url: \"https://shop.example/v1\"}\n";
    files[2].text =
        "version: 1\nmodels:\n  qwq-32b: {" + c.model + "offers: [{" + c.offer + "}]}\n";
    files[3].text = "version: 1\nroutes: [{name: all, use: [qwq-32b]}]\n";
    return files;
}

class MemoryFit : public testing::TestWithParam<Fit> {};

TEST_P(MemoryFit, IsJudgedByWhatIsKnown) {
    const Fit& c = GetParam();
    std::vector<Diagnostic> found = findings(files_of(c));
    std::erase_if(found, [](const Diagnostic& d) { return d.code == "EK-W035"; });
    if (*c.code == '\0') {
        EXPECT_TRUE(found.empty()) << render_all(found);
        return;
    }
    ASSERT_EQ(found.size(), 1u) << render_all(found);
    const Diagnostic& only = found.front();
    EXPECT_EQ(only.code, c.code) << render(only);
    EXPECT_EQ(only.file, "etc/models.yaml");
    EXPECT_EQ(only.message, c.message);
    EXPECT_EQ(only.hint, c.hint);
    const auto at = static_cast<std::size_t>(only.source_col - 1);
    EXPECT_EQ(only.source.substr(at, static_cast<std::size_t>(only.end_col - only.col)), c.under);
    EXPECT_EQ(only.line, 3);
}

const std::string price{", price: 2.89 USD/h, seen: 2026-11-09"};
const std::string q4{"on: desk, weights: qwq-32b-q4_k_m.gguf"};
const std::string h100{"on: cloud, gpu: H100 PCIe, engine: vllm, "};

INSTANTIATE_TEST_SUITE_P(
    DoesNotFit,
    MemoryFit,
    testing::Values(
        Fit{.name = "WeightsAlone",
            .hardware = ", gpu: RTX 5090",
            .offer = "on: desk, weights: Qwen/QwQ-32B",
            .code = "EK-C060",
            .message = "needs 67.1 GB (weights 65.5, overhead 1.6), the RTX 5090 has 31.84 GiB x "
                       "0.90 = 30.8 GB",
            .hint = "take smaller weights or more memory",
            .under = "Qwen/QwQ-32B"},
        Fit{.name = "NotOneRequest",
            .hardware = ", gpu: RTX 4090",
            .model = "context: 16384, ",
            .offer = q4,
            .code = "EK-C060",
            .message = "needs 25.8 GB (weights 19.9, KV of one request of 16,384 tokens 4.3, "
                       "overhead 1.6), the RTX 4090 has 23.99 GiB x 0.90 = 23.2 GB",
            .hint = "a context of at most 6,570 tokens fits",
            .under = "qwq-32b-q4_k_m.gguf"},
        Fit{.name = "LlamaSetsAllSlotsAside",
            .hardware = ", gpu: RTX 5090",
            .provider = ", engine: llama.cpp",
            .model = "context: 32768, ",
            .offer = q4 + ", slots: 4",
            .code = "EK-C060",
            .message = "needs 55.8 GB (weights 19.9, KV of 4 requests of 32,768 tokens 34.4, "
                       "overhead 1.6), the RTX 5090 has 31.84 GiB x 0.90 = 30.8 GB",
            .hint = "write '1', or a context of at most 8,877 tokens",
            .under = "4"},
        Fit{.name = "TwoRentedGpus",
            .model = "context: 8192, ",
            .offer = "on: cloud, gpu: 2x RTX 4090, engine: vllm, weights: Qwen/QwQ-32B" + price,
            .code = "EK-C060",
            .message = "needs 70.9 GB (weights 65.5, KV of one request of 8,192 tokens 2.1, "
                       "overhead 3.2), the RTX 4090 has 2 x 23.99 GiB x 0.90 = 46.4 GB",
            .hint = "take smaller weights or more memory",
            .under = "Qwen/QwQ-32B"},
        Fit{.name = "StatedSizes",
            .hardware = ", vram: 16 GiB",
            .model = "context: 8192, kv_per_token: 1 MiB, ",
            .offer = "on: desk, weights_size: 6.5 GB",
            .code = "EK-C060",
            .message = "needs 16.7 GB (weights 6.5, KV of one request of 8,192 tokens 8.6, "
                       "overhead 1.6), its GPU has 16.00 GiB x 0.90 = 15.5 GB",
            .hint = "a context of at most 7,010 tokens fits",
            .under = "6.5 GB"},
        Fit{.name = "TheArgumentsSayOtherwise",
            .model = "context: 8192, ",
            .offer = h100 +
                     "weights: Qwen/QwQ-32B, args: [--max-model-len=131072, "
                     "--gpu-memory-utilization, \"0.95\"]" +
                     price,
            .code = "EK-C060",
            .message = "needs 101.5 GB (weights 65.5, KV of one request of 131,072 tokens 34.4, "
                       "overhead 1.6), the H100 PCIe has 79.65 GiB x 0.95 = 81.2 GB",
            .hint = "a context of at most 53,927 tokens fits",
            .under = "Qwen/QwQ-32B"}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    FitsPartly,
    MemoryFit,
    testing::Values(
        Fit{.name = "PagedCacheIsAWarning",
            .model = "context: 32768, ",
            .offer = h100 + "weights: Qwen/QwQ-32B, slots: 16" + price,
            .code = "EK-W045",
            .message = "needs 204.5 GB (weights 65.5, KV of 16 requests of 32,768 tokens 137.4, "
                       "overhead 1.6), the H100 PCIe has 79.65 GiB x 0.90 = 77.0 GB",
            .hint = "1 fit at once",
            .under = "16"},
        Fit{.name = "EightBitCache",
            .model = "context: 32768, ",
            .offer = h100 + "weights: Qwen/QwQ-32B, args: [--kv-cache-dtype, fp8], slots: 16" +
                     price,
            .code = "EK-W045",
            .message = "needs 135.8 GB (weights 65.5, KV of 16 requests of 32,768 tokens 68.7, "
                       "overhead 1.6), the H100 PCIe has 79.65 GiB x 0.90 = 77.0 GB",
            .hint = "2 fit at once",
            .under = "16"},
        Fit{.name = "TheLatentCacheIsOnEachGpu",
            .model = "context: 8192, ",
            .offer = "on: cloud, gpu: gpu-h100x8-640gb, engine: vllm, weights: DeepSeek-R1-AWQ, "
                     "slots: 64" +
                     price,
            .code = "EK-W045",
            .message = "needs 659.6 GB (weights 352.0, KV of 64 requests of 8,192 tokens 294.7, "
                       "overhead 12.9), the H100 has 8 x 79.65 GiB x 0.90 = 615.8 GB",
            .hint = "54 fit at once",
            .under = "64"}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Silent,
    MemoryFit,
    testing::Values(
        Fit{.name = "Fits",
            .hardware = ", gpu: RTX 5090",
            .provider = ", engine: llama.cpp",
            .model = "context: 8192, ",
            .offer = q4 + ", slots: 4"},
        Fit{.name = "TwoOwnGpus",
            .hardware = ", gpus: [0, 1], gpu: RTX 5090",
            .provider = ", engine: llama.cpp",
            .model = "context: 32768, ",
            .offer = q4 + ", slots: 4"},
        Fit{.name = "StatedEightBits",
            .hardware = ", gpu: RTX 5090",
            .provider = ", engine: llama.cpp",
            .model = "context: 16384, ",
            .offer = q4 + ", slots: 4, kv_cache: fp8"},
        Fit{.name = "UnknownHardware", .model = "context: 1M, ", .offer = q4 + ", slots: 64"},
        Fit{.name = "UnknownGpu",
            .hardware = ", gpu: RTX 9090",
            .model = "context: 1M, ",
            .offer = q4},
        Fit{.name = "UnknownQuantisation",
            .hardware = ", gpu: RTX 4090",
            .model = "context: 1M, ",
            .offer = "on: desk, weights: qwq-32b-q9_k.gguf"},
        Fit{.name = "NoWeights", .hardware = ", gpu: RTX 4090", .offer = "on: desk"},
        Fit{.name = "LayersOnTheCpu",
            .hardware = ", gpu: RTX 4090",
            .offer = "on: desk, weights: Qwen/QwQ-32B, args: [-ngl, 20]"},
        Fit{.name = "QuantisedAtLoading",
            .offer = h100 +
                     "weights: deepseek-ai/DeepSeek-R1-Distill-Llama-70B, "
                     "args: [--quantization, fp8]" +
                     price},
        Fit{.name = "Sandbox",
            .model = "context: 1M, ",
            .offer = "on: sand, gpu: H100, weights: Qwen/QwQ-32B" + price},
        Fit{.name = "Synthetic",
            .hardware = ", gpu: RTX 4090",
            .provider = ", synthetic: true",
            .offer = "on: desk, weights: Qwen/QwQ-32B"},
        Fit{.name = "Api",
            .offer = "on: shop, gpu: RTX 4090, weights: Qwen/QwQ-32B, price: {in: 1 USD/Mtok, "
                     "out: 2 USD/Mtok}, seen: 2026-11-09"}),
    [](const auto& info) { return info.param.name; });

TEST(MemoryFitCodes, AreExplained) {
    EXPECT_NE(explain("EK-C060").find("90 %"), std::string::npos);
    EXPECT_NE(explain("EK-W045").find("EK-C060"), std::string::npos);
}

TEST(MemoryFitCodes, TheSlotsToWriteAreSuggested) {
    const Fit c{
        .hardware = ", gpu: RTX 5090",
        .provider = ", engine: llama.cpp",
        .model = "context: 8192, ",
        .offer = q4 + ", slots: 8"};
    const auto found = findings(files_of(c));
    ASSERT_EQ(found.size(), 1u) << render_all(found);
    EXPECT_EQ(found.front().suggestion, "4");
    EXPECT_EQ(found.front().path, "models.qwq-32b.offers[0].slots");
}

}  // namespace
}  // namespace evenkeel::config::test
