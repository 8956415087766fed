#include "caller.hpp"
#include "inference/bootstrap/render.hpp"
#include "tests/fakes/cloud/node_data.hpp"

/// What the product tells a node is what the fake's nodes find in it.
namespace evenkeel::fakes::cloud::test {
namespace {

namespace bootstrap = inference::bootstrap;

bootstrap::NodePlan plan(bootstrap::NodeEngine engine) {
    const UtcTime now{1'764'000'000s};
    bootstrap::NodePlan plan{
        .machine = std::string{first_name},
        .owner_mark = "ek-1a2b3c4d",
        .model = "qwq-32b",
        .weights = engine == bootstrap::NodeEngine::vllm ? "Qwen/QwQ-32B-AWQ"
                                                         : "bartowski/QwQ-32B-GGUF:Q4_K_M",
        .engine = engine,
        .image = "vllm/vllm-openai:v0.11.0",
        .slots = 8,
        .context = 32'768,
        .engine_key = bootstrap::WipedText{"0123456789abcdef0123456789abcdef"},
        .certificate = bootstrap::make_node_certificate(
                           first_name, "0123456789abcdef0123456789abcdef", now, 6h)
                           .value(),
        .port = 9'443,
        .expires = now + 6h};
    return plan;
}

class FakeNodeStart : public testing::TestWithParam<bootstrap::NodeEngine> {};

INSTANTIATE_TEST_SUITE_P(
    Each,
    FakeNodeStart,
    testing::Values(bootstrap::NodeEngine::vllm, bootstrap::NodeEngine::llama_cpp),
    [](const auto& info) {
        return info.param == bootstrap::NodeEngine::vllm ? std::string{"vllm"}
                                                         : std::string{"llama_cpp"};
    });

void expect_found(const bootstrap::NodePlan& wanted, const std::string& text) {
    const auto found = read_node_data(text);
    ASSERT_TRUE(found) << text;
    EXPECT_EQ(found->certificate, wanted.certificate.certificate);
    EXPECT_EQ(found->key, wanted.certificate.key.reveal());
    EXPECT_EQ(found->engine_key, wanted.engine_key.reveal());
    EXPECT_EQ(found->model, wanted.model);
    EXPECT_EQ(found->port, wanted.port);
}

TEST_P(FakeNodeStart, IsUnderstoodFromCloudInit) {
    const bootstrap::NodePlan wanted = plan(GetParam());
    const auto text = bootstrap::cloud_init(wanted);
    ASSERT_TRUE(text) << text.error().message;
    expect_found(wanted, *text);
}

TEST_P(FakeNodeStart, IsUnderstoodFromContainerArguments) {
    const bootstrap::NodePlan wanted = plan(GetParam());
    const auto start = bootstrap::container(wanted);
    ASSERT_TRUE(start) << start.error().message;
    expect_found(wanted, start->args);
}

}  // namespace
}  // namespace evenkeel::fakes::cloud::test
