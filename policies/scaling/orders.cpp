#include "policies/scaling/tick.hpp"

#include <algorithm>

/// How many to rent, and everything that can say no.
namespace evenkeel::scaling {

std::int64_t Tick::threshold() const {
    const std::int64_t full = commit(*reference_);
    const std::int64_t trust = std::clamp<std::int64_t>(policy_.trust_millis, 1, 1'000);
    if (trust == 1'000) {
        return full;
    }
    const double price = static_cast<double>(reference_->hour_report) / 3'600;
    return out_.state.worth_slow >= price
               ? mul_div(full, trust, 1'000, Rounding::up).value_or(most)
               : mul_div(full, 1'000, trust, Rounding::up).value_or(most);
}

Tick::Want Tick::wanted() {
    const int live = pending_ + ready_;
    if (live < policy_.min) {
        return {policy_.min - live, {ReasonCode::rent_min, {policy_.min}}};
    }
    if (policy_.rule == config::RentRule::never || reference_ == nullptr) {
        return {};
    }
    if (by_levels()) {
        return wanted_by_levels();
    }
    return seen_.api_priced ? wanted_by_debt() : wanted_by_backlog();
}

Tick::Want Tick::wanted_by_debt() {
    RentState& s = out_.state;
    const std::int64_t due = threshold();
    if (s.debt < due) {
        return {};
    }
    const int count = sized(s.over / efficiency());
    const Reason reason{ReasonCode::rent_debt, {s.debt, commit(*reference_), count}};
    s.debt = due;  // a boot in progress must not pile up a second order
    return {count, reason};
}

Tick::Want Tick::wanted_by_backlog() {
    RentState& s = out_.state;
    if (!s.backlog_for || *s.backlog_for < seen_.patience) {
        return {};
    }
    const int count = sized(waiting_s_ / (efficiency() * seconds(warm_)));
    const nanoseconds since_when = *s.backlog_for;
    return {
        count,
        {ReasonCode::rent_backlog,
         {static_cast<std::int64_t>(std::min(waiting_s_ * 1e3, 9e15)), ms_of(since_when), count}}};
}

Reason Tick::closed() const {
    const RentState& s = out_.state;
    if (seen_.frozen) {
        return {ReasonCode::hold_frozen};
    }
    if (!seen_.ledger_ok) {
        return {ReasonCode::hold_ledger};
    }
    if (s.frozen_until > seen_.now.utc) {
        return {ReasonCode::hold_failures, {static_cast<std::int64_t>(s.failures.size())}};
    }
    if (seen_.budget_blocks) {
        return {
            ReasonCode::hold_budget,
            {std::max<std::int64_t>(0, seen_.room.budget.value_or(0)),
             reference_ != nullptr ? commit(*reference_) : 0}};
    }
    if (existing_ >= policy_.max) {
        return {ReasonCode::hold_max, {existing_, policy_.max}};
    }
    if (seen_.room.machines_total >= safety_.max_machines) {
        return {ReasonCode::hold_max, {seen_.room.machines_total, safety_.max_machines}};
    }
    if (seen_.room.creates_last_hour >= safety_.max_creates_per_hour) {
        return {
            ReasonCode::hold_creates, {seen_.room.creates_last_hour, safety_.max_creates_per_hour}};
    }
    return {};
}

Reason Tick::not_yet() const {
    if (policy_.start_when) {
        const config::StartWhen& when = *policy_.start_when;
        const nanoseconds lasted = out_.state.waits_for.value_or(nanoseconds::zero());
        if (!out_.state.waits_for || lasted < when.holds_for) {
            return {
                ReasonCode::hold_wait,
                {when.wait_over.count(), ms_of(lasted), when.holds_for.count()}};
        }
    }
    if (policy_.worth_it) {
        const config::WorthIt& least = *policy_.worth_it;
        const std::int64_t tokens = seen_.demand.queued_tokens_in + seen_.demand.queued_tokens_out;
        if (tokens < least.queue_tokens) {
            return {ReasonCode::hold_queue, {tokens, least.queue_tokens}};
        }
        const std::int64_t cost = reference_ != nullptr ? commit(*reference_) : 0;
        // Without a price nothing can be said against the order.
        if (!least.against.empty() && seen_.queue_elsewhere.value_or(most) < cost) {
            return {ReasonCode::hold_worth, {*seen_.queue_elsewhere, cost}};
        }
    }
    return {};
}

Reason Tick::refusal(const OfferView& offer) const {
    if (offer.closed.code != ReasonCode::none) {
        return offer.closed;
    }
    const auto record = out_.state.records.find(offer.offer);
    if (record != out_.state.records.end() && record->second.suspended_until > seen_.now.utc) {
        return {
            ReasonCode::hold_suspended,
            {record->second.failed, ms_of(record->second.suspended_until - seen_.now.utc)}};
    }
    const auto sold_out = out_.state.sold_out_until.find(offer.offer);
    if (!offer.in_stock || offer.provider_room <= 0 ||
        (sold_out != out_.state.sold_out_until.end() && sold_out->second > seen_.now.utc)) {
        return {ReasonCode::hold_stock};
    }
    if (!is_within(offer.price, policy_.max_price)) {
        return {
            ReasonCode::hold_price,
            {offer.price.per_display_unit().nanos(), policy_.max_price.per_display_unit().nanos()}};
    }
    if (offer.price_age > policy_.max_price_age) {
        return {
            ReasonCode::hold_price_age,
            {offer.price_age.count() / 1'000, policy_.max_price_age.count() / 1'000}};
    }
    return {};
}

Reason Tick::too_dear(const OfferView& offer, std::int64_t commit, const Room& room) {
    for (const std::optional<std::int64_t>& left : {room.budget, room.day}) {
        if (left && *left < commit) {
            return {ReasonCode::hold_budget, {std::max<std::int64_t>(0, *left), commit}};
        }
    }
    if (room.rate && *room.rate < offer.hour_report) {
        return {ReasonCode::hold_rate, {offer.hour_report, *room.rate}};
    }
    return {};
}

int Tick::take(const OfferView& offer, int count, Room& room, Reason& why) const {
    const std::int64_t commits = commit(offer);
    int taken = 0;
    while (taken < std::min(count, offer.provider_room)) {
        why = too_dear(offer, commits, room);
        if (why.code != ReasonCode::none) {
            break;
        }
        for (std::optional<std::int64_t>* left : {&room.budget, &room.day}) {
            if (*left) {
                **left -= commits;
            }
        }
        if (room.rate) {
            *room.rate -= offer.hour_report;
        }
        ++taken;
    }
    return taken;
}

bool Tick::order() {
    const Want want = wanted();
    if (want.count <= 0) {
        return false;
    }
    if (want.reason.code != ReasonCode::rent_min) {
        if (const Reason reason = not_yet(); reason.code != ReasonCode::none) {
            hold(reason);
            return false;
        }
    }
    if (const Reason reason = closed(); reason.code != ReasonCode::none) {
        hold(reason);
        return false;
    }
    int left = std::min(
        {want.count,
         policy_.max - existing_,
         safety_.max_machines - seen_.room.machines_total,
         safety_.max_creates_per_hour - seen_.room.creates_last_hour});
    Room room = seen_.room;
    Reason first_refusal{ReasonCode::hold_stock};
    bool ordered = false;
    for (const OfferView& offer : seen_.offers) {
        if (left <= 0) {
            break;
        }
        Reason why = refusal(offer);
        if (why.code == ReasonCode::none) {
            const int count = take(offer, left, room, why);
            if (count > 0) {
                Reason reason = want.reason;
                if (reason.code != ReasonCode::rent_min) {
                    reason.args[2] = count;
                }
                out_.decisions.push_back(
                    {.kind = DecisionKind::order,
                     .count = count,
                     .offer = offer.offer,
                     .reason = reason});
                left -= count;
                ordered = true;
            }
        }
        if (first_refusal.code == ReasonCode::hold_stock && why.code != ReasonCode::none) {
            first_refusal = why;
        }
    }
    if (!ordered) {
        hold(first_refusal);
        return false;
    }
    out_.state.debt = 0;
    out_.state.backlog_for.reset();
    if (by_levels()) {
        int count = 0;
        for (const Decision& decision : out_.decisions) {
            count += decision.kind == DecisionKind::order ? decision.count : 0;
        }
        levels_ordered(count);
    }
    return true;
}

}  // namespace evenkeel::scaling
