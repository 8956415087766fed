#pragma once

#include "policies/config/config.hpp"
#include "policies/domain/machine.hpp"
#include "providers/provider.hpp"

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Which machines the reaper may end. Pure: lists, rows and the time come in as arguments.
namespace evenkeel::reap {

/// How the agent is, as far as somebody outside can tell.
enum class Agent : std::uint8_t {
    healthy,  ///< its control loop moved lately
    unsure,   ///< not lately, but not for long either: it may be starting or busy
    dead,     ///< for longer than `dead_after`
};
[[nodiscard]] std::string_view to_text(Agent agent) noexcept;

inline constexpr std::chrono::minutes healthy_within{2};
inline constexpr std::chrono::minutes dead_after{5};
/// Past its end for so long before the reaper acts: the agent gets its chance first.
inline constexpr std::chrono::minutes overdue_alone{2};
inline constexpr std::chrono::minutes overdue_beside_agent{15};

/// `heartbeat` is the newest sign of life of the control loop; `locked` whether a process holds the
/// state folder. A time in the future (the clock was set back) says nothing, then the lock decides.
[[nodiscard]] Agent judge_agent(
    std::optional<UtcTime> heartbeat, bool locked, UtcTime now) noexcept;

/// A machine of the ledger that is not gone.
struct Row {
    std::string provider{};
    std::string name{};
    std::string remote_id{};
    UtcTime expires{};
};

enum class Verdict : std::uint8_t {
    foreign,     ///< not marked as ours: never touched
    look_alike,  ///< another agent's, or named as if: never touched, shown
    kept,        ///< ours, its end has not come
    watched,     ///< ours and in no row, but the agent lives: its sweep deals with it
    reported,    ///< ours and in no row, and the policy says to alert only: a person decides
    overdue,     ///< its end has passed: destroy
    orphan,      ///< in no row and nobody else looks: destroy
};
[[nodiscard]] std::string_view to_text(Verdict verdict) noexcept;
[[nodiscard]] constexpr bool must_end(Verdict verdict) noexcept {
    return verdict == Verdict::overdue || verdict == Verdict::orphan;
}

struct Judgement {
    Verdict verdict{Verdict::foreign};
    providers::RemoteMachine machine{};
    std::optional<UtcTime> expires{};  ///< the earlier of provider's mark and row
    std::string why{};                 ///< one sentence for people
};

/// One judgement for each machine of `list`. `owner_mark` is "ek-<agent id>", compared whole; an
/// empty one makes everything foreign. `rows` are those of all providers.
[[nodiscard]] std::vector<Judgement> judge(
    std::string_view provider,
    std::span<const providers::RemoteMachine> list,
    std::span<const Row> rows,
    std::string_view owner_mark,
    Agent agent,
    UtcTime now,
    std::chrono::milliseconds grace,
    config::UnknownMachine unknown);

/// Rows at `provider` whose end passed so long ago that the reaper would act on them: what cannot
/// be looked at is a hazard too.
[[nodiscard]] std::vector<Row> overdue_rows(
    std::string_view provider, std::span<const Row> rows, Agent agent, UtcTime now);

}  // namespace evenkeel::reap
