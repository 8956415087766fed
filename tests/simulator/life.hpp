#pragma once

#include "tests/simulator/agent_run.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace evenkeel::simulator {

/// What one life is to be. The same trial gives the same life, to the nanosecond.
struct Trial {
    Personality who{Personality::none};
    std::uint64_t seed{1};
    std::int64_t crash_at{-1};  ///< boundary at which the agent dies; -1: never
    int crashes_more{0};        ///< and so many times more, at random boundaries
    CallFault fault{};
    bool both{false};  ///< the second provider misbehaves too
    nanoseconds faults_last{std::chrono::minutes{25}};
    nanoseconds converge{std::chrono::minutes{30}};
    std::vector<Demand> demand{{std::chrono::seconds{5}, std::chrono::minutes{8}, 1}};
    int machines_max{1};
    std::string safety{};  ///< more limits, see simulated_config
};
[[nodiscard]] std::string to_text(const Trial& trial);

/// What a life came to.
struct Report {
    std::vector<std::string> failures{};
    std::vector<std::pair<std::string, nanoseconds>> orders{};  ///< intents: provider, when
    std::int64_t life{0};  ///< boundaries up to the end of the last machine
    std::int64_t life_calls{0};
    std::int64_t boundaries{0};  ///< between commit, request written, answer read, timer fired
    std::int64_t calls{0};       ///< of providers
    std::vector<Api> made{};
    int crashes{0};
    int intents{0};
    int create_calls{0};
    int machines{0};
    int machines_at_once{0};
    int served{0};
    int adjustments{0};
    int alarms{0};
    int foreign_touched{0};
    int creates_twice{0};
    int leaks{0};
    int ledger_differences{0};
    double apart_s{0};                    ///< books against the provider's, before its bill, most
    std::int64_t most_calls_a_minute{0};  ///< to one provider
    std::vector<std::string> adjusted{};  ///< one line each
    nanoseconds converged{};              ///< when everything was as wanted, after the faults
    [[nodiscard]] bool ok() const { return failures.empty(); }
};

/// One thread, virtual time: providers with books of their own, a host that crashes, the shipped
/// agent, and the invariants of the catalogue of faults.
class Life {
public:
    /// With `story` the last events are kept and put behind the failures, as
    /// they were when the first invariant broke.
    explicit Life(const Trial& trial, bool story = false);
    ~Life();
    Report run();
    /// Ran so far, for tests that look closer while it lives: stops at `t`.
    void run_until(nanoseconds t);
    [[nodiscard]] const Report& report() const { return report_; }
    [[nodiscard]] AgentRun* agent() { return agent_.get(); }
    [[nodiscard]] Cloud& near() { return *clouds_[0]; }
    [[nodiscard]] Cloud& far() { return *clouds_[1]; }
    [[nodiscard]] nanoseconds now() const { return t_; }
    void fail(std::string what);

    static constexpr std::size_t story_lines = 50;

private:
    struct Crash {};
    /// A call of one lane: sent, then with effect, then answered.
    struct Call {
        agent::ProviderRunner::Job job{};
        nanoseconds effect{};
        nanoseconds answer{};
        bool happened{false};
        bool books{false};  ///< its answer may be booked outside a machine's step: a bill
        agent::Inbox::Item item{};
    };
    struct Lane {
        Cloud* cloud{nullptr};
        std::deque<Call> calls{};  ///< the first runs, the others wait
    };
    struct Probe {
        PlayedProber::Kind kind{};
        int port{0};
        nanoseconds answer{};
        std::function<void(bool)> done{};
    };

    void start();
    void crash();
    void boundary(std::string_view what);
    void enqueue(
        const std::string& provider,
        agent::ProviderRunner::Lane lane,
        agent::ProviderRunner::Job job);
    void begin_first(Lane& lane);
    void take_effect(Call& call, Lane& lane);
    void deliver();
    void probe_answers();
    /// Runs what commits post until nothing waits. With `books` also what is written beside the
    /// machines' steps, which the ledger would otherwise post at a real time of its own.
    void settle(bool books = false);
    void turn();
    void stepped(const lifecycle::Step& step);
    [[nodiscard]] nanoseconds next_time() const;
    [[nodiscard]] bool engine_is_well(const Probe& probe);
    [[nodiscard]] Box* box_of(const lifecycle::Machine& machine);
    [[nodiscard]] Cloud* cloud_of(const std::string& provider);
    [[nodiscard]] bool as_wanted() const;
    void note(std::string line);

    // ---- invariants
    void check_order(const lifecycle::Machine& ordered);
    /// Too much booked, and too little.
    struct Apart {
        nanoseconds over{};
        nanoseconds under{};
    };
    [[nodiscard]] Apart apart_at_most(const lifecycle::Machine& machine, const Box& box) const;
    void check_gone(const lifecycle::Machine& machine);
    void check_running();
    void check_wanted();
    void check_end();
    void check_books(ledger::Reader& reader);

    Trial trial_;
    bool tell_;
    Dice dice_;
    CallTap tap_;
    std::filesystem::path folder_;
    int folders_{0};
    HostClock clock_;
    config::Config config_;
    std::vector<std::unique_ptr<Cloud>> clouds_;
    std::unique_ptr<AgentRun> agent_;
    std::map<std::pair<std::string, agent::ProviderRunner::Lane>, Lane> lanes_;
    std::vector<Probe> probes_;
    nanoseconds t_{};
    nanoseconds end_{};
    nanoseconds next_tick_{};
    nanoseconds up_again_{};
    std::int64_t next_crash_{-1};
    int crashes_left_{0};
    int host_boots_{1};
    std::optional<nanoseconds> as_wanted_since_{};
    std::deque<std::string> story_;
    std::vector<std::string> told_;  ///< the story as it was when the first invariant broke
    Report report_;
};

}  // namespace evenkeel::simulator
