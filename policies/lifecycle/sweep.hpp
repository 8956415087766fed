#pragma once

#include "policies/config/config.hpp"
#include "policies/domain/id.hpp"
#include "policies/domain/time.hpp"
#include "policies/lifecycle/machine.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Compares what a provider has with what our rows say (FAULTS F10, F26-F28; invariants I1, I7).
namespace evenkeel::lifecycle {

enum class Verdict : std::uint8_t {
    known,       ///< a live row has it (by remote id, or by name while the id is unknown)
    adopt,       ///< carries the name of a row that looks for it: give the list to that row
    duplicate,   ///< a second machine with the name of a row: destroy
    orphan,      ///< our mark, no live row, seen for longer than the grace: destroy
    wait,        ///< our mark, no live row, but not seen for long enough
    report,      ///< an orphan, but the policy says alert only
    look_alike,  ///< resembles ours without our mark: shown, never touched
    foreign,     ///< somebody else's: never touched
};
[[nodiscard]] std::string_view to_text(Verdict verdict) noexcept;
/// True only for the verdicts that permit a delete call; all of them carry our mark.
[[nodiscard]] constexpr bool may_destroy(Verdict verdict) noexcept {
    return verdict == Verdict::duplicate || verdict == Verdict::orphan;
}

struct Finding {
    Verdict verdict{Verdict::foreign};
    Seen seen{};
    MachineId machine{};  ///< the row concerned, if any
};

/// When each machine without a row was first seen by this process; may be lost at a restart.
using OrphanWatch = std::map<std::string, BootTime, std::less<>>;

struct SweepInput {
    std::span<const Seen> remote{};   ///< one complete list
    std::span<const Machine> rows{};  ///< read after the list was answered; all of this provider
    std::string_view owner_mark{};    ///< ek-<agent id>
    Now asked{};                      ///< before the list was asked for
    Now now{};
    std::chrono::milliseconds grace{std::chrono::seconds{60}};
    config::UnknownMachine unknown{config::UnknownMachine::destroy};
};

/// When it was made: as its provider says (`created`; Lambda does not), else as the name we gave it
/// says, which is a moment before. Nothing for a name that is not ours.
[[nodiscard]] std::optional<UtcTime> born_of(UtcTime created, std::string_view name, UtcTime now);

/// One finding for every machine of the list. `watch` is updated. Rows missing from the list are
/// no matter of the sweep: their own Listed events deal with that.
[[nodiscard]] std::vector<Finding> sweep(const SweepInput& input, OrphanWatch& watch);

/// A row for an orphan or a duplicate, in state `deleting`, billed from its creation as the
/// provider states it (never from the future), at least `min_bill`. Its name gets the remote id
/// appended, because a row of that name may exist. Commit it, then let `wanted_call` delete it.
[[nodiscard]] Machine make_orphan(
    const Seen& seen,
    MachineId id,
    std::string_view provider,
    std::string_view boot_id,
    const Reason& reason,
    Now now,
    std::chrono::milliseconds min_bill = std::chrono::milliseconds{0});

/// A row for a machine with our mark that no row knows and that is to stay: a person wants it to
/// serve `offer`. In state `booting`, billed from its creation; it must pass acceptance like any
/// other within its warm-up time, counted from now, and ends `limits.max_life` after its creation
/// at the latest.
[[nodiscard]] Machine make_adopted(
    const Seen& seen,
    MachineId id,
    std::string_view provider,
    std::string_view model,
    std::string_view offer,
    std::string_view boot_id,
    const Limits& limits,
    Now now,
    std::chrono::milliseconds min_bill);

}  // namespace evenkeel::lifecycle
