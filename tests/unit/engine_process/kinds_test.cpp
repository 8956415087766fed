#include "inference/engine/kinds.hpp"

#include "inference/engine/probe.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>

namespace evenkeel::inference::engine {
namespace {

TEST(EngineKinds, EachHasItsNameOnceAndOthersAreTakenForOpenAiCompatible) {
    std::set<std::string_view> names;
    for (const Kind& kind : kinds()) {
        EXPECT_TRUE(names.insert(kind.name).second) << kind.name;
        EXPECT_EQ(&kind_of(kind.name), &kind);
        EXPECT_TRUE(kind.health_path.starts_with('/')) << kind.name;
        EXPECT_EQ(kind.sleep_target.empty(), kind.wake_target.empty()) << kind.name;
    }
    EXPECT_EQ(kind_of("tgi").name, "openai");
    EXPECT_FALSE(kind_of("tgi").health_is_sure);
}

TEST(EngineKinds, SleepIsAskedForAtLevelOne) {
    EXPECT_EQ(kind_of("vllm").sleep_target, "/sleep?level=1");
    EXPECT_TRUE(kind_of("llama.cpp").sleep_target.empty());
}

/// As SGLang and vLLM really write them, labels and comments included.
TEST(EngineKinds, MetricsOfSglangAndVllmAreRead) {
    const Metrics sglang = parse_metrics(
        "# HELP sglang:num_running_reqs The number of running requests\n"
        "# TYPE sglang:num_running_reqs gauge\n"
        "sglang:num_running_reqs{model_name=\"meta-llama/Llama-3.1-8B-Instruct\"} 162.0\n"
        "sglang:num_queue_reqs{model_name=\"meta-llama/Llama-3.1-8B-Instruct\"} 2826.0\n"
        "sglang:token_usage{model_name=\"meta-llama/Llama-3.1-8B-Instruct\"} 0.28\n"
        "sglang:prompt_tokens_total{model_name=\"meta-llama/Llama-3.1-8B-Instruct\"} 8.128902e+06\n"
        "sglang:generation_tokens_total{model_name=\"meta-llama/Llama-3.1-8B-Instruct\"} "
        "7.557572e+06\n"
        "sglang:cache_hit_rate{model_name=\"meta-llama/Llama-3.1-8B-Instruct\"} 0.0075\n");
    EXPECT_EQ(sglang.running, 162);
    EXPECT_EQ(sglang.waiting, 2'826);
    EXPECT_EQ(sglang.kv_used, 0.28);
    EXPECT_EQ(sglang.prompt_tokens, 8'128'902);
    EXPECT_EQ(sglang.generation_tokens, 7'557'572);
    EXPECT_EQ(sglang.kv_tokens, std::nullopt) << "unknown, not zero";
    const Metrics vllm = parse_metrics(
        "vllm:num_requests_running{engine=\"0\",model_name=\"Qwen/QwQ-32B-AWQ\"} 3.0\n"
        "vllm:num_requests_running{engine=\"1\",model_name=\"Qwen/QwQ-32B-AWQ\"} 2.0\n"
        "vllm:kv_cache_usage_perc{engine=\"0\",model_name=\"Qwen/QwQ-32B-AWQ\"} 0.125\n"
        "vllm:kv_cache_usage_perc{engine=\"1\",model_name=\"Qwen/QwQ-32B-AWQ\"} 0.5\n");
    EXPECT_EQ(vllm.running, 5);
    EXPECT_EQ(vllm.waiting, std::nullopt);
    EXPECT_EQ(vllm.kv_used, 0.5);
}

/// docs/engines.md holds the table between two marks. To bring it up to date after a change here:
/// EVENKEEL_UPDATE_DOCS=1 unit_tests --gtest_filter=EngineKinds.*
TEST(EngineKinds, TheDocumentHasTheTable) {
    const std::string path = std::string{EVENKEEL_SOURCE_DIR} + "/docs/engines.md";
    std::ifstream file{path};
    std::string text{std::istreambuf_iterator<char>{file}, {}};
    const std::string begin = "<!-- kinds: generated -->\n";
    const std::string end = "<!-- end of kinds -->";
    const auto from = text.find(begin);
    const auto to = text.find(end);
    ASSERT_NE(from, std::string::npos);
    ASSERT_NE(to, std::string::npos);
    const auto start = from + begin.size();
    if (std::getenv("EVENKEEL_UPDATE_DOCS") != nullptr) {
        std::ofstream{path} << text.replace(start, to - start, kinds_markdown());
        return;
    }
    EXPECT_EQ(text.substr(start, to - start), kinds_markdown());
}

}  // namespace
}  // namespace evenkeel::inference::engine
