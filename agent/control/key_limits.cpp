#include "agent/control/key_limits.hpp"

#include "agent/report/keys.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>

namespace evenkeel::agent {

namespace {

/// More than any limit, and far from overflowing when more is added.
constexpr std::int64_t used_up = std::numeric_limits<std::int64_t>::max() / 4;

}  // namespace

void KeyLimits::tell(Seat& seat, Now now, bool spent_unknown) {
    const ledger::KeyTerms& terms = seat.row.terms;
    gate::KeyLimits limits{
        .rate =
            {.name = seat.row.ix,
             .requests_min = terms.rate.requests_min,
             .tokens_min = terms.rate.tokens_min,
             .in_flight = terms.rate.in_flight},
        .spent_unknown = spent_unknown};
    if (terms.money) {
        // An amount in a currency without a rate lets nothing through: closed, not open.
        limits.money =
            routing::to_report(catalogue_->config.currency, terms.money->amount, Rounding::down)
                .value_or(0);
        seat.window = std::max(seat.window, ledger::window_start(terms.money->per, zone_, now.utc));
        limits.resets = ledger::window_end(terms.money->per, zone_, seat.window);
        books_.use_key(seat.row.ix, terms.money->per);
    } else {
        seat.window = {};
        books_.use_key(seat.row.ix, std::nullopt);
    }
    gateway_.key_changed(limits);
}

std::int64_t KeyLimits::spent(const Seat& seat, Now now) const {
    auto reader = ledger::Reader::open(state_);
    const auto sum = reader ? report::spent_by_key(
                                  *reader,
                                  catalogue_->config.currency,
                                  seat.row.ix,
                                  seat.row.terms.money->per,
                                  zone_,
                                  now.utc)
                            : std::unexpected{reader.error()};
    if (!sum) {
        spdlog::error("key={} its limit counts as used up: {}", seat.row.name, sum.error().message);
        return used_up;
    }
    return *sum;
}

void KeyLimits::start(
    std::shared_ptr<const routing::Catalogue> catalogue,
    const ledger::Recovered& recovered,
    Now now) {
    catalogue_ = std::move(catalogue);
    for (const ledger::KeyRow& row : recovered.keys) {
        Seat& seat = seats_[row.ix];
        seat.row = row;
        if (row.revoked) {
            continue;  // it asks for nothing any more
        }
        tell(seat, now);
        if (!row.terms.money) {
            continue;
        }
        std::int64_t used = spent(seat, now);
        for (const ledger::BudgetWindow& window : recovered.windows) {
            if (window.budget == row.ix && window.window == seat.window) {
                used = std::max(used, window.settled) + window.held;
            }
        }
        gateway_.budget_booked(row.ix, used, {});
    }
    recall_minute(now);
}

/// Allowances a minute: what was asked for in the last one, so that a restart gives it not twice.
void KeyLimits::recall_minute(Now now) {
    auto reader = ledger::Reader::open(state_);
    if (!reader) {
        return;  // said above where it matters
    }
    const auto read = reader->each_request(
        now.utc - std::chrono::minutes{1}, [&](const ledger::RequestView& request) {
            const ReasonCode code = request.reason.code;
            const bool counted = code != ReasonCode::limit_requests &&
                                 code != ReasonCode::limit_tokens &&
                                 code != ReasonCode::limit_in_flight && request.route != NameIx{} &&
                                 request.at <= now.utc;
            if (counted) {
                gateway_.recall(
                    request.key,
                    request.route,
                    request.usage.prompt + request.usage.completion,
                    now.boot - (now.utc - request.at));
            }
        });
    if (!read) {
        spdlog::warn("the requests of the last minute are not counted: {}", read.error().message);
    }
}

void KeyLimits::apply(std::shared_ptr<const routing::Catalogue> catalogue, Now now) {
    catalogue_ = std::move(catalogue);
    for (auto& [ix, seat] : seats_) {
        if (!seat.row.revoked) {
            tell(seat, now);
        }
    }
}

bool KeyLimits::put(const ledger::KeyRow& row, Now now) {
    Seat& seat = seats_[row.ix];
    const auto& before = seat.row.terms.money;
    const auto& after = row.terms.money;
    const bool is_new = after && (!before || seat.row.revoked || before->per != after->per);
    if (is_new) {
        seat.window = {};
    }
    seat.row = row;
    tell(seat, now, is_new);
    return is_new;
}

void KeyLimits::add_spent(NameIx key, Now now) {
    const auto seat = seats_.find(key);
    if (seat != seats_.end() && seat->second.row.terms.money) {
        gateway_.key_spent(key, spent(seat->second, now));
    }
}

void KeyLimits::tick(Now now) {
    for (auto& [ix, seat] : seats_) {
        const auto& money = seat.row.terms.money;
        // Never back: a clock that jumps back opens no old window again.
        if (money && !seat.row.revoked &&
            ledger::window_start(money->per, zone_, now.utc) > seat.window) {
            tell(seat, now);
        }
    }
}

const ledger::KeyRow* KeyLimits::find(std::string_view name) const {
    const NameIx ix = names_.find(routing::NameKind::key, name);
    const auto seat = seats_.find(ix);
    return seat == seats_.end() ? nullptr : &seat->second.row;
}

}  // namespace evenkeel::agent
