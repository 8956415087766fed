#include "inference/gateway/gateway.hpp"

#include "inference/gateway/hub.hpp"
#include "inference/gateway/loop.hpp"
#include "inference/http/address.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

namespace evenkeel::inference {

namespace {

constexpr int threads_max = 64;
/// How long the destructor waits for a ledger that takes nothing any more.
constexpr std::chrono::seconds last_wait{10};

/// Answers when the last loop has let go of it, whether that had something to add or has ended.
class Gathered {
public:
    explicit Gathered(std::function<void(std::vector<LiveRequest>)> done)
        : done_{std::move(done)} {}
    ~Gathered() { done_(std::move(all_)); }
    Gathered(const Gathered&) = delete;
    Gathered& operator=(const Gathered&) = delete;
    void add(const std::vector<LiveRequest>& some) {
        const std::lock_guard lock{mutex_};
        all_.insert(all_.end(), some.begin(), some.end());
    }

private:
    std::function<void(std::vector<LiveRequest>)> done_;
    std::mutex mutex_{};
    std::vector<LiveRequest> all_{};
};

class Plant final : public Gateway {
public:
    Plant(GatewayOptions options, const Clock& clock)
        : options_{std::move(options)}, hub_{clock, options_} {}
    Plant(const Plant&) = delete;
    Plant& operator=(const Plant&) = delete;

    ~Plant() override {
        if (!started_) {
            return;
        }
        stop(std::chrono::milliseconds::zero(), {});
        {
            std::unique_lock lock{mutex_};
            over_.wait_for(lock, last_wait, [this] { return running_ == 0; });
        }
        for (const auto& loop : loops_) {
            loop->context().stop();
        }
        for (const auto& loop : loops_) {
            loop->join();
        }
    }

    [[nodiscard]] Result<void> open(Books& books, const KeyRing& keys) {
        if (options_.threads < 1 || options_.threads > threads_max) {
            return fail(
                Errc::invalid_argument,
                fmt::format(
                    "{} data-path threads: 1 to {} are possible", options_.threads, threads_max));
        }
        std::string address = options_.listen;
        // Listeners that share a port (SO_REUSEPORT) would share it with another agent of the same
        // user as well: first see that nobody else has it.
        auto place = http::parse_address(address);
        if (!place) {
            return std::unexpected{place.error()};
        }
        if (const auto alone = http::open_listener(*place, false); !alone) {
            return std::unexpected{alone.error()};
        }
        std::vector<LoopPort*> ports;
        for (int i = 0; i < options_.threads; ++i) {
            auto loop =
                std::make_unique<Loop>(static_cast<std::uint16_t>(i), hub_, books, keys, options_);
            auto listening = loop->listen(address, options_.threads > 1);
            if (!listening) {
                return listening;
            }
            address = loop->address();  // with the port that was picked
            ports.push_back(loop.get());
            loops_.push_back(std::move(loop));
        }
        hub_.connect(std::move(ports));
        hub_.rearm = [this] { loops_.front()->rearm_gate(); };
        running_ = options_.threads;
        started_ = true;
        for (const auto& loop : loops_) {
            loop->start();
        }
        spdlog::info("gateway_listening address={} threads={}", address, options_.threads);
        return {};
    }

    [[nodiscard]] std::string address() const override { return loops_.front()->address(); }
    [[nodiscard]] std::uint16_t port() const noexcept override { return loops_.front()->port(); }

    void apply(std::shared_ptr<const routing::Catalogue> catalogue, gate::Policy limits) override {
        hub_.apply(std::move(catalogue), std::move(limits));
    }
    void budget_booked(NameIx budget, std::int64_t settled_report, UtcTime resets) override {
        hub_.budget_booked(budget, settled_report, resets);
    }
    void budget_added(NameIx budget, std::int64_t report) override {
        hub_.budget_added(budget, report);
    }
    void key_changed(const gate::KeyLimits& limits) override { hub_.key_changed(limits); }
    void key_spent(NameIx key, std::int64_t report) override { hub_.key_spent(key, report); }
    void recall(NameIx key, NameIx route, std::int64_t tokens, BootTime at) override {
        hub_.recall(key, route, tokens, at);
    }

    [[nodiscard]] Result<void> source_up(SourceInfo info) override {
        auto source = make_source(std::move(info));
        if (!source) {
            return std::unexpected{source.error()};
        }
        hub_.source_up(std::move(*source));
        return {};
    }
    void source_speed(NameIx source, const gate::Speed& speed) override {
        hub_.source_speed(source, speed);
    }
    void source_load(NameIx source, std::int64_t cache_tokens, int waiting) override {
        hub_.source_load(source, cache_tokens, waiting);
    }
    void ready_at(NameIx model, std::optional<BootTime> at) override { hub_.ready_at(model, at); }
    void source_draining(NameIx source) override { hub_.source_draining(source); }
    void source_gone(NameIx source) override {
        hub_.source_gone(source);
        for (const auto& loop : loops_) {
            loop->cancel_source(source, true);
        }
    }
    void cancel_streams(NameIx source) override {
        for (const auto& loop : loops_) {
            loop->cancel_source(source, false);
        }
    }

    [[nodiscard]] GatewayCounters counters() const override {
        GatewayCounters out;
        hub_.counters(out.gate);
        const Tally& tally = hub_.tally();
        GatewayTotals& totals = out.totals;
        const auto outcome = [&tally](Outcome which) {
            return tally.outcomes[static_cast<std::size_t>(which)].load();
        };
        const auto kind = [&tally](SourceKind which) {
            return tally.kinds[static_cast<std::size_t>(which)].load();
        };
        totals.answered = outcome(Outcome::answered);
        totals.client_gone = outcome(Outcome::client_gone);
        totals.refused = outcome(Outcome::refused);
        totals.invalid = outcome(Outcome::invalid);
        totals.failed = outcome(Outcome::failed);
        totals.cut = outcome(Outcome::cut);
        totals.total = tally.total.load();  // after the outcomes: in_flight never falls below 0
        totals.in_flight = totals.total - totals.answered - totals.client_gone - totals.refused -
                           totals.invalid - totals.failed - totals.cut;
        totals.own = kind(SourceKind::own);
        totals.rental = kind(SourceKind::rental);
        totals.api = kind(SourceKind::api);
        totals.unauthorized = tally.unauthorized.load();
        totals.upstream_tries = tally.upstream_tries.load();
        totals.records_waiting = tally.records_waiting.load();
        for (const auto& loop : loops_) {
            totals.connections += loop->connections();
        }
        return out;
    }

    [[nodiscard]] int in_flight(NameIx source) const override {
        gate::Counters counters;
        hub_.counters(counters);
        for (const gate::SourceCounters& each : counters.sources) {
            if (each.source == source) {
                return each.in_flight;
            }
        }
        return 0;
    }

    void live(std::size_t most, std::function<void(std::vector<LiveRequest>)> done) override {
        const auto gathered = std::make_shared<Gathered>(std::move(done));
        for (const auto& loop : loops_) {
            loop->live(most, [gathered](std::vector<LiveRequest> some) { gathered->add(some); });
        }
    }

    void on_queue_event(std::function<void()> callback) override {
        hub_.on_queue_event(std::move(callback));
    }
    void on_source_trouble(Trouble callback) override { hub_.on_trouble(std::move(callback)); }

    void stop(std::chrono::milliseconds drain, std::function<void()> done) override {
        {
            const std::lock_guard lock{mutex_};
            if (!done_ && done) {
                done_ = std::move(done);
            }
        }
        hub_.stop();
        for (const auto& loop : loops_) {
            loop->stop(drain, [this] { loop_over(); });
        }
    }

private:
    void loop_over() {
        std::function<void()> done;
        {
            const std::lock_guard lock{mutex_};
            if (--running_ == 0) {
                done = done_;
                over_.notify_all();
            }
        }
        if (done) {
            done();
        }
    }

    GatewayOptions options_;
    Hub hub_;
    std::vector<std::unique_ptr<Loop>> loops_{};
    std::mutex mutex_{};
    std::condition_variable over_{};
    std::function<void()> done_{};
    int running_{0};
    bool started_{false};
};

}  // namespace

Result<std::unique_ptr<Gateway>> Gateway::start(
    GatewayOptions options, Books& books, const KeyRing& keys, const Clock& clock) {
    auto plant = std::make_unique<Plant>(std::move(options), clock);
    auto opened = plant->open(books, keys);
    if (!opened) {
        return std::unexpected{opened.error()};
    }
    return plant;
}

}  // namespace evenkeel::inference
