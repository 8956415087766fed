#include "agent/service/notify.hpp"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <string>

namespace evenkeel::agent::notify {

void ready() {
    ::sd_notify(0, "READY=1");
}

void reloading() {
    ::sd_notify(0, "RELOADING=1");
}

void stopping() {
    ::sd_notify(0, "STOPPING=1");
}

void status(std::string_view text) {
    ::sd_notify(0, fmt::format("STATUS={}", text).c_str());
}

void extend_timeout(std::chrono::microseconds more) {
    ::sd_notify(0, fmt::format("EXTEND_TIMEOUT_USEC={}", more.count()).c_str());
}

void watchdog() {
    ::sd_notify(0, "WATCHDOG=1");
}

std::optional<std::chrono::microseconds> watchdog_interval() {
    std::uint64_t usec = 0;
    if (::sd_watchdog_enabled(0, &usec) <= 0) {
        return std::nullopt;
    }
    return std::chrono::microseconds{usec / 2};
}

}  // namespace evenkeel::agent::notify
