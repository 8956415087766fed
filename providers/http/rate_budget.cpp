#include "providers/http/rate_budget.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace evenkeel::providers {

using std::chrono::milliseconds;

namespace {

constexpr std::int64_t percent = 100;
/// The window of `ratelimit-*` headers, which name none.
constexpr std::string_view unnamed_window = "hour";
constexpr milliseconds shortest_pause{1'000};
/// What a count from headers is trusted for when they say no reset.
constexpr milliseconds unknown_reset{60'000};
constexpr milliseconds longest_window = std::chrono::hours{48};
constexpr std::size_t windows_max = 16;

}  // namespace

RateRules scaled(RateRules rules, std::int64_t speed) {
    for (RateWindow& window : rules.windows) {
        window.length = std::max(window.length / speed, milliseconds{1});
    }
    rules.gap /= speed;
    rules.launch_gap /= speed;
    return rules;
}

RateBudget::RateBudget(std::string provider, RateRules rules)
    : provider_{std::move(provider)}, rules_{std::move(rules)} {
    for (const RateWindow& rule : rules_.windows) {
        windows_.push_back({.name = rule.name, .limit = rule.limit, .length = rule.length});
    }
}

std::unexpected<Error> RateBudget::refuse(
    std::string_view why, BootTime until, BootTime now) const {
    const auto wait =
        std::clamp(std::chrono::ceil<milliseconds>(until - now), milliseconds{1}, pause_max);
    return std::unexpected{Error{
        Errc::rate_limited,
        fmt::format(
            "{}: not sent, {}: again in {} s",
            provider_,
            why,
            std::chrono::ceil<std::chrono::seconds>(wait).count()),
        wait}};
}

std::optional<Error> RateBudget::objection(Lane lane, CallClass what, BootTime now) {
    const bool spends = lane == Lane::spend;
    const BootTime probe = last_ + rules_.safety_probe * (what == CallClass::destroy ? 1 : 2);
    const auto refused = [&](std::string_view why, BootTime until) -> std::optional<Error> {
        if (spends) {
            return refuse(why, until, now).error();
        }
        return now < probe ? std::optional{refuse(why, std::min(until, probe), now).error()}
                           : std::nullopt;
    };
    const BootTime blocked = blocked_until_ + (spends ? rules_.head_start : milliseconds{0});
    if (blocked_until_ != BootTime{} && blocked > now) {
        return refused("its rate limit was reached", blocked);
    }
    for (Window& each : windows_) {
        if (each.known && each.ends <= now) {
            each.known = false;
        }
        if (!each.known && each.length > milliseconds{0}) {
            each.remaining = each.limit;
            each.ends = now + each.length;
            each.known = true;
        }
        // Rounded up: of a limit of two, one is kept.
        const std::int64_t kept =
            spends ? (each.limit * rules_.reserve_percent + percent - 1) / percent : 0;
        if (each.known && each.remaining <= kept) {
            if (auto error = refused(
                    each.remaining == 0 ? "its rate limit is used up"
                                        : "the rest of its rate limit is kept for deletes",
                    each.ends)) {
                return error;
            }
        }
    }
    return std::nullopt;
}

Result<milliseconds> RateBudget::take(Lane lane, CallClass what, Now now) {
    const std::scoped_lock lock{mutex_};
    if (auto error = objection(lane, what, now.boot)) {
        return std::unexpected{*std::move(error)};
    }
    if (what == CallClass::launch && next_launch_ > now.boot) {
        return refuse("launches are paced", next_launch_, now.boot);
    }
    const BootTime start = std::max(now.boot, next_);
    if (start - now.boot > rules_.patience) {
        return refuse("requests are paced", start, now.boot);
    }
    for (Window& each : windows_) {
        each.remaining = std::max<std::int64_t>(each.remaining - (each.known ? 1 : 0), 0);
    }
    next_ = start + rules_.gap;
    last_ = start;
    if (what == CallClass::launch) {
        next_launch_ = start + rules_.launch_gap;
    }
    return std::chrono::ceil<milliseconds>(start - now.boot);
}

RateBudget::Window& RateBudget::window(const std::string& name) {
    const auto found = std::ranges::find(windows_, name, &Window::name);
    return found != windows_.end() ? *found : windows_.emplace_back(Window{.name = name});
}

void RateBudget::learn(const RateHint& hint, Now now) {
    const std::string name = hint.name.empty() ? std::string{unnamed_window} : hint.name;
    if (windows_.size() >= windows_max &&
        std::ranges::find(windows_, name, &Window::name) == windows_.end()) {
        return;
    }
    Window& known = window(name);
    known.limit = hint.limit.value_or(known.limit);
    if (!hint.remaining) {
        return;
    }
    const auto reset = hint.resets_in   ? *hint.resets_in
                       : hint.resets_at ? std::chrono::ceil<milliseconds>(*hint.resets_at - now.utc)
                                        : unknown_reset;
    known.remaining = *hint.remaining;
    known.ends = now.boot + std::clamp(reset, shortest_pause, longest_window);
    known.known = true;
}

std::optional<milliseconds> RateBudget::answered(
    Lane lane,
    int status,
    std::optional<milliseconds> retry_after,
    std::span<const RateHint> hints,
    Now now) {
    constexpr int too_many_requests = 429;
    const std::scoped_lock lock{mutex_};
    last_ = std::max(last_, now.boot);
    for (const RateHint& hint : hints) {
        learn(hint, now);
    }
    if (status != too_many_requests) {
        return std::nullopt;
    }
    milliseconds pause{0};
    for (const Window& each : windows_) {
        if (each.known && each.remaining == 0) {
            pause = std::max(pause, std::chrono::ceil<milliseconds>(each.ends - now.boot));
        }
    }
    pause = retry_after.value_or(pause == milliseconds{0} ? pause_default : pause);
    pause = std::clamp(pause, shortest_pause, pause_max);
    blocked_until_ = std::max(blocked_until_, now.boot + pause);
    // The provider has said when to come back: an older count must not hold a delete up longer.
    for (Window& each : windows_) {
        if (each.known && each.remaining == 0) {
            each.ends = std::min(each.ends, now.boot + pause);
        }
    }
    return lane == Lane::safety ? std::min(pause, rules_.safety_probe) : pause;
}

}  // namespace evenkeel::providers
