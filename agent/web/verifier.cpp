#include "agent/web/verifier.hpp"

#include <algorithm>

namespace evenkeel::web {

Result<ledger::Verification> Verifier::verify(const Walk& walk) {
    const std::unique_lock walking{walking_, std::try_to_lock};
    if (!walking) {
        return fail(
            Errc::unavailable, "the ledger is being verified at this moment; ask again later");
    }
    const BootTime begun = clock_.read().boot;
    {
        const std::lock_guard lock{mutex_};
        if (found_ && begun < kept_until_) {
            return *found_;
        }
    }
    auto found = walk();
    if (found) {
        const BootTime ended = clock_.read().boot;
        const std::lock_guard lock{mutex_};
        found_ = *found;
        kept_until_ = ended + std::max<BootTime::duration>(kept_for, (ended - begun) * kept_times);
    }
    return found;
}

std::optional<ledger::Verification> Verifier::last() const {
    const std::lock_guard lock{mutex_};
    return found_;
}

}  // namespace evenkeel::web
