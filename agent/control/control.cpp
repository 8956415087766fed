#include "agent/control/control.hpp"

#include "agent/control/budget_figures.hpp"
#include "agent/ledger/reader.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
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
/// More than any limit, and far from overflowing when more is added.
constexpr std::int64_t budget_closed = std::numeric_limits<std::int64_t>::max() / 4;

}  // namespace

namespace {

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
      sources_{
          {inbox_,
           parts_.clock,
           parts_.ledger,
           parts_.gateway,
           prober_,
           names_,
           parts_.credentials}},
      power_{
          parts_.ledger,
          options_.zone,
          [this](const std::string& hardware, Money amount, UtcTime at) {
              return count_power(hardware, amount, at);
          }},
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
    thread_ = std::jthread{[this](std::stop_token stop) { run(std::move(stop)); }};
}

Result<std::int64_t> Control::apply(
    config::Config config, std::string text, std::string author, std::chrono::milliseconds limit) {
    enum class Stage : std::uint8_t { waiting, applying, given_up };
    struct Attempt {
        std::atomic<Stage> stage{Stage::waiting};
        std::promise<Result<std::int64_t>> answer{};
    };
    auto attempt = std::make_shared<Attempt>();
    auto future = attempt->answer.get_future();
    std::string stored = text;
    ++policies_under_way_;
    parts_.ledger.policy(
        std::move(stored),
        std::move(author),
        [this, attempt, inbox = inbox_, config = std::move(config), text = std::move(text)](
            Result<std::int64_t> revision) mutable {
            if (!revision) {
                inbox.post([this] { policy_stored(0); });
                attempt->answer.set_value(std::move(revision));
                return;
            }
            inbox.post([this,
                        attempt,
                        config = std::move(config),
                        text = std::move(text),
                        number = *revision]() mutable {
                Stage expected = Stage::waiting;
                if (attempt->stage.compare_exchange_strong(expected, Stage::applying)) {
                    apply_revision(std::move(config), number);
                    text_ = std::move(text);
                    text_row_ = number;
                    attempt->answer.set_value(number);
                }
                policy_stored(number);
            });
        });
    if (future.wait_for(limit) != std::future_status::ready) {
        Stage expected = Stage::waiting;
        if (attempt->stage.compare_exchange_strong(expected, Stage::given_up)) {
            return fail(
                Errc::timed_out,
                "the ledger did not store the policy in time; nothing changed. Look at the disk, "
                "then try again");
        }
    }
    return future.get();
}

/// The newest row is to be the policy in force, also after one that was stored when nobody waited
/// for it any more.
void Control::policy_stored(std::int64_t row) {
    newest_policy_ = std::max(newest_policy_, row);
    if (--policies_under_way_ > 0 || !text_ || newest_policy_ == text_row_) {
        return;
    }
    ++policies_under_way_;
    parts_.ledger.policy(
        *text_, "evenkeel", [this, inbox = inbox_](const Result<std::int64_t>& stored) {
            inbox.post([this, row = stored.value_or(0)] {
                text_row_ = row > 0 ? row : newest_policy_;  // one that failed is not tried again
                policy_stored(row);
            });
        });
}

/// Keeps rates and token prices of the policy, so that old rows stay readable when they change.
void Control::note_prices(Now now) {
    const config::Config& config = catalogue_->config;
    for (const auto& [currency, rate] : config.currency.rates) {
        parts_.ledger.fx_seen(
            {.base = currency,
             .quote = config.currency.report,
             .num = rate.rate_nanos,
             .den = 1'000'000'000,
             .as_of = std::chrono::sys_days{rate.as_of}});
    }
    for (const config::Model& model : config.models) {
        for (const config::Offer& offer : model.offers) {
            if (!offer.token_price) {
                continue;
            }
            const UtcTime seen = offer.seen ? UtcTime{std::chrono::sys_days{*offer.seen}} : now.utc;
            const NameIx ix = names_.intern(routing::NameKind::offer, offer.name);
            const auto note = [&](const char* meter, const Price& price) {
                parts_.ledger.price_seen(
                    {.offer = ix, .meter = meter, .price = price, .seen = seen, .from = seen});
            };
            note("in", offer.token_price->in);
            note("out", offer.token_price->out);
        }
    }
}

/// What the books say that the scope of each budget has cost in its window; nothing where they
/// cannot tell, which then counts as all: closed, not open.
std::optional<std::int64_t> Control::spent_in_books(const config::Budget& budget, Now now) {
    auto reader = ledger::Reader::open(options_.state);
    if (!reader) {
        spdlog::error("budget={} {}", budget.name, reader.error().message);
        return std::nullopt;
    }
    const auto spent =
        spent_in_window(*reader, catalogue_->config, budget, names_, options_.zone, now.utc);
    if (!spent) {
        spdlog::error("budget={} counts as used up: {}", budget.name, spent.error().message);
        return std::nullopt;
    }
    return *spent;
}

/// Fills in what budgets have used that the gate does not know: all of them at the start; after a
/// reload those that are new or have another window or scope.
std::vector<std::size_t> Control::seed_budgets(
    gate::Policy& policy, const routing::Catalogue* before, Now now) {
    std::vector<std::size_t> changed;
    for (std::size_t i = 0; i < policy.budgets.size(); ++i) {
        const config::Budget& budget = catalogue_->config.budgets[i];
        if (before != nullptr) {
            const auto old =
                std::ranges::find(before->config.budgets, budget.name, &config::Budget::name);
            const bool same = old != before->config.budgets.end() && old->per == budget.per &&
                              old->scope == budget.scope && !closed_budgets_.contains(budget.name);
            if (same) {
                continue;
            }
        }
        const auto spent = spent_in_books(budget, now);
        if (!spent) {
            closed_budgets_.insert(budget.name);
            policy.budgets[i].settled = budget_closed;
        } else {
            closed_budgets_.erase(budget.name);
            policy.budgets[i].settled = before != nullptr ? *spent + exposure_.unposted(fleet_, i)
                                                          : used_at_start(
                                                                parts_.ledger.recovered(),
                                                                catalogue_->budgets[i],
                                                                budget,
                                                                *spent,
                                                                options_.zone,
                                                                now.utc);
        }
        changed.push_back(i);
    }
    return changed;
}

void Control::apply_revision(config::Config config, std::int64_t revision) {
    const Now now = parts_.clock.read();
    drivers_.apply(config);
    const std::shared_ptr<const routing::Catalogue> before = catalogue_;
    catalogue_ = routing::compile(std::move(config), revision, names_);
    catalogue_loaded_ = now.utc;
    parts_.books.use(*catalogue_);
    fleet_.apply(catalogue_);
    exposure_.apply(catalogue_, now);
    gate::Policy limits = routing::gate_policy(*catalogue_);
    const std::vector<std::size_t> seeded = seed_budgets(limits, before.get(), now);
    parts_.gateway.apply(catalogue_, limits);
    for (const std::size_t i : seeded) {
        // A budget that kept its name kept its figures in the gate.
        parts_.gateway.budget_booked(catalogue_->budgets[i], limits.budgets[i].settled);
    }
    if (!before) {
        renter_.recover(parts_.ledger.recovered().rent_states);
        recall_nights(now);
    }
    renter_.apply(catalogue_);
    if (!recovered_) {
        recovered_ = true;
        recover(now);
    } else {
        fleet_.sweep();  // a new provider is listed before anything is rented
    }
    drain_unnamed();
    note_prices(now);
    market_.apply(catalogue_);
    sources_.apply(*catalogue_);
    for (const std::string& note : catalogue_->notes) {
        spdlog::warn("{}", note);
    }
    spdlog::info(
        "policy revision={} models={} routes={} speed={}",
        revision,
        catalogue_->config.models.size(),
        catalogue_->config.routes.size(),
        catalogue_->config.speed);
    publish();
}

/// Machines whose rule the policy no longer has would idle until their latest end.
void Control::drain_unnamed() {
    std::vector<MachineId> unnamed;
    for (const auto& [id, seat] : fleet_.seats()) {
        const bool named = std::ranges::any_of(
            catalogue_->config.scaling,
            [&](const config::Scaling& rule) { return rule.model == seat.machine.model; });
        if (!named && !seat.machine.end_asked) {
            unnamed.push_back(id);
        }
    }
    for (const MachineId id : unnamed) {
        fleet_.drain(id, Reason{ReasonCode::rent_over_max, {1, 0}});
    }
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

std::future<Result<std::string>> Control::create_key(std::string name) {
    auto promise = std::make_shared<std::promise<Result<std::string>>>();
    auto future = promise->get_future();
    inbox_.post([this, promise, name = std::move(name)] {
        const NameIx ix = names_.intern(routing::NameKind::key, name);
        auto key = ledger::make_key(name, ix, parts_.clock.read().utc);
        if (!key) {
            promise->set_value(std::unexpected{key.error()});
            return;
        }
        parts_.ledger.add_key(
            key->row,
            [&keys = parts_.keys, promise, row = key->row, text = key->text](Result<void> stored) {
                if (!stored) {
                    promise->set_value(std::unexpected{stored.error()});
                    return;
                }
                keys.add(row);
                promise->set_value(text);
            });
    });
    return future;
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
        if (queue_event_.load()) {
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
    market_.tick();
    fleet_.tick(counters_);
    exposure_.tick(fleet_, now);
    counters_.budgets = parts_.gateway.counters().gate.budgets;  // with what was just added
    meter_power(now);
    pace_watch_.tick(counters_, catalogue_->config.speed);
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
    if (!ready_ && fleet_.listed_once() && sources_.looked()) {
        ready_ = true;
    }
    when_stopped();
    publish();
}

std::vector<ledger::BudgetShare> Control::count_power(
    const std::string& hardware, Money amount, UtcTime at) {
    const auto report = routing::to_report(catalogue_->config.currency, amount, Rounding::up);
    if (!report) {
        return {};
    }
    const std::uint64_t bits = own_budgets(catalogue_->config, hardware);
    auto shares = parts_.books.shares(catalogue_->revision, bits, *report, at);
    for (const ledger::BudgetShare& share : shares) {
        parts_.gateway.budget_added(share.budget, share.amount_report);
    }
    return shares;
}

void Control::meter_power(Now now) {
    std::set<std::string> busy;
    std::map<std::string, NameIx> reported;
    for (const auto& [ix, source] : sources_.all()) {
        if (source.hardware.empty()) {
            continue;
        }
        reported.try_emplace(source.hardware, ix);
        const auto counted =
            std::ranges::find(counters_.sources, ix, &gate::SourceCounters::source);
        if (counted != counters_.sources.end() && counted->in_flight > 0) {
            busy.insert(source.hardware);
        }
    }
    power_.tick(catalogue_->config, busy, reported, now);
}

void Control::stop(bool keep, bool at_once, std::function<void()> done) {
    inbox_.post([this, keep, at_once, done = std::move(done)]() mutable {
        const bool first = !stopping_;
        stopping_ = true;
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
    if (keep_ ? fleet_.ordering() == 0 : fleet_.settled()) {
        power_.close(catalogue_->config, parts_.clock.read());
        std::exchange(stopped_, {})();
        return;
    }
    if (!keep_) {
        // An order that was between hold and intent when we stopped appears only now.
        fleet_.end_all(false, Reason{ReasonCode::agent_stopping});
    }
}

}  // namespace evenkeel::agent
