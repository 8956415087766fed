#include "policies/engines/share.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

namespace evenkeel::engines {

namespace {

using Places = std::vector<std::size_t>;

bool is_loaded(State state) noexcept {
    return state != State::off && state != State::asleep;
}

bool is_moving(State state) noexcept {
    return is_loaded(state) && state != State::ready;
}

bool is_hopeless(const Tenant& tenant, BootTime now) noexcept {
    return tenant.failures >= hopeless_after &&
           (tenant.state != State::off || now - tenant.since < hopeless_for);
}

std::int64_t demand(const Tenant& tenant) noexcept {
    return tenant.waiting + tenant.in_flight;
}

/// Request-milliseconds that those who wait have waited, as if they had come evenly.
std::int64_t debt_ms(const Tenant& tenant, BootTime now) noexcept {
    if (tenant.waiting == 0) {
        return 0;
    }
    const auto oldest = std::chrono::duration_cast<milliseconds>(now - tenant.oldest).count();
    return std::max<std::int64_t>(oldest, 0) * (tenant.waiting + 1) / 2;
}

/// What it would hold if everything went by `wish`.
std::int64_t planned_bytes(const Tenant& tenant, Wish wish) noexcept {
    if (wish == Wish::run) {
        return tenant.memory_bytes;
    }
    const bool ends = wish == Wish::end || tenant.state == State::stopping;
    return tenant.sleeps && tenant.state != State::off && !ends ? tenant.asleep_bytes : 0;
}

std::int64_t planned_bytes(std::span<const Tenant> tenants, const std::vector<Wish>& wishes) {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < tenants.size(); ++i) {
        sum += planned_bytes(tenants[i], wishes[i]);
    }
    return sum;
}

bool may_leave(const Tenant& tenant, BootTime now) noexcept {
    if (is_hopeless(tenant, now)) {
        return true;
    }
    return tenant.state == State::ready && now - tenant.since >= tenant.least_stay;
}

/// Those that give way first come first.
Places leaving_order(
    std::span<const Tenant> tenants, const std::vector<Wish>& wishes, BootTime now) {
    Places order;
    for (std::size_t i = 0; i < tenants.size(); ++i) {
        if (wishes[i] == Wish::run) {
            order.push_back(i);
        }
    }
    std::ranges::sort(order, {}, [&](std::size_t i) {
        const Tenant& tenant = tenants[i];
        return std::tuple{!is_hopeless(tenant, now), demand(tenant), tenant.since, i};
    });
    return order;
}

/// What sleepers keep may be just what is missing: they end instead, the longest asleep first.
void end_sleepers(
    std::span<const Tenant> tenants, std::int64_t room_bytes, std::vector<Wish>& wishes) {
    Places order;
    for (std::size_t i = 0; i < tenants.size(); ++i) {
        if (wishes[i] == Wish::give_way && planned_bytes(tenants[i], wishes[i]) > 0) {
            order.push_back(i);
        }
    }
    std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair{tenants[i].since, i}; });
    for (const std::size_t i : order) {
        if (planned_bytes(tenants, wishes) <= room_bytes) {
            return;
        }
        wishes[i] = Wish::end;
    }
}

/// Gives `newcomer` the place of others, if that may be and pays.
bool swap_in(
    std::span<const Tenant> tenants,
    std::size_t newcomer,
    std::int64_t room_bytes,
    BootTime now,
    std::vector<Wish>& wishes) {
    const Tenant& comes = tenants[newcomer];
    std::vector<Wish> after = wishes;
    after[newcomer] = Wish::run;
    Places leaving;
    for (const std::size_t i : leaving_order(tenants, wishes, now)) {
        if (planned_bytes(tenants, after) <= room_bytes) {
            break;
        }
        if (may_leave(tenants[i], now)) {
            after[i] = Wish::give_way;
            leaving.push_back(i);
        }
    }
    end_sleepers(tenants, room_bytes, after);
    if (planned_bytes(tenants, after) > room_bytes) {
        return false;
    }
    // One that gave way early may not have been needed after a larger one left.
    for (const std::size_t i : leaving) {
        const Wish leaves = std::exchange(after[i], Wish::run);
        if (planned_bytes(tenants, after) > room_bytes) {
            after[i] = leaves;
        }
    }
    std::int64_t cost_ms = 0;
    for (const std::size_t i : leaving) {
        if (after[i] != Wish::run && !is_hopeless(tenants[i], now)) {
            cost_ms += demand(tenants[i]) * (comes.load + tenants[i].load).count();
        }
    }
    if (debt_ms(comes, now) < cost_ms) {
        return false;
    }
    wishes = std::move(after);
    return true;
}

/// What does not fit together any more (another configuration) is taken back, the last first.
void make_it_fit(
    std::span<const Tenant> tenants,
    std::int64_t room_bytes,
    BootTime now,
    std::vector<Wish>& wishes) {
    for (const std::size_t i : leaving_order(tenants, wishes, now)) {
        if (planned_bytes(tenants, wishes) <= room_bytes) {
            return;
        }
        wishes[i] = Wish::give_way;
    }
}

}  // namespace

std::int64_t held_bytes(const Tenant& tenant) noexcept {
    if (tenant.state == State::off) {
        return 0;
    }
    const bool loaded =
        tenant.state != State::asleep && !(tenant.state == State::stopping && tenant.unloaded);
    return loaded ? tenant.memory_bytes : tenant.asleep_bytes;
}

bool has_room(
    std::span<const Tenant> tenants, std::size_t which, std::int64_t room_bytes) noexcept {
    std::int64_t others = 0;
    for (std::size_t i = 0; i < tenants.size(); ++i) {
        others += i == which ? 0 : held_bytes(tenants[i]);
    }
    return others + tenants[which].memory_bytes <= room_bytes;
}

std::vector<Wish> share(std::span<const Tenant> tenants, std::int64_t room_bytes, BootTime now) {
    std::vector<Wish> wishes;
    bool moving = false;
    for (const Tenant& tenant : tenants) {
        const bool fits = tenant.memory_bytes <= room_bytes;
        const bool ends = tenant.wish == Wish::end && tenant.state != State::off;
        wishes.push_back(
            fits && tenant.wish == Wish::run ? Wish::run
            : ends                           ? Wish::end
                                             : Wish::give_way);
        moving = moving || is_moving(tenant.state);
    }
    make_it_fit(tenants, room_bytes, now, wishes);
    Places outside(tenants.size());
    std::iota(outside.begin(), outside.end(), std::size_t{0});
    std::erase_if(outside, [&](std::size_t i) {
        return wishes[i] == Wish::run || tenants[i].memory_bytes > room_bytes;
    });
    std::ranges::sort(outside, {}, [&](std::size_t i) {
        return std::tuple{is_hopeless(tenants[i], now), -debt_ms(tenants[i], now), i};
    });
    bool somebody_waits = false;
    for (const std::size_t i : outside) {
        const Tenant& comes = tenants[i];
        if (comes.waiting == 0 && somebody_waits) {
            break;  // what is left of the room is for those
        }
        const Wish before = std::exchange(wishes[i], Wish::run);
        if (planned_bytes(tenants, wishes) <= room_bytes) {
            continue;
        }
        wishes[i] = before;
        if (comes.waiting > 0 && !is_hopeless(comes, now)) {
            somebody_waits = true;
            moving = moving || swap_in(tenants, i, room_bytes, now, wishes);
        }
    }
    return wishes;
}

}  // namespace evenkeel::engines
