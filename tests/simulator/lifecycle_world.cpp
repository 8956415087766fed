#include "tests/simulator/lifecycle_world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace evenkeel::simulator {

using namespace std::chrono_literals;
using lifecycle::CallKind;
using lifecycle::Machine;
using lifecycle::Seen;

namespace {

constexpr std::string_view mark = "ek-0a1b2c3d";
constexpr std::int64_t hour_nanos = 4'410'000'000;
constexpr auto min_bill = 60s;
constexpr nanoseconds leak_scan = 60s;
constexpr nanoseconds faults_last = 30min;
constexpr nanoseconds time_to_converge = 30min;
constexpr nanoseconds host_uptime_at_start = 1h;
const UtcTime utc0 = UtcTime{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23}};

std::chrono::microseconds to_micros(nanoseconds time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time);
}

}  // namespace

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

// ---- the provider -----------------------------------------------------------------------------

bool World::is_down() const {
    return t_ >= outage_from_ && t_ < outage_to_;
}

Seen World::seen_of(const Remote& one) const {
    return {
        .remote_id = one.id,
        .name = one.name,
        .owner_mark = one.mark,
        .running = t_ >= one.booted,
        .gpu = "H100",
        .gpu_count = 1,
        .price = Price::per_hour(Money{one.hour_nanos, usd}),
        .host = t_ >= one.booted ? "127.0.0.1" : "",
        .port = t_ >= one.booted ? 4'000 : 0,
        .created = utc0 + to_micros(one.born)};
}

/// The provider's own bill, in its own arithmetic: nano-units, half-even, at least the minimum.
std::int64_t World::truth(const Remote& one, nanoseconds until) const {
    const nanoseconds lived = std::max<nanoseconds>(min_bill, one.ended.value_or(until) - one.born);
    const __int128 product = static_cast<__int128>(one.hour_nanos) * lived.count();
    const __int128 hour = 3'600'000'000'000;
    __int128 nanos = product / hour;
    const __int128 rest = 2 * (product % hour);
    if (rest > hour || (rest == hour && nanos % 2 == 1)) {
        ++nanos;
    }
    return static_cast<std::int64_t>(nanos);
}

/// Machines that disappear by themselves do so at their time, whoever looks.
void World::settle_truth() {
    for (Remote& one : remotes_) {
        if (!one.ended && one.vanishes && *one.vanishes <= t_) {
            one.ended = *one.vanishes;
        }
    }
}

void World::effect_of_create(CallInFlight& call) {
    const Machine& row = store_.at(call.machine);
    if (is_down() || (faulty() && faults_.create_refused && dice_.chance(30))) {
        call.event = lifecycle::CreateFailed{.code = Errc::unavailable};
        return;
    }
    if (faulty() && faults_.create_lost && dice_.chance(20)) {
        call.event = lifecycle::CreateFailed{.code = Errc::outcome_unknown};  // and no effect
        return;
    }
    ++posts_[row.name];
    const int copies = faulty() && faults_.twin && dice_.chance(50) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
        Remote one{
            .id = fmt::format("m-{}", remotes_.size()),
            .name = row.name,
            .mark = row.owner_mark,
            .born = t_,
            .visible = t_,
            .booted = t_ + dice_.between(10s, 7min),
            .hour_nanos = hour_nanos};
        if (faults_.list_lag) {
            one.visible += dice_.between(0s, 2min);
        }
        if (faults_.boot_fails) {
            one.boots = dice_.chance(50);
        }
        if (faults_.vanish && dice_.chance(50)) {
            one.vanishes = t_ + dice_.between(1s, 25min);
        }
        if (faults_.delete_ignored) {
            one.deletes_ignored = static_cast<int>(dice_.upto(3));
        }
        if (faults_.dearer && dice_.chance(50)) {
            one.hour_nanos += 1;
        }
        remotes_.push_back(one);
    }
    if (faulty() && faults_.create_lost && dice_.chance(50)) {
        call.event = lifecycle::CreateFailed{.code = Errc::outcome_unknown};
    } else {
        call.event = lifecycle::Created{seen_of(remotes_.back())};
    }
}

void World::effect_of_destroy(CallInFlight& call) {
    using lifecycle::DestroyAnswer;
    using lifecycle::DestroyAnswered;
    Remote* one = remote(call.remote_id);
    if (one == nullptr || one->mark != mark) {
        fail(fmt::format("I7: delete call for {}", call.remote_id));
        return;
    }
    if (is_down()) {
        call.event = DestroyAnswered{.answer = DestroyAnswer::failed};
        return;
    }
    if (one->ended || t_ < one->visible) {
        call.event = DestroyAnswered{.answer = DestroyAnswer::missing};
        return;
    }
    if (faulty() && one->deletes_ignored > 0) {
        --one->deletes_ignored;
        call.event = DestroyAnswered{};
        return;
    }
    one->ended = t_;
    const bool lost = faulty() && faults_.delete_lost && dice_.chance(50);
    call.event = DestroyAnswered{.answer = lost ? DestroyAnswer::failed : DestroyAnswer::done};
}

/// What the request does when it arrives, and the answer that will be read later.
void World::effect(CallInFlight& call) {
    call.done = true;
    const auto shown = [&](const Remote& one) { return !one.ended && t_ >= one.visible; };
    const Remote* one = remote(call.remote_id);
    switch (call.kind) {
        case CallKind::create:
            effect_of_create(call);
            break;
        case CallKind::destroy:
            effect_of_destroy(call);
            break;
        case CallKind::get:
            if (is_down()) {
                call.event = lifecycle::CallFailed{.kind = call.kind};
            } else if (one != nullptr && shown(*one)) {
                call.event = lifecycle::Got{.asked = call.asked, .seen = seen_of(*one)};
            } else {
                call.event = lifecycle::GetMissing{.asked = call.asked};
            }
            break;
        case CallKind::probe:
        case CallKind::accept:
            if (one != nullptr && !one->ended && one->boots && t_ >= one->booted) {
                if (call.kind == CallKind::accept) {
                    call.event = lifecycle::Accepted{};
                } else {
                    call.event = lifecycle::EngineReachable{.asked = call.asked};
                }
            } else {
                call.event = lifecycle::EngineUnreachable{};
            }
            break;
        case CallKind::look_up:
        case CallKind::prove:
        case CallKind::none:  // the sweep
            if (is_down()) {
                call.event = lifecycle::CallFailed{.kind = call.kind};
                break;
            }
            call.is_list = true;
            if (faulty() && faults_.list_empty && dice_.chance(40)) {
                break;
            }
            for (const Remote& each : remotes_) {
                if (shown(each)) {
                    call.list.push_back(seen_of(each));
                }
            }
            break;
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

// ---- invariants -------------------------------------------------------------------------------

/// A proof of absence must be true at the moment it is booked.
void World::check_gone(const Machine& machine) {
    for (const Remote& one : remotes_) {
        const bool ours = machine.remote_id.empty() ? one.name == machine.name && one.mark == mark
                                                    : one.id == machine.remote_id;
        if (ours && !one.ended) {
            fail(fmt::format("I1: {} was called gone but runs", one.id));
        }
    }
}

/// I3 before convergence: what we think we owe is never below the truth.
void World::check_running() {
    for (const auto& [id, row] : rows_) {
        const Remote* one = remote(row.remote_id);
        if (one == nullptr || row.state == MachineState::gone || row.gone_how == GoneHow::lost) {
            continue;
        }
        if (lifecycle::accrued(row, now()).nanos() < truth(*one, t_)) {
            fail(fmt::format("I3: {} costs more than we say", one->id));
        }
    }
}

void World::check_end() {
    for (const auto& [id, row] : store_) {
        if (row.state != MachineState::gone) {
            fail(fmt::format("I12: {} is still {}", row.name, evenkeel::to_text(row.state)));
        }
        if (booked_[id].nanos() != row.posted.nanos()) {
            fail(fmt::format("I3: phases of {} do not sum to what is posted", row.name));
        }
    }
    for (const auto& [name, count] : posts_) {
        if (count > 1) {
            fail(fmt::format("I2: {} creates for {}", count, name));
        }
    }
    for (const Remote& one : remotes_) {
        if (one.mark != mark) {
            if (one.ended) {
                fail(fmt::format("I7: {} was ended", one.id));
            }
            continue;
        }
        if (!one.ended) {
            fail(fmt::format("I1: {} was left behind", one.id));
            continue;
        }
        const auto owners = std::ranges::count_if(
            store_, [&](const auto& row) { return row.second.remote_id == one.id; });
        const bool vanished_unseen = owners == 0 && one.vanishes && *one.vanishes == *one.ended;
        if (owners != 1 && !vanished_unseen) {
            fail(fmt::format("I3: {} rows for {}", owners, one.id));
        }
        for (const auto& [id, row] : store_) {
            if (row.remote_id != one.id || row.gone_how == GoneHow::lost ||
                (one.vanishes && one.ended == one.vanishes)) {
                continue;
            }
            // Reconciliation only ever lowers what a machine that we destroyed was booked with.
            if (row.posted.nanos() < truth(one, t_)) {
                fail(fmt::format(
                    "I3: {} booked {}, cost {}", one.id, row.posted.nanos(), truth(one, t_)));
            }
        }
    }
}

}  // namespace evenkeel::simulator
