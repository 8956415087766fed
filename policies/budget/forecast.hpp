#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

/// What the days ahead will cost, from what the last weeks did.
///
/// Method. A day is expected to cost the mean of its weekday in the last eight weeks, with the mean
/// of all days counted as one more such day: weekdays differ, but few of each are known. How far a
/// day may be off is what the same rule was off by for each day of the past with that day left out.
/// 999 futures are drawn from those errors, three days in a row at a time so that good and bad days
/// keep their company, and each with its own error of the mean. The band is between the 8th and the
/// 95th in a hundred of them: over made-up histories, steady, bursty and heavy-tailed ones, four of
/// five ends of a month or more fall into it, and about one in ten lies above (its test). A change
/// of habit that began yesterday is in no history: nothing is extrapolated.
///
/// Pure: the same history gives the same forecast to the last nano-unit; the draws come from a
/// fixed seed.
namespace evenkeel::budget {

/// Days of history that are looked at, at most and at least.
inline constexpr int history_days_max = 56;
inline constexpr int history_days_min = 14;
inline constexpr int futures = 999;
inline constexpr int band_low_percent = 8;
inline constexpr int band_high_percent = 95;

/// Complete days that follow each other; nano-units of one currency.
struct History {
    std::chrono::sys_days first{};
    std::vector<std::int64_t> days{};  ///< the newest `history_days_max` count
};

/// What is asked about.
struct Ahead {
    std::chrono::sys_days first{};  ///< today
    int days{0};                    ///< today and so many days after it, less one
    int first_permille{1'000};      ///< of today that is still to come
    /// What is running now will cost on each of these days until its end, if nobody ends it sooner:
    /// a day is expected to cost that at least. May be shorter.
    std::vector<std::int64_t> committed{};
};

/// What is spent from now to the end of `day`; nano-units, none below zero.
struct Until {
    std::chrono::sys_days day{};
    std::int64_t expected{0};
    std::int64_t low{0};
    std::int64_t high{0};
    friend bool operator==(const Until&, const Until&) = default;
};

struct Forecast {
    int history_days{0};        ///< that were looked at
    bool enough{false};         ///< with fewer than `history_days_min` nothing is said
    std::vector<Until> days{};  ///< one for each day ahead, in their order
};

/// Precondition: days of history and ahead are not negative in number; first_permille 0 to 1000.
[[nodiscard]] Forecast forecast(const History& history, const Ahead& ahead);

/// The method and its figures in a sentence, for reports.
[[nodiscard]] std::string method_text();

/// `nanos` rounded up to two figures that count: a limit that people write. 246,780 -> 250,000.
[[nodiscard]] std::int64_t round_limit(std::int64_t nanos) noexcept;

}  // namespace evenkeel::budget
