#pragma once

#include "policies/domain/error.hpp"
#include "policies/domain/money.hpp"
#include "policies/domain/time.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace evenkeel::agent {

/// How calls to a provider ended: by error, or well.
using CallCounts = std::vector<std::pair<std::string_view, std::int64_t>>;

/// Counts calls as they end. Any thread.
class CallTally {
public:
    void add(const std::optional<Errc>& error) noexcept {
        const std::size_t at = error ? static_cast<std::size_t>(*error) + 1 : 0;
        if (at < counts_.size()) {
            counts_[at].fetch_add(1, std::memory_order_relaxed);
        }
    }
    /// "ok" always, then errors that have happened.
    [[nodiscard]] CallCounts read() const {
        CallCounts counts{{"ok", counts_[0].load(std::memory_order_relaxed)}};
        for (std::size_t i = 1; i < counts_.size(); ++i) {
            if (const std::int64_t count = counts_[i].load(std::memory_order_relaxed); count > 0) {
                counts.emplace_back(to_text(static_cast<Errc>(i - 1)), count);
            }
        }
        return counts;
    }

private:
    std::array<std::atomic<std::int64_t>, static_cast<std::size_t>(Errc::cancelled) + 2> counts_{};
};

/// What one provider was asked and answered since the start.
struct ProviderFigures {
    CallCounts calls{};
    std::int64_t destroy_failures{0};  ///< deletes that it did not take
    std::optional<UtcTime> listed{};   ///< when its newest complete list was asked for
    /// What its bills said beyond what was booked; by currency. Below zero: less.
    std::vector<Money> bill_differences{};
    std::int64_t bill_alarms{0};  ///< bills that were off by more than our clock can be
};

}  // namespace evenkeel::agent
