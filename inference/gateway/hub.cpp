#include "inference/gateway/hub.hpp"

#include <algorithm>

namespace evenkeel::inference {

Hub::Hub(const Clock& clock, const GatewayOptions& options)
    : clock_{clock},
      trip_time_{options.breaker_time},
      gate_{gate::Policy{}},
      ids_{options.gateway, options.last_request_id} {}

std::shared_ptr<const World> Hub::world() const {
    const std::lock_guard lock{world_mutex_};
    return world_;
}

RequestId Hub::next_id(UtcTime now) {
    const std::lock_guard lock{id_mutex_};
    return RequestId{ids_.next(now)};
}

template <class Work>
void Hub::with_gate(std::uint16_t loop, gate::Effects& effects, Work&& work) {
    effects.clear();
    bool earlier = false;
    {
        const std::lock_guard lock{gate_mutex_};
        const Now now = clock_.read();
        work(now);
        forget_gone();
        const BootTime due = next_due();
        earlier = due < armed_;
        armed_ = std::min(armed_, due);
    }
    if (earlier && rearm) {
        rearm();
    }
    send(loop, effects);
}

void Hub::send(std::uint16_t loop, gate::Effects& effects) {
    const bool event = std::ranges::any_of(effects, [](const gate::Effect& effect) {
        return effect.kind != gate::EffectKind::grant || effect.source_kind == SourceKind::api;
    });
    while (true) {
        const auto other = std::ranges::find_if(
            effects, [loop](const gate::Effect& effect) { return effect.loop != loop; });
        if (other == effects.end()) {
            break;
        }
        const std::uint16_t target = other->loop;
        gate::Effects theirs;
        std::erase_if(effects, [target, &theirs](const gate::Effect& effect) {
            if (effect.loop == target) {
                theirs.push_back(effect);
            }
            return effect.loop == target;
        });
        loops_.at(target)->post_effects(std::move(theirs));
    }
    if (event) {
        const std::shared_lock lock{callback_mutex_};
        if (queue_event_) {
            queue_event_();
        }
    }
}

gate::Handle Hub::arrive(const gate::Arrival& arrival, gate::Effects& own) {
    retry_credit_.fetch_add(retries_per_five_requests, std::memory_order_relaxed);
    gate::Handle handle;
    with_gate(arrival.loop, own, [&](Now now) { handle = gate_.arrive(arrival, now, own); });
    return handle;
}

void Hub::cancel(std::uint16_t loop, gate::Handle handle, gate::Effects& own) {
    with_gate(loop, own, [&](Now now) { gate_.cancel(handle, now, own); });
}

void Hub::finish(
    std::uint16_t loop,
    gate::Handle handle,
    NameIx source,
    const gate::Finish& finish,
    gate::Effects& own) {
    with_gate(loop, own, [&](Now now) {
        const auto found = known_.find(source);
        if (finish.answered && found != known_.end()) {
            found->second.failures = 0;
        }
        gate_.finish(handle, finish, now, own);
    });
}

void Hub::retry(std::uint16_t loop, gate::Handle handle, gate::Effects& own) {
    with_gate(loop, own, [&](Now now) { gate_.retry(handle, now, own); });
}

void Hub::go_on(
    std::uint16_t loop,
    gate::Handle handle,
    BootTime give_up_at,
    const gate::Finish& so_far,
    gate::Effects& own) {
    with_gate(loop, own, [&](Now now) { gate_.go_on(handle, give_up_at, so_far, now, own); });
}

bool Hub::top_up(gate::Handle handle, std::int64_t more_report) {
    const std::lock_guard lock{gate_mutex_};
    return gate_.top_up(handle, more_report);
}

UtcTime Hub::budget_resets(const Reason& reason) const {
    if (reason.code != ReasonCode::budget_spent) {
        return {};
    }
    const std::lock_guard lock{gate_mutex_};
    return gate_.budget_resets(NameIx{static_cast<std::int32_t>(reason.args[2])});
}

void Hub::first_token(std::uint16_t loop, gate::Handle handle, gate::Effects& own) {
    with_gate(loop, own, [&](Now now) { gate_.first_token(handle, now, own); });
}

void Hub::leave(std::uint16_t loop, gate::Handle handle, gate::Effects& own) {
    with_gate(loop, own, [&](Now now) { gate_.leave(handle, now, own); });
}

bool Hub::take_retry() noexcept {
    std::int64_t credit = retry_credit_.load(std::memory_order_relaxed);
    while (credit >= 5) {
        const std::int64_t left = std::min(credit, retry_credit_start * 50) - 5;
        if (retry_credit_.compare_exchange_weak(credit, left, std::memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

void Hub::source_failed(NameIx source, const Error& error) {
    gate::Effects effects;
    with_gate(no_loop, effects, [&](Now now) {
        const auto found = known_.find(source);
        const bool is_spent = error.code == Errc::refused;
        if (found == known_.end() || (++found->second.failures < trips_after && !is_spent)) {
            return;
        }
        // Always free because everything fails at once, it would draw all requests to itself.
        found->second.failures = 0;
        found->second.tripped_until = now.boot + (is_spent ? spent_time : trip_time_);
        tell(found->second, now, effects);
    });
    const std::shared_lock lock{callback_mutex_};
    if (trouble_) {
        trouble_(source, error);
    }
}

void Hub::tell(Known& known, Now now, gate::Effects& effects) {
    known.worker.takes_work = known.wanted && known.tripped_until <= now.boot;
    gate_.worker_changed(known.worker, now, effects);
}

BootTime Hub::next_due() const {
    BootTime due = gate_.next_due();
    for (const auto& [source, known] : known_) {
        if (known.tripped_until != BootTime{}) {
            due = std::min(due, known.tripped_until);
        }
    }
    return due;
}

void Hub::forget_gone() {
    std::erase_if(going_, [this](NameIx source) {
        if (!gate_.worker_removed(source)) {
            return false;
        }
        known_.erase(source);
        return true;
    });
}

BootTime Hub::due(gate::Effects& own) {
    BootTime next{};
    with_gate(0, own, [&](Now now) {
        armed_ = BootTime::max();
        for (auto& [source, known] : known_) {
            if (known.tripped_until != BootTime{} && known.tripped_until <= now.boot) {
                known.tripped_until = {};
                tell(known, now, own);
            }
        }
        gate_.due(now, own);
        next = next_due();
        armed_ = next;
    });
    return next;
}

void Hub::apply(std::shared_ptr<const routing::Catalogue> catalogue, gate::Policy limits) {
    gate::Effects effects;
    // The gate first: it must know the new budgets before a request is planned with them.
    with_gate(no_loop, effects, [&](Now now) { gate_.apply(std::move(limits), now, effects); });
    const std::lock_guard lock{world_mutex_};
    auto next = std::make_shared<World>(*world_);
    next->catalogue = std::move(catalogue);
    world_ = std::move(next);
}

void Hub::budget_booked(NameIx budget, std::int64_t settled_report, UtcTime resets) {
    gate::Effects effects;
    with_gate(no_loop, effects, [&](Now now) {
        gate_.budget_booked(budget, settled_report, now, resets);
    });
}

void Hub::budget_added(NameIx budget, std::int64_t report) {
    gate::Effects effects;
    with_gate(no_loop, effects, [&](Now now) { gate_.budget_added(budget, report, now); });
}

void Hub::key_changed(const gate::KeyLimits& limits) {
    gate::Effects effects;
    with_gate(no_loop, effects, [&](Now now) { gate_.key_changed(limits, now, effects); });
}

void Hub::key_spent(NameIx key, std::int64_t report) {
    gate::Effects effects;
    with_gate(no_loop, effects, [&](Now now) { gate_.key_spent(key, report, now); });
}

void Hub::recall(NameIx key, NameIx route, std::int64_t tokens, BootTime at) {
    const std::lock_guard lock{gate_mutex_};
    gate_.recall(key, route, tokens, at);
}

void Hub::source_up(std::shared_ptr<const Source> source) {
    const SourceInfo& info = source->info;
    {
        // The world first: whoever gets a grant must find the source.
        const std::lock_guard lock{world_mutex_};
        auto next = std::make_shared<World>(*world_);
        next->sources[info.source] = source;
        world_ = std::move(next);
    }
    gate::Effects effects;
    with_gate(no_loop, effects, [&](Now now) {
        std::erase(going_, info.source);
        Known& known = known_[info.source];
        known.worker = {
            .source = info.source,
            .kind = info.kind,
            .model = info.model,
            .provider = info.provider,
            .slots = info.slots,
            .rank = info.rank,
            .speed = known.worker.speed};
        known.wanted = true;
        tell(known, now, effects);
    });
}

void Hub::source_speed(NameIx source, const gate::Speed& speed) {
    gate::Effects effects;
    with_gate(no_loop, effects, [&](Now now) {
        const auto found = known_.find(source);
        if (found != known_.end() && found->second.worker.speed != speed) {
            found->second.worker.speed = speed;
            tell(found->second, now, effects);
        }
    });
}

void Hub::source_load(NameIx source, std::int64_t cache_tokens, int waiting) {
    gate::Effects effects;
    with_gate(no_loop, effects, [&](Now now) {
        if (known_.contains(source)) {
            gate_.worker_load(source, cache_tokens, waiting, now, effects);
        }
    });
}

void Hub::ready_at(NameIx model, std::optional<BootTime> at) {
    const std::lock_guard lock{world_mutex_};
    auto next = std::make_shared<World>(*world_);
    if (at) {
        next->ready_at.insert_or_assign(model, *at);
    } else {
        next->ready_at.erase(model);
    }
    world_ = std::move(next);
}

void Hub::source_draining(NameIx source) {
    gate::Effects effects;
    with_gate(no_loop, effects, [&](Now now) {
        const auto found = known_.find(source);
        if (found != known_.end() && found->second.wanted) {
            found->second.wanted = false;
            tell(found->second, now, effects);
        }
    });
}

void Hub::source_gone(NameIx source) {
    {
        const std::lock_guard lock{world_mutex_};
        auto next = std::make_shared<World>(*world_);
        next->sources.erase(source);
        world_ = std::move(next);
    }
    gate::Effects effects;
    with_gate(no_loop, effects, [&](Now now) {
        const auto found = known_.find(source);
        if (found == known_.end()) {
            return;
        }
        found->second.wanted = false;
        tell(found->second, now, effects);
        going_.push_back(source);
    });
}

void Hub::stop() {
    stopping_.store(true);
    gate::Effects effects;
    with_gate(no_loop, effects, [&](Now now) { gate_.stop(now, effects); });
}

void Hub::on_queue_event(std::function<void()> callback) {
    const std::lock_guard lock{callback_mutex_};
    queue_event_ = std::move(callback);
}

void Hub::on_trouble(Gateway::Trouble callback) {
    const std::lock_guard lock{callback_mutex_};
    trouble_ = std::move(callback);
}

void Hub::counters(gate::Counters& out) const {
    const std::lock_guard lock{gate_mutex_};
    gate_.counters(out);
}

}  // namespace evenkeel::inference
