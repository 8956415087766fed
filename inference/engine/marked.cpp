#include "inference/engine/marked.hpp"

#include "inference/engine/process.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
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

bool has_variable(std::string_view environment, std::string_view variable) {
    while (!environment.empty()) {
        const std::size_t end = std::min(environment.find('\0'), environment.size());
        if (environment.substr(0, end) == variable) {
            return true;
        }
        environment.remove_prefix(std::min(end + 1, environment.size()));
    }
    return false;
}

/// "PID (name) S ..."; the name may hold anything, also brackets.
bool is_zombie(std::string_view stat) {
    const auto close = stat.rfind(')');
    return close != std::string_view::npos && close + 2 < stat.size() && stat[close + 2] == 'Z';
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
    const std::string variable = fmt::format("{}={}", mark_variable, mark);
    std::vector<Marked> found;
    std::error_code code;
    for (auto it = fs::directory_iterator{"/proc", code}; !code && it != fs::directory_iterator{};
         it.increment(code)) {
        const std::string name = it->path().filename().string();
        pid_t pid = 0;
        const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (failed != std::errc{} || end != name.data() + name.size() || pid == ::getpid()) {
            continue;
        }
        if (!has_variable(contents(fmt::format("/proc/{}/environ", pid)), variable)) {
            continue;
        }
        const auto handle = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
        if (handle < 0) {
            continue;
        }
        Marked process{pid, handle};
        // Read again through the number that the handle keeps from being given to another.
        if (has_variable(contents(fmt::format("/proc/{}/environ", pid)), variable) &&
            !is_zombie(contents(fmt::format("/proc/{}/stat", pid)))) {
            found.push_back(std::move(process));
        }
    }
    return found;
}

}  // namespace evenkeel::inference::engine
