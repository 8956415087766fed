#include "tests/unit/bootstrap/node_rig.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <yaml-cpp/yaml.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <sstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace evenkeel::inference::bootstrap::testing_tools {

namespace {

using Steady = std::chrono::steady_clock;

/// Starts `command` in a process group of its own with stdout and stderr going to `output`.
pid_t start(const std::vector<std::string>& command, const Environment& environment, int output) {
    std::vector<std::string> variables;
    for (const auto& [name, value] : environment) {
        variables.push_back(name + "=" + value);
    }
    std::vector<char*> argv;
    std::vector<char*> envp;
    for (const std::string& word : command) {
        argv.push_back(const_cast<char*>(word.c_str()));
    }
    for (const std::string& variable : variables) {
        envp.push_back(const_cast<char*>(variable.c_str()));
    }
    argv.push_back(nullptr);
    envp.push_back(nullptr);
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::setpgid(0, 0);
        const int null = ::open("/dev/null", O_RDONLY);
        ::dup2(null, 0);
        ::dup2(output, 1);
        ::dup2(output, 2);
        ::execve(argv[0], argv.data(), envp.data());
        ::_exit(127);
    }
    ::setpgid(pid, pid);
    return pid;
}

}  // namespace

TempDir::TempDir() {
    std::string pattern = (fs::temp_directory_path() / "evenkeel-node-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
    // Programs that give up root must reach what is theirs below it.
    fs::permissions(path_, fs::perms::others_exec, fs::perm_options::add);
}

TempDir::~TempDir() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

std::string TempDir::write(const std::string& name, std::string_view text, bool executable) const {
    const fs::path path = path_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream{path} << text;
    if (executable) {
        fs::permissions(path, fs::perms::owner_all);
    }
    return path.string();
}

std::string TempDir::read(const std::string& name) const {
    return read_file(path_ / name);
}

std::string read_file(const fs::path& path) {
    std::ifstream input{path};
    std::ostringstream text;
    text << input.rdbuf();
    return std::move(text).str();
}

Ran run(
    const std::vector<std::string>& command,
    const Environment& environment,
    std::chrono::milliseconds limit) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const pid_t pid = start(command, environment, ends[1]);
    ::close(ends[1]);
    Ran out;
    bool killed = false;
    const auto until = Steady::now() + limit;
    for (std::array<char, 4096> buffer{};;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - Steady::now());
        pollfd wait{.fd = ends[0], .events = POLLIN, .revents = 0};
        if (left.count() <= 0 || ::poll(&wait, 1, static_cast<int>(left.count())) <= 0) {
            ::kill(-pid, SIGKILL);
            killed = true;
            break;
        }
        const ssize_t count = ::read(ends[0], buffer.data(), buffer.size());
        if (count <= 0) {
            break;
        }
        out.output.append(buffer.data(), static_cast<std::size_t>(count));
    }
    ::close(ends[0]);
    int status = 0;
    ::waitpid(pid, &status, 0);
    out.status = !killed && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return out;
}

Background::Background(
    const std::vector<std::string>& command,
    const Environment& environment,
    const std::string& output_file) {
    const int output = ::open(output_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pid_ = start(command, environment, output);
    ::close(output);
}

bool Background::alive() const {
    return ::waitpid(pid_, nullptr, WNOHANG) == 0;
}

Background::~Background() {
    ::kill(pid_, SIGTERM);
    const auto until = Steady::now() + std::chrono::seconds{1};
    while (::waitpid(pid_, nullptr, WNOHANG) == 0 && Steady::now() < until) {
        pause_shortly();
    }
    if (::kill(-pid_, SIGKILL) == 0) {
        ::waitpid(pid_, nullptr, 0);
    }
}

void pause_shortly() {
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
}

NodePlan good_plan() {
    const fs::path data = fs::path{EVENKEEL_SOURCE_DIR} / "tests/data/bootstrap";
    NodePlan plan;
    plan.machine = "ek-0a1b2c3d-01jd8zq4y7v5k2m9x3r6t0w1na";
    plan.owner_mark = "ek-0a1b2c3d";
    plan.model = "qwq-32b";
    plan.weights = "Qwen/QwQ-32B-AWQ";
    plan.image = "vllm/vllm-openai:v0.27.1";
    plan.slots = 16;
    plan.context = 32'768;
    plan.engine_key = WipedText{"ekm-00112233445566778899aabbccddeeff00112233"};
    plan.certificate = {
        .certificate = read_file(data / "node.crt"),
        .key = WipedText{read_file(data / "node.key")},
        .pin = {}};
    plan.expires = from_us(1'764'000'000'000'000);
    return plan;
}

std::map<std::string, std::string> written_files(const std::string& cloud_init) {
    std::map<std::string, std::string> files;
    for (const YAML::Node& file : YAML::Load(cloud_init)["write_files"]) {
        files[file["path"].as<std::string>()] = file["content"].as<std::string>();
    }
    return files;
}

std::string script_of(const std::string& args) {
    const std::string_view before = "bash -c \"exec bash <(echo ";
    const std::string_view after = " | base64 -d)\"";
    if (!args.starts_with(before) || !args.ends_with(after)) {
        return {};
    }
    const std::string word = args.substr(before.size(), args.size() - before.size() - after.size());
    std::string out(word.size(), '\0');
    const int size = EVP_DecodeBlock(
        reinterpret_cast<unsigned char*>(out.data()),
        reinterpret_cast<const unsigned char*>(word.data()),
        static_cast<int>(word.size()));
    const std::size_t padding = word.ends_with("==") ? 2 : word.ends_with("=") ? 1 : 0;
    out.resize(size < 0 ? 0 : static_cast<std::size_t>(size) - padding);
    return out;
}

}  // namespace evenkeel::inference::bootstrap::testing_tools
