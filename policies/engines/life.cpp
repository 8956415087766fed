#include "policies/engines/life.hpp"

#include <algorithm>

namespace evenkeel::engines {

namespace {

/// Long enough after the cut for the exchange to end; then nobody waits for it any more.
constexpr std::chrono::seconds after_cut{5};

Life in_state(const Life& before, State state, BootTime now) {
    return {
        .state = state, .since = now, .not_before = before.not_before, .failures = before.failures};
}

/// It is gone; `badly` when nobody asked for that.
Life gone(const Life& before, bool badly, BootTime now, const Limits& limits) {
    Life next = in_state(before, State::off, now);
    if (badly) {
        ++next.failures;
        next.not_before = now + back_off(next.failures, limits);
    }
    return next;
}

Step end(const Life& before, bool badly, BootTime now) {
    Life next = in_state(before, State::stopping, now);
    next.failed = badly;
    next.unloaded = before.state == State::asleep;
    next.signalled = now;
    return {next, Do::terminate};
}

Step from_off(const Life& life, const Sight& sight, Wish wish, BootTime now) {
    if (sight.alive) {
        return end(life, false, now);  // of an earlier daemon: its port and memory are needed
    }
    if (wish == Wish::run && now >= life.not_before && sight.room) {
        return {in_state(life, State::starting, now), Do::start};
    }
    return {life};
}

Step from_starting(
    const Life& life, const Sight& sight, Wish wish, BootTime now, const Limits& limits) {
    if (!sight.alive) {
        return {gone(life, true, now, limits)};
    }
    if (wish != Wish::run) {
        return end(life, false, now);
    }
    if (sight.accepted) {
        return {in_state(life, State::ready, now), Do::admit};
    }
    return now - life.since >= limits.load ? end(life, true, now) : Step{life};
}

Step from_ready(
    const Life& life, const Sight& sight, Wish wish, BootTime now, const Limits& limits) {
    Life next = life;
    if (now - life.since >= limits.healthy_after) {
        next.failures = 0;
    }
    if (!sight.alive) {
        return {gone(next, true, now, limits), Do::withdraw};
    }
    if (wish != Wish::run) {
        next.failures = 0;  // this start ends well
        return {in_state(next, State::draining, now), Do::withdraw};
    }
    if (!sight.sick) {
        next.sick_since.reset();
        return {next};
    }
    if (!next.sick_since) {
        next.sick_since = now;
    }
    return now - *next.sick_since >= limits.hung ? end(next, true, now) : Step{next};
}

Step from_draining(
    const Life& life, const Sight& sight, Wish wish, BootTime now, const Limits& limits) {
    if (!sight.alive) {
        return {gone(life, wish == Wish::run, now, limits)};
    }
    if (wish == Wish::run && !life.cut) {
        return {in_state(life, State::ready, now), Do::admit};
    }
    if (sight.in_flight == 0 || now - life.since >= limits.drain + after_cut) {
        if (wish == Wish::give_way && limits.sleeps) {
            return {in_state(life, State::falling_asleep, now), Do::put_to_sleep};
        }
        return end(life, false, now);
    }
    if (!life.cut && now - life.since >= limits.drain) {
        Life next = life;
        next.cut = true;
        return {next, Do::cut};
    }
    return {life};
}

/// On its way to sleep, or back.
Step from_call(
    const Life& life,
    const Sight& sight,
    State then,
    Wish wish,
    BootTime now,
    const Limits& limits) {
    if (!sight.alive) {
        return {gone(life, true, now, limits)};
    }
    if (wish == Wish::end) {
        return end(life, false, now);
    }
    if (sight.call) {
        return *sight.call ? Step{in_state(life, then, now)} : end(life, true, now);
    }
    return now - life.since >= limits.call ? end(life, true, now) : Step{life};
}

Step from_asleep(
    const Life& life, const Sight& sight, Wish wish, BootTime now, const Limits& limits) {
    if (!sight.alive) {
        return {gone(life, true, now, limits)};
    }
    if (wish == Wish::end) {
        return end(life, false, now);
    }
    if (wish == Wish::run && sight.room) {
        return {in_state(life, State::waking, now), Do::wake};
    }
    return {life};
}

Step from_stopping(const Life& life, const Sight& sight, BootTime now, const Limits& limits) {
    if (!sight.alive) {
        return {gone(life, life.failed, now, limits)};
    }
    if (now - life.signalled >= limits.grace) {
        Life next = life;
        next.signalled = now;
        return {next, Do::kill};
    }
    return {life};
}

}  // namespace

std::string_view to_text(State state) noexcept {
    switch (state) {
        case State::off:
            return "off";
        case State::starting:
            return "starting";
        case State::ready:
            return "serving";
        case State::draining:
            return "draining";
        case State::falling_asleep:
            return "falling asleep";
        case State::asleep:
            return "asleep";
        case State::waking:
            return "waking";
        case State::stopping:
            return "stopping";
    }
    return "";
}

milliseconds back_off(int failures, const Limits& limits) noexcept {
    if (failures <= 0) {
        return milliseconds{0};
    }
    const int doublings = std::min(failures - 1, 20);
    return std::min(limits.back_off_first * (1 << doublings), limits.back_off_max);
}

Step step(const Life& life, const Sight& sight, Wish wish, BootTime now, const Limits& limits) {
    switch (life.state) {
        case State::off:
            return from_off(life, sight, wish, now);
        case State::starting:
            return from_starting(life, sight, wish, now, limits);
        case State::ready:
            return from_ready(life, sight, wish, now, limits);
        case State::draining:
            return from_draining(life, sight, wish, now, limits);
        case State::falling_asleep:
            return from_call(life, sight, State::asleep, wish, now, limits);
        case State::asleep:
            return from_asleep(life, sight, wish, now, limits);
        case State::waking:
            return from_call(life, sight, State::starting, wish, now, limits);
        case State::stopping:
            return from_stopping(life, sight, now, limits);
    }
    return {life};
}

}  // namespace evenkeel::engines
