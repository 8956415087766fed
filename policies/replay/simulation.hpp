#pragma once

#include "policies/gate/gate.hpp"
#include "policies/replay/planner.hpp"
#include "policies/replay/replay.hpp"
#include "policies/replay/waits.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <vector>

/// Used inside replay/ only: the world that `replay` runs.
namespace evenkeel::replay {

/// A price of tokens; exact, and one multiplication where it is whole nano-units a token.
class TokenRate {
public:
    TokenRate() = default;
    explicit TokenRate(const Price& price) : price_{price} {}
    [[nodiscard]] std::int64_t cost(std::int64_t tokens, Rounding rounding) const {
        return price_.den() == 1 ? price_.num() * tokens : price_.cost(tokens, rounding).nanos();
    }

private:
    Price price_{};
};

class Simulation {
public:
    /// Told of every request that goes to the API though workers exist, in order of time.
    using Overflowed = std::function<void(const TraceRow&)>;

    /// `planner` decides on machines where the policy is neither always_n nor break_even; none:
    /// nobody does. Both outlive the simulation.
    Simulation(const Options& options, Planner* planner, Overflowed overflowed = {});
    /// Runs `rows` to the end of the last request and the last machine. Call it once.
    [[nodiscard]] Result<Totals> run(RowSource& rows);

private:
    using Nanos = std::chrono::nanoseconds;
    using SeqId = capacity::EngineModel::SeqId;

    enum class Place : std::uint8_t { nowhere, own, rental, api };
    struct Host;

    /// A request between its arrival and its end. Its index is the gate's cookie.
    struct Live {
        TraceRow row{};
        gate::Handle handle{};
        const Host* host{nullptr};  ///< while it is on a worker
        SeqId seq{0};
        Nanos first_token{};
        std::int64_t api_nanos{0};  ///< what it costs at the API
        Place place{Place::nowhere};
    };
    struct Prompt {
        SeqId seq{0};
        std::uint32_t request{0};
    };
    /// One own engine, or one rented machine with its engine.
    struct Host {
        NameIx source{};
        bool rented{false};
        MachineId id{};
        MachineState state{MachineState::serving};
        Nanos ordered{};
        Nanos ready{};
        Nanos last_busy{};
        Nanos next{Nanos::max()};      ///< next event of the engine
        std::int64_t worth_before{0};  ///< of earlier machines that had this source's name
        capacity::EngineModel engine;
        int slots{1};
        int running{0};
        std::vector<Prompt> places{};  ///< what runs at each place of the engine
        std::vector<Prompt> ending{};  ///< ended, not reported, and their place is taken already
        std::deque<Prompt> prompts{};  ///< whose first token the gate has not been told
    };
    struct ApiEnd {
        Nanos at{};
        std::uint32_t request{};
        friend bool operator>(const ApiEnd& a, const ApiEnd& b) {
            return a.at != b.at ? a.at > b.at : a.request > b.request;
        }
    };

    /// Remembers which request a sequence of the engine is, and tells and forgets it.
    static void note(Host& host, SeqId seq, std::uint32_t request);
    [[nodiscard]] static std::uint32_t take(Host& host, SeqId seq);

    [[nodiscard]] Now now() const;
    [[nodiscard]] Nanos next_time() const;
    void begin(Nanos start);
    void finish_machines();
    [[nodiscard]] Totals totals() const;

    // ---- requests ----
    void arrive(const TraceRow& row);
    void perform();
    void grant(const gate::Effect& effect);
    void recall(const gate::Effect& effect);
    void refused(const gate::Effect& effect);
    void tell_load(const Host& host);
    void tell_first_tokens(Host& host);
    void finish(std::uint32_t request, Nanos finished);
    void advance_engines();
    void api_ends();

    // ---- machines ----
    void tick();
    void machines_due();
    void control_tick();
    void plan_tick();
    void order(int count);
    void release(Host& host);
    void add_worker(Host& host, bool takes_work);
    void book(const Host& host);
    [[nodiscard]] const scaling::ScalingSnapshot& snapshot();
    [[nodiscard]] NameIx free_source();
    [[nodiscard]] int rented() const;

    const Options& options_;
    Planner* planner_;
    Overflowed overflowed_;
    config::Scaling scaling_{};
    TokenRate price_in_{};
    TokenRate price_out_{};
    bool has_api_{false};
    bool by_rule_{false};
    gate::Gate gate_;
    gate::Effects effects_{};
    gate::Counters counters_{};
    scaling::ScalingSnapshot seen_{};
    std::vector<std::unique_ptr<Host>> hosts_{};
    std::vector<Host*> by_source_{};
    std::vector<Live> live_{};
    std::vector<std::uint32_t> unused_{};
    std::vector<capacity::EngineModel::Ended> ended_{};
    std::priority_queue<ApiEnd, std::vector<ApiEnd>, std::greater<>> api_ends_{};
    scaling::RentState rent_{};
    Nanos t_{};
    Nanos next_tick_{Nanos::max()};
    Nanos next_machine_{Nanos::max()};  ///< earliest boot that ends, or life that must
    Nanos tick_every_{};
    bool some_drain_{false};
    std::int64_t alive_{0};
    std::int64_t busy_{0};  ///< on workers
    std::int64_t answered_{0};
    std::int64_t tokens_out_{0};
    double mean_out_{0};       ///< of the answers so far
    double deviation_out_{0};  ///< mean absolute deviation of them from the mean of their time
    std::int64_t machines_made_{0};
    double own_rate_{0};

    // ---- what it all came to ----
    Totals sums_{};
    std::int64_t api_nanos_{0};
    std::int64_t late_nanos_{0};
    double rented_busy_s_{0};
    Currency currency_{};
    Waits waits_{};
};

}  // namespace evenkeel::replay
