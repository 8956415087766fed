#pragma once

#include "agent/control/exposure.hpp"
#include "agent/control/fleet.hpp"
#include "agent/control/market.hpp"
#include "agent/control/renter.hpp"
#include "agent/ledger/ledger.hpp"
#include "tests/simulator/cloud.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

/// The shipped agent between two crashes: the real fleet, rent rule, market and exposure over a
/// real ledger. Only clock, providers, engines and requests are played.
namespace evenkeel::simulator {

/// The host's clocks; the ledger's thread reads them too.
class HostClock final : public Clock {
public:
    [[nodiscard]] Now read() const override {
        const std::lock_guard lock{mutex_};
        return {
            .boot = BootTime{t_ - boot0_},
            .utc = epoch + std::chrono::duration_cast<std::chrono::microseconds>(t_)};
    }
    void set(nanoseconds t) {
        const std::lock_guard lock{mutex_};
        t_ = t;
    }
    /// The host was started at `t`.
    void booted(nanoseconds t) {
        const std::lock_guard lock{mutex_};
        boot0_ = t;
    }

private:
    mutable std::mutex mutex_;
    nanoseconds t_{};
    nanoseconds boot0_{-std::chrono::hours{1}};
};

/// How much there is to do: so many machines stay busy.
struct Demand {
    nanoseconds from{};
    nanoseconds to{};
    int machines{1};
};

/// Plays requests: counters as the gate would show them.
class PlayedGateway final : public inference::Gateway {
public:
    explicit PlayedGateway(const Clock& clock) : clock_{clock} {}

    int busy_machines{0};  ///< set by the story
    std::string address() const override { return "127.0.0.1:0"; }
    std::uint16_t port() const noexcept override { return 0; }
    void apply(std::shared_ptr<const routing::Catalogue>, gate::Policy limits) override {
        budgets_ = limits.budgets;
    }
    void budget_booked(NameIx budget, std::int64_t report, UtcTime resets) override;
    void budget_added(NameIx budget, std::int64_t report) override;
    void key_changed(const gate::KeyLimits&) override {}
    void key_spent(NameIx, std::int64_t) override {}
    void recall(NameIx, NameIx, std::int64_t, BootTime) override {}
    Result<void> source_up(inference::SourceInfo source) override;
    void source_speed(NameIx, const gate::Speed&) override {}
    void source_load(NameIx, std::int64_t, int) override {}
    void ready_at(NameIx, std::optional<BootTime>) override {}
    void source_draining(NameIx source) override { sources_[source].takes_work = false; }
    void source_gone(NameIx source) override { sources_.erase(source); }
    void cancel_streams(NameIx source) override { sources_[source].in_flight = 0; }
    inference::GatewayCounters counters() const override;
    int in_flight(NameIx) const override { return 0; }
    void on_queue_event(std::function<void()>) override {}
    void on_source_trouble(Trouble) override {}
    void stop(std::chrono::milliseconds, std::function<void()> done) override { done(); }
    /// Sources that take requests now.
    [[nodiscard]] int serving() const;
    /// Requests move: to be called once a tick.
    void work();
    NameIx model{};

private:
    const Clock& clock_;
    std::map<NameIx, gate::SourceCounters> sources_{};
    std::vector<gate::BudgetLimit> budgets_{};
};

/// Asks engines through a function instead of a socket.
class PlayedProber final : public agent::Prober {
public:
    enum class Kind : std::uint8_t { health, accept };
    /// `done` is to be called with whether all is well, later, unless the agent died.
    using Ask = std::function<void(Kind, int port, std::function<void(bool)> done)>;
    explicit PlayedProber(Ask ask) : ask_{std::move(ask)} {}
    void health(
        agent::EngineAt engine,
        std::chrono::milliseconds limit,
        std::function<void(Result<inference::engine::Health>)> done) override;
    void accept(
        agent::EngineAt engine,
        inference::engine::Expected expected,
        std::chrono::milliseconds limit,
        std::function<void(Result<inference::engine::Acceptance>)> done) override;

private:
    Ask ask_;
};

class AgentRun {
public:
    struct World {
        HostClock& clock;
        std::vector<Cloud*> clouds;
        std::function<nanoseconds()> now;
        std::function<void(
            const std::string&, agent::ProviderRunner::Lane, agent::ProviderRunner::Job)>
            run_job;
        PlayedProber::Ask ask;
        agent::Fleet::StepListener stepped;
        std::string boot_id;
    };
    /// Starts as the daemon does: takes over what `state` holds.
    AgentRun(World world, std::filesystem::path state, const config::Config& config);
    /// Everything not committed by now is lost when the folder was copied before.
    ~AgentRun();

    /// One turn of the control loop.
    void tick();
    /// Something waits for the ledger.
    [[nodiscard]] bool commits_wait() const;

    agent::Inbox inbox{};
    PlayedGateway gateway;
    PlayedProber prober;
    routing::NameTable names{};
    std::unique_ptr<ledger::Ledger> books{};
    std::unique_ptr<ledger::LedgerBooks> adapter{};
    std::shared_ptr<const routing::Catalogue> catalogue{};
    std::unique_ptr<agent::Fleet> fleet{};
    std::unique_ptr<agent::Market> market{};
    std::unique_ptr<agent::Exposure> exposure{};
    std::unique_ptr<agent::Renter> renter{};

private:
    void recover(const std::filesystem::path& state);

    World world_;
    BootTime next_sweep_{};
    BootTime next_bill_{};
};

/// Providers "near" and "far", model "m" and no API: what waits is what rents. `safety` is put
/// behind the other keys of that name, for example ", max_rate: 14 USD/h".
[[nodiscard]] config::Config simulated_config(int machines_max, std::string_view safety);

}  // namespace evenkeel::simulator
