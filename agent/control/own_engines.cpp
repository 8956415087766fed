#include "agent/control/own_engines.hpp"

#include "policies/engines/memory.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace evenkeel::agent {

namespace {

using engines::milliseconds;
using engines::State;
using engines::Wish;

constexpr milliseconds load_guess{60'000};
constexpr milliseconds wake_guess{5'000};
/// Steps of one engine in one look; a life that goes round faster than this is a mistake of ours.
constexpr int steps_max = 8;

const config::Hardware* hardware_of(const config::Config& config, const std::string& name) {
    const auto found = std::ranges::find(config.hardware, name, &config::Hardware::name);
    return found == config.hardware.end() ? nullptr : &*found;
}

EngineAt place_of(const config::Provider& provider) {
    const auto place = parse_endpoint(provider.url);
    return {
        .host = place ? place->host : std::string{},
        .port = place ? place->port : std::uint16_t{0},
        .kind = &inference::engine::kind_of(provider.engine)};
}

/// What changes only by a new start.
bool same_process(const config::Provider& a, const config::Provider& b) {
    return a.start.command == b.start.command && a.start.env == b.start.env && a.url == b.url &&
           a.engine == b.engine && a.hardware == b.hardware;
}

}  // namespace

std::string OwnEngines::mark_of(const Engine& engine) const {
    return fmt::format("{}/{}", parts_.mark, engine.provider.name);
}

void OwnEngines::fill(Engine& engine) {
    const config::Config& config = catalogue_->config;
    for (const config::Model& model : config.models) {
        const auto offer =
            std::ranges::find(model.offers, engine.provider.name, &config::Offer::on);
        if (offer == model.offers.end()) {
            continue;
        }
        engine.source = parts_.names.intern(routing::NameKind::source, offer->name);
        engine.model = parts_.names.intern(routing::NameKind::model, model.name);
        engine.model_name = offer->model.empty() ? model.name : offer->model;
        engine.context = model.context;
        engine.memory_bytes = 0;
        engine.asleep_bytes = 0;
        const config::Hardware* box = hardware_of(config, engine.provider.hardware);
        if (box != nullptr) {
            engine.memory_bytes =
                engines::engine_bytes(engine.provider, model, *offer, *box).value_or(0);
            engine.asleep_bytes =
                engines::asleep_gpu_bytes * std::max<std::int64_t>(std::ssize(box->gpus), 1);
        }
    }
}

void OwnEngines::apply(std::shared_ptr<const routing::Catalogue> catalogue) {
    catalogue_ = std::move(catalogue);
    const config::Config& config = catalogue_->config;
    if (!std::exchange(looked_for_orphans_, true)) {
        // Those whose provider is not named any more too: they are ended like any that is removed.
        const std::string prefix = parts_.mark + "/";
        for (const std::string& mark : parts_.orphans->marks(prefix)) {
            Engine& engine = engines_[mark.substr(prefix.size())];
            engine.provider.name = mark.substr(prefix.size());
            engine.at = place_of(engine.provider);
            engine.orphan = true;
            engine.life.since = parts_.clock.read().boot;
        }
    }
    for (auto& [name, engine] : engines_) {
        engine.named = false;
    }
    for (const config::Model& model : config.models) {
        for (const config::Offer& offer : model.offers) {
            const config::Provider* provider = config.provider(offer.on);
            if (provider->start.command.empty()) {
                continue;
            }
            auto [it, fresh] = engines_.try_emplace(provider->name);
            Engine& engine = it->second;
            engine.named = true;
            engine.next.reset();
            // Nothing is known of the command of one that an earlier daemon left.
            if (fresh || engine.provider.start.command.empty() ||
                same_process(engine.provider, *provider)) {
                engine.provider = *provider;
                engine.at = place_of(*provider);
            } else {
                engine.next = *provider;
            }
            if (fresh) {
                engine.life.since = parts_.clock.read().boot;
            }
            fill(engine);
        }
    }
    wants_look_ = true;
}

std::int64_t OwnEngines::room_of(const std::string& hardware) const {
    const config::Config& config = catalogue_->config;
    const config::Hardware* box = hardware_of(config, hardware);
    const auto room = box == nullptr ? std::nullopt : engines::room_bytes(*box);
    if (!room) {
        return 1;
    }
    // Engines that run without us stay where they are.
    std::int64_t taken = 0;
    for (const config::Model& model : config.models) {
        for (const config::Offer& offer : model.offers) {
            const config::Provider* provider = config.provider(offer.on);
            if (provider->kind == config::ProviderKind::local && provider->hardware == hardware &&
                provider->start.command.empty()) {
                taken += engines::engine_bytes(*provider, model, offer, *box).value_or(0);
            }
        }
    }
    return std::max<std::int64_t>(*room - taken, 1);
}

milliseconds OwnEngines::load_time(const Engine& engine) const {
    const State state = engine.life.state;
    const bool sleeps_next =
        engine.provider.start.sleeps &&
        (state == State::ready || state == State::draining || state == State::falling_asleep);
    if (sleeps_next || state == State::asleep || engine.load_is_wake) {
        return engine.wake_took.value_or(wake_guess);
    }
    return engine.load_took.value_or(engine.provider.start.load_guess.value_or(load_guess));
}

engines::Tenant OwnEngines::tenant(const Engine& engine, const gate::Counters& counters) const {
    const std::int64_t room = room_of(engine.provider.hardware);
    const bool known = room > 1 && engine.memory_bytes > 0;
    engines::Tenant out{
        .wish = engine.wish,
        .state = engine.orphan ? State::stopping : engine.life.state,
        .unloaded = engine.life.unloaded && !engine.orphan,
        .since = engine.life.since,
        .failures = engine.life.failures,
        .memory_bytes = known ? engine.memory_bytes : room,
        .asleep_bytes = known ? engine.asleep_bytes : 0,
        .sleeps = engine.provider.start.sleeps,
        .load = load_time(engine),
        .least_stay = engine.provider.start.least_stay};
    const auto source =
        std::ranges::find(counters.sources, engine.source, &gate::SourceCounters::source);
    if (source != counters.sources.end()) {
        out.in_flight = source->in_flight;
    }
    const auto model =
        std::ranges::find(counters.models, engine.model, &gate::ModelCounters::model);
    if (model != counters.models.end()) {
        out.waiting = model->queued;
        out.oldest = model->oldest_arrival;
    }
    return out;
}

void OwnEngines::decide_wishes(const gate::Counters& counters, BootTime now) {
    std::map<std::string, std::vector<Engine*>> boxes;
    for (auto& [name, engine] : engines_) {
        if (engine.provider.hardware.empty()) {
            engine.wish = Wish::run;  // nobody to share with
        } else if (engine.named) {
            boxes[engine.provider.hardware].push_back(&engine);
        }
    }
    for (auto& [hardware, sharers] : boxes) {
        std::vector<engines::Tenant> tenants;
        for (const Engine* engine : sharers) {
            tenants.push_back(tenant(*engine, counters));
        }
        const auto wishes = engines::share(tenants, room_of(hardware), now);
        for (std::size_t i = 0; i < sharers.size(); ++i) {
            Engine& engine = *sharers[i];
            if (engine.wish != wishes[i] && engine.life.state != State::off && !stopping_) {
                spdlog::info(
                    "engine={} {} on {}",
                    engine.provider.name,
                    wishes[i] == Wish::run ? "is wanted again" : "gives way to another",
                    hardware);
            }
            engine.wish = wishes[i];
        }
    }
}

bool OwnEngines::has_room(const Engine& engine, const gate::Counters& counters) const {
    if (engine.provider.hardware.empty()) {
        return true;
    }
    std::vector<engines::Tenant> tenants;
    std::size_t which = 0;
    for (const auto& [name, other] : engines_) {
        if (other.provider.hardware == engine.provider.hardware) {
            which = &other == &engine ? tenants.size() : which;
            tenants.push_back(tenant(other, counters));
        }
    }
    return engines::has_room(tenants, which, room_of(engine.provider.hardware));
}

engines::Limits OwnEngines::limits(const Engine& engine) const {
    const config::Start& start = engine.provider.start;
    engines::Limits out{
        .load = start.load_limit,
        .drain = start.drain,
        .grace = start.stop_grace,
        .sleeps = start.sleeps && !engine.at.kind->sleep_target.empty()};
    if (at_once_) {
        out.drain = milliseconds{0};
        out.grace = std::min(out.grace, milliseconds{1'000});
    }
    return out;
}

engines::Sight OwnEngines::sight(Engine& engine, const gate::Counters& counters) {
    const State state = engine.life.state;
    const bool ends = state == State::off || state == State::stopping;
    engines::Sight seen{.accepted = engine.accepted, .call = engine.call};
    if (engine.process) {
        const bool any = engine.process->alive();
        // While it should run the program itself counts; once it ends, whatever it has started.
        seen.alive = any && (ends || engine.process->ending().empty());
    } else if (engine.orphan) {
        engine.orphan = parts_.orphans->alive(mark_of(engine));
        seen.alive = engine.orphan;
    }
    const auto source = parts_.sources.all().find(engine.source);
    // On a GPU that is not trusted it gets no requests either, and is not what is wrong.
    const bool distrusted = parts_.sources.distrusts(engine.provider.hardware);
    seen.sick = source != parts_.sources.all().end() && source->second.admitted &&
                !source->second.up && !distrusted;
    const auto counted =
        std::ranges::find(counters.sources, engine.source, &gate::SourceCounters::source);
    seen.in_flight = counted == counters.sources.end() ? 0 : counted->in_flight;
    // What one of an earlier daemon holds, of a provider that is named no more, nobody knows.
    const bool strangers = std::ranges::any_of(engines_, [](const auto& entry) {
        return entry.second.orphan && entry.second.provider.start.command.empty();
    });
    seen.room = !distrusted && !strangers && has_room(engine, counters);
    return seen;
}

void OwnEngines::advance(Engine& engine, const gate::Counters& counters, BootTime now) {
    const engines::Limits rules = limits(engine);
    const bool ends = stopping_ || !engine.named || engine.next;
    const Wish wish = ends ? Wish::end : engine.wish;
    for (int i = 0; i < steps_max; ++i) {
        const engines::Step step =
            engines::step(engine.life, sight(engine, counters), wish, now, rules);
        const bool moved = step.life.state != engine.life.state;
        if (moved) {
            spdlog::info(
                "engine={} {} -> {}{}",
                engine.provider.name,
                to_text(engine.life.state),
                to_text(step.life.state),
                step.life.state == State::off && engine.process
                    ? " (" + engine.process->ending() + ")"
                    : "");
        }
        engine.life = step.life;
        if (moved && step.life.state == State::off && engine.process) {
            engine.trouble = engine.process->ending();
        }
        if (moved) {
            engine.call.reset();
        }
        perform(engine, step.what, now);
        if (!moved) {
            break;
        }
    }
    if (engine.life.state == State::off && engine.process && !engine.process->alive()) {
        engine.process.reset();
    }
    if (engine.life.state == State::starting) {
        ask(engine, now);
    }
}

void OwnEngines::tick(const gate::Counters& counters) {
    if (!catalogue_) {
        return;
    }
    wants_look_ = false;
    const BootTime now = parts_.clock.read().boot;
    decide_wishes(counters, now);
    for (auto& [name, engine] : engines_) {
        advance(engine, counters, now);
        if (engine.next && engine.life.state == State::off && !engine.process && !engine.orphan) {
            engine.provider = *std::exchange(engine.next, std::nullopt);
            engine.at = place_of(engine.provider);
            fill(engine);
            engine.life = {.since = now};
            engine.load_took.reset();
            wants_look_ = true;
        }
        show(engine, now);
    }
    std::erase_if(engines_, [](const auto& entry) {
        const Engine& engine = entry.second;
        return !engine.named && engine.life.state == State::off && !engine.process &&
               !engine.orphan;
    });
}

void OwnEngines::stop(bool at_once) {
    stopping_ = true;
    at_once_ = at_once_ || at_once;
    wants_look_ = true;
}

bool OwnEngines::gone() const noexcept {
    return std::ranges::none_of(engines_, [](const auto& entry) {
        const Engine& engine = entry.second;
        return engine.process || engine.orphan || engine.life.state != State::off;
    });
}

std::map<NameIx, BootTime> OwnEngines::coming() const {
    std::map<NameIx, BootTime> ready;
    const BootTime now = parts_.clock.read().boot;
    for (const auto& [name, engine] : engines_) {
        const State state = engine.life.state;
        if (engine.wish != Wish::run || engine.life.failures >= engines::hopeless_after) {
            continue;
        }
        if (state == State::starting || state == State::waking) {
            ready.emplace(engine.model, engine.load_began + load_time(engine));
        } else if (state == State::off || state == State::asleep) {
            ready.emplace(engine.model, std::max(now, engine.life.not_before) + load_time(engine));
        }
    }
    return ready;
}

}  // namespace evenkeel::agent
