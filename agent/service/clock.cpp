#include "agent/service/clock.hpp"

#include <ctime>

namespace evenkeel::agent {

namespace {

std::chrono::nanoseconds read_clock(clockid_t id) {
    timespec time{};
    ::clock_gettime(id, &time);
    return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

}  // namespace

Now SystemClock::read() const {
    return {
        .boot = BootTime{read_clock(CLOCK_BOOTTIME)},
        .utc = UtcTime{
            std::chrono::duration_cast<std::chrono::microseconds>(read_clock(CLOCK_REALTIME))}};
}

}  // namespace evenkeel::agent
