// The picture of the running agent that people see.
#include "agent/control/control.hpp"
#include "agent/report/nodes.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <unistd.h>
#include <utility>

namespace evenkeel::agent {

namespace {

constexpr std::chrono::seconds pace_every{1};
constexpr std::chrono::seconds driver_silence_max{15};

std::int64_t ms(std::chrono::nanoseconds time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

std::string host_name() {
    std::array<char, 256> name{};
    ::gethostname(name.data(), name.size() - 1);
    return name.data();
}

std::string_view per_text(config::BudgetPer per) {
    switch (per) {
        case config::BudgetPer::hour:
            return "hour";
        case config::BudgetPer::day:
            return "day";
        case config::BudgetPer::month:
            return "month";
    }
    return "";
}

/// "serving", "starting: the engine is loading", "down: refused".
std::string state_text(const ConfiguredSource& source) {
    if (source.up) {
        return source.info.kind == SourceKind::api ? "ready" : "serving";
    }
    const std::string phase = source.phase.empty() ? std::string{"down"} : source.phase;
    return source.trouble.empty() ? phase : fmt::format("{}: {}", phase, source.trouble);
}

}  // namespace

MachineView Control::machine_view(const Seat& seat, Now now) const {
    const lifecycle::Machine& machine = seat.machine;
    const Price& price = machine.real_price.value_or(machine.intent_price);
    const bool gone = machine.state == MachineState::gone;
    MachineView view{
        .id = id_to_text(machine.id.value()),
        .name = seat.source_name,
        .machine = machine.name,
        .provider = machine.provider,
        .remote_id = machine.remote_id,
        .gpu = plain_gpu(machine.gpu.empty() ? machine.gpu_wanted : machine.gpu),
        .model = machine.model,
        .state = std::string{to_text(machine.state)},
        .in_flight = seat.in_flight,
        .reason = machine.end_reason.code == ReasonCode::none
                      ? std::string{}
                      : sentence(machine.end_reason, catalogue_->config.currency.report.text()),
        .synthetic = seat.names.synthetic,
        .state_for_ms = ms(now.boot - machine.state_at.boot),
        .age_ms = machine.billed_from ? ms((machine.gone_at ? machine.gone_at->boot : now.boot) -
                                           machine.billed_from->boot)
                                      : 0,
        .paid = gone ? seat.paid : lifecycle::accrued(machine, now),
        .rate = price.per_display_unit(),
        .useful_percent = seat.useful_percent(now)};
    if (gone) {
        view.gone_how = std::string{to_text(machine.gone_how)};
        view.state_for_ms = std::max<std::int64_t>(view.state_for_ms, 0);
        return view;
    }
    const std::time_t latest =
        std::chrono::floor<std::chrono::seconds>(machine.expires).time_since_epoch().count();
    view.phase = machine.phase ? to_text(*machine.phase) : std::string_view{};
    view.overdue = machine.billed_from && now.utc > machine.expires;
    view.ends = machine.end_asked ? view.reason
                                  : fmt::format("{:%H:%M} UTC at the latest", fmt::gmtime(latest));
    return view;
}

std::vector<SourceView> Control::source_views(Now now) {
    const config::CurrencyRules& rules = catalogue_->config.currency;
    std::map<NameIx, std::int64_t> queued;
    for (const gate::ModelCounters& model : counters_.models) {
        queued[model.model] = model.queued;
    }
    const auto count = [&](SourceView& view, NameIx ix) {
        const auto found = std::ranges::find(counters_.sources, ix, &gate::SourceCounters::source);
        if (found != counters_.sources.end()) {
            view.busy = found->in_flight;
            view.slots = found->slots;
            view.granted = found->granted;
            view.failed = found->failed;
        }
        view.tokens_per_s = pace_.per_second.contains(ix) ? pace_.per_second.at(ix) : 0;
    };
    const auto measure = [&](SourceView& view, std::string_view name) {
        const auto [model, offer] = catalogue_->config.offer(name);
        const capacity::Learned* learned =
            offer == nullptr ? nullptr : speeds_.measured(*model, *offer);
        if (learned != nullptr) {
            const capacity::Profile found = capacity::profile_of(*learned, {});
            view.measured = MeasuredView{
                .step_us = std::llround(found.alpha_s * 1e6),
                .step_more_us = std::llround(found.beta_s * 1e6),
                .prompt_tokens_per_s = std::llround(found.prefill_tok_s),
                .windows = learned->samples};
        }
    };
    std::vector<SourceView> views;
    for (const auto& [ix, source] : sources_.all()) {
        SourceView view{
            .name = source.info.name,
            .kind = std::string{to_text(source.info.kind)},
            .what = source.what,
            .model = std::string{names_.text(source.info.model)},
            .state = state_text(source),
            .synthetic = source.info.synthetic,
            .slots = source.info.slots,
            .queue = source.info.kind == SourceKind::api ? 0 : queued[source.info.model],
            .for_s = ms(now.boot - source.since) / 1000};
        const auto& all = catalogue_->config.hardware;
        const auto hardware = std::ranges::find(all, source.hardware, &config::Hardware::name);
        if (hardware != all.end()) {
            view.gpus = hardware->gpus;
        }
        count(view, ix);
        measure(view, source.info.name);
        views.push_back(std::move(view));
    }
    for (const auto& [id, seat] : fleet_.seats()) {
        const lifecycle::Machine& machine = seat.machine;
        const Price& price = machine.real_price.value_or(machine.intent_price);
        const auto rate = routing::to_report(rules, price.per_display_unit(), Rounding::half_even);
        SourceView view{
            .name = seat.source_name,
            .kind = "rental",
            .what = fmt::format(
                "{} (rented)", plain_gpu(machine.gpu.empty() ? machine.gpu_wanted : machine.gpu)),
            .model = machine.model,
            .state = std::string{to_text(machine.state)},
            .synthetic = seat.names.synthetic,
            .cost_rate = Money{rate.value_or(0), rules.report},
            .for_s = ms(now.boot - machine.state_at.boot) / 1000};
        count(view, seat.names.source);
        measure(view, machine.offer);
        views.push_back(std::move(view));
    }
    std::ranges::sort(views, [](const SourceView& a, const SourceView& b) {
        const auto order = [](const std::string& kind) {
            return kind == "own" ? 0 : kind == "rental" ? 1 : 2;
        };
        return std::pair{order(a.kind), a.name} < std::pair{order(b.kind), b.name};
    });
    return views;
}

std::vector<UnknownView> Control::unknown_views(UtcTime now) const {
    const config::Safety& safety = catalogue_->config.safety;
    std::vector<UnknownView> views;
    for (const Stranger& stranger : fleet_.strangers()) {
        const lifecycle::Seen& seen = stranger.finding.seen;
        const config::Provider* provider = catalogue_->config.provider(stranger.provider);
        UnknownView view{
            .provider = stranger.provider,
            .remote_id = seen.remote_id,
            .name = seen.name,
            .gpu = plain_gpu(seen.gpu),
            .ours = stranger.ours(),
            .verdict = std::string{to_text(stranger.finding.verdict)},
            .synthetic = provider != nullptr && provider->synthetic};
        view.ends = !view.ours ? "not ours: never touched"
                    : stranger.finding.verdict == lifecycle::Verdict::wait
                        ? fmt::format("destroyed within {} s", ms(safety.orphan_grace) / 1000 + 1)
                        : "nobody: adopt or destroy";
        const auto age = now - seen.created;
        if (seen.created != UtcTime{} && age > age.zero()) {
            view.age_ms = ms(age);
        }
        if (seen.price) {
            view.rate = seen.price->per_display_unit();
            if (view.age_ms > 0) {
                view.paid = seen.price->cost_of(age, Rounding::up);
            }
        }
        views.push_back(std::move(view));
    }
    return views;
}

void Control::add_machines(View& view, Now now) const {
    const config::Config& config = catalogue_->config;
    for (const auto& [id, seat] : fleet_.seats()) {
        view.machines.push_back(machine_view(seat, now));
        const auto unposted = routing::to_report(
            config.currency,
            lifecycle::accrued(seat.machine, now) - seat.paid,
            Rounding::half_even);
        view.unposted +=
            Money{std::max<std::int64_t>(unposted.value_or(0), 0), config.currency.report};
    }
    for (const Seat& seat : fleet_.gone()) {
        if (seat.machine.gone_at && now.utc - seat.machine.gone_at->utc < report::gone_shown) {
            view.machines_gone.push_back(machine_view(seat, now));
        }
    }
    view.unknown = unknown_views(now.utc);
    view.hazards = fleet_.hazards();
    view.money_hazard = !view.hazards.empty();
    for (const config::Provider& provider : config.providers) {
        if (provider.kind == config::ProviderKind::rental) {
            Market::Standing standing = market_.standing(provider.name);
            view.providers.push_back(
                {.name = provider.name,
                 .driver = provider.driver,
                 .known = standing.known,
                 .balance = standing.balance,
                 .troubles = std::move(standing.troubles),
                 .figures = fleet_.figures(provider.name)});
        }
    }
    view.prices = report::price_rows(
        config, [this](const config::Offer& offer) -> std::optional<std::pair<Price, UtcTime>> {
            const auto found = market_.find(offer);
            return found ? std::optional{std::pair{found->price, found->seen}} : std::nullopt;
        });
}

Money Control::own_rate(Now now) const {
    const config::CurrencyRules& rules = catalogue_->config.currency;
    const auto price = tariff_at(catalogue_->config.energy, options_.zone, now.utc);
    if (!price) {
        return Money{0, rules.report};
    }
    constexpr std::int64_t microjoules_per_mwh = 3'600'000;  // of one milliwatt for an hour
    const Money hour = price->cost(power_.milliwatts() * microjoules_per_mwh, Rounding::half_even);
    return Money{routing::to_report(rules, hour, Rounding::half_even).value_or(0), rules.report};
}

std::vector<BudgetView> Control::budget_views(Now now) const {
    const config::Config& config = catalogue_->config;
    const Currency report = config.currency.report;
    std::vector<BudgetView> views;
    for (std::size_t i = 0; i < catalogue_->budgets.size(); ++i) {
        const config::Budget& stated = config.budgets[i];
        const auto budget =
            std::ranges::find(counters_.budgets, catalogue_->budgets[i], &gate::BudgetLimit::name);
        if (budget != counters_.budgets.end()) {
            views.push_back(
                {.name = stated.name,
                 .per = std::string{per_text(stated.per)},
                 .limit = Money{budget->limit, report},
                 .spent = Money{budget->settled, report},
                 .held = Money{budget->held, report},
                 .from = ledger::window_start(stated.per, options_.zone, now.utc),
                 .until = ledger::window_end(stated.per, options_.zone, now.utc)});
        }
    }
    return views;
}

void Control::publish() {
    if (!catalogue_) {
        return;
    }
    const Now now = parts_.clock.read();
    if (now.boot - pace_.at >= pace_every) {
        const auto elapsed = std::max<std::int64_t>(ms(now.boot - pace_.at), 1);
        for (const gate::SourceCounters& source : counters_.sources) {
            std::int64_t& last = pace_.tokens[source.source];
            pace_.per_second[source.source] = (source.tokens_out - last) * 1000 / elapsed;
            last = source.tokens_out;
        }
        pace_.at = now.boot;
    }
    const config::Config& config = catalogue_->config;
    const Currency report = config.currency.report;
    auto view = std::make_shared<View>();
    view->version = options_.version;
    view->host = host_name();
    view->pid = ::getpid();
    view->started = started_utc_;
    view->made = now.utc;
    view->uptime_s = ms(now.boot - started_) / 1000;
    view->policy_revision = catalogue_->revision;
    view->policy_loaded = catalogue_loaded_;
    view->control_since = control_since_;
    view->speed = config.speed;
    view->state = stopping_ ? "stopping" : ready_ ? "serving" : "starting";
    view->frozen = freeze_.has_value();
    if (freeze_) {
        view->frozen_by = fmt::format(
            "{}{}{}",
            freeze_->by.empty() ? "somebody" : freeze_->by,
            freeze_->reason.empty() ? "" : ": ",
            freeze_->reason);
    }
    view->rented = static_cast<int>(fleet_.seats().size());
    view->rented_max = config.safety.max_machines;
    view->currency = config.currency;
    view->config = {catalogue_, &config};
    view->cost_rate = Money{exposure_.rate(), report};
    view->own_rate = own_rate(now);
    if (const auto& most = config.safety.max_per_day) {
        if (const auto turned = routing::to_report(config.currency, *most, Rounding::down)) {
            view->max_per_day = Money{*turned, report};
        }
    }
    view->sources = source_views(now);
    for (const gate::ModelCounters& model : counters_.models) {
        view->queues.push_back(
            {.model = std::string{names_.text(model.model)},
             .depth = model.queued,
             .oldest_ms = model.queued == 0 ? 0 : ms(now.boot - model.oldest_arrival),
             .tokens = model.queued_tokens_in + model.queued_tokens_out});
    }
    add_machines(*view, now);
    view->budgets = budget_views(now);
    view->requests = {
        .total = totals_.total,
        .answered = totals_.answered,
        .refused = totals_.refused,
        .cut = totals_.cut,
        .failed = totals_.failed,
        .client_gone = totals_.client_gone,
        .invalid = totals_.invalid,
        .own = totals_.own,
        .rental = totals_.rental,
        .api = totals_.api};
    const ledger::Health health = parts_.ledger.health();
    view->ledger_ok = health.writable && health.problem.empty();
    view->ledger_path = (options_.state / ledger::ledger_file).string();
    view->decisions.assign(renter_.decisions().begin(), renter_.decisions().end());
    view->rules = rule_views();
    view->warnings = view->hazards;
    view->warnings.insert(view->warnings.end(), catalogue_->notes.begin(), catalogue_->notes.end());
    const auto retirements = routing::retirement_notes(
        catalogue_->config, std::chrono::floor<std::chrono::days>(now.utc));
    view->warnings.insert(view->warnings.end(), retirements.begin(), retirements.end());
    for (const auto& more :
         {drivers_.warnings(), sources_.warnings(), market_.warnings(), fleet_.warnings()}) {
        view->warnings.insert(view->warnings.end(), more.begin(), more.end());
    }
    const std::deque<std::string>& bills = fleet_.bill_alarms();
    view->warnings.insert(view->warnings.end(), bills.begin(), bills.end());
    view->gpus = gpus_;
    for (const inference::gpu::GpuReading& reading : gpus_->gpus) {
        if (reading.verdict.sick) {
            view->warnings.push_back(reading.verdict.why);
        }
    }
    if (const auto silence = now.boot - std::max(gpus_->at, gpus_since_);
        sampler_ && silence > driver_silence_max) {
        view->warnings.push_back(fmt::format(
            "the NVIDIA driver has not answered for {} s: its GPUs are not watched, and what they "
            "draw is counted when it answers again. `nvidia-smi` and `dmesg` say more",
            std::chrono::duration_cast<std::chrono::seconds>(silence).count()));
    }
    if (!health.problem.empty()) {
        view->warnings.push_back(health.problem);
    }
    if (view->frozen) {
        view->warnings.push_back(fmt::format(
            "spending is frozen by {}; nothing is rented or bought. Allow it again: evenkeel thaw",
            view->frozen_by));
    }
    parts_.board.publish(std::move(view));
}

}  // namespace evenkeel::agent
