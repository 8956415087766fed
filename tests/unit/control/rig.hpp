#pragma once

#include "agent/control/exposure.hpp"
#include "agent/control/fleet.hpp"
#include "policies/config/load.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// The fleet over a real ledger, with a cloud, a gateway and a clock of the test's own.
namespace evenkeel::agent::control_rig {

using namespace std::chrono_literals;

/// As ManualClock, but read by the ledger's thread while the test moves it.
class SharedClock final : public Clock {
public:
    [[nodiscard]] Now read() const override {
        const std::lock_guard lock{mutex_};
        return now_;
    }
    void advance(std::chrono::nanoseconds by) {
        const std::lock_guard lock{mutex_};
        now_.boot += by;
        now_.utc += std::chrono::duration_cast<std::chrono::microseconds>(by);
    }

private:
    mutable std::mutex mutex_;
    Now now_{.boot = BootTime{1h}, .utc = ledger::test_start};
};

/// What a cloud has and was asked, kept apart from what the agent believes. Thread-safe.
class Cloud {
public:
    std::mutex mutex{};
    std::map<std::string, providers::RemoteMachine> machines{};
    std::vector<std::string> created{};    ///< names, in order
    std::vector<std::string> destroyed{};  ///< remote ids asked for, in order
    int lists{0};
    bool throws_on_create{false};  ///< after the effect
    bool deletes{true};            ///< false: says so and leaves the machine
    bool list_fails{false};
    bool destroy_fails{false};
    bool names_prices{true};
    std::string gpu{"H100"};  ///< what the market calls the GPU it has
    std::vector<providers::BillLine> bill{};
    std::optional<Errc> bill_fails{};
    Result<providers::Account> account{};

    [[nodiscard]] std::size_t count() {
        const std::lock_guard lock{mutex};
        return machines.size();
    }
    [[nodiscard]] std::size_t deletions() {
        const std::lock_guard lock{mutex};
        return destroyed.size();
    }
    /// A machine out of nowhere that carries `mark`.
    void put(const std::string& id, const std::string& name, const std::string& mark, UtcTime at);
};

class CloudDriver final : public providers::Provider {
public:
    CloudDriver(Cloud& cloud, const Clock& clock) : cloud_{cloud}, clock_{clock} {}
    std::string_view name() const noexcept override { return "cloud"; }
    providers::StartForm start_form() const noexcept override { return providers::StartForm::own; }
    Result<std::vector<providers::MarketOffer>> offers(std::stop_token) override;
    Result<providers::RemoteMachine> create(
        const providers::MachineSpec& spec, std::stop_token) override;
    Result<std::vector<providers::RemoteMachine>> list(std::stop_token) override;
    Result<providers::RemoteMachine> get(const std::string& id, std::stop_token) override;
    Result<void> destroy(const std::string& id, std::stop_token) override;
    Result<std::vector<providers::BillLine>> billing(std::stop_token) override;
    Result<providers::Account> account(std::stop_token) override;

private:
    Cloud& cloud_;
    const Clock& clock_;
};

/// Remembers what it was told.
class QuietGateway : public inference::Gateway {
public:
    std::map<NameIx, std::int64_t> added{};
    std::map<NameIx, std::int64_t> booked{};
    std::map<NameIx, UtcTime> resets_at{};
    std::vector<std::string> told{};  ///< "up 7", "draining 7", "gone 7"

    std::string address() const override { return "127.0.0.1:0"; }
    std::uint16_t port() const noexcept override { return 0; }
    void apply(std::shared_ptr<const routing::Catalogue>, gate::Policy limits) override {
        policy = std::move(limits);
        applied.push_back(policy.revision);
    }
    void budget_booked(NameIx budget, std::int64_t report, UtcTime resets) override {
        booked[budget] = report;
        resets_at[budget] = resets;
    }
    void budget_added(NameIx budget, std::int64_t report) override { added[budget] += report; }
    void key_changed(const gate::KeyLimits& limits) override {
        keys.insert_or_assign(limits.rate.name, limits);
    }
    void key_spent(NameIx key, std::int64_t report) override {
        spent_before[key].push_back(report);
    }
    void recall(NameIx key, NameIx, std::int64_t tokens, BootTime) override {
        recalled[key].push_back(tokens);
    }
    std::map<NameIx, gate::KeyLimits> keys{};
    std::map<NameIx, std::vector<std::int64_t>> spent_before{};
    std::map<NameIx, std::vector<std::int64_t>> recalled{};
    Result<void> source_up(inference::SourceInfo source) override {
        told.push_back("up " + source.name);
        return {};
    }
    void source_speed(NameIx source, const gate::Speed& speed) override {
        const std::lock_guard lock{mutex};
        speeds[source] = speed;
    }
    void source_load(NameIx source, std::int64_t cache_tokens, int waiting) override {
        const std::lock_guard lock{mutex};
        loads[source] = {cache_tokens, waiting};
    }
    void ready_at(NameIx model, std::optional<BootTime> at) override {
        const std::lock_guard lock{mutex};
        if (at) {
            ready.insert_or_assign(model, *at);
        } else {
            ready.erase(model);
        }
    }
    void source_draining(NameIx source) override { tell("draining", source); }
    void source_gone(NameIx source) override { tell("gone", source); }
    void cancel_streams(NameIx source) override { tell("cancel", source); }
    inference::GatewayCounters counters() const override { return {.gate = counted, .totals = {}}; }
    int in_flight(NameIx) const override { return 0; }
    void on_queue_event(std::function<void()>) override {}
    void on_source_trouble(Trouble) override {}
    void stop(std::chrono::milliseconds, std::function<void()> done) override { done(); }

    gate::Policy policy{};
    std::vector<std::int64_t> applied{};  ///< revisions, in order
    gate::Counters counted{};
    std::mutex mutex{};
    std::map<NameIx, gate::Speed> speeds{};
    std::map<NameIx, BootTime> ready{};  ///< by model
    std::map<NameIx, std::pair<std::int64_t, int>> loads{};

private:
    void tell(const char* what, NameIx source) {
        told.push_back(std::string{what} + " " + std::to_string(source.value()));
    }
};

/// providers "cloud" and "cloud-two" (one account each of `Rig::cloud`), model "m", budget "all".
[[nodiscard]] config::Config small_config();

/// What outlives a restart of the agent.
struct World {
    SharedClock clock{};
    Cloud cloud{};
    ledger::TemporaryFolder folder{};
    std::chrono::milliseconds awaited_wait{5s};  ///< of the ledger
    [[nodiscard]] std::filesystem::path state() const { return folder.path() / "state"; }
};

/// One run of an agent: make another in the same world for a restart.
class Rig {
public:
    explicit Rig(World& world, config::Config config = small_config());
    ~Rig();

    /// Answers and commits that are under way, then ticks; `n` times with a second in between.
    void rounds(int n = 1, std::chrono::nanoseconds pause = 1s);
    /// Runs rounds until `done`, at most `limit` virtual seconds; whether it became true.
    [[nodiscard]] bool until(const std::function<bool()>& done, int limit = 1'200);
    void settle();
    [[nodiscard]] Order order_of(const std::string& provider = "cloud") const;
    void order(const std::string& provider = "cloud");
    [[nodiscard]] std::int64_t open_holds() const;
    [[nodiscard]] std::optional<ledger::MachineView> row(const std::string& remote_id) const;

    World& world;
    SharedClock& clock{world.clock};
    Cloud& cloud{world.cloud};
    std::unique_ptr<ledger::Ledger> books{};
    std::unique_ptr<ledger::LedgerBooks> adapter{};
    QuietGateway gateway{};
    routing::NameTable names{};
    Inbox inbox{};
    Prober prober{inbox};
    std::vector<std::string> events{};  ///< of committed steps
    std::vector<std::string> refused{};
    std::shared_ptr<const routing::Catalogue> catalogue{};
    std::unique_ptr<Fleet> fleet{};
};

}  // namespace evenkeel::agent::control_rig
