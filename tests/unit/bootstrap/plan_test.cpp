#include "inference/bootstrap/plan.hpp"

#include "tests/unit/bootstrap/node_rig.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace evenkeel::inference::bootstrap {
namespace {

using testing_tools::good_plan;
using namespace std::chrono_literals;

struct Refused {
    const char* name;
    std::function<void(NodePlan&)> spoil;
    const char* says;  ///< part of the message
};

class NodePlanRefused : public testing::TestWithParam<Refused> {};

TEST_P(NodePlanRefused, WithASentence) {
    NodePlan plan = good_plan();
    ASSERT_TRUE(check(plan)) << check(plan).error().message;
    GetParam().spoil(plan);
    const auto result = check(plan);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::invalid_argument);
    EXPECT_NE(result.error().message.find(GetParam().says), std::string::npos)
        << result.error().message;
    EXPECT_EQ(result.error().message.find("ekm-"), std::string::npos);
    EXPECT_FALSE(cloud_init(plan));
    EXPECT_FALSE(container(plan));
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    NodePlanRefused,
    testing::Values(
        Refused{"NoMachine", [](auto& p) { p.machine.clear(); }, "machine"},
        Refused{"MachineWithSpace", [](auto& p) { p.machine = "a b"; }, "machine"},
        Refused{"MachineWithLineEnd", [](auto& p) { p.machine = "a\nb"; }, "machine"},
        Refused{"Mark", [](auto& p) { p.owner_mark = "$(x)"; }, "owner mark"},
        Refused{"NoModel", [](auto& p) { p.model.clear(); }, "model"},
        Refused{"ModelLineEnd", [](auto& p) { p.model = "a\nruncmd: [x]"; }, "model"},
        Refused{"ModelNonAscii", [](auto& p) { p.model = "qwq\xc3\xa4"; }, "model"},
        Refused{"ModelFlag", [](auto& p) { p.model = "--x"; }, "model"},
        Refused{"ModelLong", [](auto& p) { p.model.assign(513, 'a'); }, "model"},
        Refused{"NoWeights", [](auto& p) { p.weights.clear(); }, "weights"},
        Refused{"WeightsTab", [](auto& p) { p.weights = "a\tb"; }, "weights"},
        Refused{"ImageLatest", [](auto& p) { p.image = "vllm/vllm-openai:latest"; }, "version"},
        Refused{"ImageNoTag", [](auto& p) { p.image = "host:5000/vllm"; }, "version"},
        Refused{"ImageEmptyTag", [](auto& p) { p.image = "vllm/vllm:"; }, "version"},
        Refused{"ImageShortDigest", [](auto& p) { p.image = "vllm/vllm@sha256:ab"; }, "version"},
        Refused{"ImageShell", [](auto& p) { p.image = "a:1;reboot"; }, "version"},
        Refused{"NoSlots", [](auto& p) { p.slots = 0; }, "slots"},
        Refused{"Context", [](auto& p) { p.context = -1; }, "context"},
        Refused{"NoGpu", [](auto& p) { p.gpus = 0; }, "GPUs"},
        Refused{"PortZero", [](auto& p) { p.port = 0; }, "port"},
        Refused{"PortSsh", [](auto& p) { p.port = 22; }, "port"},
        Refused{"PortOfEngine", [](auto& p) { p.port = 8000; }, "port"},
        Refused{"ShortLife", [](auto& p) { p.life = 59s; }, "life"},
        Refused{"NoQuiet", [](auto& p) { p.quiet = 0s; }, "quiet"},
        Refused{"KeyShort", [](auto& p) { p.engine_key = WipedText{"ekm-1"}; }, "engine key"},
        Refused{
            "KeyShell",
            [](auto& p) { p.engine_key = WipedText{"aaaaaaaaaaaaaaaaaa$(x)"}; },
            "engine key"},
        Refused{"NoCertificate", [](auto& p) { p.certificate = {}; }, "certificate"},
        Refused{
            "CertificateWithMore",
            [](auto& p) { p.certificate.certificate += "runcmd: [x]\n"; },
            "certificate"},
        Refused{
            "CertificateWithMark",
            [](auto& p) { p.certificate.certificate.insert(30, "\nEVENKEEL_END_OF_FILE\n"); },
            "certificate"},
        Refused{"Network", [](auto& p) { p.agent_network = "1.2.3"; }, "network"},
        Refused{"NetworkShell", [](auto& p) { p.agent_network = "1.2.3.4/8;x"; }, "network"},
        Refused{"NetworkLength", [](auto& p) { p.agent_network = "1.2.3.4/33"; }, "network"},
        Refused{"VolumeRelative", [](auto& p) { p.volume = "models"; }, "volume"},
        Refused{"VolumeUp", [](auto& p) { p.volume = "/mnt/../etc"; }, "volume"},
        Refused{"VolumeColon", [](auto& p) { p.volume = "/mnt:/etc"; }, "volume"},
        Refused{"DeviceAlone", [](auto& p) { p.volume_device = "/dev/sda"; }, "volume"},
        Refused{
            "DeviceElsewhere",
            [](auto& p) { p.volume = "/mnt/w", p.volume_device = "/etc/passwd"; },
            "device"},
        Refused{"Secret", [](auto& p) { p.hub_secret = "a }} b"; }, "hub secret"},
        Refused{"ArgHost", [](auto& p) { p.arguments = {"--host", "0.0.0.0"}; }, "--host"},
        Refused{"ArgKey", [](auto& p) { p.arguments = {"--api-key=x"}; }, "--api-key"},
        Refused{"ArgUnderscore", [](auto& p) { p.arguments = {"--api_key", "x"}; }, "--api-key"},
        Refused{"ArgSlots", [](auto& p) { p.arguments = {"-np", "9"}; }, "'slots'"},
        Refused{"ArgContext", [](auto& p) { p.arguments = {"--max-model-len=1"}; }, "'context'"},
        Refused{"ArgLineEnd", [](auto& p) { p.arguments = {"a\nb"}; }, "args"},
        Refused{"ArgNul", [](auto& p) { p.arguments = {std::string("a\0b", 3)}; }, "args"},
        Refused{"ArgsMany", [](auto& p) { p.arguments.assign(65, "x"); }, "args"}),
    [](const auto& info) { return std::string{info.param.name}; });

TEST(NodePlanCheck, TakesWhatIsRight) {
    const auto passes = [](const std::function<void(NodePlan&)>& change) {
        NodePlan plan = good_plan();
        change(plan);
        const auto result = check(plan);
        EXPECT_TRUE(result) << result.error().message;
    };
    passes([](auto& p) { p.image = "host:5000/vllm@sha256:" + std::string(64, 'a'); });
    passes([](auto& p) { p.image = "ghcr.io/ggml-org/llama.cpp:server-cuda-b1"; });
    passes([](auto& p) { p.agent_network = "2001:db8::1"; });
    passes([](auto& p) { p.agent_network = "10.0.0.0/8"; });
    passes([](auto& p) { p.volume = "/mnt/w", p.volume_device = "/dev/disk/by-id/scsi-0DO_*"; });
    passes([](auto& p) { p.model = "it's a \"model\" $(with) `odd` \\name"; });
    passes([](auto& p) { p.arguments = {"--kv-cache-dtype", "fp8", "--quantization=awq"}; });
}

}  // namespace
}  // namespace evenkeel::inference::bootstrap
