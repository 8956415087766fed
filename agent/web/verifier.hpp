#pragma once

#include "agent/ledger/reader.hpp"
#include "policies/domain/time.hpp"

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>

namespace evenkeel::web {

/// Walks the hash chain at most once at a time, and remembers for a while what was found. Any
/// thread.
class Verifier {
public:
    using Walk = std::function<Result<ledger::Verification>()>;
    static constexpr std::chrono::seconds kept_for{60};
    /// A walk that took long is kept for so many times as long: who asked may have given up
    /// waiting, and asks again later.
    static constexpr int kept_times = 10;

    /// `clock` outlives it.
    explicit Verifier(const Clock& clock) : clock_{clock} {}

    /// What `walk` finds, or found lately. Errors: unavailable (another thread is at it), and those
    /// of `walk`, which are not kept.
    [[nodiscard]] Result<ledger::Verification> verify(const Walk& walk);
    /// What was found last, however long ago; nothing before the first time.
    [[nodiscard]] std::optional<ledger::Verification> last() const;

private:
    const Clock& clock_;
    std::mutex walking_;
    mutable std::mutex mutex_;
    std::optional<ledger::Verification> found_{};
    BootTime kept_until_{};
};

}  // namespace evenkeel::web
