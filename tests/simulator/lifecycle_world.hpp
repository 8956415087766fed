#pragma once

#include "policies/lifecycle/machine.hpp"
#include "policies/lifecycle/sweep.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// A world in one thread and virtual time: a provider with its own books, a host that can crash,
/// and an agent that drives machines as the daemon does. Everything follows from one seed.
namespace evenkeel::simulator {

using std::chrono::nanoseconds;

/// Small, seeded, the same on every platform.
class Dice {
public:
    explicit Dice(std::uint64_t seed) : state_{seed * 0x9E37'79B9'7F4A'7C15u + 1} {}
    std::uint64_t next();
    /// Uniform in [0, below).
    std::int64_t upto(std::int64_t below);
    bool chance(int percent) { return upto(100) < percent; }
    std::chrono::milliseconds between(std::chrono::milliseconds a, std::chrono::milliseconds b);

private:
    std::uint64_t state_;
};

/// Which faults a seed uses, with their numbers in the catalogue of faults.
struct Faults {
    bool create_lost{false};     ///< F01-F03: effect, no answer or a 5xx
    bool create_refused{false};  ///< F04: never sent
    bool delete_lost{false};     ///< F19, F20
    bool delete_ignored{false};  ///< F18
    bool list_lag{false};        ///< F06, F08
    bool list_empty{false};      ///< F29
    bool vanish{false};          ///< F23
    bool outage{false};          ///< F31
    bool twin{false};            ///< F10: one POST makes two machines
    bool dearer{false};          ///< F16
    bool boot_fails{false};      ///< F38
    bool stray{false};           ///< F27: a machine of ours that no row knows
    bool host_reboots{false};    ///< crashes also restart the host
};
Faults faults_of(std::uint64_t seed);
std::string to_text(const Faults& faults);

/// One machine in the provider's books.
struct Remote {
    std::string id{};
    std::string name{};
    std::string mark{};
    nanoseconds born{};
    std::optional<nanoseconds> ended{};
    nanoseconds visible{};  ///< from then on lists and GETs show it
    nanoseconds booted{};
    bool boots{true};
    std::optional<nanoseconds> vanishes{};
    int deletes_ignored{0};
    std::int64_t hour_nanos{0};
};

struct Options {
    std::uint64_t seed{0};
    std::int64_t crash_at{-1};  ///< boundary number at which the agent dies first; -1 = never
};

/// Runs one life and collects what went wrong.
class World {
public:
    explicit World(const Options& options);
    /// Until everything should have converged. False when an invariant broke; see `failures`.
    bool run();
    [[nodiscard]] const std::vector<std::string>& failures() const { return failures_; }
    /// Boundaries passed: commits, requests written, effects, answers read.
    [[nodiscard]] std::int64_t boundaries() const { return boundaries_; }
    [[nodiscard]] int crashes() const { return crashes_; }
    [[nodiscard]] std::size_t machines_made() const { return remotes_.size() - foreign_count; }

private:
    static constexpr std::size_t foreign_count = 3;
    struct Crash {};
    struct CallInFlight {
        MachineId machine{};
        lifecycle::CallKind kind{};
        int epoch{0};
        Now asked{};
        nanoseconds effect{};
        nanoseconds answer{};
        bool done{false};  ///< the effect happened
        std::string remote_id{};
        std::optional<lifecycle::Event> event{};
        std::vector<lifecycle::Seen> list{};
        bool is_list{false};
    };

    [[nodiscard]] Now now() const;
    void boundary();
    void commit(const lifecycle::Machine& machine);
    void apply(MachineId id, const lifecycle::Event& event);
    void start(MachineId id, lifecycle::CallKind kind);
    void effect(CallInFlight& call);
    void effect_of_create(CallInFlight& call);
    void effect_of_destroy(CallInFlight& call);
    void deliver(const CallInFlight& call);
    void deliver_list(const CallInFlight& call);
    void agent_round();
    void script();
    void crash();
    void restart();
    void settle_truth();
    [[nodiscard]] nanoseconds next_time() const;
    [[nodiscard]] bool is_down() const;
    [[nodiscard]] bool faulty() const { return t_ < faults_end_; }
    [[nodiscard]] lifecycle::Seen seen_of(const Remote& remote) const;
    [[nodiscard]] std::int64_t truth(const Remote& remote, nanoseconds until) const;
    void check_gone(const lifecycle::Machine& machine);
    void check_running();
    void check_end();
    void fail(std::string what);
    Remote* remote(const std::string& id);

    Options options_;
    Dice dice_;
    Faults faults_;
    lifecycle::Limits limits_{};
    nanoseconds t_{};
    nanoseconds boot0_{};  ///< world time at which the host's boot clock was 0
    int host_boots_{1};
    nanoseconds faults_end_{};
    nanoseconds outage_from_{};
    nanoseconds outage_to_{};
    std::int64_t boundaries_{0};
    int crashes_{0};
    int crashes_left_{0};
    std::int64_t crash_next_{-1};

    // The provider.
    std::vector<Remote> remotes_{};
    std::map<std::string, int> posts_{};  ///< with effect, per name

    // On disk.
    std::map<MachineId, lifecycle::Machine> store_{};
    std::map<MachineId, Money> booked_{};

    // In the agent's memory.
    bool up_{true};
    nanoseconds up_again_{};
    int epoch_{0};
    std::map<MachineId, lifecycle::Machine> rows_{};
    std::vector<CallInFlight> calls_{};
    lifecycle::OrphanWatch watch_{};
    nanoseconds next_sweep_{};
    bool sweeping_{false};

    // The story.
    struct Plan {
        nanoseconds at{};
        std::optional<nanoseconds> drain{};
        bool destroy{false};
        bool started{false};
        bool ended{false};
        MachineId id{};
    };
    std::vector<Plan> plans_{};
    nanoseconds next_work_{};
    std::int64_t next_id_{1};
    std::vector<std::string> failures_{};
};

}  // namespace evenkeel::simulator
