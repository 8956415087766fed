#include "policies/replay/simulation.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

/// Requests. Machines are in machines.cpp, time in run.cpp.
namespace evenkeel::replay {

namespace {

constexpr NameIx the_model{1};
constexpr NameIx the_key{2};
constexpr NameIx the_route{3};
constexpr NameIx the_api{4};
constexpr std::int32_t first_own = 100;
constexpr int api_slots = 1'000'000;  ///< the API has no limit here
constexpr std::int64_t guess_at_first = 256;
constexpr std::int64_t typical_in = 1'000;
constexpr std::int64_t typical_out = 250;
/// Between ticks of the control loop, as the daemon's.
constexpr std::chrono::nanoseconds real_tick = std::chrono::seconds{1};
constexpr std::chrono::nanoseconds api_grace = std::chrono::minutes{1};

BootTime boot_time_of(std::chrono::nanoseconds t) {
    return BootTime{t};
}

std::size_t place_of(capacity::EngineModel::SeqId id) {
    return static_cast<std::size_t>(id & 0xFFFF'FFFFu) - 1;
}

}  // namespace

Simulation::Simulation(const Options& options, Planner* planner, Overflowed overflowed)
    : options_{options},
      planner_{planner},
      overflowed_{std::move(overflowed)},
      scaling_{options.scaling},
      price_in_{options.api_price.in},
      price_out_{options.api_price.out},
      gate_{gate::Policy{
          .queue_limit = static_cast<int>(trace_rows_max), .routing = options.routing}} {
    has_api_ = options.api_price.in.num() > 0 || options.api_price.out.num() > 0;
    by_rule_ = options.policy == ReplayPolicy::break_even;
    for (const Price* price :
         {&options.machine_price,
          &options.api_price.in,
          &options.api_price.out,
          &options.power_price}) {
        if (currency_.is_none() && price->num() > 0) {
            currency_ = price->currency();
        }
    }
    if (scaling_.max_price.num() == 0) {
        scaling_.max_price = options.machine_price;
    }
}

/// One boot before the first request, so that `always_n` is ready when it comes.
void Simulation::begin(Nanos start) {
    t_ = start - options_.boot;
    tick_every_ =
        std::max<Nanos>(real_tick / options_.constants.speed, std::chrono::milliseconds{1});
    if (by_rule_) {
        next_tick_ = t_;
    } else if (planner_ != nullptr) {
        next_tick_ = planner_->next();
    }
    const bool own = options_.policy != ReplayPolicy::api_only;
    for (std::size_t i = 0; own && i < options_.own.size(); ++i) {
        const capacity::Profile& profile = options_.own[i];
        const bool stated = i < options_.own_slots.size() && options_.own_slots[i] > 0;
        hosts_.push_back(std::make_unique<Host>(Host{
            .source = NameIx{first_own + static_cast<std::int32_t>(i)},
            .engine = capacity::EngineModel{profile, t_},
            .slots = stated ? options_.own_slots[i] : profile.seqs}));
        add_worker(*hosts_.back(), true);
        own_rate_ += capacity::least_seconds(options_.rented, typical_in, typical_out) /
                     capacity::least_seconds(profile, typical_in, typical_out);
    }
    if (has_api_) {
        gate_.worker_changed(
            {.source = the_api, .kind = SourceKind::api, .slots = api_slots}, now(), effects_);
    }
    if (options_.policy == ReplayPolicy::always_n) {
        order(options_.always);
    }
    perform();
}

Now Simulation::now() const {
    return {
        .boot = boot_time_of(t_),
        .utc = UtcTime{std::chrono::duration_cast<std::chrono::microseconds>(t_)}};
}

// ---- requests ---------------------------------------------------------------------------------

void Simulation::note(Host& host, SeqId seq, std::uint32_t request) {
    const std::size_t place = place_of(seq);
    if (place >= host.places.size()) {
        host.places.resize(place + 1);
    }
    if (host.places[place].seq != 0) {
        host.ending.push_back(host.places[place]);
    }
    host.places[place] = {.seq = seq, .request = request};
}

std::uint32_t Simulation::take(Host& host, SeqId seq) {
    Prompt& place = host.places[place_of(seq)];
    if (place.seq == seq) {
        return std::exchange(place, {}).request;
    }
    const auto found = std::ranges::find(host.ending, seq, &Prompt::seq);
    const std::uint32_t request = found->request;
    host.ending.erase(found);
    return request;
}

void Simulation::arrive(const TraceRow& row) {
    std::uint32_t request = 0;
    if (unused_.empty()) {
        request = static_cast<std::uint32_t>(live_.size());
        live_.emplace_back();
    } else {
        request = unused_.back();
        unused_.pop_back();
    }
    ++alive_;
    ++sums_.requests;
    const bool by_worker = options_.policy != ReplayPolicy::api_only;
    std::int64_t guess = options_.tokens_out_guess;
    if (guess == 0) {
        guess = answered_ > 0 ? tokens_out_ / answered_ : guess_at_first;
    }
    const Nanos budget =
        options_.slo.first_token + Nanos{options_.slo.first_token_per_1k} * row.tokens_in / 1'000;
    gate::Arrival arrival{
        .cookie = request,
        .key = the_key,
        .route = the_route,
        .model = by_worker ? the_model : NameIx{},
        .tokens_in = row.tokens_in,
        .tokens_out = guess,
        .tokens_out_room = guess + static_cast<std::int64_t>(deviation_out_),
        .overflow_at = BootTime::max(),
        .first_token_by = boot_time_of(t_ + budget),
        .per_output_token = options_.slo.per_output_token,
        .api_first_token = options_.api_first_token,
        .streams = true};
    arrival.give_up_at =
        boot_time_of(t_ + (options_.max_wait ? Nanos{*options_.max_wait} : 2 * budget));
    live_[request] = {.row = row};
    if (has_api_) {
        const std::int64_t cost = price_in_.cost(row.tokens_in, Rounding::half_even) +
                                  price_out_.cost(row.tokens_out, Rounding::half_even);
        live_[request].api_nanos = cost;
        arrival.apis[0] = {
            .source = the_api,
            .hold = Money{cost, currency_},
            .hold_report = cost,
            .expected_report =
                price_in_.cost(row.tokens_in, Rounding::up) + price_out_.cost(guess, Rounding::up)};
        arrival.api_count = 1;
        // The last moment at which the API is in time, less what patience leaves.
        const Nanos left = std::max(budget - options_.api_first_token, Nanos{0});
        const Nanos patience = options_.max_wait ? Nanos{*options_.max_wait}
                                                 : left / 1'000 * options_.slo.patience_millis;
        arrival.overflow_at = boot_time_of(by_worker ? t_ + patience : t_);
        arrival.give_up_at = arrival.overflow_at + api_grace;
    }
    live_[request].handle = gate_.arrive(arrival, now(), effects_);
    perform();
}

void Simulation::grant(const gate::Effect& effect) {
    const auto request = static_cast<std::uint32_t>(effect.cookie);
    Live& live = live_[request];
    if (effect.source_kind == SourceKind::api) {
        live.place = Place::api;
        live.first_token = t_ + options_.api_first_token;
        const std::int64_t more = std::max<std::int64_t>(0, live.row.tokens_out - 1);
        api_ends_.push(
            {.at = live.first_token + Nanos{options_.api_per_token} * more, .request = request});
        if (overflowed_) {
            overflowed_(live.row);
        }
        return;
    }
    Host& host = *by_source_[static_cast<std::size_t>(effect.source.value())];
    live.place = host.rented ? Place::rental : Place::own;
    live.host = &host;
    live.seq = host.engine.add(live.row.tokens_in, live.row.tokens_out, t_);
    note(host, live.seq, request);
    host.prompts.push_back({.seq = live.seq, .request = request});
    host.next = host.engine.next_event();
    tell_load(host);
    ++host.running;
    ++busy_;
}

/// What engines report of themselves.
void Simulation::tell_load(const Host& host) {
    const auto room = static_cast<double>(host.engine.profile().kv_tokens);
    gate_.worker_load(
        host.source,
        static_cast<std::int64_t>(host.engine.kv_usage() * room),
        host.engine.waiting(),
        now(),
        effects_);
}

/// Nothing is streamed before the first token, so the request may go.
void Simulation::recall(const gate::Effect& effect) {
    Live& live = live_[static_cast<std::size_t>(effect.cookie)];
    Host& host = *by_source_[static_cast<std::size_t>(effect.source.value())];
    if (live.host != &host || host.engine.first_token(live.seq)) {
        return;
    }
    host.engine.cancel(live.seq, t_);
    host.next = host.engine.next_event();
    static_cast<void>(take(host, live.seq));
    live.host = nullptr;
    --host.running;
    --busy_;
    tell_load(host);
    gate_.leave(live.handle, now(), effects_);
}

void Simulation::refused(const gate::Effect& effect) {
    const auto request = static_cast<std::uint32_t>(effect.cookie);
    ++sums_.refused;
    late_nanos_ += live_[request].api_nanos;
    unused_.push_back(request);
    --alive_;
}

/// Does what the gate said, and what the gate says to that.
void Simulation::perform() {
    for (std::size_t i = 0; i < effects_.size(); ++i) {
        const gate::Effect effect = effects_[i];
        switch (effect.kind) {
            case gate::EffectKind::grant:
                grant(effect);
                break;
            case gate::EffectKind::refuse:
                refused(effect);
                break;
            case gate::EffectKind::recall:
                recall(effect);
                break;
            case gate::EffectKind::queued:
                break;
        }
    }
    effects_.clear();
}

void Simulation::finish(std::uint32_t request, Nanos finished) {
    const Live live = live_[request];
    const std::int64_t out = live.row.tokens_out;
    ++answered_;
    tokens_out_ += out;
    const double share = 1.0 / static_cast<double>(answered_);
    mean_out_ += (static_cast<double>(out) - mean_out_) * share;
    deviation_out_ += (std::abs(static_cast<double>(out) - mean_out_) - deviation_out_) * share;
    switch (live.place) {
        case Place::own:
            ++sums_.answered_own;
            break;
        case Place::rental:
            ++sums_.answered_rental;
            break;
        case Place::api:
        case Place::nowhere:
            ++sums_.answered_api;
            api_nanos_ += live.api_nanos;
            break;
    }
    const config::Slo& slo = options_.slo;
    const Nanos first =
        slo.first_token + Nanos{slo.first_token_per_1k} * live.row.tokens_in / 1'000;
    waits_.add(live.first_token - live.row.at);
    if (live.first_token - live.row.at <= first &&
        finished - live.row.at <= first + Nanos{slo.per_output_token} * out) {
        ++sums_.within_limit;
    } else {
        late_nanos_ += live.api_nanos;
    }
    unused_.push_back(request);
    --alive_;
    gate_.finish(
        live.handle,
        {.charged_report = live.place == Place::api ? live.api_nanos : 0,
         .tokens_in = live.row.tokens_in,
         .tokens_out = out},
        now(),
        effects_);
    perform();
}

void Simulation::tell_first_tokens(Host& host) {
    while (!host.prompts.empty()) {
        const Prompt prompt = host.prompts.front();
        const Live& live = live_[prompt.request];
        if (live.host == &host && live.seq == prompt.seq) {
            if (!host.engine.first_token(prompt.seq)) {
                return;
            }
            gate_.first_token(live.handle, now(), effects_);
        }
        host.prompts.pop_front();
    }
}

void Simulation::advance_engines() {
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
        Host& host = *hosts_[i];
        if (host.next > t_) {
            continue;
        }
        ended_.clear();
        host.engine.advance(t_, ended_);
        host.next = host.engine.next_event();
        tell_load(host);
        tell_first_tokens(host);
        perform();
        for (std::size_t e = 0; e < ended_.size(); ++e) {
            const capacity::EngineModel::Ended end = ended_[e];
            const std::uint32_t request = take(host, end.id);
            live_[request].first_token = end.first_token;
            live_[request].host = nullptr;
            host.last_busy = t_;
            --host.running;
            --busy_;
            finish(request, end.finished);
        }
    }
}

void Simulation::api_ends() {
    while (!api_ends_.empty() && api_ends_.top().at <= t_) {
        const ApiEnd end = api_ends_.top();
        api_ends_.pop();
        finish(end.request, end.at);
    }
}

}  // namespace evenkeel::replay
