#pragma once

#include "policies/gate/gate.hpp"
#include "policies/replay/replay.hpp"

#include <deque>
#include <map>
#include <queue>
#include <vector>

/// Used by replay.cpp only: the world that `replay` runs.
namespace evenkeel::replay {

/// What became of one request.
struct Fate {
    enum class Kind : std::uint8_t { open, own, rental, api, refused };
    Kind kind{Kind::open};
    std::chrono::nanoseconds first_token{};
    std::chrono::nanoseconds finished{};
};

/// What one rented machine cost and did.
struct Rental {
    std::chrono::nanoseconds from{};
    std::chrono::nanoseconds to{};
    double busy_s{0};
};

class Simulation {
public:
    Simulation(const std::vector<TraceRow>& rows, const Options& options);
    void run();
    [[nodiscard]] const std::vector<Fate>& fates() const { return fates_; }
    [[nodiscard]] const std::vector<Rental>& rentals() const { return rentals_; }
    /// Seconds that each own engine was busy.
    [[nodiscard]] std::vector<double> own_busy() const;
    [[nodiscard]] Money api_cost(const TraceRow& row) const;

private:
    using Nanos = std::chrono::nanoseconds;
    using SeqId = capacity::EngineModel::SeqId;

    /// One own engine, or one rented machine with its engine.
    struct Host {
        NameIx source{};
        bool rented{false};
        MachineId id{};
        MachineState state{MachineState::serving};
        Nanos ordered{};
        Nanos ready{};
        Nanos last_busy{};
        capacity::EngineModel engine;
        int slots{1};
        std::map<SeqId, std::size_t> running{};
        std::deque<SeqId> prompts{};  ///< whose first token the gate has not been told
    };
    struct ApiEnd {
        Nanos at{};
        std::size_t request{};
        friend bool operator>(const ApiEnd& a, const ApiEnd& b) {
            return a.at != b.at ? a.at > b.at : a.request > b.request;
        }
    };

    [[nodiscard]] Now now() const;
    [[nodiscard]] Nanos next_time() const;
    void perform();
    void grant(const gate::Effect& effect);
    void arrive(std::size_t request);
    void recall(const gate::Effect& effect);
    void tell_load(const Host& host);
    void tell_first_tokens(Host& host);
    void finish(std::size_t request, Nanos first_token, Nanos finished, bool api);
    void advance_engines();
    void machines_due();
    void control_tick();
    void order(int count);
    void release(MachineId id);
    void end_if_empty(Host& host);
    void add_worker(const Host& host, bool takes_work);
    [[nodiscard]] scaling::ScalingSnapshot snapshot();
    [[nodiscard]] bool open() const { return ended_ < rows_.size(); }
    [[nodiscard]] Nanos first_token_budget(const TraceRow& row) const;

    const std::vector<TraceRow>& rows_;
    const Options& options_;
    config::Scaling scaling_{};
    bool has_api_{false};
    gate::Gate gate_;
    gate::Effects effects_{};
    gate::Counters counters_{};
    std::vector<Host> hosts_{};
    std::vector<Fate> fates_{};
    std::vector<gate::Handle> handles_{};
    std::vector<Rental> rentals_{};
    std::priority_queue<ApiEnd, std::vector<ApiEnd>, std::greater<>> api_ends_{};
    scaling::RentState rent_{};
    Nanos t_{};
    Nanos next_tick_{};
    Nanos tick_every_{};
    std::size_t next_row_{0};
    std::size_t ended_{0};
    std::int64_t answered_{0};
    std::int64_t tokens_out_{0};
    double mean_out_{0};       ///< of the answers so far
    double deviation_out_{0};  ///< mean absolute deviation of them from the mean of their time
    std::int64_t machines_made_{0};
    double own_rate_{0};
};

}  // namespace evenkeel::replay
