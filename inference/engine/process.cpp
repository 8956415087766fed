#include "inference/engine/process.hpp"

#include "inference/engine/log_lines.hpp"
#include "inference/engine/marked.hpp"
#include "inference/http/address.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace evenkeel::inference::engine {

namespace {

constexpr std::size_t read_bytes = 16 * 1024;

using Handle = http::Descriptor;

struct Pipe {
    Handle reads{};
    Handle writes{};
};

Result<Pipe> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return fail(Errc::io_failed, fmt::format("no pipe: {}", std::strerror(errno)));
    }
    return Pipe{Handle{ends[0]}, Handle{ends[1]}};
}

/// The program's file; empty when there is none.
std::string find_program(const std::string& name, const std::string& path) {
    if (name.contains('/')) {
        return name;
    }
    std::string_view rest = path;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find(':'), rest.size());
        const std::string file = fmt::format("{}/{}", rest.substr(0, end), name);
        if (end > 0 && ::access(file.c_str(), X_OK) == 0) {
            return file;
        }
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return {};
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> list;
    for (std::string& text : texts) {
        list.push_back(text.data());
    }
    list.push_back(nullptr);
    return list;
}

/// What the child needs after the fork, made before: there nothing may be allocated.
struct Child {
    const char* program{nullptr};
    char* const* arguments{nullptr};
    char* const* environment{nullptr};
    int output{-1};
    int trouble{-1};
    pid_t parent{0};
};

/// Becomes the engine. Only async-signal-safe calls: other threads of the daemon may hold locks.
[[noreturn]] void become(const Child& child) noexcept {
    ::setsid();
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != child.parent) {
        ::_exit(127);  // the daemon is gone already
    }
    for (int number = 1; number < NSIG; ++number) {
        ::signal(number, SIG_DFL);
    }
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    const int empty = ::open("/dev/null", O_RDONLY);
    ::dup2(empty, STDIN_FILENO);
    ::dup2(child.output, STDOUT_FILENO);
    ::dup2(child.output, STDERR_FILENO);
    // Whatever the daemon has open (ledger, sockets) is none of the engine's business.
    ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    ::execve(child.program, child.arguments, child.environment);
    const int code = errno;
    static_cast<void>(::write(child.trouble, &code, sizeof code));
    ::_exit(127);
}

class RealProcess final : public Process {
public:
    RealProcess(pid_t pid, std::string mark, Handle output, Launch& launch)
        : pid_{pid}, mark_{std::move(mark)}, output_{std::move(output)} {
        wake_ = Handle{::eventfd(0, EFD_CLOEXEC)};
        pump_ =
            std::thread{[this, line = std::move(launch.on_line), end = std::move(launch.on_end)] {
                pump(line);
                if (end) {
                    end();
                }
            }};
        ::pthread_setname_np(pump_.native_handle(), "engine-log");
    }

    ~RealProcess() override {
        if (alive()) {
            signal(SIGKILL);
        }
        if (!reaped_) {
            int status = 0;
            ::waitpid(pid_, &status, 0);
        }
        const std::uint64_t one = 1;
        static_cast<void>(::write(wake_.get(), &one, sizeof one));
        pump_.join();
    }

    bool alive() override {
        look();
        return !reaped_ || !marked(mark_).empty();
    }

    void signal(int number) override {
        if (!reaped_) {
            ::kill(-pid_, number);  // ours until it is reaped, so the number means this group
        }
        for (const Marked& other : marked(mark_)) {
            if (reaped_ || ::getpgid(other.pid()) != pid_) {
                other.signal(number);
            }
        }
    }

    std::string ending() const override {
        if (!ended_) {
            return {};
        }
        return by_signal_ ? fmt::format("was killed by signal {}", status_)
                          : fmt::format("exited with status {}", status_);
    }

    pid_t pid() const noexcept override { return pid_; }

private:
    /// The program may have ended before what it has started, which need not carry its mark any
    /// more: vLLM and SGLang set titles, and so overwrite what /proc shows of the environment. As
    /// long as something of its group lives it stays a zombie, so that the number means this group.
    void look() {
        siginfo_t info{};
        if (!ended_ &&
            ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
            info.si_pid == pid_) {
            ended_ = true;
            by_signal_ = info.si_code != CLD_EXITED;
            status_ = info.si_status;
        }
        if (ended_ && !reaped_ && !group_lives(pid_)) {
            int status = 0;
            reaped_ = ::waitpid(pid_, &status, WNOHANG) == pid_;
        }
    }

    void pump(const std::function<void(std::string)>& give) {
        LogLines lines;
        std::array<char, read_bytes> buffer{};
        const auto tell = [&](std::string line) {
            if (give) {
                give(std::move(line));
            }
        };
        for (;;) {
            std::array<pollfd, 2> ready{
                pollfd{.fd = output_.get(), .events = POLLIN, .revents = 0},
                pollfd{.fd = wake_.get(), .events = POLLIN, .revents = 0}};
            if (::poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR) {
                return;
            }
            if ((ready[0].revents & (POLLIN | POLLHUP)) != 0) {
                const ssize_t got = ::read(output_.get(), buffer.data(), buffer.size());
                if (got <= 0) {
                    break;
                }
                lines.feed(
                    {buffer.data(), static_cast<std::size_t>(got)}, LogLines::Steady::now(), tell);
            } else if (ready[1].revents != 0) {
                return;
            }
        }
        lines.end(LogLines::Steady::now(), tell);
    }

    pid_t pid_;
    std::string mark_;
    Handle output_;
    Handle wake_{};
    bool ended_{false};  ///< the program, not all that it has started
    bool reaped_{false};
    bool by_signal_{false};
    int status_{0};  ///< its number, or the exit status
    std::thread pump_{};
};

class RealOrphans final : public Orphans {
public:
    std::set<std::string> marks(const std::string& prefix) override { return marks_with(prefix); }
    bool alive(const std::string& mark) override { return !marked(mark).empty(); }
    void signal(const std::string& mark, int number) override {
        for (const Marked& process : marked(mark)) {
            process.signal(number);
        }
    }
};

}  // namespace

Result<std::unique_ptr<Process>> start_process(Launch launch) {
    if (launch.command.empty()) {
        return fail(Errc::invalid_argument, "no command to start");
    }
    const std::string& name = launch.command.front();
    const std::string program = find_program(name, launch.env["PATH"]);
    if (program.empty()) {
        return fail(Errc::not_found, fmt::format("no program '{}' in PATH", name));
    }
    std::vector<std::string> variables;
    for (const auto& [variable, value] : launch.env) {
        variables.push_back(fmt::format("{}={}", variable, value));
    }
    variables.push_back(fmt::format("{}={}", mark_variable, launch.mark));
    auto output = make_pipe();
    auto trouble = make_pipe();
    if (!output || !trouble) {
        return std::unexpected{(output ? trouble : output).error()};
    }
    const std::vector<char*> arguments = pointers(launch.command);
    const std::vector<char*> environment = pointers(variables);
    const Child child{
        .program = program.c_str(),
        .arguments = arguments.data(),
        .environment = environment.data(),
        .output = output->writes.get(),
        .trouble = trouble->writes.get(),
        .parent = ::getpid()};
    const pid_t pid = ::fork();
    if (pid < 0) {
        return fail(Errc::io_failed, fmt::format("no process: {}", std::strerror(errno)));
    }
    if (pid == 0) {
        become(child);
    }
    trouble->writes = {};
    output->writes = {};
    int code = 0;
    ssize_t got = 0;
    do {
        got = ::read(trouble->reads.get(), &code, sizeof code);
    } while (got < 0 && errno == EINTR);
    if (got == static_cast<ssize_t>(sizeof code)) {
        ::waitpid(pid, nullptr, 0);
        return fail(
            code == ENOENT ? Errc::not_found : Errc::io_failed,
            fmt::format("'{}' cannot be started: {}", name, std::strerror(code)));
    }
    return std::make_unique<RealProcess>(pid, launch.mark, std::move(output->reads), launch);
}

std::unique_ptr<Orphans> make_orphans() {
    return std::make_unique<RealOrphans>();
}

std::map<std::string, std::string> passed_on(const char* const* environment) {
    constexpr std::array<std::string_view, 18> names{
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "LANG",
        "LC_ALL",
        "TZ",
        "TMPDIR",
        "XDG_CACHE_HOME",
        "LD_LIBRARY_PATH",
        "CUDA_HOME",
        "CUDA_PATH",
        "CUDA_VISIBLE_DEVICES",
        "CUDA_DEVICE_ORDER",
        "NVIDIA_VISIBLE_DEVICES",
        "HF_HOME",
        "HF_HUB_OFFLINE",
        "OLLAMA_MODELS"};
    std::map<std::string, std::string> out;
    for (; *environment != nullptr; ++environment) {
        const std::string_view variable{*environment};
        const std::size_t equals = std::min(variable.find('='), variable.size());
        const std::string_view name = variable.substr(0, equals);
        if (std::ranges::find(names, name) != names.end() && equals < variable.size()) {
            out.emplace(name, variable.substr(equals + 1));
        }
    }
    out.try_emplace("PATH", "/usr/local/bin:/usr/bin:/bin");
    return out;
}

}  // namespace evenkeel::inference::engine
