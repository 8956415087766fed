#include "tests/simulator/lifecycle_world.hpp"

#include "tests/simulator/lifecycle_story.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace evenkeel::simulator {

using namespace std::chrono_literals;
using lifecycle::CallKind;
using lifecycle::Machine;
using lifecycle::Seen;

std::uint64_t Dice::next() {
    state_ += 0x9E37'79B9'7F4A'7C15u;
    std::uint64_t x = state_;
    x = (x ^ (x >> 30)) * 0xBF58'476D'1CE4'E5B9u;
    x = (x ^ (x >> 27)) * 0x94D0'49BB'1331'11EBu;
    return x ^ (x >> 31);
}
std::int64_t Dice::upto(std::int64_t below) {
    return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(below));
}
std::chrono::milliseconds Dice::between(std::chrono::milliseconds a, std::chrono::milliseconds b) {
    return a + std::chrono::milliseconds{upto((b - a).count() + 1)};
}

Faults faults_of(std::uint64_t seed) {
    Dice dice{seed ^ 0xFA17u};
    Faults faults;
    for (bool* fault :
         {&faults.create_lost,
          &faults.create_refused,
          &faults.delete_lost,
          &faults.delete_ignored,
          &faults.list_lag,
          &faults.list_empty,
          &faults.vanish,
          &faults.outage,
          &faults.boot_fails,
          &faults.host_reboots}) {
        *fault = dice.chance(40);
    }
    faults.twin = dice.chance(15);
    faults.dearer = dice.chance(15);
    faults.stray = dice.chance(20);
    return faults;
}

std::string to_text(const Faults& faults) {
    std::string text;
    const auto add = [&](bool on, std::string_view name) {
        if (on) {
            text += fmt::format("{}{}", text.empty() ? "" : " ", name);
        }
    };
    add(faults.create_lost, "F01-F03");
    add(faults.create_refused, "F04");
    add(faults.delete_lost, "F19/F20");
    add(faults.delete_ignored, "F18");
    add(faults.list_lag, "F06/F08");
    add(faults.list_empty, "F29");
    add(faults.vanish, "F23");
    add(faults.outage, "F31");
    add(faults.twin, "F10");
    add(faults.dearer, "F16");
    add(faults.boot_fails, "F38");
    add(faults.stray, "F27");
    add(faults.host_reboots, "reboots");
    return text.empty() ? "none" : text;
}

World::World(const Options& options)
    : options_{options},
      dice_{options.seed},
      faults_{faults_of(options.seed)},
      crash_next_{options.crash_at} {
    limits_.poll = 20s;
    limits_.probe = 20s;
    limits_.max_life = 20min;
    boot0_ = -host_uptime_at_start;
    faults_end_ = faults_last;
    if (faults_.outage) {
        outage_from_ = dice_.between(0s, 20min);
        outage_to_ = outage_from_ + dice_.between(1min, 9min);
    }
    crashes_left_ = options.crash_at < 0 ? 0 : 1 + static_cast<int>(dice_.upto(3));
    // Machines of others, two of which look like ours (F26).
    remotes_.push_back({.id = "f-1", .name = "web-1"});
    remotes_.push_back({.id = "f-2", .name = "ek-0a1b2c3d-0000000000001", .mark = ""});
    remotes_.push_back({.id = "f-3", .name = "ek-99999999-1", .mark = "ek-99999999"});
    if (faults_.stray) {
        remotes_.push_back(
            {.id = "m-stray",
             .name = "ek-0a1b2c3d-0000000000zzz",
             .mark = std::string{mark},
             .booted = 1min,
             .hour_nanos = hour_nanos});
    }
    const int count = 1 + static_cast<int>(dice_.upto(3));
    for (int i = 0; i < count; ++i) {
        Plan plan{.at = i == 0 ? 0s : dice_.between(0s, 5min)};
        if (dice_.chance(70)) {
            plan.drain = plan.at + dice_.between(0s, 20min);
            plan.destroy = dice_.chance(30);
        }
        plans_.push_back(plan);
    }
}

Now World::now() const {
    return {.boot = BootTime{t_ - boot0_}, .utc = utc0 + to_micros(t_)};
}

void World::fail(std::string what) {
    if (failures_.size() < 20) {
        failures_.push_back(fmt::format("t={} s: {}", t_ / 1s, what));
    }
}

Remote* World::remote(const std::string& id) {
    const auto found = std::ranges::find(remotes_, id, &Remote::id);
    return found != remotes_.end() ? &*found : nullptr;
}

/// Here the agent may die: between commits, requests and answers.
void World::boundary() {
    const std::int64_t number = boundaries_++;
    if (crashes_left_ > 0 && number >= crash_next_) {
        --crashes_left_;
        crash_next_ = number + 1 + dice_.upto(60);
        throw Crash{};
    }
}

// ---- the agent --------------------------------------------------------------------------------

void World::commit(const Machine& machine) {
    store_[machine.id] = machine;
    rows_[machine.id] = machine;
    boundary();
}

void World::apply(MachineId id, const lifecycle::Event& event) {
    const lifecycle::Step result = lifecycle::step(rows_.at(id), event, limits_, now());
    rows_[id] = result.machine;
    if (result.durable) {
        if (result.machine.step != store_.at(id).step + 1) {
            fail("a step was skipped or made twice");
        }
        for (const auto& closed : result.closed) {
            booked_[id] += closed.amount;
        }
        // Row and postings are one transaction: nothing may die between them.
        store_[id] = result.machine;
        if (result.to == MachineState::gone) {
            check_gone(result.machine);
        }
        boundary();
    }
    for (const std::string& twin : result.destroy_duplicates) {
        const bool known = std::ranges::any_of(
            store_, [&](const auto& row) { return row.second.remote_id == twin; });
        const Remote* one = remote(twin);
        if (!known && one != nullptr) {
            commit(lifecycle::make_orphan(
                seen_of(*one),
                MachineId{next_id_++},
                "cloud",
                fmt::format("boot-{}", host_boots_),
                {ReasonCode::machine_duplicate},
                now(),
                min_bill));
        }
    }
}

void World::start(MachineId id, CallKind kind) {
    if (kind == CallKind::create) {
        apply(id, lifecycle::CreateAsked{});
    }
    CallInFlight call{.machine = id, .kind = kind, .epoch = epoch_, .asked = now()};
    if (const auto row = rows_.find(id); row != rows_.end()) {
        call.remote_id = row->second.remote_id;
    }
    call.effect = t_ + dice_.between(50ms, 2s);
    call.answer = call.effect + dice_.between(50ms, dice_.chance(5) ? 40s : 2s);
    calls_.push_back(call);
    boundary();
}

void World::deliver_list(const CallInFlight& call) {
    std::vector<MachineId> ids;
    for (const auto& [id, row] : rows_) {
        ids.push_back(id);
    }
    for (const MachineId id : ids) {
        apply(id, lifecycle::listed_for(rows_.at(id), call.list, true, call.asked));
    }
    std::vector<Machine> rows;
    for (const auto& [id, row] : rows_) {
        rows.push_back(row);
    }
    const auto findings = lifecycle::sweep(
        {.remote = call.list,
         .rows = rows,
         .owner_mark = mark,
         .asked = call.asked,
         .now = now(),
         .grace = 60s},
        watch_);
    for (const auto& finding : findings) {
        if (lifecycle::may_destroy(finding.verdict)) {
            commit(lifecycle::make_orphan(
                finding.seen,
                MachineId{next_id_++},
                "cloud",
                fmt::format("boot-{}", host_boots_),
                {ReasonCode::machine_orphan},
                now(),
                min_bill));
        }
    }
}

void World::deliver(const CallInFlight& call) {
    boundary();  // the answer was read, nothing was done about it yet
    if (call.kind == CallKind::none) {
        sweeping_ = false;
    }
    if (call.is_list) {
        deliver_list(call);
    } else if (call.event && rows_.contains(call.machine)) {
        apply(call.machine, *call.event);
    }
}

void World::script() {
    for (Plan& plan : plans_) {
        if (!plan.started && t_ >= plan.at && faulty()) {
            plan.started = true;
            plan.id = MachineId{next_id_++};
            commit(lifecycle::make_machine(
                {.id = plan.id,
                 .name = lifecycle::machine_name(mark, plan.id),
                 .owner_mark = std::string{mark},
                 .provider = "cloud",
                 .offer = "h100",
                 .gpu_wanted = "H100",
                 .price = Price::per_hour(Money{hour_nanos, usd}),
                 .min_bill = min_bill,
                 .boot_id = fmt::format("boot-{}", host_boots_)},
                limits_,
                now()));
        }
        const bool end = t_ >= faults_end_ || (plan.drain && t_ >= *plan.drain);
        if (plan.started && end && !plan.ended && rows_.contains(plan.id)) {
            plan.ended = true;
            const Reason reason{ReasonCode::rent_release};
            if (plan.destroy) {
                apply(plan.id, lifecycle::Destroy{reason});
            } else {
                apply(plan.id, lifecycle::Drain{reason});
            }
        }
        // Level-triggered: an end that got lost in a crash is asked again.
        if (plan.ended && rows_.contains(plan.id) && !rows_.at(plan.id).end_asked &&
            rows_.at(plan.id).state != MachineState::gone) {
            plan.ended = false;
        }
    }
    if (t_ >= next_work_) {
        next_work_ = t_ + dice_.between(5s, 90s);
        std::vector<MachineId> ids;
        for (const auto& [id, row] : rows_) {
            ids.push_back(id);
        }
        for (const MachineId id : ids) {
            const int in_flight = static_cast<int>(dice_.upto(3));
            apply(id, lifecycle::Work{in_flight});
            if (in_flight == 0) {
                apply(id, lifecycle::Drained{});
            }
        }
    }
}

void World::agent_round() {
    script();
    if (t_ >= next_sweep_ && !sweeping_) {
        sweeping_ = true;
        next_sweep_ = t_ + leak_scan;
        start(MachineId{}, CallKind::none);
    }
    std::vector<MachineId> ids;
    for (const auto& [id, row] : rows_) {
        ids.push_back(id);
    }
    for (const MachineId id : ids) {
        apply(id, lifecycle::Tick{});
        const lifecycle::Call call = lifecycle::wanted_call(rows_.at(id), limits_, now());
        const bool flying = std::ranges::any_of(calls_, [&](const CallInFlight& one) {
            return one.machine == id && one.kind == call.kind && one.epoch == epoch_;
        });
        if (call.kind != CallKind::none && !flying && call.not_before <= now().boot) {
            start(id, call.kind);
        }
    }
}

void World::crash() {
    ++crashes_;
    ++epoch_;
    up_ = false;
    up_again_ = t_ + dice_.between(1s, 2min);
    rows_.clear();
    watch_.clear();
    sweeping_ = false;
}

void World::restart() {
    if (faults_.host_reboots && dice_.chance(50)) {
        ++host_boots_;
        boot0_ = t_ - dice_.between(1s, up_again_ > 1s ? 1s : 2s);
    }
    up_ = true;
    next_sweep_ = t_;
    for (const auto& [id, row] : std::map{store_}) {
        const lifecycle::Step result =
            lifecycle::after_restart(row, fmt::format("boot-{}", host_boots_), limits_, now());
        rows_[id] = result.machine;
        for (const auto& closed : result.closed) {
            booked_[id] += closed.amount;
        }
        if (result.durable) {
            store_[id] = result.machine;
        }
    }
    boundary();
}

// ---- time -------------------------------------------------------------------------------------

nanoseconds World::next_time() const {
    nanoseconds next = t_ + 60s;
    const auto consider = [&](nanoseconds time) {
        if (time > t_) {
            next = std::min(next, time);
        }
    };
    for (const CallInFlight& call : calls_) {
        consider(call.done ? call.answer : call.effect);
    }
    consider(faults_end_);
    if (!up_) {
        consider(up_again_);
        return next;
    }
    consider(next_sweep_);
    consider(next_work_);
    for (const Plan& plan : plans_) {
        consider(plan.at);
        if (plan.drain) {
            consider(*plan.drain);
        }
    }
    for (const auto& [id, row] : rows_) {
        const lifecycle::Call call = lifecycle::wanted_call(row, limits_, now());
        if (call.kind != CallKind::none) {
            consider(call.not_before.time_since_epoch() + boot0_);
        }
        const BootTime deadline = lifecycle::next_deadline(row, limits_);
        if (deadline != BootTime::max()) {
            consider(deadline.time_since_epoch() + boot0_);
        }
    }
    return next;
}

bool World::run() {
    while (t_ < faults_end_ + time_to_converge) {
        try {
            settle_truth();
            if (!up_ && t_ >= up_again_) {
                restart();
            }
            for (std::size_t i = 0; i < calls_.size(); ++i) {
                if (!calls_[i].done && calls_[i].effect <= t_) {
                    effect(calls_[i]);
                }
            }
            // Answers to a dead agent are read by nobody.
            std::vector<CallInFlight> answers;
            std::erase_if(calls_, [&](const CallInFlight& call) {
                const bool over = call.done && call.answer <= t_;
                if (over && call.epoch == epoch_) {
                    answers.push_back(call);
                }
                return over;
            });
            if (up_) {
                for (const CallInFlight& call : answers) {
                    deliver(call);
                }
                agent_round();
                check_running();
            }
        } catch (const Crash&) {
            crash();
        }
        t_ = std::max(next_time(), t_ + 1ms);
    }
    check_end();
    return failures_.empty();
}

}  // namespace evenkeel::simulator
