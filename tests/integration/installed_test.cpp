#include "scene.hpp"

#include <gtest/gtest.h>

#include <fstream>

/// `cmake --install` puts everything where Debian expects it.
namespace evenkeel::integration {
namespace {

namespace fs = std::filesystem;

TEST(Installed, EverythingIsWhereDebianExpectsIt) {
    const Folder folder;
    const std::string destination = (folder.path() / "root").string();
    const auto result = lab::demo::run_tool(
        "/usr/bin/cmake",
        {"--install", EVENKEEL_BINARY_DIR, "--prefix", destination + "/usr"},
        60s);
    ASSERT_TRUE(result) << result.error().message;
    ASSERT_EQ(result->status, 0) << result->err;
    const fs::path usr = fs::path{destination} / "usr";
    for (const char* file :
         {"bin/evenkeel",
          "lib/systemd/system/evenkeel.service",
          "lib/systemd/system/evenkeel-reap.service",
          "lib/systemd/system/evenkeel-reap.timer",
          "share/man/man1/evenkeel.1",
          "share/man/man5/evenkeel.yaml.5",
          "share/bash-completion/completions/evenkeel",
          "share/zsh/site-functions/_evenkeel",
          "share/fish/vendor_completions.d/evenkeel.fish",
          "share/evenkeel/examples/desk-5090/policy.yaml",
          "share/evenkeel/schema/evenkeel-v1.json",
          "share/evenkeel/prometheus/evenkeel.rules.yaml",
          "share/evenkeel/grafana/evenkeel.json",
          "share/evenkeel/traces/azure2023_conv.csv.gz",
          "share/doc/evenkeel/copyright",
          "share/doc/evenkeel/README.md"}) {
        EXPECT_TRUE(fs::exists(usr / file)) << file;
    }
    EXPECT_EQ(lab::demo::run_tool((usr / "bin/evenkeel").string(), {"version"}, 10s)->status, 0);
    const auto example = evenkeel(
        {"policy", "check", "--config", (usr / "share/evenkeel/examples/desk-5090").string()});
    EXPECT_EQ(example.status, 0) << example.err;
}

TEST(Installed, TheUnitIsSound) {
    const fs::path unit = fs::path{EVENKEEL_SOURCE_DIR} / "packaging/systemd/evenkeel.service";
    std::ifstream file{unit};
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    for (const char* line :
         {"Type=notify",
          "WatchdogSec=30s",
          "TimeoutStopSec=15min",
          "RestartPreventExitStatus=78",
          "LoadCredential=provider:/etc/evenkeel/credentials",
          "NoNewPrivileges=yes",
          "ProtectSystem=strict"}) {
        EXPECT_NE(text.find(line), std::string::npos) << line;
    }
    if (!fs::exists("/usr/bin/systemd-analyze")) {
        return;  // a machine without systemd can check no more than the text
    }
    const auto result = lab::demo::run_tool(
        "/usr/bin/systemd-analyze",
        {"verify",
         "--man=no",
         std::string{EVENKEEL_SOURCE_DIR} + "/packaging/systemd/evenkeel.service",
         std::string{EVENKEEL_SOURCE_DIR} + "/packaging/systemd/evenkeel-reap.service",
         std::string{EVENKEEL_SOURCE_DIR} + "/packaging/systemd/evenkeel-reap.timer"},
        30s);
    ASSERT_TRUE(result);
    // The binary of the unit is not installed on a build machine; nothing else may be said.
    for (std::size_t at = 0; at < result->err.size();) {
        const auto end = std::min(result->err.find('\n', at), result->err.size());
        const std::string line = result->err.substr(at, end - at);
        EXPECT_TRUE(line.empty() || line.find("is not executable") != std::string::npos) << line;
        at = end + 1;
    }
}

}  // namespace
}  // namespace evenkeel::integration
