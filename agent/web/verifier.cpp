#include "agent/web/verifier.hpp"

namespace evenkeel::web {

Result<ledger::Verification> Verifier::verify(BootTime now, const Walk& walk) {
    const std::unique_lock walking{walking_, std::try_to_lock};
    if (!walking) {
        return fail(
            Errc::unavailable, "the ledger is being verified at this moment; ask again later");
    }
    {
        const std::lock_guard lock{mutex_};
        if (found_ && now - found_at_ < kept_for) {
            return *found_;
        }
    }
    auto found = walk();
    if (found) {
        const std::lock_guard lock{mutex_};
        found_ = *found;
        found_at_ = now;
    }
    return found;
}

std::optional<ledger::Verification> Verifier::last() const {
    const std::lock_guard lock{mutex_};
    return found_;
}

}  // namespace evenkeel::web
