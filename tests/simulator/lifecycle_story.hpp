#pragma once

#include "policies/domain/time.hpp"

#include <chrono>
#include <cstdint>
#include <string_view>

/// What every life in the simulation has in common.
namespace evenkeel::simulator {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

inline constexpr std::string_view mark = "ek-0a1b2c3d";
inline constexpr std::int64_t hour_nanos = 4'410'000'000;
inline constexpr auto min_bill = 60s;
inline constexpr nanoseconds leak_scan = 60s;
inline constexpr nanoseconds faults_last = 30min;
inline constexpr nanoseconds time_to_converge = 30min;
inline constexpr nanoseconds host_uptime_at_start = 1h;
inline const UtcTime utc0 = UtcTime{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23}};

[[nodiscard]] inline std::chrono::microseconds to_micros(nanoseconds time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time);
}

}  // namespace evenkeel::simulator
