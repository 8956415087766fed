#include "tests/unit/gate/oracle.hpp"

#include <algorithm>

/// What the oracle holds against the gate's answers.
namespace evenkeel::gate::oracle {

namespace {

bool is_open(const BudgetLimit& limit, std::int64_t used) {
    return limit.refuse_at < 0 || used <= limit.refuse_at;
}

bool inside(const BudgetLimit& limit, std::int64_t used) {
    return is_open(limit, used) && (limit.local_only_at < 0 || used < limit.local_only_at);
}

}  // namespace

int Oracle::room(NameIx name) const {
    const auto it = sources_.find(name);
    return it == sources_.end() || !it->second.worker.takes_work
               ? 0
               : it->second.worker.slots - it->second.in_flight;
}

bool Oracle::worker_fits(const Request& request, const Source& source) const {
    const Worker& worker = source.worker;
    return worker.kind != SourceKind::api && worker.slots >= 0 && worker.takes_work &&
           request.arrival.model != NameIx{} && worker.model == request.arrival.model &&
           !request.tried.contains(worker.source) &&
           !(request.arrival.own_only && worker.kind == SourceKind::rental);
}

bool Oracle::worker_left(const Request& request) const {
    return std::ranges::any_of(
        sources_, [&](const auto& each) { return worker_fits(request, each.second); });
}

bool Oracle::api_left(const Request& request) const {
    for (std::size_t i = 0; i < request.arrival.api_count; ++i) {
        const NameIx name = request.arrival.apis[i].source;
        const auto it = sources_.find(name);
        if (it != sources_.end() && it->second.worker.slots >= 0 && it->second.worker.takes_work &&
            !request.tried.contains(name)) {
            return true;
        }
    }
    return false;
}

bool Oracle::money_fits(const Request& request, int choice) const {
    const auto i = static_cast<std::size_t>(choice);
    return std::ranges::all_of(request.budgets[i], [&](NameIx name) {
        const BudgetLimit& limit = budgets_.at(name);
        return inside(limit, limit.settled + limit.held + request.arrival.apis[i].hold_report);
    });
}

bool Oracle::may_be_charged(const Request& request) const {
    return std::ranges::all_of(request.internal, [&](NameIx name) {
        const BudgetLimit& limit = budgets_.at(name);
        return is_open(limit, limit.settled + limit.held + request.arrival.internal_hold);
    });
}

bool Oracle::workers_closed(const Request& request) const {
    return std::ranges::any_of(request.internal, [&](NameIx name) {
        const BudgetLimit& limit = budgets_.at(name);
        return !is_open(limit, limit.settled + request.arrival.internal_hold);
    });
}

bool Oracle::api_fits(const Request& request, int choice) const {
    const NameIx name = request.arrival.apis[static_cast<std::size_t>(choice)].source;
    return room(name) > 0 && !request.tried.contains(name) &&
           (request.due || choice < request.arrival.apis_first) && money_fits(request, choice);
}

int Oracle::waiting() const {
    return static_cast<int>(std::ranges::count(requests_, Life::waiting, &Request::life));
}

void Oracle::tally(const Request& request, std::int64_t sign) {
    Tally& tally = tallies_[request.arrival.model];
    if (request.choice >= 0) {
        const bool preferred = request.choice < request.arrival.apis_first;
        (preferred ? tally.bought : tally.overflowed) += sign;
        tally.overflow_cost += preferred ? 0 : sign * request.worth;
    } else if (sources_.at(request.source).worker.kind == SourceKind::rental) {
        tally.served_rental += sign;
        tally.rental_worth += sign * request.worth;
    } else {
        tally.served_own += sign;
    }
}

void Oracle::take(const Effects& effects) {
    for (const Effect& effect : effects) {
        if (effect.cookie >= requests_.size()) {
            wrong("an effect for nobody");
            return;
        }
        Request& request = requests_[effect.cookie];
        if (request.life != Life::waiting) {
            wrong("an effect for a request that does not wait: ended or granted twice");
            return;
        }
        switch (effect.kind) {
            case EffectKind::grant:
                take_grant(request, effect);
                break;
            case EffectKind::refuse:
                take_refusal(request, effect);
                break;
            case EffectKind::queued:
                if (request.announced) {
                    wrong("queued twice");
                }
                request.announced = true;
                break;
            case EffectKind::recall:
                wrong("recalled although nothing is known of any speed");
                break;
        }
    }
}

void Oracle::take_grant(Request& request, const Effect& effect) {
    request.source = effect.source;
    request.choice = -1;
    request.hold = 0;
    const auto it = sources_.find(effect.source);
    if (it == sources_.end() || room(effect.source) <= 0) {
        wrong("a grant on a source without room");
        return;
    }
    if (effect.source_kind == SourceKind::api) {
        for (int i = 0; i < request.arrival.api_count && request.choice < 0; ++i) {
            if (request.arrival.apis[static_cast<std::size_t>(i)].source == effect.source) {
                request.choice = i;
            }
        }
        if (request.choice < 0 || !api_fits(request, request.choice)) {
            wrong("an API grant that is not due, not paid for, or not asked for");
            return;
        }
        for (int i = 0; i < request.choice; ++i) {
            if (api_fits(request, i)) {
                wrong("an API was taken although an earlier choice fits");
            }
        }
        request.hold = effect.hold_report;
        for (const NameIx name : request.budgets[static_cast<std::size_t>(request.choice)]) {
            budgets_[name].held += request.hold;
        }
    } else {
        if (!worker_fits(request, it->second) || !may_be_charged(request)) {
            wrong("a worker that may not answer this request");
        }
        request.hold = std::max<std::int64_t>(request.arrival.internal_hold, 0);
        if (effect.hold_report != request.hold) {
            wrong("a worker holds something else");
        }
        for (const NameIx name : request.internal) {
            budgets_[name].held += request.hold;
        }
        for (const auto& [name, source] : sources_) {
            if (effect.source_kind == SourceKind::rental && room(name) > 0 && !unswept_ &&
                source.worker.kind == SourceKind::own && worker_fits(request, source)) {
                wrong("a rented worker although an own one is free");
            }
        }
    }
    request.life = Life::granted;
    ++it->second.in_flight;
    ++it->second.granted;
    tally(request, 1);
}

void Oracle::take_refusal(Request& request, const Effect& effect) {
    const bool late = request.arrival.give_up_at <= now_.boot;
    bool fair = false;
    switch (effect.reason.code) {
        case ReasonCode::queue_full:
            fair = !request.announced && !retrying_ && waiting() > policy_.queue_limit;
            break;
        case ReasonCode::wait_over:
            fair = late;
            break;
        case ReasonCode::no_source:
            fair = !worker_left(request) && !api_left(request) &&
                   (late || request.arrival.model == NameIx{});
            break;
        case ReasonCode::budget_spent: {
            fair = late || request.arrival.model == NameIx{} || workers_closed(request);
            for (int i = 0; i < request.arrival.api_count; ++i) {
                fair = fair && !api_fits(request, i);
            }
            break;
        }
        case ReasonCode::source_failed:
            fair = request.tried.size() == tries_max ||
                   (!request.tried.empty() && !worker_left(request) && !api_left(request));
            break;
        default:
            break;
    }
    if (!fair) {
        wrong("refused without need: " + std::string{to_text(effect.reason.code)});
    }
    request.life = Life::ended;
    ++tallies_[request.arrival.model].refused;
}

/// Between two calls nobody waits for something that is free, and the timer is exact.
void Oracle::check_still() {
    BootTime next = BootTime::max();
    for (const Request& request : requests_) {
        if (request.life != Life::waiting) {
            continue;
        }
        if (!request.announced) {
            wrong("a request was left without an answer");
        }
        for (const auto& [name, source] : sources_) {
            if (room(name) > 0 && worker_fits(request, source) && may_be_charged(request) &&
                !(unswept_ && request.arrival.internal_hold >= 0)) {
                wrong("a worker is idle while a request waits for it");
            }
        }
        for (int i = 0; i < request.arrival.api_count; ++i) {
            if (!unswept_ && api_fits(request, i)) {
                wrong("an API is free and paid for while a request waits for it");
            }
        }
        const bool overflows =
            !request.due && request.arrival.api_count > request.arrival.apis_first;
        next = std::min(next, request.arrival.give_up_at);
        next = overflows ? std::min(next, request.arrival.overflow_at) : next;
    }
    if (!unswept_ && gate_.next_due() != next) {
        wrong("next_due is not exact");
    }
    if (unswept_ && gate_.next_due() > next) {
        wrong("next_due is late");
    }
}

void Oracle::check_counters() {
    Counters counters;
    gate_.counters(counters);
    for (const SourceCounters& found : counters.sources) {
        const Source& source = sources_[found.source];
        if (found.in_flight != source.in_flight || found.granted != source.granted ||
            found.finished != source.finished || found.failed != source.failed ||
            found.cancelled != source.cancelled ||
            found.granted != found.finished + found.failed + found.cancelled + found.in_flight) {
            wrong("the counters of a source do not add up");
        }
    }
    for (const ModelCounters& found : counters.models) {
        const Tally& tally = tallies_[found.model];
        if (found.arrived != tally.arrived || found.served_own != tally.served_own ||
            found.served_rental != tally.served_rental || found.bought != tally.bought ||
            found.overflowed != tally.overflowed || found.refused != tally.refused ||
            found.overflow_cost != tally.overflow_cost ||
            found.rental_worth != tally.rental_worth || found.left != tally.left ||
            found.arrived != found.served_own + found.served_rental + found.overflowed +
                                 found.bought + found.refused + found.left + found.queued) {
            wrong("the counters of a model do not add up");
        }
    }
    if (counters.budgets.size() != budgets_.size()) {
        wrong("a budget is missing");
    }
    for (const BudgetLimit& found : counters.budgets) {
        const BudgetLimit& expected = budgets_[found.name];
        if (found.settled != expected.settled || found.held != expected.held) {
            wrong("a budget counts differently");
        }
    }
}

}  // namespace evenkeel::gate::oracle
