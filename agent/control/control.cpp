#include "agent/control/control.hpp"

#include "agent/control/budget_figures.hpp"
#include "agent/ledger/reader.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <optional>
#include <pthread.h>
#include <set>
#include <utility>

namespace evenkeel::agent {

namespace {

constexpr std::chrono::seconds tick_every{1};
/// Queue events wake the loop at once, but a busy queue must not make it spin.
constexpr std::chrono::milliseconds tick_pause{20};
constexpr std::chrono::nanoseconds bill_every = std::chrono::hours{1};  ///< divided by speed
/// Vendors close their books by the month: a machine may be billed for so long after its end.
constexpr std::chrono::days bills_within{40};

std::set<std::string> providers_with_machines(const ledger::Recovered& recovered) {
    std::set<std::string> names;
    for (const ledger::Recovered::Machine& machine : recovered.machines) {
        const auto name =
            std::ranges::find(recovered.names, machine.row.provider, &ledger::NameRow::ix);
        if (name != recovered.names.end() && !machine.row.remote_id.empty()) {
            names.insert(name->text);
        }
    }
    return names;
}

}  // namespace

Control::Control(Parts parts, ControlOptions options)
    : parts_{parts},
      options_{std::move(options)},
      prober_{inbox_},
      fleet_{
          {inbox_, parts_.clock, parts_.ledger, parts_.books, parts_.gateway, prober_, names_},
          {.owner_mark = options_.owner_mark,
           .engine_secret = options_.engine_secret,
           .boot_id = options_.boot_id,
           .ids = IdGenerator{1, parts_.ledger.recovered().last_id}},
          [this](const lifecycle::Step& step) { renter_.stepped(step); }},
      drivers_{
          {parts_.clock,
           parts_.credentials,
           fleet_,
           inbox_,
           options_.state,
           providers_with_machines(parts_.ledger.recovered())},
          options_.owner_mark},
      market_{fleet_, parts_.clock, parts_.ledger, names_},
      exposure_{parts_.gateway, options_.zone},
      key_limits_{parts_.gateway, parts_.books, names_, options_.zone, options_.state},
      sources_{
          {inbox_,
           parts_.clock,
           parts_.ledger,
           parts_.gateway,
           prober_,
           names_,
           parts_.credentials}},
      own_engines_{
          {.inbox = inbox_,
           .clock = parts_.clock,
           .gateway = parts_.gateway,
           .prober = prober_,
           .sources = sources_,
           .names = names_,
           .mark = options_.owner_mark}},
      power_{
          parts_.ledger,
          options_.zone,
          [this](const std::string& hardware, Money amount, UtcTime at) {
              return count_power(hardware, amount, at);
          }},
      gpu_history_{parts_.ledger},
      speeds_{options_.state},
      engines_{{parts_.clock, prober_, parts_.gateway, speeds_}},
      renter_{{parts_.clock, parts_.ledger, fleet_, market_, exposure_, names_, &speeds_}},
      heartbeat_file_{options_.state},
      nightly_{options_.state, options_.zone} {
    check_freeze();  // before the first request could be paid for
    for (const ledger::NameRow& row : parts_.ledger.recovered().names) {
        names_.restore(row.ix, row.kind, row.text);
    }
    names_.on_new([this](NameIx ix, routing::NameKind kind, std::string_view text) {
        parts_.ledger.name({.ix = ix, .kind = kind, .text = std::string{text}});
    });
    const Now now = parts_.clock.read();
    started_ = now.boot;
    started_utc_ = now.utc;
    parts_.gateway.on_queue_event([this] {
        if (!queue_event_.exchange(true)) {
            inbox_.post([] {});
        }
    });
    parts_.gateway.on_source_trouble([this](NameIx source, const Error&) {
        inbox_.post([this, source] { sources_.suspect(source); });
    });
}

Control::~Control() {
    parts_.gateway.on_queue_event({});
    parts_.gateway.on_source_trouble({});
    if (thread_.joinable()) {
        thread_.request_stop();
        inbox_.post([] {});
        thread_.join();
    }
    speeds_.save();
    // Commits under way answer into the inbox; what comes too late is dropped with its last handle.
    if (const auto flushed = parts_.ledger.flush(); !flushed) {
        spdlog::error("{}", flushed.error().message);
    }
}

void Control::start() {
    if (!options_.nvml.empty()) {
        gpus_since_ = parts_.clock.read().boot;
        sampler_ = std::make_unique<inference::gpu::Sampler>(parts_.clock, options_.nvml);
    }
    thread_ = std::jthread{[this](std::stop_token stop) { run(std::move(stop)); }};
    ::pthread_setname_np(thread_.native_handle(), "control");
}

void Control::recover(Now now) {
    const ledger::Recovered& recovered = parts_.ledger.recovered();
    std::int64_t today = 0;
    if (auto reader = ledger::Reader::open(options_.state)) {
        const std::int64_t day = ledger::day_number(options_.zone, now.utc);
        if (auto rows = reader->spend(day, day)) {
            for (const ledger::SpendRow& row : *rows) {
                if (row.kind == SourceKind::rental) {
                    today += routing::to_report(catalogue_->config.currency, row.paid, Rounding::up)
                                 .value_or(0);
                }
            }
        }
        if (auto machines = reader->machines(now.utc - bills_within)) {
            fleet_.remember_gone(*machines);
        }
    }
    for (const ledger::OpenHold& hold : recovered.machine_holds) {
        if (!is_live(recovered, hold.hold.machine)) {
            continue;  // the fleet releases it
        }
        today += routing::to_report(catalogue_->config.currency, hold.hold.amount, Rounding::up)
                     .value_or(0);
    }
    exposure_.start_day(today, now);
    for (const ledger::Recovered::Machine& machine : recovered.machines) {
        const auto& rules = catalogue_->config.currency;
        std::int64_t counted = routing::to_report(rules, machine.paid, Rounding::up).value_or(0);
        for (const ledger::OpenHold& hold : recovered.machine_holds) {
            if (hold.hold.machine == machine.row.id) {
                counted += routing::to_report(rules, hold.hold.amount, Rounding::up).value_or(0);
            }
        }
        exposure_.known(machine.row.id, counted);
    }
    fleet_.recover(recovered);
    // Before anything is rented, what the providers have is compared with what the rows say.
    fleet_.sweep();
    fleet_.want_bills();
    next_sweep_ = now.boot + catalogue_->config.safety.leak_scan;
    next_bill_ = now.boot + bill_every / catalogue_->config.speed;
}

void Control::run(std::stop_token stop) {
    BootTime next_tick = parts_.clock.read().boot;
    BootTime last_tick{};
    while (!stop.stop_requested()) {
        const BootTime now = parts_.clock.read().boot;
        const auto pause = std::max(next_tick - now, BootClock::duration{0});
        for (const Inbox::Item& item : inbox_.take(pause)) {
            item();
        }
        const BootTime after = parts_.clock.read().boot;
        if (queue_event_.load() || own_engines_.wants_look()) {
            next_tick = std::min(next_tick, last_tick + tick_pause);
        }
        next_tick = std::min(next_tick, std::max(fleet_.next_wake(), last_tick + tick_pause));
        if (after >= next_tick) {
            queue_event_ = false;
            tick();
            last_tick = after;
            next_tick = after + tick_every;
        }
        ++heartbeat_;
    }
}

void Control::tick() {
    if (!catalogue_) {
        return;
    }
    const Now now = parts_.clock.read();
    inference::GatewayCounters all = parts_.gateway.counters();
    counters_ = std::move(all.gate);
    totals_ = all.totals;
    sources_.tick(counters_);
    own_engines_.tick(counters_);
    market_.tick();
    fleet_.tick(counters_);
    exposure_.tick(fleet_, now);
    key_limits_.tick(now);
    counters_.budgets = parts_.gateway.counters().gate.budgets;  // with what was just added
    mind_gpus(now);
    pace_watch_.tick(counters_, catalogue_->config.speed);
    spare_memory_.tick(totals_.connections, now.boot);
    mind_speeds(now);
    if (now.boot >= next_sweep_) {
        next_sweep_ = now.boot + catalogue_->config.safety.leak_scan;
        fleet_.sweep();
    }
    if (now.boot >= next_bill_) {
        next_bill_ = now.boot + bill_every / catalogue_->config.speed;
        fleet_.want_bills();
    }
    drivers_.tick();
    check_freeze();
    book_reaped(now);
    heartbeat_file_.beat(now);
    look_at_night(now);
    renter_.tick(
        counters_,
        {.frozen = freeze_.has_value(),
         .ledger_ok = parts_.ledger.health().writable,
         .stopping = stopping_ || !fleet_.listed_once()});
    tell_ready_times(now);
    if (!ready_ && fleet_.listed_once() && sources_.looked()) {
        ready_ = true;
    }
    when_stopped();
    publish();
}

void Control::stop(bool keep, bool at_once, std::function<void()> done) {
    inbox_.post([this, keep, at_once, done = std::move(done)]() mutable {
        const bool first = !stopping_;
        stopping_ = true;
        own_engines_.stop(at_once);
        fleet_.brake(true);
        keep_ = keep;
        if (first) {
            stopped_ = std::move(done);
        }
        if (!keep_ && (first || at_once)) {
            fleet_.end_all(at_once, Reason{ReasonCode::agent_stopping});
        }
        when_stopped();
    });
}

void Control::when_stopped() {
    if (!stopping_ || !stopped_) {
        return;
    }
    const bool settled = keep_ ? fleet_.ordering() == 0 : fleet_.settled();
    if (settled && own_engines_.gone()) {
        power_.close(catalogue_->config, parts_.clock.read());
        gpu_history_.close();
        std::exchange(stopped_, {})();
        return;
    }
    if (!keep_ && !settled) {
        // An order that was between hold and intent when we stopped appears only now.
        fleet_.end_all(false, Reason{ReasonCode::agent_stopping});
    }
}

}  // namespace evenkeel::agent
