#include "policies/budget/forecast.hpp"

#include "policies/domain/money.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

namespace evenkeel::budget {

namespace {

using Wide = __int128;

constexpr int days_of_week = 7;
constexpr int block_days = 3;            ///< errors that stay together
constexpr std::int64_t prior_days = 1;  ///< as which the mean of all days counts

std::int64_t narrow(Wide value) noexcept {
    constexpr Wide top = std::numeric_limits<std::int64_t>::max();
    constexpr Wide bottom = std::numeric_limits<std::int64_t>::min();
    return static_cast<std::int64_t>(std::clamp(value, bottom, top));
}

std::int64_t divided(Wide value, std::int64_t by) noexcept {
    const Wide half = by / 2;
    return narrow((value >= 0 ? value + half : value - half) / by);
}

/// SplitMix64 (Steele, Lea, Flood 2014): good enough to draw days, and the same everywhere.
class Draws {
public:
    [[nodiscard]] std::size_t below(std::size_t limit) noexcept {
        state_ += 0x9E3779B97F4A7C15u;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        z ^= z >> 31;
        using Product = unsigned __int128;
        return static_cast<std::size_t>((static_cast<Product>(z) * limit) >> 64);
    }

private:
    std::uint64_t state_{20'261'123};
};

std::size_t weekday_of(std::chrono::sys_days day) noexcept {
    return std::chrono::weekday{day}.c_encoding();
}

/// The largest whole number whose square is not above `value`.
std::int64_t root(std::int64_t value) noexcept {
    std::int64_t low = 0;
    std::int64_t high = 1'000'000;
    while (low < high) {
        const std::int64_t middle = (low + high + 1) / 2;
        (middle * middle <= value ? low : high) = middle * middle <= value ? middle : middle - 1;
    }
    return low;
}

/// The weeks that are looked at.
class Past {
public:
    explicit Past(const History& history) {
        const auto count =
            std::min(history.days.size(), static_cast<std::size_t>(history_days_max));
        const std::size_t skipped = history.days.size() - count;
        days_.assign(history.days.end() - static_cast<std::ptrdiff_t>(count), history.days.end());
        first_ = history.first + std::chrono::days{static_cast<int>(skipped)};
        for (std::size_t i = 0; i < days_.size(); ++i) {
            const std::size_t weekday = weekday_at(i);
            sum_[weekday] += days_[i];
            count_[weekday] += 1;
            all_ += days_[i];
        }
    }
    [[nodiscard]] std::size_t size() const noexcept { return days_.size(); }
    /// What a day of that weekday is expected to cost.
    [[nodiscard]] std::int64_t expected(std::size_t weekday) const noexcept {
        return mean(sum_[weekday], count_[weekday], all_, static_cast<std::int64_t>(size()));
    }
    /// How far each day was off, as the rule without that day would have had it; around zero.
    [[nodiscard]] std::vector<std::int64_t> errors() const {
        std::vector<std::int64_t> errors(size());
        Wide sum = 0;
        for (std::size_t i = 0; i < size(); ++i) {
            const std::size_t weekday = weekday_at(i);
            const std::int64_t without = mean(
                sum_[weekday] - days_[i],
                count_[weekday] - 1,
                all_ - days_[i],
                static_cast<std::int64_t>(size()) - 1);
            errors[i] = narrow(static_cast<Wide>(days_[i]) - without);
            sum += errors[i];
        }
        const std::int64_t centre = divided(sum, static_cast<std::int64_t>(size()));
        for (std::int64_t& error : errors) {
            error = narrow(static_cast<Wide>(error) - centre);
        }
        return errors;
    }

private:
    [[nodiscard]] std::size_t weekday_at(std::size_t i) const noexcept {
        return weekday_of(first_ + std::chrono::days{static_cast<int>(i)});
    }
    static std::int64_t mean(Wide sum, std::int64_t count, Wide all, std::int64_t size) noexcept {
        const std::int64_t of_all = divided(all, size);
        return divided(sum + static_cast<Wide>(prior_days) * of_all, count + prior_days);
    }

    std::vector<std::int64_t> days_{};
    std::chrono::sys_days first_{};
    std::array<Wide, days_of_week> sum_{};
    std::array<std::int64_t, days_of_week> count_{};
    Wide all_{0};
};

/// Sums of drawn errors up to each day ahead, for each future.
std::vector<std::vector<std::int64_t>> draw_futures(
    const std::vector<std::int64_t>& errors, const Ahead& ahead) {
    const auto size = errors.size();
    std::vector<std::vector<std::int64_t>> sums(
        static_cast<std::size_t>(ahead.days), std::vector<std::int64_t>(futures));
    // What is left of a day varies like the root of its length, as hours that know nothing of each
    // other do.
    const std::int64_t first_share = root(static_cast<std::int64_t>(ahead.first_permille) * 1'000);
    Draws draws;
    for (std::size_t future = 0; future < futures; ++future) {
        Wide off_mean = 0;
        for (std::size_t i = 0; i < size; i += block_days) {
            const std::size_t at = draws.below(size);
            for (std::size_t k = 0; k < block_days && i + k < size; ++k) {
                off_mean += errors[(at + k) % size];
            }
        }
        const std::int64_t off = divided(off_mean, static_cast<std::int64_t>(size));
        Wide sum = 0;
        std::size_t at = 0;
        for (std::size_t day = 0; day < sums.size(); ++day) {
            at = day % block_days == 0 ? draws.below(size) : (at + 1) % size;
            const bool is_first = day == 0;
            sum += is_first ? static_cast<Wide>(errors[at]) * first_share / 1'000
                            : static_cast<Wide>(errors[at]);
            sum -= is_first ? static_cast<Wide>(off) * ahead.first_permille / 1'000
                            : static_cast<Wide>(off);
            sums[day][future] = narrow(sum);
        }
    }
    return sums;
}

}  // namespace

Forecast forecast(const History& history, const Ahead& ahead) {
    const Past past{history};
    Forecast result{.history_days = static_cast<int>(past.size())};
    result.enough = result.history_days >= history_days_min;
    if (!result.enough) {
        return result;
    }
    auto futures_of = draw_futures(past.errors(), ahead);
    Wide usual = 0;     // by the weekdays alone
    Wide expected = 0;  // with what is running now
    for (std::size_t i = 0; i < futures_of.size(); ++i) {
        const std::chrono::sys_days day = ahead.first + std::chrono::days{static_cast<int>(i)};
        const std::int64_t whole = past.expected(weekday_of(day));
        const std::int64_t part =
            i == 0 ? divided(static_cast<Wide>(whole) * ahead.first_permille, 1'000) : whole;
        const std::int64_t committed = i < ahead.committed.size() ? ahead.committed[i] : 0;
        usual += part;
        expected += std::max(part, committed);
        std::ranges::sort(futures_of[i]);
        const auto at = [&](int percent) {
            return futures_of[i][static_cast<std::size_t>(futures * percent / 100)];
        };
        const Wide low = std::min(usual + at(band_low_percent), expected);
        const Wide high = std::max(expected + at(band_high_percent), expected);
        result.days.push_back(
            {.day = day,
             .expected = narrow(std::max<Wide>(expected, 0)),
             .low = narrow(std::max<Wide>(low, 0)),
             .high = narrow(std::max<Wide>(high, 0))});
    }
    return result;
}

std::string method_text() {
    return fmt::format(
        "each day as the mean of its weekday over the last {} days or fewer (the mean of all days "
        "counted as one more), what runs now until its latest end; the band holds four of "
        "five ends or more: {} drawn futures, from the {}th to the {}th in a hundred",
        history_days_max,
        futures,
        band_low_percent,
        band_high_percent);
}

std::int64_t round_limit(std::int64_t nanos) noexcept {
    if (nanos <= 0) {
        return 0;
    }
    constexpr std::int64_t cent = 10'000'000;
    std::int64_t step = cent;
    while (nanos / step >= 100 && step <= std::numeric_limits<std::int64_t>::max() / 10) {
        step *= 10;
    }
    const std::int64_t steps = nanos / step + (nanos % step != 0 ? 1 : 0);
    return narrow(static_cast<Wide>(steps) * step);
}

}  // namespace evenkeel::budget
