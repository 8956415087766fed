#pragma once

#include "policies/domain/error.hpp"
#include "policies/lifecycle/machine.hpp"

#include <optional>

/// Whether a provider may be asked for new machines. Nothing here ever holds up a delete.
namespace evenkeel::lifecycle {

/// Failed calls in a row after which a provider gets no new intents, and good ones in a row after
/// which it gets them again.
inline constexpr int breaker_failures = 3;
inline constexpr int breaker_successes = 3;

/// The circuit breaker of one provider (FAULTS F12, F31, F36). It is open, so that nothing is
/// ordered there, until a first call has succeeded, and again when calls fail. It needs no trial
/// calls of its own: lists and offers are asked for all the time.
struct Breaker {
    bool open{true};
    int failures{0};   ///< in a row
    int successes{0};  ///< in a row
    int needed{1};     ///< successes in a row that close it
    BootTime since{};  ///< when it opened; meaningless while closed
};

/// Takes in how a call to the provider ended: nothing, or why it failed. Answers that refuse (no
/// stock, a wrong request) come from an API that works. A refused credential opens it at once.
void heard(Breaker& breaker, const std::optional<Errc>& error, Now now) noexcept;

/// Since when a delete of this machine has been wanted without a proof, once that is longer than
/// `limits.undeleted`; nothing before. While any machine of a provider says so, nothing new is
/// ordered from that provider.
[[nodiscard]] std::optional<BootTime> undeleted_since(
    const Machine& machine, const Limits& limits, Now now) noexcept;

/// Whether it ends because it was of no use (late, rejected, wrong, dearer, stopped, lost) and not
/// because nobody needs it any more. Until such a machine is proved gone its place stays taken:
/// falling over while a delete is unproved is how machines leak.
[[nodiscard]] bool ends_by_fault(const Machine& machine) noexcept;
/// Whether a person, the policy, the reaper or a stop of the agent ended it: that says nothing
/// about its offer.
[[nodiscard]] bool ends_by_choice(const Machine& machine) noexcept;

}  // namespace evenkeel::lifecycle
