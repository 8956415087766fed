#include "agent/cli/terminal.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

namespace evenkeel::cli {

namespace {

constexpr std::string_view enter_screen = "\x1b[?1049h\x1b[?25l\x1b[2J";
constexpr std::string_view leave_screen = "\x1b[0m\x1b[?25h\x1b[?1049l";
constexpr std::array waited_signals{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH};
constexpr std::array faults{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
/// How long the rest of a key's sequence may take.
constexpr int sequence_ms = 25;

// For the fault handlers, which may use nothing else.
termios saved_modes;
volatile std::sig_atomic_t is_open = 0;

/// Only calls that a signal handler may make.
void restore() noexcept {
    if (is_open != 0) {
        is_open = 0;
        static_cast<void>(!::write(STDOUT_FILENO, leave_screen.data(), leave_screen.size()));
        ::tcsetattr(STDIN_FILENO, TCSADRAIN, &saved_modes);
    }
}

void on_fault(int number) {
    restore();
    std::signal(number, SIG_DFL);
    ::raise(number);
}

void write_all(std::string_view text) {
    while (!text.empty()) {
        const ssize_t sent = ::write(STDOUT_FILENO, text.data(), text.size());
        if (sent < 0 && errno != EINTR) {
            return;  // a terminal that went away says so by SIGHUP
        }
        text.remove_prefix(sent > 0 ? static_cast<std::size_t>(sent) : 0);
    }
}

void set_raw() {
    termios modes = saved_modes;
    modes.c_lflag &= static_cast<tcflag_t>(~(ICANON | ECHO));
    modes.c_iflag &= static_cast<tcflag_t>(~(IXON | ICRNL));
    modes.c_cc[VMIN] = 0;
    modes.c_cc[VTIME] = 0;
    is_open = 1;
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &modes);
    write_all(enter_screen);
}

sigset_t waited_set() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : waited_signals) {
        sigaddset(&set, number);
    }
    return set;
}

/// Length of the UTF-8 character that begins with `c`; 1 for what is none.
std::size_t length_of(unsigned char c) noexcept {
    return c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
}

char32_t character_of(std::string_view bytes) noexcept {
    const auto first = static_cast<unsigned char>(bytes[0]);
    char32_t c = bytes.size() == 1 ? first : first & (0x7FU >> bytes.size());
    for (const char more : bytes.substr(1)) {
        c = (c << 6) | (static_cast<unsigned char>(more) & 0x3FU);
    }
    return c;
}

}  // namespace

std::deque<char32_t> take_keys(std::string& bytes, bool all) {
    std::deque<char32_t> keys;
    std::string_view rest{bytes};
    while (!rest.empty()) {
        if (rest[0] != '\x1b') {
            const std::size_t length = length_of(static_cast<unsigned char>(rest[0]));
            if (rest.size() < length && !all) {
                break;
            }
            keys.push_back(character_of(rest.substr(0, std::min(length, rest.size()))));
            rest.remove_prefix(std::min(length, rest.size()));
            continue;
        }
        const bool sequence = rest.size() > 1 && (rest[1] == '[' || rest[1] == 'O');
        const std::size_t end =
            sequence
                ? rest.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz~", 2)
                : 0;
        if ((rest.size() == 1 || (sequence && end == std::string_view::npos)) && !all) {
            break;
        }
        if (!sequence) {
            keys.push_back(key::escape);
            rest.remove_prefix(1);
        } else if (end == std::string_view::npos) {
            rest = {};
        } else {
            if (rest[end] == 'A' || rest[end] == 'B') {
                keys.push_back(rest[end] == 'A' ? key::up : key::down);
            }
            rest.remove_prefix(end + 1);
        }
    }
    bytes.erase(0, bytes.size() - rest.size());
    return keys;
}

Result<std::unique_ptr<Terminal>> Terminal::open() {
    if (::isatty(STDOUT_FILENO) != 1 || ::tcgetattr(STDIN_FILENO, &saved_modes) != 0) {
        return fail(Errc::io_failed, "standard input and output must be a terminal");
    }
    std::unique_ptr<Terminal> terminal{new Terminal};
    const sigset_t set = waited_set();
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    terminal->signals_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (terminal->signals_ < 0) {
        return fail(Errc::io_failed, std::string{"signalfd: "} + std::strerror(errno));
    }
    for (const int number : faults) {
        std::signal(number, on_fault);
    }
    set_raw();
    return terminal;
}

Terminal::~Terminal() {
    restore();
    for (const int number : faults) {
        std::signal(number, SIG_DFL);
    }
    if (signals_ >= 0) {
        ::close(signals_);
    }
    const sigset_t set = waited_set();
    ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

Size Terminal::size() const {
    winsize found{};
    const bool known =
        ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &found) == 0 && found.ws_col > 0 && found.ws_row > 0;
    return known ? Size{.columns = found.ws_col, .rows = found.ws_row} : Size{};
}

void Terminal::draw(std::span<const Line> lines) {
    std::string out = "\x1b[H";
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const Line& line = lines[i];
        const char* look = line.look == Line::Look::bold     ? "\x1b[1m"
                           : line.look == Line::Look::chosen ? "\x1b[7m"
                           : line.look == Line::Look::alarm  ? "\x1b[1;7m"
                                                             : "";
        out += look + line.text + (*look == '\0' ? "" : "\x1b[0m") + "\x1b[K";
        out += i + 1 < lines.size() ? "\r\n" : "";
    }
    write_all(out + "\x1b[J");
}

void Terminal::suspend() {
    restore();
    // The default action of SIGTSTP, though it is blocked and read.
    ::kill(::getpid(), SIGSTOP);
    ::tcgetattr(STDIN_FILENO, &saved_modes);
    set_raw();
}

std::optional<Terminal::Event> Terminal::take_signal() {
    signalfd_siginfo info{};
    if (::read(signals_, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) {
        return std::nullopt;
    }
    switch (static_cast<int>(info.ssi_signo)) {
        case SIGTSTP:
            suspend();
            return Redraw{};
        case SIGCONT:
        case SIGWINCH:
            return Redraw{};
        default:
            return Stop{static_cast<int>(info.ssi_signo)};
    }
}

Terminal::Event Terminal::wait(std::chrono::milliseconds limit) {
    const auto until = std::chrono::steady_clock::now() + limit;
    while (keys_.empty()) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            until - std::chrono::steady_clock::now());
        const int pause =
            bytes_.empty() ? static_cast<int>(std::max<long>(left.count(), 0)) : sequence_ms;
        std::array<pollfd, 2> watched{
            pollfd{.fd = signals_, .events = POLLIN, .revents = 0},
            pollfd{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0}};
        const int ready = ::poll(watched.data(), watched.size(), pause);
        if (ready == 0 && bytes_.empty()) {
            return Timeout{};
        }
        if ((watched[0].revents & POLLIN) != 0) {
            if (const auto event = take_signal()) {
                return *event;
            }
        }
        std::array<char, 256> some{};
        const ssize_t got =
            (watched[1].revents & POLLIN) != 0 ? ::read(STDIN_FILENO, some.data(), some.size()) : 0;
        if ((watched[1].revents & (POLLHUP | POLLERR)) != 0 && got <= 0) {
            return Stop{SIGHUP};
        }
        if (got > 0) {
            bytes_.append(some.data(), static_cast<std::size_t>(got));
        }
        keys_ = take_keys(bytes_, got <= 0);
    }
    const char32_t pressed = keys_.front();
    keys_.pop_front();
    return pressed;
}

}  // namespace evenkeel::cli
