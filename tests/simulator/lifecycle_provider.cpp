#include "tests/simulator/lifecycle_story.hpp"
#include "tests/simulator/lifecycle_world.hpp"

#include <fmt/format.h>

#include <algorithm>

/// The provider: what a request does when it arrives, with which fault, and its own books.
namespace evenkeel::simulator {

using lifecycle::CallKind;
using lifecycle::Machine;
using lifecycle::Seen;

bool World::is_down() const {
    return t_ >= outage_from_ && t_ < outage_to_;
}

Seen World::seen_of(const Remote& one) const {
    return {
        .remote_id = one.id,
        .name = one.name,
        .owner_mark = one.mark,
        .running = t_ >= one.booted,
        .gpu = "H100",
        .gpu_count = 1,
        .price = Price::per_hour(Money{one.hour_nanos, usd}),
        .host = t_ >= one.booted ? "127.0.0.1" : "",
        .port = t_ >= one.booted ? 4'000 : 0,
        .created = utc0 + to_micros(one.born)};
}

/// The provider's own bill, in its own arithmetic: nano-units, half-even, at least the minimum.
std::int64_t World::truth(const Remote& one, nanoseconds until) const {
    const nanoseconds lived = std::max<nanoseconds>(min_bill, one.ended.value_or(until) - one.born);
    const __int128 product = static_cast<__int128>(one.hour_nanos) * lived.count();
    const __int128 hour = 3'600'000'000'000;
    __int128 nanos = product / hour;
    const __int128 rest = 2 * (product % hour);
    if (rest > hour || (rest == hour && nanos % 2 == 1)) {
        ++nanos;
    }
    return static_cast<std::int64_t>(nanos);
}

/// Machines that disappear by themselves do so at their time, whoever looks.
void World::settle_truth() {
    for (Remote& one : remotes_) {
        if (!one.ended && one.vanishes && *one.vanishes <= t_) {
            one.ended = *one.vanishes;
        }
    }
}

void World::effect_of_create(CallInFlight& call) {
    const Machine& row = store_.at(call.machine);
    if (is_down() || (faulty() && faults_.create_refused && dice_.chance(30))) {
        call.event = lifecycle::CreateFailed{.code = Errc::unavailable};
        return;
    }
    if (faulty() && faults_.create_lost && dice_.chance(20)) {
        call.event = lifecycle::CreateFailed{.code = Errc::outcome_unknown};  // and no effect
        return;
    }
    ++posts_[row.name];
    const int copies = faulty() && faults_.twin && dice_.chance(50) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
        Remote one{
            .id = fmt::format("m-{}", remotes_.size()),
            .name = row.name,
            .mark = row.owner_mark,
            .born = t_,
            .visible = t_,
            .booted = t_ + dice_.between(10s, 7min),
            .hour_nanos = hour_nanos};
        if (faults_.list_lag) {
            one.visible += dice_.between(0s, 2min);
        }
        if (faults_.boot_fails) {
            one.boots = dice_.chance(50);
        }
        if (faults_.vanish && dice_.chance(50)) {
            one.vanishes = t_ + dice_.between(1s, 25min);
        }
        if (faults_.delete_ignored) {
            one.deletes_ignored = static_cast<int>(dice_.upto(3));
        }
        if (faults_.dearer && dice_.chance(50)) {
            one.hour_nanos += 1;
        }
        remotes_.push_back(one);
    }
    if (faulty() && faults_.create_lost && dice_.chance(50)) {
        call.event = lifecycle::CreateFailed{.code = Errc::outcome_unknown};
    } else {
        call.event = lifecycle::Created{seen_of(remotes_.back())};
    }
}

void World::effect_of_destroy(CallInFlight& call) {
    using lifecycle::DestroyAnswer;
    using lifecycle::DestroyAnswered;
    Remote* one = remote(call.remote_id);
    if (one == nullptr || one->mark != mark) {
        fail(fmt::format("I7: delete call for {}", call.remote_id));
        return;
    }
    if (is_down()) {
        call.event = DestroyAnswered{.answer = DestroyAnswer::failed};
        return;
    }
    if (one->ended || t_ < one->visible) {
        call.event = DestroyAnswered{.answer = DestroyAnswer::missing};
        return;
    }
    if (faulty() && one->deletes_ignored > 0) {
        --one->deletes_ignored;
        call.event = DestroyAnswered{};
        return;
    }
    one->ended = t_;
    const bool lost = faulty() && faults_.delete_lost && dice_.chance(50);
    call.event = DestroyAnswered{.answer = lost ? DestroyAnswer::failed : DestroyAnswer::done};
}

/// What the request does when it arrives, and the answer that will be read later.
void World::effect(CallInFlight& call) {
    call.done = true;
    const auto shown = [&](const Remote& one) { return !one.ended && t_ >= one.visible; };
    const Remote* one = remote(call.remote_id);
    switch (call.kind) {
        case CallKind::create:
            effect_of_create(call);
            break;
        case CallKind::destroy:
            effect_of_destroy(call);
            break;
        case CallKind::get:
            if (is_down()) {
                call.event = lifecycle::CallFailed{.kind = call.kind};
            } else if (one != nullptr && shown(*one)) {
                call.event = lifecycle::Got{.asked = call.asked, .seen = seen_of(*one)};
            } else {
                call.event = lifecycle::GetMissing{.asked = call.asked};
            }
            break;
        case CallKind::probe:
        case CallKind::accept:
            if (one != nullptr && !one->ended && one->boots && t_ >= one->booted) {
                if (call.kind == CallKind::accept) {
                    call.event = lifecycle::Accepted{};
                } else {
                    call.event = lifecycle::EngineReachable{.asked = call.asked};
                }
            } else {
                call.event = lifecycle::EngineUnreachable{};
            }
            break;
        case CallKind::look_up:
        case CallKind::prove:
        case CallKind::none:  // the sweep
            if (is_down()) {
                call.event = lifecycle::CallFailed{.kind = call.kind};
                break;
            }
            call.is_list = true;
            if (faulty() && faults_.list_empty && dice_.chance(40)) {
                break;
            }
            for (const Remote& each : remotes_) {
                if (shown(each)) {
                    call.list.push_back(seen_of(each));
                }
            }
            break;
    }
}

}  // namespace evenkeel::simulator
