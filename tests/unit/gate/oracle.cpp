#include "tests/unit/gate/oracle.hpp"

#include <algorithm>

namespace evenkeel::gate::oracle {

namespace {

using namespace std::chrono_literals;

constexpr int queue_limit = 12;
const NameIx models[] = {NameIx{1}, NameIx{2}};
const NameIx workers[] = {NameIx{20}, NameIx{21}, NameIx{22}, NameIx{23}};
const NameIx apis[] = {NameIx{30}, NameIx{31}, NameIx{32}};
const NameIx budget_names[] = {NameIx{40}, NameIx{41}, NameIx{42}};

Policy make_policy(std::int64_t revision, int shape, int money) {
    Policy policy{.revision = revision, .queue_limit = queue_limit};
    for (int i = 0; i < 3; ++i) {
        const int which = (i + shape) % 3;
        if (shape / 3 % 4 == i + 1) {
            continue;  // this one is missing
        }
        const std::int64_t limit = 20 + (money * (which + 3)) % 200;
        policy.budgets.push_back(
            {.name = budget_names[which],
             .limit = limit,
             .local_only_at = which == 1 ? limit * 9 / 10 : -1,
             .refuse_at = which == 2 ? -1 : limit});
    }
    return policy;
}

}  // namespace

Oracle::Oracle() : policy_{make_policy(0, 0, 100)}, gate_{policy_} {
    now_.boot = BootTime{1000s};
    for (const BudgetLimit& limit : policy_.budgets) {
        budgets_[limit.name] = limit;
        numberings_[0].push_back(limit.name);
    }
}

void Oracle::wrong(const std::string& problem) {
    if (problem_.empty()) {
        problem_ = problem;
    }
}

std::string Oracle::step(const Command& command) {
    if (command.what < 38) {
        arrive(command);
    } else if (command.what < 58) {
        end_one(command, true);
    } else if (command.what < 62) {
        retry_one(command);
    } else if (command.what < 66) {
        go_on_one(command);
    } else if (command.what < 73) {
        cancel_one(command);
    } else if (command.what < 83) {
        change_worker(command);
    } else if (command.what < 93) {
        run_due(command.a * 10ms);
    } else if (command.what < 95) {
        poke_dead(command);
    } else if (command.what < 97) {
        apply(command);
    } else {
        book(command);
    }
    check_still();
    check_counters();
    return problem_;
}

// ---- commands -----------------------------------------------------------------------------

void Oracle::arrive(const Command& command) {
    Request request;
    Arrival& arrival = request.arrival;
    arrival.cookie = requests_.size();
    arrival.key = NameIx{10 + command.a % 3};
    arrival.model = command.a % 5 == 4 ? NameIx{} : models[command.a / 5 % 2];
    arrival.own_only = command.a % 7 == 6;
    arrival.tokens_in = command.b * 9;
    arrival.tokens_out = command.c;
    arrival.api_count = static_cast<std::uint8_t>(command.b % 4);
    arrival.apis_first = static_cast<std::uint8_t>(command.c % 6 == 5 ? 1 : 0);
    arrival.apis_first = std::min(arrival.apis_first, arrival.api_count);
    arrival.revision = std::max<std::int64_t>(policy_.revision - command.c % 2, 0);
    const std::vector<NameIx>& names = numberings_[arrival.revision];
    arrival.budgets = static_cast<std::uint64_t>(command.c % 8) & ((1u << names.size()) - 1);
    for (int i = 0; i < arrival.api_count; ++i) {
        const std::int64_t hold = 1 + (command.b + i * 13) % 40;
        arrival.apis[static_cast<std::size_t>(i)] = {
            .source = apis[(command.a + i) % 3],
            .budgets = (command.a + i) % 3 == 0 && !names.empty() ? 1u : 0u,
            .hold = Money{hold, usd},
            .hold_report = hold,
            .expected_report = hold / 2};
        std::set<NameIx> counted;
        for (std::size_t bit = 0; bit < names.size(); ++bit) {
            const std::uint64_t mask =
                arrival.budgets | arrival.apis[static_cast<std::size_t>(i)].budgets;
            if ((mask >> bit & 1) != 0 && budgets_.contains(names[bit])) {
                counted.insert(names[bit]);
            }
        }
        request.budgets.push_back(counted);
    }
    request.worth = arrival.api_count == 0 ? 0 : arrival.apis[0].expected_report;
    if (arrival.model == models[1]) {
        arrival.internal_hold = command.a % 30;
        arrival.internal_budgets =
            static_cast<std::uint64_t>(command.b % 8) & ((1u << names.size()) - 1);
        for (std::size_t bit = 0; bit < names.size(); ++bit) {
            if ((arrival.internal_budgets >> bit & 1) != 0 && budgets_.contains(names[bit])) {
                request.internal.insert(names[bit]);
            }
        }
    }
    arrival.overflow_at =
        arrival.api_count == 0 ? BootTime::max() : now_.boot + (command.c % 4) * 1s;
    arrival.give_up_at = now_.boot + (command.c % 9) * 1s;
    request.due =
        arrival.model == NameIx{} || arrival.overflow_at <= now_.boot || workers_closed(request);
    if (arrival.model != NameIx{}) {
        ++tallies_[arrival.model].arrived;
    }
    requests_.push_back(request);
    Effects effects;
    const Handle handle = gate_.arrive(arrival, now_, effects);
    requests_.back().handle = handle;
    take(effects);
    if (effects.size() != 1 || effects[0].handle != handle) {
        wrong("an arrival has exactly one effect, its own");
    }
}

void Oracle::change_worker(const Command& command) {
    Worker worker;
    if (command.a % 3 == 2) {
        worker = {.source = apis[command.b % 3], .kind = SourceKind::api};
    } else {
        const int which = command.b % 4;
        worker = {
            .source = workers[which],
            .kind = which < 2 ? SourceKind::own : SourceKind::rental,
            .model = models[which % 2],
            .rank = which};
    }
    worker.slots = command.c % 4;
    worker.takes_work = command.c % 5 != 4;
    if (command.c % 11 == 10) {
        const auto it = sources_.find(worker.source);
        const bool expected =
            it == sources_.end() || (!it->second.worker.takes_work && it->second.in_flight == 0);
        if (gate_.worker_removed(worker.source) != expected) {
            wrong("worker_removed answers wrongly");
        }
        if (expected && it != sources_.end()) {
            it->second.worker.slots = -1;  // gone; its figures go on if it comes back
        }
        return;
    }
    sources_[worker.source].worker = worker;
    Effects effects;
    gate_.worker_changed(worker, now_, effects);
    take(effects);
}

Oracle::Request* Oracle::pick(int number, Life life) {
    std::vector<Request*> found;
    for (Request& request : requests_) {
        if (request.life == life) {
            found.push_back(&request);
        }
    }
    return found.empty() ? nullptr : found[static_cast<std::size_t>(number) % found.size()];
}

const std::set<NameIx>& Oracle::counted(const Request& request) {
    return request.choice < 0 ? request.internal
                              : request.budgets[static_cast<std::size_t>(request.choice)];
}

void Oracle::end_grant(Request& request, std::int64_t paid, bool count_back) {
    --sources_[request.source].in_flight;
    for (const NameIx name : counted(request)) {
        budgets_[name].held -= request.hold;
        std::int64_t& settled = budgets_[name].settled;
        // What comes back is no credit in a window that has not spent it.
        const std::int64_t least = std::min<std::int64_t>(settled, 0);
        settled = paid < 0 ? std::max(settled + paid, least) : settled + paid;
    }
    if (count_back) {
        tally(request, -1);
    }
}

void Oracle::end_one(const Command& command, bool /*finishes*/) {
    Request* request = pick(command.a, Life::granted);
    if (request == nullptr) {
        return;
    }
    const std::int64_t paid = request->hold * (command.b % 3) / 2;
    const bool answered = command.c % 5 != 0;
    end_grant(*request, std::min(paid, request->hold), false);
    Source& source = sources_[request->source];
    ++(answered ? source.finished : source.failed);
    request->life = Life::ended;
    Effects effects;
    gate_.finish(
        request->handle,
        {.charged_report = std::min(paid, request->hold), .answered = answered},
        now_,
        effects);
    take(effects);
}

void Oracle::retry_one(const Command& command) {
    Request* request = pick(command.a, Life::granted);
    if (request == nullptr) {
        return;
    }
    end_grant(*request, 0, true);
    leave_source(*request);
    const Handle handle = request->handle;
    Effects effects;
    gate_.retry(handle, now_, effects);
    take_again(handle, effects);
}

void Oracle::leave_source(Request& request) {
    ++sources_[request.source].failed;
    request.tried.insert(request.source);
    request.life = Life::waiting;
    request.announced = false;
    request.due = request.due || request.arrival.overflow_at <= now_.boot || !worker_left(request);
}

void Oracle::take_again(Handle handle, const Effects& effects) {
    retrying_ = true;
    take(effects);
    retrying_ = false;
    if (effects.empty() || effects[0].handle != handle) {
        wrong("a retry ends in an effect for the request itself");
    }
}

/// What the first part cost, if it was more than held or less than nothing too, is settled whatever
/// becomes of the rest, at which no API has a part.
void Oracle::go_on_one(const Command& command) {
    Request* request = pick(command.a, Life::granted);
    if (request == nullptr) {
        return;
    }
    const std::int64_t charged = request->hold * (command.b % 5 - 1) / 2;
    end_grant(*request, charged, true);
    Arrival& arrival = request->arrival;
    arrival.api_count = arrival.apis_first = 0;
    arrival.overflow_at = BootTime::max();
    arrival.give_up_at = now_.boot + (command.c % 4) * 1s;
    leave_source(*request);
    const Handle handle = request->handle;
    const BootTime give_up_at = arrival.give_up_at;
    Effects effects;
    gate_.go_on(handle, give_up_at, {.charged_report = charged}, now_, effects);
    take_again(handle, effects);
}

void Oracle::cancel_one(const Command& command) {
    Request* request = pick(command.a, command.b % 2 == 0 ? Life::waiting : Life::granted);
    if (request == nullptr) {
        return;
    }
    if (request->life == Life::granted) {
        end_grant(*request, 0, true);
        ++sources_[request->source].cancelled;
    }
    ++tallies_[request->arrival.model].left;
    request->life = Life::ended;
    Effects effects;
    gate_.cancel(request->handle, now_, effects);
    take(effects);
}

void Oracle::poke_dead(const Command& command) {
    const Request* request = pick(command.a, Life::ended);
    if (request == nullptr) {
        return;
    }
    Effects effects;
    gate_.finish(request->handle, {.charged_report = 1'000'000}, now_, effects);
    gate_.retry(request->handle, now_, effects);
    gate_.go_on(request->handle, now_.boot, {.charged_report = 1'000'000}, now_, effects);
    gate_.cancel(request->handle, now_, effects);
    if (!effects.empty()) {
        wrong("a dead handle did something");
    }
}

void Oracle::apply(const Command& command) {
    policy_ = make_policy(policy_.revision + 1, command.a, command.b);
    std::map<NameIx, BudgetLimit> kept;
    std::vector<NameIx>& names = numberings_[policy_.revision];
    for (const BudgetLimit& limit : policy_.budgets) {
        names.push_back(limit.name);
        kept[limit.name] = limit;
        if (budgets_.contains(limit.name)) {
            kept[limit.name].settled = budgets_[limit.name].settled;
            kept[limit.name].held = budgets_[limit.name].held;
        }
    }
    budgets_ = kept;
    for (Request& request : requests_) {
        const auto is_gone = [&](NameIx name) { return !budgets_.contains(name); };
        for (std::set<NameIx>& counted : request.budgets) {
            std::erase_if(counted, is_gone);
        }
        std::erase_if(request.internal, is_gone);
    }
    unswept_ = false;
    Effects effects;
    gate_.apply(policy_, now_, effects);
    take(effects);
}

void Oracle::book(const Command& command) {
    const NameIx name = budget_names[command.a % 3];
    if (command.b % 2 == 0) {
        gate_.budget_booked(name, command.c % 50, now_);
    } else {
        gate_.budget_added(name, command.c % 50 - 25, now_);
    }
    if (budgets_.contains(name)) {
        std::int64_t& settled = budgets_[name].settled;
        settled = command.b % 2 == 0 ? command.c % 50 : settled + command.c % 50 - 25;
        unswept_ = true;
    }
}

void Oracle::run_due(std::chrono::nanoseconds by) {
    now_.boot += by;
    for (Request& request : requests_) {
        request.due = request.due || request.arrival.overflow_at <= now_.boot;
    }
    unswept_ = false;
    Effects effects;
    gate_.due(now_, effects);
    take(effects);
    for (const Request& request : requests_) {
        if (request.life == Life::waiting && request.arrival.give_up_at <= now_.boot) {
            wrong("a request waits beyond its time");
        }
    }
}

std::string Oracle::wind_down() {
    Effects effects;
    gate_.stop(now_, effects);
    for (const Effect& effect : effects) {
        Request& request = requests_[effect.cookie];
        if (request.life != Life::waiting || effect.reason.code != ReasonCode::stopping) {
            wrong("stop refuses those that wait, and nobody else");
        }
        request.life = Life::ended;
        ++tallies_[request.arrival.model].left;
    }
    while (pick(0, Life::granted) != nullptr && problem_.empty()) {
        end_one({.b = 1, .c = 1}, true);
        check_counters();
    }
    Counters counters;
    gate_.counters(counters);
    for (const SourceCounters& source : counters.sources) {
        if (source.in_flight != 0) {
            wrong("a slot did not come back");
        }
    }
    for (const BudgetLimit& budget : counters.budgets) {
        if (budget.held != 0) {
            wrong("a hold did not come back");
        }
    }
    for (const Request& request : requests_) {
        if (request.life != Life::ended) {
            wrong("a request never ended");
        }
    }
    if (gate_.next_due() != BootTime::max()) {
        wrong("a timer is left");
    }
    return problem_;
}

}  // namespace evenkeel::gate::oracle
