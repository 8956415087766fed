#include "inference/engine/marked.hpp"

#include "inference/engine/process.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace evenkeel::inference::engine {

namespace {

namespace fs = std::filesystem;

std::string contents(const std::string& file) {
    std::ifstream stream{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{stream}, {}};
}

/// What process `pid` has as `mark_variable`; empty where it has none, or is not ours to look at.
std::string mark_of(pid_t pid) {
    const std::string all = contents(fmt::format("/proc/{}/environ", pid));
    std::string_view environment = all;
    const std::string begin = fmt::format("{}=", mark_variable);
    while (!environment.empty()) {
        const std::size_t end = std::min(environment.find('\0'), environment.size());
        if (environment.starts_with(begin)) {
            return std::string{environment.substr(begin.size(), end - begin.size())};
        }
        environment.remove_prefix(std::min(end + 1, environment.size()));
    }
    return {};
}

struct Stat {
    char state{'Z'};
    pid_t group{0};
};
/// Of "PID (name) S PPID PGRP ..."; the name may hold anything, also brackets. A zombie of no group
/// where there is none.
Stat stat_of(pid_t pid) {
    const std::string all = contents(fmt::format("/proc/{}/stat", pid));
    const auto close = all.rfind(')');
    Stat stat;
    if (close != std::string::npos) {
        std::istringstream rest{all.substr(close + 1)};
        pid_t parent = 0;
        rest >> stat.state >> parent >> stat.group;
    }
    return stat;
}

/// Calls `visit(pid)` for each other process.
template <class Visit>
void each_process(Visit visit) {
    std::error_code code;
    for (auto it = fs::directory_iterator{"/proc", code}; !code && it != fs::directory_iterator{};
         it.increment(code)) {
        const std::string name = it->path().filename().string();
        pid_t pid = 0;
        const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (failed == std::errc{} && end == name.data() + name.size() && pid != ::getpid()) {
            visit(pid);
        }
    }
}

}  // namespace

Marked::~Marked() {
    if (handle_ >= 0) {
        ::close(handle_);
    }
}

Marked::Marked(Marked&& other) noexcept
    : pid_{other.pid_}, handle_{std::exchange(other.handle_, -1)} {}

void Marked::signal(int number) const noexcept {
    static_cast<void>(::syscall(SYS_pidfd_send_signal, handle_, number, nullptr, 0));
}

std::vector<Marked> marked(const std::string& mark) {
    std::vector<Marked> found;
    each_process([&](pid_t pid) {
        const int handle =
            mark_of(pid) == mark ? static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)) : -1;
        if (handle < 0) {
            return;
        }
        Marked process{pid, handle};
        // Read again through the number that the handle keeps from being given to another.
        if (mark_of(pid) == mark && stat_of(pid).state != 'Z') {
            found.push_back(std::move(process));
        }
    });
    return found;
}

std::set<std::string> marks_with(const std::string& prefix) {
    std::set<std::string> found;
    each_process([&](pid_t pid) {
        if (std::string mark = mark_of(pid); mark.starts_with(prefix)) {
            found.insert(std::move(mark));
        }
    });
    return found;
}

bool group_lives(pid_t group) {
    bool lives = false;
    each_process([&](pid_t pid) {
        const Stat stat = stat_of(pid);
        lives = lives || (stat.group == group && stat.state != 'Z' && stat.state != 'X');
    });
    return lives;
}

}  // namespace evenkeel::inference::engine
