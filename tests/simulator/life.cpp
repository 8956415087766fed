#include "tests/simulator/life.hpp"

#include "tests/simulator/lifecycle_story.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <utility>

namespace evenkeel::simulator {

namespace {

using agent::ProviderRunner;

// The daemon ticks every second. Where nothing but waiting goes on, a host may as well be slow.
constexpr nanoseconds tick_moving = 1s;
constexpr nanoseconds tick_serving = 2s;
constexpr nanoseconds tick_waiting = 5s;
constexpr nanoseconds tick_idle = 15s;

/// Log lines become part of the story.
class StorySink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    explicit StorySink(std::function<void(std::string)> tell) : tell_{std::move(tell)} {}

protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        tell_({message.payload.data(), message.payload.size()});
    }
    void flush_() override {}

private:
    std::function<void(std::string)> tell_;
};

std::filesystem::path fresh_folder() {
    std::string pattern = (ledger::quick_folder() / "evenkeel-simulator-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) {
        throw std::runtime_error{"no folder for the simulated ledger"};
    }
    return pattern;
}

}  // namespace

std::string to_text(const Trial& trial) {
    return fmt::format(
        "--personality {} --seed {} --crash-at {} --more {} --fail-call {}{}{}",
        traits(trial.who).name,
        trial.seed,
        trial.crash_at,
        trial.crashes_more,
        trial.fault.number,
        trial.fault.has_effect ? " --effect" : "",
        trial.both ? " --both" : "");
}

Life::Life(const Trial& trial, bool story)
    : trial_{trial},
      tell_{story},
      dice_{trial.seed * 64 + static_cast<std::uint64_t>(trial.who)},
      tap_{.fault = trial.fault},
      folder_{fresh_folder()},
      config_{simulated_config(trial.machines_max, trial.safety)},
      end_{trial.faults_last + trial.converge},
      next_crash_{trial.crash_at},
      crashes_left_{trial.crash_at < 0 ? 0 : 1 + trial.crashes_more} {
    for (const char* name : {"near", "far"}) {
        clouds_.push_back(std::make_unique<Cloud>(
            name, trial.who, std::string{mark}, trial.faults_last, tap_, dice_));
    }
    clouds_[1]->works_always = !trial.both;
    auto sink = std::make_shared<StorySink>([this](std::string line) { note(std::move(line)); });
    auto logger = std::make_shared<spdlog::logger>("simulator", sink);
    logger->set_level(tell_ ? spdlog::level::info : spdlog::level::off);
    spdlog::set_default_logger(logger);
    start();
}

Life::~Life() {
    agent_.reset();
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("silent"));
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

void Life::note(std::string line) {
    if (!tell_) {
        return;
    }
    const double seconds = std::chrono::duration<double>(t_).count();
    story_.push_back(fmt::format("{:10.3f} #{} {}", seconds, report_.boundaries, line));
    if (story_.size() > story_lines) {
        story_.pop_front();
    }
}

void Life::fail(std::string what) {
    const double seconds = std::chrono::duration<double>(t_).count();
    note("!! " + what);
    if (report_.failures.empty()) {
        told_.assign(story_.begin(), story_.end());
    }
    report_.failures.push_back(fmt::format("at {:.3f} s: {}", seconds, what));
}

/// A numbered place where the agent may die: between commit, request written, answer read and timer
/// fired.
void Life::boundary(std::string_view what) {
    const std::int64_t number = report_.boundaries++;
    if (crashes_left_ > 0 && number >= next_crash_) {
        note(fmt::format("crash at: {}", what));
        if (agent_ && agent_->commits_wait() && !agent_->books->flush()) {
            fail("the ledger does not take a step");  // else it would be chance whether it is there
        }
        --crashes_left_;
        next_crash_ = number + 1 + dice_.upto(40);
        throw Crash{};
    }
}

// ---- the agent's outside ------------------------------------------------------------------------

void Life::start() {
    const std::filesystem::path state = folder_ / fmt::format("state-{}", folders_);
    agent_ = std::make_unique<AgentRun>(
        AgentRun::World{
            .clock = clock_,
            .clouds = {clouds_[0].get(), clouds_[1].get()},
            .now = [this] { return t_; },
            .run_job = [this](
                           const std::string& provider,
                           ProviderRunner::Lane lane,
                           ProviderRunner::Job job) { enqueue(provider, lane, std::move(job)); },
            .ask =
                [this](PlayedProber::Kind kind, int port, std::function<void(bool)> done) {
                    const auto takes = kind == PlayedProber::Kind::health ? 5ms : 900ms;
                    probes_.push_back({kind, port, t_ + takes, std::move(done)});
                },
            .stepped = [this](const lifecycle::Step& step) { stepped(step); },
            .boot_id = fmt::format("boot-{}", host_boots_)},
        state,
        config_);
    next_tick_ = t_;
}

/// kill -9: what was committed stays, calls under way have their effect or not, nobody reads their
/// answers. Sometimes the host goes down too.
void Life::crash() {
    ++report_.crashes;
    agent_->inbox.take(0ns).clear();  // nobody reads what the ledger answered
    for (auto& [key, lane] : lanes_) {
        if (!lane.calls.empty() && !lane.calls.front().happened && dice_.chance(50)) {
            take_effect(lane.calls.front(), lane);
        }
    }
    lanes_.clear();
    probes_.clear();
    for (const auto& cloud : clouds_) {
        cloud->unread(t_);
    }
    const std::filesystem::path before = folder_ / fmt::format("state-{}", folders_);
    const std::filesystem::path after = folder_ / fmt::format("state-{}", ++folders_);
    std::filesystem::create_directory(after);
    std::filesystem::permissions(after, std::filesystem::perms::owner_all);
    for (const char* file : {"ledger.db", "ledger.db-wal"}) {
        if (std::filesystem::exists(before / file)) {
            std::filesystem::copy_file(before / file, after / file);
        }
    }
    agent_.reset();
    std::filesystem::remove_all(before);
    up_again_ = t_ + dice_.between(1s, bound::down);
    if (dice_.chance(20)) {
        ++host_boots_;
        clock_.booted(up_again_ - dice_.between(0s, 1s));
    }
}

void Life::enqueue(
    const std::string& provider, ProviderRunner::Lane which, ProviderRunner::Job job) {
    Lane& lane = lanes_[{provider, which}];
    lane.cloud = cloud_of(provider);
    lane.calls.push_back({.job = std::move(job)});
    if (lane.calls.size() == 1) {
        begin_first(lane);
    }
}

void Life::begin_first(Lane& lane) {
    lane.calls.front().effect = t_ + lane.cloud->effect_after(t_);
}

void Life::take_effect(Call& call, Lane& lane) {
    call.job(std::stop_token{});
    call.happened = true;
    call.answer = t_ + lane.cloud->answer_after();
    auto items = agent_->inbox.take(0ns);
    if (items.size() != 1) {
        fail(fmt::format("the simulator lost its way: a call gave {} answers", items.size()));
        return;
    }
    call.item = std::move(items.front());
    call.books = tap_.made.back() == Api::billing;
    note(fmt::format("{} {}", lane.cloud->name(), to_text(tap_.made.back())));
}

/// Effects and answers that are due.
void Life::deliver() {
    for (auto& [key, lane] : lanes_) {
        if (lane.calls.empty()) {
            continue;
        }
        Call& call = lane.calls.front();
        if (!call.happened && call.effect <= t_) {
            boundary("request not yet written");
            take_effect(call, lane);
            boundary("request written");
        }
        if (call.happened && call.answer <= t_) {
            boundary("answer read");
            const agent::Inbox::Item item = std::move(call.item);
            const bool books = call.books;
            lane.calls.pop_front();
            if (!lane.calls.empty()) {
                begin_first(lane);
            }
            item();
            settle(books);
        }
    }
}

bool Life::engine_is_well(const Probe& probe) {
    for (const auto& cloud : clouds_) {
        if (const Box* box = cloud->by_port(probe.port);
            box != nullptr && cloud->engine_answers(*box, t_)) {
            return probe.kind == PlayedProber::Kind::health || box->useful;
        }
    }
    return false;
}

void Life::probe_answers() {
    for (std::size_t i = 0; i < probes_.size();) {
        if (probes_[i].answer > t_) {
            ++i;
            continue;
        }
        const Probe probe = std::move(probes_[i]);
        probes_.erase(probes_.begin() + static_cast<std::ptrdiff_t>(i));
        probe.done(engine_is_well(probe));
        settle();
    }
}

/// Lets the ledger commit what is waited for, and the fleet go on.
void Life::settle(bool books) {
    while (std::exchange(books, false) || agent_->commits_wait()) {
        if (const auto flushed = agent_->books->flush(); !flushed) {
            fail(flushed.error().message);
            return;
        }
        auto items = agent_->inbox.take(0ns);
        if (items.empty()) {
            return;
        }
        boundary("committed");
        for (const agent::Inbox::Item& item : items) {
            item();
        }
    }
}

void Life::turn() {
    int busy = 0;
    for (const Demand& demand : trial_.demand) {
        if (t_ >= demand.from && t_ < demand.to) {
            busy = std::max(busy, demand.machines);
        }
    }
    agent_->gateway.busy_machines = busy;
    agent_->tick();
    if (agent_->commits_wait()) {
        boundary("timer fired");
    }
    settle();
    check_running();
    const auto& seats = agent_->fleet->seats();
    bool moves = busy > agent_->gateway.serving();
    int existing = 0;
    for (const auto& [id, seat] : seats) {
        const MachineState state = seat.machine.state;
        moves = moves || (state != MachineState::verifying && state != MachineState::unknown &&
                          state != MachineState::serving);
        existing += state == MachineState::wanted ? 0 : 1;
    }
    if (!agent_->fleet->seats().empty()) {
        report_.life = report_.boundaries;
        report_.life_calls = tap_.calls;
    }
    report_.machines_at_once = std::max(report_.machines_at_once, existing);
    const bool serves = agent_->gateway.serving() > 0;
    next_tick_ = t_ + (moves            ? tick_moving
                       : serves         ? tick_serving
                       : !seats.empty() ? tick_waiting
                                        : tick_idle);
    if (t_ >= trial_.faults_last && !as_wanted()) {
        as_wanted_since_.reset();
    } else if (t_ >= trial_.faults_last && !as_wanted_since_) {
        as_wanted_since_ = t_;
    }
}

// ---- time ---------------------------------------------------------------------------------------

nanoseconds Life::next_time() const {
    nanoseconds next = agent_ ? next_tick_ : up_again_;
    for (const auto& [key, lane] : lanes_) {
        if (!lane.calls.empty()) {
            const Call& call = lane.calls.front();
            next = std::min(next, call.happened ? call.answer : call.effect);
        }
    }
    for (const Probe& probe : probes_) {
        next = std::min(next, probe.answer);
    }
    for (const auto& cloud : clouds_) {
        next = std::min(next, cloud->next_change(t_));
    }
    return next;
}

void Life::run_until(nanoseconds until) {
    while (t_ < until) {
        t_ = std::min(std::max(next_time(), t_ + 1ms), until);
        clock_.set(t_);
        for (const auto& cloud : clouds_) {
            cloud->settle(t_);
        }
        try {
            if (!agent_ && t_ >= up_again_) {
                start();
                settle();
            }
            if (agent_) {
                deliver();
                probe_answers();
                if (t_ >= next_tick_) {
                    turn();
                }
            }
        } catch (const Crash&) {
            crash();
        }
    }
}

Report Life::run() {
    run_until(end_);
    if (!agent_) {
        crashes_left_ = 0;
        run_until(end_ + 5min);
    }
    check_wanted();
    // The hourly comparison with the bills, brought forward.
    agent_->fleet->want_bills();
    run_until(t_ + 2min);
    check_end();
    if (!report_.ok() && tell_) {
        report_.failures.emplace_back("the last events:");
        report_.failures.insert(report_.failures.end(), told_.begin(), told_.end());
    }
    return report_;
}

}  // namespace evenkeel::simulator
