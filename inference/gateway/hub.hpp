#pragma once

#include "inference/gateway/gateway.hpp"
#include "inference/gateway/replays.hpp"
#include "inference/gateway/world.hpp"
#include "policies/gate/gate.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace evenkeel::inference {

/// Running totals, touched by every loop.
struct Tally {
    std::atomic<std::int64_t> total{0};
    std::array<std::atomic<std::int64_t>, 6> outcomes{};  ///< by Outcome
    std::array<std::atomic<std::int64_t>, 3> kinds{};     ///< by SourceKind
    std::atomic<std::int64_t> unauthorized{0};
    std::atomic<std::int64_t> upstream_tries{0};
    std::atomic<std::int64_t> records_waiting{0};
};

/// How the hub reaches a loop. Both may be called from any thread.
class LoopPort {
public:
    virtual ~LoopPort() = default;
    /// Effects for requests of that loop. Takes what is in `effects` for it.
    virtual void post_effects(std::vector<gate::Effect> effects) = 0;
    virtual void post(std::function<void()> work) = 0;
};

/// The one thing the loops share: the gate under its mutex, and the current World. No I/O, await,
/// log or formatting happens under either mutex.
class Hub {
public:
    /// Failures in a row before the first byte that close a source to new requests.
    static constexpr int trips_after = 3;
    /// An API whose account has no money left (Errc::refused) is closed at once, and this long.
    static constexpr std::chrono::milliseconds spent_time{600'000};
    /// Second tries in all: a share of the requests, so that failing sources are not flooded.
    static constexpr std::int64_t retry_credit_start = 20;
    static constexpr std::int64_t retries_per_five_requests = 1;

    explicit Hub(const Clock& clock, const GatewayOptions& options);

    /// Before the loops run; not changed afterwards.
    void connect(std::vector<LoopPort*> loops) { loops_ = std::move(loops); }

    [[nodiscard]] std::shared_ptr<const World> world() const;
    [[nodiscard]] RequestId next_id(UtcTime now);
    [[nodiscard]] Replays& replays() noexcept { return replays_; }
    [[nodiscard]] const Clock& clock() const noexcept { return clock_; }
    [[nodiscard]] Tally& tally() noexcept { return tally_; }
    [[nodiscard]] const Tally& tally() const noexcept { return tally_; }
    [[nodiscard]] bool stopping() const noexcept { return stopping_.load(); }

    // For requests, on loop `loop`; effects for it are left in `own` (emptied before), others are
    // posted to their loops.
    [[nodiscard]] gate::Handle arrive(const gate::Arrival& arrival, gate::Effects& own);
    void cancel(std::uint16_t loop, gate::Handle handle, gate::Effects& own);
    void finish(
        std::uint16_t loop,
        gate::Handle handle,
        NameIx source,
        const gate::Finish& finish,
        gate::Effects& own);
    void retry(std::uint16_t loop, gate::Handle handle, gate::Effects& own);
    /// See gate::Gate::go_on.
    void go_on(
        std::uint16_t loop,
        gate::Handle handle,
        BootTime give_up_at,
        const gate::Finish& so_far,
        gate::Effects& own);
    /// See gate::Gate::top_up.
    [[nodiscard]] bool top_up(gate::Handle handle, std::int64_t more_report);
    /// When the next window of the budget begins that `reason` names; {} = none, or not known.
    [[nodiscard]] UtcTime budget_resets(const Reason& reason) const;
    void first_token(std::uint16_t loop, gate::Handle handle, gate::Effects& own);
    /// The answer to gate::EffectKind::recall.
    void leave(std::uint16_t loop, gate::Handle handle, gate::Effects& own);
    /// True when a second try may be made now; takes it from the credit.
    [[nodiscard]] bool take_retry() noexcept;
    /// Before its first byte, or in mid-answer.
    void source_failed(NameIx source, const Error& error);

    // For the Gateway.
    void apply(std::shared_ptr<const routing::Catalogue> catalogue, gate::Policy limits);
    void budget_booked(NameIx budget, std::int64_t settled_report, UtcTime resets);
    void budget_added(NameIx budget, std::int64_t report);
    void key_changed(const gate::KeyLimits& limits);
    void key_spent(NameIx key, std::int64_t report);
    void recall(NameIx key, NameIx route, std::int64_t tokens, BootTime at);
    void source_up(std::shared_ptr<const Source> source);
    void source_speed(NameIx source, const gate::Speed& speed);
    void source_load(NameIx source, std::int64_t cache_tokens, int waiting);
    void ready_at(NameIx model, std::optional<BootTime> at);
    void source_draining(NameIx source);
    void source_gone(NameIx source);
    void stop();
    void counters(gate::Counters& out) const;
    /// After these return, the callback of before is not running and will not run again.
    void on_queue_event(std::function<void()> callback);
    void on_trouble(Gateway::Trouble callback);

    /// The gate's own timer, run by loop 0: does what is due; returns when to come back.
    [[nodiscard]] BootTime due(gate::Effects& own);
    /// Set by loop 0: called (from any thread, outside the mutex) when `due` must run earlier.
    std::function<void()> rearm{};

private:
    struct Known {
        gate::Worker worker{};
        int failures{0};
        bool wanted{true};  ///< not draining
        BootTime tripped_until{};
    };
    static constexpr std::uint16_t no_loop = 0xFFFF;

    /// Runs `work(now)` under the mutex; it appends to `effects`, which are then sent out, except
    /// those for `loop`.
    template <class Work>
    void with_gate(std::uint16_t loop, gate::Effects& effects, Work&& work);
    void send(std::uint16_t loop, gate::Effects& effects);
    // Under the mutex:
    void tell(Known& known, Now now, gate::Effects& effects);
    [[nodiscard]] BootTime next_due() const;
    void forget_gone();

    const Clock& clock_;
    const std::chrono::milliseconds trip_time_;
    std::vector<LoopPort*> loops_{};
    std::atomic<bool> stopping_{false};
    std::atomic<std::int64_t> retry_credit_{retry_credit_start * 5};
    Tally tally_{};
    Replays replays_{};

    mutable std::mutex gate_mutex_{};
    gate::Gate gate_;
    std::unordered_map<NameIx, Known> known_{};
    std::vector<NameIx> going_{};  ///< drained for good, requests still running
    BootTime armed_{BootTime::max()};

    mutable std::mutex world_mutex_{};
    std::shared_ptr<const World> world_{std::make_shared<World>()};

    std::shared_mutex callback_mutex_{};  ///< held, shared, while a callback runs
    std::function<void()> queue_event_{};
    Gateway::Trouble trouble_{};

    std::mutex id_mutex_{};
    IdGenerator ids_;
};

}  // namespace evenkeel::inference
