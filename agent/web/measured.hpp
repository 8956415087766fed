#pragma once

#include "agent/report/breakeven.hpp"
#include "policies/domain/error.hpp"
#include "policies/domain/time.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>

namespace evenkeel::web {

/// Keeps what the ledger measured of the use for a minute: the break-even page asks for many
/// answers at once, and each would read all requests of a month again. Any thread.
class MeasuredUses {
public:
    using Use = std::optional<report::MeasuredUse>;
    using Measure = std::function<Result<Use>()>;
    static constexpr std::chrono::seconds kept_for{60};

    /// `clock` outlives it.
    explicit MeasuredUses(const Clock& clock) : clock_{clock} {}

    /// What `measure` finds, or found lately under the same policy. Others wait meanwhile, since
    /// they would do the same. Errors: those of `measure`, which are not kept.
    [[nodiscard]] Result<Use> get(std::int64_t policy, const Measure& measure) {
        const std::lock_guard lock{mutex_};
        const BootTime now = clock_.read().boot;
        if (kept_ && policy_ == policy && now < until_) {
            return *kept_;
        }
        auto found = measure();
        if (found) {
            kept_ = *found;
            policy_ = policy;
            until_ = clock_.read().boot + kept_for;
        }
        return found;
    }

private:
    const Clock& clock_;
    std::mutex mutex_;
    std::optional<Use> kept_{};
    std::int64_t policy_{0};
    BootTime until_{};
};

}  // namespace evenkeel::web
