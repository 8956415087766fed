#include "policies/gate/limits.hpp"

#include "policies/domain/money.hpp"

#include <algorithm>

namespace evenkeel::gate {

namespace {

using std::chrono::nanoseconds;

constexpr nanoseconds minute = std::chrono::minutes{1};
/// No cost weighs more than this: far beyond any wait, far from overflowing.
constexpr nanoseconds heaviest = std::chrono::days{30};

/// The time in which so much flows in. Rounded down, so that a minute's allowance fits a minute.
nanoseconds time_of(std::int64_t cost, std::int64_t per_minute) noexcept {
    const auto time =
        mul_div(cost, minute.count(), std::max<std::int64_t>(per_minute, 1), Rounding::down);
    const nanoseconds limit = cost < 0 ? -heaviest : heaviest;
    return time ? std::clamp(nanoseconds{*time}, -heaviest, heaviest) : limit;
}

/// Rounded up: who comes back then is let in.
std::int64_t to_ms(nanoseconds time) noexcept {
    return std::chrono::ceil<std::chrono::milliseconds>(time).count();
}

}  // namespace

nanoseconds TokenBucket::wait(
    std::int64_t cost, std::int64_t per_minute, BootTime now) const noexcept {
    const nanoseconds missing = std::max(full_at_ - now, nanoseconds{0});
    const nanoseconds after = missing + std::min(time_of(cost, per_minute), minute);
    return std::max(after - minute, nanoseconds{0});
}

void TokenBucket::take(std::int64_t cost, std::int64_t per_minute, BootTime now) noexcept {
    full_at_ = std::max(full_at_, now) + time_of(cost, per_minute);
}

void TokenBucket::give_back(std::int64_t cost, std::int64_t per_minute, BootTime now) noexcept {
    full_at_ = std::max(full_at_, now) - time_of(cost, per_minute);
}

const LimitBook::Meter* LimitBook::find(NameIx name) const noexcept {
    const auto at = static_cast<std::size_t>(name.value());
    const bool known = name != NameIx{} && at < slots_.size() && slots_[at] != 0;
    return known ? &meters_[static_cast<std::size_t>(slots_[at] - 1)] : nullptr;
}

LimitBook::Meter& LimitBook::meter(NameIx name) {
    const auto at = static_cast<std::size_t>(name.value());
    if (at >= slots_.size()) {
        slots_.resize(at + 1, 0);
    }
    if (slots_[at] == 0) {
        meters_.push_back({.limit = {.name = name}});
        slots_[at] = static_cast<std::int32_t>(meters_.size());
    }
    return meters_[static_cast<std::size_t>(slots_[at] - 1)];
}

void LimitBook::set(const RateLimit& limit) {
    meter(limit.name).limit = limit;
}

void LimitBook::replace(std::span<const RateLimit> limits) {
    for (const NameIx name : replaced_) {
        meter(name).limit = {.name = name};
    }
    replaced_.clear();
    for (const RateLimit& limit : limits) {
        set(limit);
        replaced_.push_back(limit.name);
    }
}

std::optional<Reason> LimitBook::refusal(const Entry& entry, BootTime now) const noexcept {
    for (const NameIx name : {entry.key, entry.route}) {
        const Meter* const found = find(name);
        if (found == nullptr) {
            continue;
        }
        const RateLimit& limit = found->limit;
        if (limit.in_flight > 0 && found->in_flight >= limit.in_flight) {
            return Reason{ReasonCode::limit_in_flight, {0, limit.in_flight, name.value()}};
        }
        const nanoseconds requests = limit.requests_min > 0
                                         ? found->requests.wait(1, limit.requests_min, now)
                                         : nanoseconds{0};
        const nanoseconds tokens = limit.tokens_min > 0
                                       ? found->tokens.wait(entry.tokens, limit.tokens_min, now)
                                       : nanoseconds{0};
        if (requests > nanoseconds{0} && requests >= tokens) {
            return Reason{
                ReasonCode::limit_requests, {to_ms(requests), limit.requests_min, name.value()}};
        }
        if (tokens > nanoseconds{0}) {
            return Reason{
                ReasonCode::limit_tokens, {to_ms(tokens), limit.tokens_min, name.value()}};
        }
    }
    return std::nullopt;
}

template <class Use>
void LimitBook::each(const Entry& entry, Use use) {
    for (const NameIx name : {entry.key, entry.route}) {
        if (name != NameIx{}) {
            use(meter(name));
        }
    }
}

void LimitBook::enter(const Entry& entry, BootTime now) {
    recall(entry, now);
    each(entry, [](Meter& meter) { ++meter.in_flight; });
}

void LimitBook::recall(const Entry& entry, BootTime at) {
    each(entry, [&](Meter& meter) {
        if (meter.limit.requests_min > 0) {
            meter.requests.take(1, meter.limit.requests_min, at);
        }
        if (meter.limit.tokens_min > 0) {
            meter.tokens.take(entry.tokens, meter.limit.tokens_min, at);
        }
    });
}

void LimitBook::leave(const Entry& entry, std::int64_t tokens, BootTime now) noexcept {
    each(entry, [&](Meter& meter) {
        --meter.in_flight;
        if (meter.limit.tokens_min > 0) {
            meter.tokens.give_back(entry.tokens - tokens, meter.limit.tokens_min, now);
        }
    });
}

}  // namespace evenkeel::gate
