#include "agent/control/node_start.hpp"

#include <gtest/gtest.h>

/// What a node is told, from the configuration's offer to the text at the provider.
namespace evenkeel::agent {
namespace {

using namespace std::chrono_literals;
using providers::StartForm;

constexpr std::string_view secret = "0123456789abcdef0123456789abcdef";
const UtcTime now = std::chrono::sys_days{std::chrono::November / 25 / 2026} + 12h;

struct NodeStartTest : testing::Test {
    lifecycle::Machine machine{};
    config::Model model{.name = "qwq-32b", .context = 32'000};
    config::Offer offer{
        .name = "do",
        .on = "do",
        .engine = "vllm",
        .weights = "Qwen/QwQ-32B",
        .image = "vllm/vllm-openai:v0.27.1",
        .args = {"--kv-cache-dtype", "fp8"},
        .slots = 16};
    config::Provider provider{.name = "do", .allow_from = "203.0.113.7"};
    providers::MachineSpec spec{
        .name = "ek-1a2b3c4d-06yhbx5000g00",
        .engine_key = node_key(secret, "ek-1a2b3c4d-06yhbx5000g00"),
        .owner_mark = "ek-1a2b3c4d",
        .expires = now + 6h};

    NodeStartTest() {
        machine.model = "qwq-32b";
        machine.name = spec.name;
    }
    providers::VolumePlace place{.path = std::string{providers::volume_path}};
    Result<void> start(StartForm form) {
        return start_node(
            spec,
            form,
            secret,
            {.machine = machine,
             .model = model,
             .offer = offer,
             .provider = provider,
             .life = 6h,
             .volume = place},
            now);
    }
    [[nodiscard]] bool told(std::string_view what) const {
        return spec.user_data.find(what) != std::string::npos;
    }
};

TEST_F(NodeStartTest, ACloudThatStartsEnginesItselfIsToldNothing) {
    ASSERT_TRUE(start(StartForm::own));
    EXPECT_TRUE(spec.user_data.empty() && spec.args.empty() && spec.port == 0);
}

TEST_F(NodeStartTest, AMachineGetsEngineCertificateKeyAndFirewallInOneText) {
    const auto result = start(StartForm::cloud_init);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(spec.port, node_port);
    EXPECT_TRUE(told("#cloud-config"));
    EXPECT_TRUE(told("-----BEGIN CERTIFICATE-----") && told("PRIVATE KEY-----"));
    EXPECT_TRUE(told("EVENKEEL_ENGINE_KEY=" + spec.engine_key));
    EXPECT_TRUE(told("Qwen/QwQ-32B") && told("vllm/vllm-openai:v0.27.1") && told("fp8"));
    EXPECT_TRUE(told("203.0.113.7"));
    EXPECT_FALSE(told(secret)) << "the agent's own secret stays here";
}

TEST_F(NodeStartTest, AVolumeIsMountedWhereItsKindOfMachineFindsIt) {
    offer.volume = "vol-1";
    place = {.path = "/mnt/models", .device = "/dev/disk/by-id/scsi-0DO_Volume_*"};
    ASSERT_TRUE(start(StartForm::cloud_init));
    EXPECT_TRUE(told("/mnt/models") && told("scsi-0DO_Volume_"));
    place = {.path = "/lambda/nfs/vol-1"};
    ASSERT_TRUE(start(StartForm::cloud_init));
    EXPECT_TRUE(told("/lambda/nfs/vol-1"));
    EXPECT_FALSE(told("/dev/disk")) << "it is mounted already";
    place = {.path = std::string{providers::volume_path}};
    EXPECT_EQ(spec.volume, "vol-1");
    ASSERT_TRUE(start(StartForm::container));
    EXPECT_FALSE(spec.args.empty());
}

TEST_F(NodeStartTest, APodGetsOneArgumentStringAndNoSecretInItsEnvironment) {
    const auto result = start(StartForm::container);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_TRUE(spec.user_data.empty());
    EXPECT_TRUE(spec.args.starts_with("bash -c ")) << spec.args.substr(0, 40);
    for (const auto& [name, value] : spec.env) {
        EXPECT_EQ(value.find(spec.engine_key), std::string::npos) << name;
    }
}

TEST_F(NodeStartTest, WhatTheOwnerMustMendIsSaid) {
    offer.image = "vllm/vllm-openai";
    const auto result = start(StartForm::cloud_init);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::invalid_argument);
    EXPECT_NE(result.error().message.find("image"), std::string::npos) << result.error().message;
}

TEST(NodeIdentity, FollowsFromSecretAndNameAlone) {
    const auto pin = node_pin(secret, "ek-1a2b3c4d-a");
    ASSERT_TRUE(pin);
    EXPECT_EQ(pin->size(), 64u);
    EXPECT_EQ(*pin, *node_pin(secret, "ek-1a2b3c4d-a")) << "known again after a restart";
    EXPECT_NE(*pin, *node_pin(secret, "ek-1a2b3c4d-b"));
    EXPECT_NE(*pin, *node_pin("another secret of another agent!", "ek-1a2b3c4d-a"));
    EXPECT_NE(node_key(secret, "a"), node_key(secret, "b"));
    EXPECT_TRUE(node_key(secret, "a").starts_with("ekm-"));
}

}  // namespace
}  // namespace evenkeel::agent
