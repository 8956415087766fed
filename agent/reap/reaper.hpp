#pragma once

#include "agent/reap/judge.hpp"
#include "agent/reap/reap_log.hpp"

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace evenkeel::reap {

/// How the reaper goes about it.
struct Rules {
    std::string owner_mark{};  ///< ek-<agent id>
    Agent agent{Agent::healthy};
    bool dry_run{false};
    std::chrono::milliseconds wait{std::chrono::minutes{5}};  ///< for the proof, all attempts
    std::chrono::milliseconds proof_gap{std::chrono::seconds{60}};
    /// Younger than this, a machine without a row is left alone: rows were read before the list.
    std::chrono::milliseconds grace{std::chrono::seconds{60}};
    config::UnknownMachine unknown{config::UnknownMachine::destroy};
    std::chrono::milliseconds retry_first{std::chrono::seconds{1}};
    std::chrono::milliseconds retry_most{std::chrono::seconds{20}};
};

/// What became of a machine that had to end.
struct Ended {
    Judgement judged{};
    bool gone{false};       ///< proved; never in a dry run
    std::string trouble{};  ///< why not, so far
};

struct Findings {
    std::string provider{};
    std::optional<Error> error{};   ///< its machines could not be listed
    std::vector<Judgement> seen{};  ///< ours and look-alikes; foreign ones are left out
    std::vector<Ended> ended{};
    std::vector<Row> unseen{};  ///< overdue by their row, and the provider could not be asked
};

/// Waits, or moves a test's clock; false: stop now.
using Pause = std::function<bool(std::chrono::milliseconds)>;

/// Looks at one provider and ends what must end: delete, then GET until it is missing, then two
/// complete lists `proof_gap` apart without it; failed calls are tried again until `wait` is over.
/// Never calls destroy for a machine without our mark. Each deed is in `log` before the next call;
/// a log that cannot be written is told in `trouble` but stops no delete. Blocks.
class Reaper {
public:
    /// All must outlive it; `log` may be null in a dry run. Several may share one `log` and mutex.
    Reaper(const Rules& rules, const Clock& clock, Pause pause, Log* log, std::mutex& log_mutex)
        : rules_{rules}, clock_{clock}, pause_{std::move(pause)}, log_{log}, mutex_{log_mutex} {}

    [[nodiscard]] Findings run(
        providers::Provider& provider,
        const std::string& name,
        const std::vector<Row>& rows,
        std::stop_token stop);

private:
    struct Target;
    void write(const std::string& provider, Target& target, Deed deed);
    void end_all(
        providers::Provider& provider,
        const std::string& name,
        std::vector<Target>& targets,
        std::stop_token stop);
    void press(
        providers::Provider& provider,
        const std::string& name,
        Target& target,
        std::stop_token stop);
    void prove(
        providers::Provider& provider,
        const std::string& name,
        std::vector<Target>& targets,
        std::stop_token stop);

    const Rules& rules_;
    const Clock& clock_;
    Pause pause_;
    Log* log_;
    std::mutex& mutex_;
};

}  // namespace evenkeel::reap
