#include "lab/demo/children.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <sstream>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace evenkeel::lab::demo {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds look_again{20};
constexpr int exec_failed = 127;
constexpr std::size_t error_output_max = 4 * 1024;

/// A file descriptor that closes itself.
class Fd {
public:
    explicit Fd(int fd = -1) noexcept : fd_{fd} {}
    ~Fd() { reset(); }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    [[nodiscard]] int get() const noexcept { return fd_; }
    void reset() noexcept {
        if (fd_ >= 0) {
            ::close(std::exchange(fd_, -1));
        }
    }

private:
    int fd_;
};

/// The child's side between fork and exec: only async-signal-safe calls.
[[noreturn]] void become(
    char* const* arguments, int out, int err, bool dies_with_us, pid_t parent) {
    ::setsid();  // out of the terminal's process group
    if (dies_with_us) {
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (::getppid() != parent) {
            ::_exit(exec_failed);
        }
    }
    ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(err, STDERR_FILENO);
    ::close_range(3, ~0U, 0);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execv(arguments[0], arguments);
    ::_exit(exec_failed);
}

pid_t spawn(
    const std::string& program,
    const std::vector<std::string>& arguments,
    int out,
    int err,
    bool dies_with_us) {
    std::vector<std::string> words{program};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    for (std::string& word : words) {
        pointers.push_back(word.data());
    }
    pointers.push_back(nullptr);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0) {
        become(pointers.data(), out, err, dies_with_us, parent);
    }
    return pid;
}

int to_status(int raw) {
    return WIFSIGNALED(raw) ? 128 + WTERMSIG(raw) : WEXITSTATUS(raw);
}

/// Field 22 of /proc/PID/stat; 0 when there is no such process or only its remains.
unsigned long long start_time(pid_t pid) {
    std::ifstream file{fmt::format("/proc/{}/stat", pid)};
    std::string text;
    std::getline(file, text, '\0');
    const std::size_t name_end = text.rfind(')');  // the name may hold spaces
    if (name_end == std::string::npos) {
        return 0;
    }
    std::istringstream fields{text.substr(name_end + 1)};
    std::string state;
    fields >> state;
    std::string skipped;
    for (int field = 4; field < 22; ++field) {
        fields >> skipped;
    }
    unsigned long long ticks = 0;
    fields >> ticks;
    return state == "Z" ? 0 : ticks;
}

/// Reads what is there; false at the end of the stream.
bool drain(int fd, std::string& into) {
    std::array<char, 16 * 1024> piece{};
    const ssize_t got = ::read(fd, piece.data(), piece.size());
    if (got > 0) {
        into.append(piece.data(), static_cast<std::size_t>(got));
    }
    return got > 0 || (got < 0 && errno == EINTR);
}

}  // namespace

std::string own_program() {
    std::error_code code;
    const auto path = std::filesystem::read_symlink("/proc/self/exe", code);
    return code ? std::string{"/proc/self/exe"} : path.string();
}

Result<Child> start_child(
    std::string name,
    const std::string& program,
    const std::vector<std::string>& arguments,
    std::string log,
    bool dies_with_us) {
    const Fd out{::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
    if (out.get() < 0) {
        return fail(Errc::io_failed, fmt::format("cannot write {}: {}", log, std::strerror(errno)));
    }
    const pid_t pid = spawn(program, arguments, out.get(), out.get(), dies_with_us);
    if (pid < 0) {
        return fail(
            Errc::io_failed, fmt::format("cannot start {}: {}", name, std::strerror(errno)));
    }
    return Child{.name = std::move(name), .pid = pid, .log = std::move(log)};
}

bool has_ended(Child& child) {
    if (child.status || child.pid < 0) {
        return true;
    }
    int raw = 0;
    const pid_t got = ::waitpid(child.pid, &raw, WNOHANG);
    if (got == child.pid) {
        child.status = to_status(raw);
    } else if (got < 0 && errno == ECHILD) {
        child.status = exec_failed;
    }
    return child.status.has_value();
}

int stop_child(Child& child, std::chrono::milliseconds grace) {
    if (has_ended(child)) {
        return child.status.value_or(0);
    }
    ::kill(child.pid, SIGTERM);
    const SteadyClock::time_point deadline = SteadyClock::now() + grace;
    while (!has_ended(child) && SteadyClock::now() < deadline) {
        std::this_thread::sleep_for(look_again);
    }
    if (!has_ended(child)) {
        ::kill(child.pid, SIGKILL);
        int raw = 0;
        ::waitpid(child.pid, &raw, 0);
        child.status = 128 + SIGKILL;
    }
    return *child.status;
}

Result<ToolResult> run_tool(
    const std::string& program,
    const std::vector<std::string>& arguments,
    std::chrono::milliseconds limit) {
    std::array<int, 2> out_pipe{};
    std::array<int, 2> err_pipe{};
    if (::pipe2(out_pipe.data(), O_CLOEXEC) != 0) {
        return fail(Errc::io_failed, fmt::format("no pipe: {}", std::strerror(errno)));
    }
    const Fd out{out_pipe[0]};
    Fd out_write{out_pipe[1]};
    if (::pipe2(err_pipe.data(), O_CLOEXEC) != 0) {
        return fail(Errc::io_failed, fmt::format("no pipe: {}", std::strerror(errno)));
    }
    const Fd err{err_pipe[0]};
    Fd err_write{err_pipe[1]};
    Child child{.name = arguments.empty() ? program : arguments.front()};
    child.pid = spawn(program, arguments, out_write.get(), err_write.get(), true);
    if (child.pid < 0) {
        return fail(Errc::io_failed, fmt::format("cannot start {}", child.name));
    }
    out_write.reset();
    err_write.reset();
    ToolResult result;
    const SteadyClock::time_point deadline = SteadyClock::now() + limit;
    std::array<pollfd, 2> watched{
        pollfd{.fd = out.get(), .events = POLLIN, .revents = 0},
        pollfd{.fd = err.get(), .events = POLLIN, .revents = 0}};
    while (watched[0].fd >= 0 || watched[1].fd >= 0) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - SteadyClock::now());
        if (left.count() <= 0 || result.out.size() > tool_output_max) {
            break;
        }
        ::poll(watched.data(), watched.size(), static_cast<int>(left.count()));
        for (std::size_t i = 0; i < watched.size(); ++i) {
            std::string& into = i == 0 ? result.out : result.err;
            if (watched[i].revents != 0 && !drain(watched[i].fd, into)) {
                watched[i].fd = -1;
            }
        }
        if (result.err.size() > error_output_max) {
            result.err.erase(0, result.err.size() - error_output_max);
        }
    }
    while (!has_ended(child) && SteadyClock::now() < deadline) {
        std::this_thread::sleep_for(look_again / 4);
    }
    if (!has_ended(child)) {
        ::kill(child.pid, SIGKILL);
        int raw = 0;
        ::waitpid(child.pid, &raw, 0);
        return fail(
            Errc::timed_out,
            fmt::format("'{}' did not end within {} ms", child.name, limit.count()));
    }
    result.status = *child.status;
    return result;
}

std::string log_tail(const std::string& path, int lines) {
    std::ifstream file{path};
    std::deque<std::string> last;
    std::string line;
    while (std::getline(file, line)) {
        last.push_back(line);
        if (last.size() > static_cast<std::size_t>(lines)) {
            last.pop_front();
        }
    }
    std::string text;
    for (const std::string& kept : last) {
        text += "    " + kept + "\n";
    }
    return text;
}

std::string describe(const std::vector<Child>& children) {
    std::string text;
    for (const Child& child : children) {
        text += fmt::format("{} {} {}\n", child.name, child.pid, start_time(child.pid));
    }
    return text;
}

Result<std::vector<Remembered>> read_description(std::string_view text) {
    std::istringstream input{std::string{text}};
    std::vector<Remembered> found;
    std::string line;
    while (std::getline(input, line)) {
        std::istringstream fields{line};
        Remembered process;
        if (!(fields >> process.name >> process.pid >> process.started) || process.pid <= 1) {
            return fail(Errc::corrupt, fmt::format("'{}' describes no process", line));
        }
        found.push_back(std::move(process));
    }
    return found;
}

bool lives(const Remembered& process) {
    const unsigned long long started = start_time(process.pid);
    return started != 0 && started == process.started;
}

bool stop_remembered(const Remembered& process, std::chrono::milliseconds grace) {
    const SteadyClock::time_point deadline = SteadyClock::now() + grace;
    if (lives(process)) {
        ::kill(process.pid, SIGTERM);
    }
    while (lives(process) && SteadyClock::now() < deadline) {
        std::this_thread::sleep_for(look_again);
    }
    if (!lives(process)) {
        return true;
    }
    ::kill(process.pid, SIGKILL);
    return false;
}

}  // namespace evenkeel::lab::demo
