#include "tests/unit/bootstrap/stage.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

/// How a virtual machine and a pod start.
namespace evenkeel::inference::bootstrap {
namespace {

using namespace testing_tools;
using namespace std::chrono_literals;

const fs::path source{EVENKEEL_SOURCE_DIR};

/// What a cloud-init text makes of a machine.
Ran boot(Stage& stage, const NodePlan& plan) {
    const auto files = written_files(*cloud_init(plan));
    for (const auto& [path, content] : files) {
        stage.folder.write(path.substr(1), content);
    }
    stage.environment["EVENKEEL_ROOT"] = stage.folder.path().string();
    return run({"/bin/bash", stage.folder.file("opt/evenkeel/host")}, stage.environment);
}

TEST(NodeHost, StartsFirewallFrontAndEngineInThisOrder) {
    Stage stage;
    NodePlan plan = good_plan();
    plan.agent_network = "203.0.113.7";
    const Ran ran = boot(stage, plan);
    ASSERT_EQ(ran.status, 0) << ran.output;
    const std::string calls = stage.calls();
    const std::size_t open =
        calls.find("iptables -w -A EVENKEEL -p tcp --dport 8443 -s 203.0.113.7 -j ACCEPT\n");
    const std::size_t drop = calls.find("ip6tables -w -A EVENKEEL -j DROP\n");
    const std::size_t front = calls.find("docker run --detach --name evenkeel-front");
    const std::size_t engine = calls.find("docker run --detach --name evenkeel-engine");
    ASSERT_NE(engine, std::string::npos) << calls;
    EXPECT_LT(open, drop);
    EXPECT_LT(drop, front);
    EXPECT_LT(front, engine);
    EXPECT_EQ(count(calls, "--dport"), 1u) << "no other port, no other family: " << calls;
    const std::string command = calls.substr(engine, calls.find('\n', engine) - engine);
    for (const char* part :
         {"--restart on-failure:3",
          "--gpus all",
          "--publish 127.0.0.1:8000:8000",
          "--env VLLM_API_KEY ",
          "--entrypoint vllm vllm/vllm-openai:v0.27.1 serve Qwen/QwQ-32B-AWQ",
          "--served-model-name qwq-32b",
          "--max-num-seqs 16",
          "--max-model-len 32768"}) {
        EXPECT_NE(command.find(part), std::string::npos) << part << " in " << command;
    }
    const std::string key{plan.engine_key.reveal()};
    EXPECT_EQ(calls.find(key), std::string::npos);
    EXPECT_EQ(ran.output.find(key), std::string::npos);
}

TEST(NodeHost, OpensSshOnlyToOwnersWithKeysAndEveryAddressOnlyWhenOursIsUnknown) {
    Stage stage;
    NodePlan plan = good_plan();
    plan.ssh = true;
    ASSERT_EQ(boot(stage, plan).status, 0);
    EXPECT_EQ(count(stage.calls(), "-p tcp --dport 22 -j ACCEPT"), 2u);
    EXPECT_EQ(count(stage.calls(), "-p tcp --dport 8443 -j ACCEPT"), 2u);
}

TEST(NodeHost, SshObeysTheSameNetworkAsTheEngine) {
    struct Case {
        const char* network;
        const char* tables;
    };
    for (const Case& each : {Case{"203.0.113.7", "iptables"}, Case{"2001:db8::/64", "ip6tables"}}) {
        Stage stage;
        NodePlan plan = good_plan();
        plan.ssh = true;
        plan.agent_network = each.network;
        ASSERT_EQ(boot(stage, plan).status, 0);
        const std::string calls = "\n" + stage.calls();
        EXPECT_EQ(count(calls, "--dport 22"), 1u) << calls;
        EXPECT_EQ(
            count(
                calls,
                fmt::format(
                    "\n{} -w -A EVENKEEL -p tcp --dport 22 -s {} -j ACCEPT\n",
                    each.tables,
                    each.network)),
            1u)
            << calls;
    }
}

TEST(NodeHost, TheWrongGpusNeverServe) {
    struct Case {
        const char* lines;
        const char* says;
    };
    for (const Case& wrong :
         {Case{"81559\n", "2 GPUs are wanted, 1"},
          Case{"81559\n40960\n", "79000 MiB"},
          Case{"", "2 GPUs are wanted, 0"}}) {
        Stage stage;
        stage.gpus(wrong.lines);
        NodePlan plan = good_plan();
        plan.gpus = 2;
        plan.vram_mib = 79'000;
        const Ran ran = boot(stage, plan);
        EXPECT_EQ(ran.status, 1);
        EXPECT_NE(ran.output.find(wrong.says), std::string::npos) << ran.output;
        EXPECT_NE(stage.calls().find("evenkeel-front"), std::string::npos) << "503, not silence";
        EXPECT_EQ(count(stage.calls(), "--name evenkeel-engine"), 0u);
    }
    Stage broken;
    broken.add("nvidia-smi", "echo 'no devices' >&2; exit 9\n");
    EXPECT_EQ(boot(broken, good_plan()).status, 1);
}

TEST(NodeHost, MountsTheVolumeAndKeepsTheCacheThere) {
    Stage stage;
    stage.folder.write("disk", "");
    NodePlan plan = good_plan();
    plan.volume = "/mnt/weights";
    plan.volume_device = "/dev/nul*";  // exists everywhere
    const Ran ran = boot(stage, plan);
    ASSERT_EQ(ran.status, 0) << ran.output;
    const std::string there = stage.folder.file("mnt/weights");
    EXPECT_NE(stage.calls().find("mount /dev/null " + there + "\n"), std::string::npos)
        << stage.calls();
    EXPECT_NE(stage.calls().find("--volume " + there + ":/mnt/weights"), std::string::npos);
    EXPECT_NE(stage.calls().find("--env HF_HOME=/mnt/weights/hf"), std::string::npos);
    Stage none;
    none.sleeps(100);
    plan.volume_device = "/dev/no-such-volume-*";
    const Ran missing = boot(none, plan);
    EXPECT_EQ(missing.status, 1);
    EXPECT_NE(missing.output.find("no volume at"), std::string::npos) << missing.output;
    EXPECT_EQ(count(none.calls(), "--name evenkeel-engine"), 0u);
}

TEST(NodeHost, ARegistryThatStumblesIsAskedAgain) {
    Stage stage;
    stage.sleeps(100);
    stage.add("docker", R"sh(printf '%s %s\n' "${0##*/}" "$*" >>"$STAGE/calls"
[ "$1" != pull ] || [ "$(grep -c 'docker pull' "$STAGE/calls")" -gt 2 ]
)sh");
    const Ran ran = boot(stage, good_plan());
    EXPECT_EQ(ran.status, 0) << ran.output;
    EXPECT_EQ(count(stage.calls(), "docker pull"), 4u) << stage.calls();
}

/// What `bash -c` is to run of the arguments of a pod.
std::string command_of(const NodePlan& plan) {
    const auto start = container(plan);
    EXPECT_TRUE(start);
    const std::string before = "bash -c \"";
    EXPECT_TRUE(start->args.starts_with(before));
    return start->args.substr(before.size(), start->args.size() - before.size() - 1);
}

/// A pod: the image's entry point with the rendered arguments, split as a shell would.
class Pod {
public:
    explicit Pod(Stage& stage) {
        stage.add("nginx", R"sh(printf 'nginx %s\n' "$*" >>"$STAGE/calls"
printf '%s\n' "$$" >"$EVENKEEL_RUN/front.pid"
exec /bin/sleep 60
)sh");
        stage.environment["REAL_SLEEP"] = "0.01";
        stage.sleeps(100'000);
        NodePlan plan = good_plan();
        plan.volume = stage.folder.file("volume");
        plan.life = 180s;
        plan.quiet = 60s;
        pod.emplace(
            std::vector<std::string>{
                (source / "packaging/pod/entry.sh").string(), "bash", "-c", command_of(plan)},
            stage.environment,
            stage.folder.file("log"));
    }
    std::optional<Background> pod{};
};

TEST(NodePod, RunsFrontEngineAndWatchdogAndNeverEndsByItself) {
    Stage stage;
    stage.environment["BEATS_UNTIL"] = "999999";
    // An engine that crashes: three more tries, then the pod waits for its end.
    stage.add("vllm", R"sh(printf 'vllm %s key=%s pod=%s hf=%s\n' "$*" "$VLLM_API_KEY" \
    "${RUNPOD_API_KEY:-none}" "$HF_HOME" >>"$STAGE/engine"
exit 3
)sh");
    stage.environment["GATE"] = "yes";
    Pod node{stage};
    const auto engine_runs = [&] {
        return count(stage.folder.read("engine"), "vllm serve Qwen/QwQ-32B-AWQ");
    };
    EXPECT_TRUE(eventually([&] { return engine_runs() == 4; }, 8s)) << stage.folder.read("log");
    stage.folder.write("open", "");
    const auto asked = [&] { return count(stage.calls(), "--request DELETE") >= 2; };
    EXPECT_TRUE(eventually(asked, 8s)) << stage.folder.read("log") << stage.calls();
    EXPECT_TRUE(node.pod->alive()) << "a container that exits is only restarted";
    EXPECT_GE(stage.uptime(), 1180);
    EXPECT_EQ(engine_runs(), 4u) << stage.folder.read("engine");
    EXPECT_EQ(count(stage.folder.read("engine"), "pod=none"), 4u) << "the pod's key is not its";
    EXPECT_NE(
        stage.folder.read("engine").find("key=ekm-00112233445566778899aabbccddeeff00112233"),
        std::string::npos);
    EXPECT_EQ(count(stage.calls(), "nginx -c"), 1u) << "closed at the end, not started again";
    EXPECT_EQ(stage.folder.read("run/front.crt"), good_plan().certificate.certificate);
    const std::string log = stage.folder.read("log");
    EXPECT_NE(log.find("its 180 s are over"), std::string::npos) << log;
    EXPECT_EQ(log.find("ekm-"), std::string::npos) << log;
    EXPECT_EQ(log.find(pod_key), std::string::npos) << log;
    EXPECT_EQ(log.find("PRIVATE"), std::string::npos) << log;
    node.pod.reset();
}

TEST(NodePod, TheWrongGpusNeverServe) {
    Stage stage;
    stage.environment["BEATS_UNTIL"] = "999999";
    stage.gpus("");
    stage.add("vllm", "printf started >>\"$STAGE/engine\"\n");
    Pod node{stage};
    EXPECT_TRUE(eventually([&] {
        return stage.folder.read("log").find("not the GPUs") != std::string::npos &&
               count(stage.calls(), "nginx -c") == 1;
    })) << stage.folder.read("log");
    EXPECT_EQ(stage.folder.read("engine"), "");
    EXPECT_TRUE(node.pod->alive());
    node.pod.reset();
}

TEST(NodePod, F48ADiskThatCannotBeWrittenAsksForItsEnd) {
    Stage stage;
    stage.sleeps(2);
    stage.folder.write("run", "");
    stage.environment["EVENKEEL_WATCHDOG"] =
        (source / "inference/bootstrap/scripts/watchdog.sh").string();
    const Ran ran =
        run({(source / "packaging/pod/entry.sh").string(), "bash", "-c", command_of(good_plan())},
            stage.environment);
    EXPECT_NE(ran.output.find("its 0 s are over"), std::string::npos) << ran.output;
    EXPECT_GE(count(stage.calls(), "--request DELETE https://api.runpod.io/v2/pods/pod123"), 1u)
        << "a container that exits is only restarted, and billed on";
    EXPECT_EQ(count(stage.calls(), "nginx"), 0u);
}

TEST(NodePod, AnImageWithTheWrongArgumentsAsksForItsEnd) {
    Stage stage;
    stage.sleeps(2);
    stage.environment["EVENKEEL_WATCHDOG"] =
        (source / "inference/bootstrap/scripts/watchdog.sh").string();
    const Ran ran =
        run({(source / "packaging/pod/entry.sh").string(), "--model", "Qwen/QwQ-32B"},
            stage.environment);
    EXPECT_NE(ran.output.find("it got something else"), std::string::npos) << ran.output;
    EXPECT_GE(count(stage.calls(), "--request DELETE https://api.runpod.io/v2/pods/pod123"), 1u);
    EXPECT_EQ(
        run({(source / "packaging/pod/entry.sh").string(), "-c", "echo ran"}, stage.environment)
            .output,
        "ran\n");
}

}  // namespace
}  // namespace evenkeel::inference::bootstrap
