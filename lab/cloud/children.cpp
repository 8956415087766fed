#include "lab/cloud/children.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

// The header of glibc 2.36 does not say that it is C.
extern "C" {
#include <sys/pidfd.h>
}

namespace evenkeel::lab::cloud {

namespace asio = boost::asio;

namespace {

class Descriptor {
public:
    explicit Descriptor(int number = -1) noexcept : number_{number} {}
    Descriptor(Descriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~Descriptor() {
        if (number_ >= 0) {
            ::close(number_);
        }
    }
    [[nodiscard]] int get() const noexcept { return number_; }

private:
    int number_;
};

std::unexpected<Error> failed(std::string_view what, int code) {
    return fail(Errc::io_failed, fmt::format("{}: {}", what, std::strerror(code)));
}

struct ReservedPort {
    Descriptor socket{};
    int port{0};
};

/// A bound socket that never listens: the kernel gives its port to nobody else by itself, refuses
/// connections to it, and lets a child bind and listen there, since both set SO_REUSEADDR.
Result<ReservedPort> reserve_port() {
    ReservedPort reserved{.socket = Descriptor{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}};
    const int on = 1;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const int socket = reserved.socket.get();
    if (socket < 0 || ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        ::bind(socket, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        return failed("no port for the machine", errno);
    }
    reserved.port = ntohs(address.sin_port);
    return reserved;
}

/// Runs in the child between fork and exec: system calls only. `report` carries the reason when the
/// program cannot be started.
[[noreturn]] void become(const char* program, char* const* arguments, int report, pid_t parent) {
    constexpr int report_at = 3;
    ::setpgid(0, 0);
    const bool bound = ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
    // Without this a parent that died before the prctl would leave an orphan.
    if (!bound || ::getppid() != parent) {
        ::_exit(127);
    }
    ::signal(SIGPIPE, SIG_DFL);
    sigset_t none{};
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    const int nothing = ::open("/dev/null", O_RDONLY);
    if (nothing >= 0) {
        ::dup2(nothing, STDIN_FILENO);
    }
    // Sockets of the cloud must not live on in its machines: a client would wait for a close that
    // never comes.
    if (report != report_at) {
        ::dup2(report, report_at);
    }
    ::fcntl(report_at, F_SETFD, FD_CLOEXEC);
    ::close_range(report_at + 1, ~0U, 0);
    ::execv(program, arguments);
    const int code = errno;
    static_cast<void>(!::write(report_at, &code, sizeof code));
    ::_exit(127);
}

struct Child {
    Child(asio::io_context& context, pid_t pid_number, int pidfd, Descriptor port)
        : pid{pid_number}, exit{context, pidfd}, grace{context}, reserved{std::move(port)} {}
    pid_t pid;
    asio::posix::stream_descriptor exit;  ///< readable once the process has ended
    asio::steady_timer grace;
    Descriptor reserved;
};

class ProcessChildren final : public Children {
public:
    ProcessChildren(
        asio::io_context& context,
        std::chrono::milliseconds grace,
        std::function<void(const std::string& id)> on_exit)
        : context_{context}, grace_{grace}, on_exit_{std::move(on_exit)} {}
    ProcessChildren(const ProcessChildren&) = delete;
    ProcessChildren& operator=(const ProcessChildren&) = delete;
    ~ProcessChildren() override {
        for (const auto& [id, child] : children_) {
            signal(*child, SIGKILL);
            reap(*child);
        }
    }

    Result<int> start(
        const std::string& id,
        const std::string& program,
        std::vector<std::string> arguments) override;
    void stop(const std::string& id) override;
    void kill(const std::string& id) override {
        if (const auto found = children_.find(id); found != children_.end()) {
            signal(*found->second, SIGKILL);
        }
    }
    std::size_t running() const noexcept override { return children_.size(); }

private:
    static void signal(const Child& child, int number) {
        ::kill(-child.pid, number);  // its group
        ::kill(child.pid, number);   // and itself, should it not have its group yet
    }
    static void reap(const Child& child) {
        while (::waitpid(child.pid, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
    void watch(const std::string& id);

    asio::io_context& context_;
    std::chrono::milliseconds grace_;
    std::function<void(const std::string& id)> on_exit_;
    std::map<std::string, std::shared_ptr<Child>> children_{};
};

Result<int> ProcessChildren::start(
    const std::string& id, const std::string& program, std::vector<std::string> arguments) {
    auto reserved = reserve_port();
    if (!reserved) {
        return std::unexpected{reserved.error()};
    }
    std::string shown = program == own_program ? "evenkeel" : program;
    std::vector<char*> pointers{shown.data()};
    for (std::string& argument : arguments) {
        if (const auto at = argument.find("{port}"); at != argument.npos) {
            argument.replace(at, 6, std::to_string(reserved->port));
        }
        pointers.push_back(argument.data());
    }
    pointers.push_back(nullptr);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        return failed("no pipe for the machine", errno);
    }
    const Descriptor read_end{ends[0]};
    Descriptor write_end{ends[1]};
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0) {
        become(program.c_str(), pointers.data(), write_end.get(), parent);
    }
    if (pid < 0) {
        return failed("no process for the machine", errno);
    }
    write_end = Descriptor{};
    int code = 0;
    ssize_t got = 0;
    do {
        got = ::read(read_end.get(), &code, sizeof code);
    } while (got < 0 && errno == EINTR);
    const int pidfd = got == 0 ? ::pidfd_open(pid, 0) : -1;
    if (pidfd < 0) {
        code = got == 0 ? errno : code;
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
        return failed(fmt::format("the machine's program {}", program), code);
    }
    children_.insert_or_assign(
        id, std::make_shared<Child>(context_, pid, pidfd, std::move(reserved->socket)));
    watch(id);
    return reserved->port;
}

void ProcessChildren::watch(const std::string& id) {
    const std::shared_ptr<Child> child = children_.at(id);
    child->exit.async_wait(
        asio::posix::stream_descriptor::wait_read,
        [this, id, child](const boost::system::error_code& error) {
            // Cancelled: this object is going, and its destructor reaps.
            if (error) {
                return;
            }
            reap(*child);
            child->grace.cancel();
            children_.erase(id);
            on_exit_(id);
        });
}

void ProcessChildren::stop(const std::string& id) {
    const auto found = children_.find(id);
    if (found == children_.end()) {
        return;
    }
    const std::shared_ptr<Child> child = found->second;
    signal(*child, SIGTERM);
    child->grace.expires_after(grace_);
    child->grace.async_wait([child](const boost::system::error_code& error) {
        if (!error) {
            signal(*child, SIGKILL);
        }
    });
}

}  // namespace

std::unique_ptr<Children> make_children(
    asio::io_context& context,
    std::chrono::milliseconds grace,
    std::function<void(const std::string& id)> on_exit) {
    return std::make_unique<ProcessChildren>(context, grace, std::move(on_exit));
}

}  // namespace evenkeel::lab::cloud
