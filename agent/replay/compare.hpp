#pragma once

#include "agent/replay/history.hpp"
#include "policies/replay/replay.hpp"

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

/// Several worlds over the installation's own newest requests, in bounded time.
namespace evenkeel::agent {

/// The worlds to compare for one model, and what each came to.
struct Subject {
    std::string model{};
    std::vector<replay::Options> worlds{};
    std::vector<replay::Totals> totals{};  ///< one for each world, once replayed
};

struct ReplayLimit {
    std::chrono::milliseconds time{10'000};
    /// How long the work has taken; empty: by the steady clock, from the call on.
    std::function<std::chrono::milliseconds()> spent{};
    std::stop_token stop{};
};

/// Replays what was asked for in `whole.span` in every world of every subject, and gives the demand
/// that was replayed. When half of the time is over before the end, it begins again with as many of
/// the newest days as the other half is enough for, at least one: the span is then shorter than
/// asked. Errors: timed_out (a single day takes three times the limit), cancelled (stopped), those
/// of Reader and of replay.
[[nodiscard]] Result<Demand> replay_newest(
    ledger::Reader& reader,
    const config::Config& config,
    Demand whole,
    std::vector<Subject>& subjects,
    const ReplayLimit& limit);

/// What a comparison of policies needs to mean something.
inline constexpr std::int64_t history_requests_min = 1'000;
inline constexpr std::chrono::days history_length_min{3};
/// Whether there is that much of this demand.
[[nodiscard]] bool is_enough(const ModelDemand& demand) noexcept;

}  // namespace evenkeel::agent
