#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstdint>

/// Used inside replay/ only.
namespace evenkeel::replay {

/// Quantiles of times in bounded memory: bins of at most 1/128 of their value, each with the sum of
/// what fell into it, so that a bin of equal times gives that time exactly.
class Waits {
public:
    void add(std::chrono::nanoseconds time) noexcept {
        const auto ns = static_cast<std::uint64_t>(time.count() > 0 ? time.count() : 0);
        Bin& bin = bins_[place(ns)];
        ++bin.count;
        bin.sum_s += static_cast<double>(ns) * 1e-9;
        ++count_;
    }
    /// Seconds that the share `share` of all times does not pass; 0 when there are none.
    [[nodiscard]] double quantile(double share) const noexcept {
        auto left = static_cast<std::int64_t>(share * static_cast<double>(count_));
        for (const Bin& bin : bins_) {
            if (bin.count > left) {
                return bin.sum_s / static_cast<double>(bin.count);
            }
            left -= bin.count;
        }
        return 0;
    }

private:
    static constexpr int fine_bits = 7;
    static constexpr std::uint64_t fine = std::uint64_t{1} << fine_bits;
    struct Bin {
        std::int64_t count{0};
        double sum_s{0};
    };
    [[nodiscard]] static std::size_t place(std::uint64_t ns) noexcept {
        if (ns < fine) {
            return static_cast<std::size_t>(ns);
        }
        const int shift = static_cast<int>(std::bit_width(ns)) - 1 - fine_bits;
        const auto step = static_cast<std::uint64_t>(shift + 1) << fine_bits;
        return static_cast<std::size_t>(step + ((ns >> shift) - fine));
    }

    std::array<Bin, (64 - fine_bits + 1) * fine> bins_{};
    std::int64_t count_{0};
};

}  // namespace evenkeel::replay
