#include "inference/bootstrap/render.hpp"

#include "tests/unit/bootstrap/node_rig.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace evenkeel::inference::bootstrap {
namespace {

using namespace testing_tools;
using namespace std::chrono_literals;

const fs::path source{EVENKEEL_SOURCE_DIR};

/// Compares with the committed file; EVENKEEL_UPDATE_GOLDEN=1 writes it instead.
void expect_golden(const std::string& name, const std::string& text) {
    const fs::path path = source / "tests/data/bootstrap" / name;
    if (std::getenv("EVENKEEL_UPDATE_GOLDEN") != nullptr) {
        std::ofstream{path} << text;
        return;
    }
    EXPECT_EQ(read_file(path), text)
        << name << " differs: see tests/data/bootstrap/README.md if the change is meant";
}

NodePlan droplet() {
    NodePlan plan = good_plan();
    plan.agent_network = "203.0.113.7";
    plan.vram_mib = 79'000;
    plan.arguments = {"--kv-cache-dtype", "fp8"};
    return plan;
}

NodePlan llama_on_volume() {
    NodePlan plan = good_plan();
    plan.engine = NodeEngine::llama_cpp;
    plan.image = "ghcr.io/ggml-org/llama.cpp:server-cuda-v0.5.0";
    plan.weights = "/mnt/weights/qwq-32b-q4_k_m.gguf";
    plan.volume = "/mnt/weights";
    plan.volume_device = "/dev/disk/by-id/scsi-0DO_Volume_*";
    plan.slots = 4;
    plan.ssh = true;
    return plan;
}

NodePlan pod() {
    NodePlan plan = good_plan();
    plan.image.clear();
    plan.volume = "/workspace";
    plan.weights = "meta-llama/Llama-3.3-70B-Instruct@0123abc";
    plan.gpus = 2;
    plan.hub_secret = "hub_token";
    return plan;
}

TEST(Rendered, CloudInitWithVllm) {
    const auto text = cloud_init(droplet());
    ASSERT_TRUE(text) << text.error().message;
    expect_golden("cloud-init-vllm.yaml", *text);
    EXPECT_LT(text->size(), 24u * 1024) << "room for 64 KiB is not there to be used up";
}

TEST(Rendered, CloudInitWithLlamaOnAVolume) {
    const auto text = cloud_init(llama_on_volume());
    ASSERT_TRUE(text) << text.error().message;
    expect_golden("cloud-init-llama.yaml", *text);
}

TEST(Rendered, PodWithVllm) {
    const auto start = container(pod());
    ASSERT_TRUE(start) << start.error().message;
    expect_golden("pod-vllm.sh", script_of(start->args));
    const std::vector<std::pair<std::string, std::string>> environment{
        {"HF_TOKEN", "{{ RUNPOD_SECRET_hub_token }}"}};
    EXPECT_EQ(start->env, environment);
    EXPECT_LT(start->args.size(), 32u * 1024);
}

TEST(Rendered, SameTextForTheSamePlan) {
    EXPECT_EQ(*cloud_init(droplet()), *cloud_init(droplet()));
    EXPECT_EQ(container(pod())->args, container(pod())->args);
}

// The contract with whoever reads a start text, the fake vendors among them
// (tests/fakes/cloud/node_data.hpp): certificate, key and engine key are found by their marks.
TEST(Rendered, HoldsTheNodeContract) {
    const NodePlan plan = good_plan();
    const std::string line =
        "\nEVENKEEL_ENGINE_KEY=" + std::string{plan.engine_key.reveal()} + "\n";
    const auto files = written_files(*cloud_init(plan));
    EXPECT_EQ(files.at("/etc/evenkeel/front.crt"), plan.certificate.certificate);
    EXPECT_EQ(files.at("/etc/evenkeel/front.key"), plan.certificate.key.reveal());
    EXPECT_NE(files.at("/etc/evenkeel/node.env").find(line), std::string::npos);
    const std::string script = script_of(container(plan)->args);
    EXPECT_NE(script.find(line), std::string::npos);
    EXPECT_NE(script.find(plan.certificate.certificate), std::string::npos);
    EXPECT_NE(script.find(plan.certificate.key.reveal()), std::string::npos);
    for (const auto& [name, value] : container(plan)->env) {
        EXPECT_EQ(value.find(plan.engine_key.reveal()), std::string::npos) << name;
    }
}

TEST(Rendered, WhatOneWayCannotDoIsRefused) {
    NodePlan plan = good_plan();
    plan.hub_secret = "token";
    EXPECT_EQ(cloud_init(plan).error().code, Errc::invalid_argument);
    plan = good_plan();
    plan.image.clear();
    EXPECT_EQ(cloud_init(plan).error().code, Errc::invalid_argument);
    EXPECT_TRUE(container(plan));
    EXPECT_EQ(container(llama_on_volume()).error().code, Errc::invalid_argument);
    plan = good_plan();
    plan.arguments.assign(20, std::string(4096, 'x'));
    EXPECT_EQ(cloud_init(plan).error().code, Errc::invalid_argument);
    EXPECT_EQ(container(plan).error().code, Errc::invalid_argument);
}

/// What `cloud-init schema` says about `text`; the package is unpacked by scripts/setup.sh --tests.
Ran cloud_init_schema(const std::string& text) {
    const TempDir folder;
    const std::string file = folder.write("user-data", text);
    const fs::path modules = source / "build/tools/cloud-init/usr/lib/python3/dist-packages";
    if (!fs::exists(modules)) {
        return {.status = -1, .output = "cloud-init is missing: scripts/setup.sh --tests"};
    }
    return run(
        {"/usr/bin/python3",
         "-W",
         "ignore",
         "-m",
         "cloudinit.cmd.main",
         "schema",
         "--config-file",
         file},
        {{"PATH", "/usr/bin:/bin"},
         {"PYTHONPATH", modules.string()},
         {"PYTHONDONTWRITEBYTECODE", "1"}});
}

TEST(Rendered, CloudInitsOwnSchemaAgrees) {
    for (const NodePlan& plan : {droplet(), llama_on_volume()}) {
        const std::string text = *cloud_init(plan);
        const Ran good = cloud_init_schema(text);
        EXPECT_EQ(good.status, 0) << good.output;
        EXPECT_NE(good.output.find("Valid cloud-config"), std::string::npos) << good.output;
    }
    // The check itself works: it notices a word that cloud-init does not know.
    std::string wrong = *cloud_init(droplet());
    wrong.replace(wrong.find("permissions:"), 12, "permission :");
    const Ran bad = cloud_init_schema(wrong);
    EXPECT_NE(bad.status, 0);
    EXPECT_NE(bad.output.find("permission"), std::string::npos) << bad.output;
}

TEST(Rendered, ShellcheckAndBashAgree) {
    const TempDir folder;
    const std::string script = folder.write("pod", script_of(container(pod())->args));
    const Environment environment{{"PATH", "/usr/bin:/bin"}};
    const auto clean = [&environment](std::vector<std::string> command) {
        const Ran ran = run(command, environment);
        EXPECT_EQ(ran.status, 0) << ran.output;
    };
    const auto path = [](const char* file) { return (source / file).string(); };
    clean({"/bin/bash", "-n", script});
    clean({"/usr/bin/shellcheck", script});
    clean(
        {"/usr/bin/shellcheck",
         path("inference/bootstrap/scripts/watchdog.sh"),
         path("packaging/pod/entry.sh")});
    // Its variables come from a file that only exists on the node.
    clean({"/usr/bin/shellcheck", "--exclude=SC2154", path("inference/bootstrap/scripts/host.sh")});
}

}  // namespace
}  // namespace evenkeel::inference::bootstrap
