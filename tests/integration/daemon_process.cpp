#include "daemon_process.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <fstream>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

extern char** environ;

namespace evenkeel::integration {

namespace {

constexpr const char* providers_yaml = R"(version: 1
providers:
  desk: {kind: local, engine: synthetic, url: "http://127.0.0.1:9", synthetic: true}
)";

constexpr const char* models_yaml = R"(version: 1
models:
  qwq-32b:
    context: 32k
    aliases: [qwq]
    offers:
      - {on: desk, slots: 4}
)";

constexpr const char* policy_yaml = R"(version: 1
routes:
  - {name: default, match: {}, use: [qwq-32b], max_wait: 200ms}
)";

}  // namespace

DaemonProcess::DaemonProcess() {
    api_ = lab::demo::free_port(0).value();
    admin_ = lab::demo::free_port(0).value();
    std::filesystem::create_directories(config());
    write(
        "evenkeel.yaml",
        fmt::format(
            "version: 1\nlisten: {{api: \"127.0.0.1:{}\", admin: \"127.0.0.1:{}\"}}\n",
            api_,
            admin_));
    write("providers.yaml", providers_yaml);
    write("models.yaml", models_yaml);
    write("policy.yaml", policy_yaml);
}

DaemonProcess::~DaemonProcess() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    if (testing::Test::HasFailure()) {
        std::fprintf(stderr, "%s\n", log().c_str());
    }
}

void DaemonProcess::write(const std::string& file, const std::string& text) const {
    std::ofstream{config() / file} << text;
}

std::string DaemonProcess::read(const std::string& file) const {
    std::ostringstream text;
    text << std::ifstream{config() / file}.rdbuf();
    return text.str();
}

void DaemonProcess::replace(
    const std::string& file, const std::string& old, const std::string& with) const {
    edit_file(config() / file, old, with);
}

void DaemonProcess::start(const std::map<std::string, std::string>& environment) {
    std::vector<std::string> arguments{
        EVENKEEL_PROGRAM, "serve", "--config", config().string(), "--state", state().string()};
    std::vector<std::string> variables;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        variables.emplace_back(*variable);
    }
    for (const auto& [name, value] : environment) {
        variables.push_back(name + "=" + value);
    }
    const auto pointers = [](std::vector<std::string>& texts) {
        std::vector<char*> list;
        for (std::string& text : texts) {
            list.push_back(text.data());
        }
        list.push_back(nullptr);
        return list;
    };
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    const std::string log = (folder_.path() / "daemon.log").string();
    ::posix_spawn_file_actions_addopen(
        &actions, 2, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ASSERT_EQ(
        ::posix_spawn(
            &pid_,
            EVENKEEL_PROGRAM,
            &actions,
            nullptr,
            pointers(arguments).data(),
            pointers(variables).data()),
        0);
    ::posix_spawn_file_actions_destroy(&actions);
}

bool DaemonProcess::ready(std::chrono::milliseconds limit) const {
    return eventually(limit, [this] { return fetch(admin_, "GET", "/readyz").status == 200; });
}

void DaemonProcess::signal(int number) const {
    ::kill(pid_, number);
}

std::optional<int> DaemonProcess::wait(std::chrono::milliseconds limit) {
    int status = 0;
    const bool ended = eventually(limit, [&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; });
    if (!ended) {
        return std::nullopt;
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

lab::demo::ToolResult DaemonProcess::serve_to_end() const {
    return tool({"serve"});
}

lab::demo::ToolResult DaemonProcess::tool(std::vector<std::string> command) const {
    command.insert(command.end(), {"--config", config().string(), "--state", state().string()});
    return evenkeel(command);
}

std::string DaemonProcess::log() const {
    return lab::demo::log_tail((folder_.path() / "daemon.log").string(), 60);
}

}  // namespace evenkeel::integration
