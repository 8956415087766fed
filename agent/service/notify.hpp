#pragma once

#include <chrono>
#include <optional>
#include <string_view>

/// What the daemon tells systemd (sd_notify(3)); every call does nothing when not started by it.
namespace evenkeel::agent::notify {

void ready();
/// RELOADING=1; systemd 252 has no Type=notify-reload, so `ready()` must follow by hand.
void reloading();
void stopping();
/// The line `systemctl status` shows.
void status(std::string_view text);
/// Asks for more time to stop: destroying machines may take longer than TimeoutStopSec.
void extend_timeout(std::chrono::microseconds more);
void watchdog();
/// How often the watchdog must be pinged at most (half of WatchdogSec); nothing when it is off.
[[nodiscard]] std::optional<std::chrono::microseconds> watchdog_interval();

}  // namespace evenkeel::agent::notify
