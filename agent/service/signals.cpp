#include "agent/service/signals.hpp"

#include <cerrno>
#include <csignal>
#include <poll.h>
#include <sys/signalfd.h>
#include <system_error>
#include <unistd.h>

namespace evenkeel::agent {

Signals::Signals() {
    sigset_t mask;
    ::sigemptyset(&mask);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
        ::sigaddset(&mask, signal);
    }
    ::pthread_sigmask(SIG_BLOCK, &mask, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    fd_ = ::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd_ < 0) {
        throw std::system_error{errno, std::generic_category(), "signalfd"};
    }
}

Signals::~Signals() {
    ::close(fd_);
}

std::optional<Signals::Kind> Signals::wait(std::chrono::milliseconds limit) {
    pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, static_cast<int>(limit.count())) <= 0) {
        return std::nullopt;
    }
    signalfd_siginfo info{};
    if (::read(fd_, &info, sizeof info) != sizeof info) {
        return std::nullopt;
    }
    return info.ssi_signo == SIGHUP ? Kind::reload : Kind::stop;
}

}  // namespace evenkeel::agent
