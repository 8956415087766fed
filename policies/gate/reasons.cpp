#include "policies/gate/state.hpp"

#include <algorithm>
#include <chrono>

/// What the counters and the reasons say of a grant or a refusal.
namespace evenkeel::gate {

namespace {

std::int64_t to_ms(std::chrono::nanoseconds elapsed) noexcept {
    return std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count();
}

}  // namespace

void Gate::State::count(const Request& request, std::int64_t sign) {
    std::int64_t& worth = sources[request.source].counters.worth;
    worth = saturating_add(worth, sign * request.worth);
    if (request.model == nil) {
        return;
    }
    ModelCounters& counters = models[request.model].counters;
    const std::int64_t in = sign * request.arrival.tokens_in;
    const std::int64_t out = sign * request.arrival.tokens_out;
    if (request.returned) {
        counters.returned += sign;
        counters.returned_tokens_in += sign * request.covered;
    }
    switch (request.kind) {
        case SourceKind::own:
            counters.served_own += sign;
            counters.own_tokens_in += in;
            counters.own_tokens_out += out;
            return;
        case SourceKind::rental:
            counters.served_rental += sign;
            counters.rental_worth = saturating_add(counters.rental_worth, sign * request.worth);
            counters.rental_tokens_in += in;
            counters.rental_tokens_out += out;
            return;
        case SourceKind::api:
            break;
    }
    if (request.choice < request.arrival.apis_first) {
        counters.bought += sign;
        return;
    }
    counters.overflowed += sign;
    counters.overflow_cost = saturating_add(counters.overflow_cost, sign * request.worth);
    counters.overflow_tokens_in += in;
    counters.overflow_tokens_out += out;
}

Reason Gate::State::grant_reason(const Request& request, const Source& source, Now now) const {
    const std::int64_t waited = to_ms(now.boot - request.arrived);
    if (request.rescued) {
        return {ReasonCode::rescued, {waited}};
    }
    switch (source.counters.kind) {
        case SourceKind::own:
            return request.waited ? Reason{ReasonCode::own_waited, {waited}}
                                  : Reason{ReasonCode::own_free, {}};
        case SourceKind::rental:
            return request.waited ? Reason{ReasonCode::rental_waited, {waited}}
                                  : Reason{ReasonCode::rental_free, {}};
        case SourceKind::api:
            break;
    }
    if (request.worker_failed) {
        return {ReasonCode::api_worker_failed, {}};
    }
    const bool preferred = request.choice < request.arrival.apis_first;
    return request.model == nil || preferred ? Reason{ReasonCode::api_only, {}}
                                             : Reason{ReasonCode::api_overflow, {waited}};
}

bool Gate::State::worker_left(const Request& request) const {
    return request.model != nil &&
           std::ranges::any_of(models[request.model].workers, [&](std::uint32_t slot) {
               const Source& source = sources[slot];
               return source.open() && request.may_use(slot) &&
                      !(request.arrival.own_only && source.counters.kind == SourceKind::rental);
           });
}

bool Gate::State::api_left(const Request& request) const {
    for (std::size_t i = 0; i < request.arrival.api_count; ++i) {
        const Source& source = sources[request.api_slots[i]];
        if (source.open() && source.is_api() && request.may_use(request.api_slots[i])) {
            return true;
        }
    }
    return false;
}

std::optional<BudgetBook::Blocker> Gate::State::no_money_for_workers(
    const Request& request, bool for_good) const {
    if (!request.has_internal_price()) {
        return std::nullopt;
    }
    return budgets.blocker(request.counts_internally(), request.arrival.internal_hold, for_good);
}

std::optional<BudgetBook::Blocker> Gate::State::money_gone(
    const Request& request, bool for_good) const {
    std::optional<BudgetBook::Blocker> blocker = no_money_for_workers(request, for_good);
    for (std::size_t i = 0; i < request.arrival.api_count; ++i) {
        const Source& source = sources[request.api_slots[i]];
        if (!source.open() || !source.is_api() || !request.may_use(request.api_slots[i])) {
            continue;
        }
        const std::int64_t hold = request.arrival.apis[i].hold_report;
        const auto found = budgets.blocker(request.counts_in(i), hold, for_good);
        if (!found) {
            return std::nullopt;
        }
        blocker = blocker ? blocker : found;
    }
    return blocker;
}

Reason Gate::State::give_up_reason(const Request& request, Now now) const {
    const auto closed = money_gone(request, /*for_good=*/true);
    const auto blocker = closed ? closed : money_gone(request, /*for_good=*/false);
    if (blocker && !blocker->unknown) {
        if (!blocker->of_key) {
            return {
                ReasonCode::budget_spent, {blocker->used, blocker->limit, blocker->name.value()}};
        }
        const auto left = std::chrono::ceil<std::chrono::seconds>(blocker->resets - now.utc);
        return {
            ReasonCode::key_budget_spent,
            {blocker->used, blocker->limit, std::max<std::int64_t>(left.count(), 0)}};
    }
    if (!worker_left(request) && !api_left(request)) {
        return {request.tried_count > 0 ? ReasonCode::source_failed : ReasonCode::no_source, {}};
    }
    return {ReasonCode::wait_over, {to_ms(now.boot - request.arrived)}};
}

}  // namespace evenkeel::gate
