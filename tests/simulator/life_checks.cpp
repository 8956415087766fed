// The invariants of the catalogue of faults (I1, I2, I3, I6, I7, I12), held against the books of
// the providers.
#include "agent/ledger/reader.hpp"
#include "tests/simulator/life.hpp"
#include "tests/simulator/lifecycle_story.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace evenkeel::simulator {

static_assert(lifecycle::Limits{}.retry_first == bound::retry_first);
static_assert(lifecycle::Limits{}.retry_most == bound::retry_most);
static_assert(lifecycle::Limits{}.poll == bound::poll);
static_assert(lifecycle::Limits{}.engine_lost == bound::engine_lost);

Cloud* Life::cloud_of(const std::string& provider) {
    const auto found =
        std::ranges::find_if(clouds_, [&](const auto& cloud) { return cloud->name() == provider; });
    return found == clouds_.end() ? nullptr : found->get();
}

/// The machine a row is about: by id, or by name while the id is not known.
Box* Life::box_of(const lifecycle::Machine& machine) {
    Cloud* cloud = cloud_of(machine.provider);
    if (cloud == nullptr) {
        return nullptr;
    }
    if (!machine.remote_id.empty()) {
        return cloud->by_id(machine.remote_id);
    }
    for (const Box& box : cloud->boxes()) {
        if (cloud->is_ours(box) && box.name == machine.name) {
            return cloud->by_id(box.id);
        }
    }
    return nullptr;
}

void Life::stepped(const lifecycle::Step& step) {
    if (step.event == "wanted") {
        ++report_.intents;
        report_.orders.emplace_back(step.machine.provider, t_);
    }
    if (step.event == "create_asked") {
        check_order(step.machine);
    }
    if (step.to == MachineState::serving && step.from != step.to) {
        ++report_.served;
    }
    if (step.to == MachineState::gone && step.from != step.to) {
        check_gone(step.machine);
    }
}

/// Nothing is ordered in the place of a machine whose delete is unproved, nor where a delete has
/// been unproved for too long.
void Life::check_order(const lifecycle::Machine& ordered) {
    for (const auto& [id, seat] : agent_->fleet->seats()) {
        const lifecycle::Machine& other = seat.machine;
        const bool unproved =
            other.state == MachineState::deleting || other.state == MachineState::verifying;
        if (id == ordered.id || !unproved) {
            continue;
        }
        const bool in_its_place = trial_.machines_max == 1 && other.model == ordered.model &&
                                  lifecycle::ends_by_fault(other);
        if (in_its_place) {
            fail(fmt::format("{} was ordered in the place of {}", ordered.name, other.name));
        }
        const auto asked_for = ordered.wanted_at.boot - other.delete_asked->boot;
        if (other.provider == ordered.provider && asked_for >= lifecycle::Limits{}.undeleted) {
            fail(fmt::format("{} was ordered where {} is undeleted", ordered.name, other.name));
        }
    }
}

/// How far the books of a machine that ended may be from its provider's, before the bill. What a
/// personality hides is derived in personality.hpp; a crash and a call that fails hide more.
Life::Apart Life::apart_at_most(const lifecycle::Machine& machine, const Box& box) const {
    using namespace bound;
    const Personality who = trial_.who;
    const bool fails = trial_.fault.number >= 0;
    // Calls of many machines wait for each other, half a second each.
    const nanoseconds queue = std::chrono::seconds{trial_.machines_max / 2};
    // Where the end is hidden the dearer reading is booked; only a death between looks is not.
    const bool dies_unseen = who == Personality::human_deletes;
    Apart most{
        .over = traits(who).apart + queue,
        .under = (dies_unseen ? traits(who).apart : agreed) + queue};
    // A delete of which nobody knows whether it was sent and worked may have ended even one that
    // had been silent: a worker's engine until engine_lost, one that never served until warm_up.
    const nanoseconds silent = machine.serving_at ? engine_lost : warm_up;
    // The agent is down; then the call that runs at the start is waited for.
    const nanoseconds crash = down + (who == Personality::slow ? 2 * slow_half : agreed);
    most.over += report_.crashes * (crash + silent);
    if (fails) {
        // The next delete comes after a pause, and in a bad spell all of them are refused.
        const nanoseconds spell = who == Personality::outage         ? outage
                                  : who == Personality::storm_429    ? storm
                                  : who == Personality::auth_revoked ? revoked
                                                                     : nothing;
        most.over += retry_most + spell + (box.dies ? silent : nanoseconds{nothing});
    }
    // Sharper: nothing is paid beyond the first answered delete that found it gone, but for lists
    // that show it all the same and creates that were slow to begin. An answer that a crash kept
    // from being written down is had again after the start.
    if (box.told) {
        const nanoseconds beside = who == Personality::list_lag ? list_drag
                                   : who == Personality::slow   ? 3 * slow_half
                                                                : nothing;
        const nanoseconds told_again = report_.crashes * crash;
        most.over =
            std::min(most.over, *box.told - *box.ended + agreed + queue + beside + told_again);
    }
    // Nothing is booked for one that only its create call ever spoke of: a bill adds what it cost,
    // and none would take back what was booked for a placement that never was. It lived while the
    // agent was down, or a failed look passed it by and the minimum is charged.
    if (machine.gone_how == GoneHow::never_created) {
        most.under += report_.crashes > 0 ? nanoseconds{down}
                      : fails             ? nanoseconds{Cloud::min_bill}
                                          : 0ns;
    }
    if (fails && dies_unseen) {
        most.under += missed_look;
    }
    return most;
}

/// A proof of absence must be true when it is booked, and the books near the truth.
void Life::check_gone(const lifecycle::Machine& machine) {
    const Box* box = box_of(machine);
    if (box == nullptr) {
        return;
    }
    if (!box->ended) {
        fail(fmt::format("I1: {} was called gone but runs", box->id));
        return;
    }
    const std::int64_t difference =
        machine.posted.nanos() - cloud_of(machine.provider)->bill(*box, t_);
    const double seconds =
        static_cast<double>(difference) * 3'600 / static_cast<double>(box->hour_nanos);
    report_.apart_s = std::max(report_.apart_s, std::abs(seconds));
    const Apart most = apart_at_most(machine, *box);
    if (seconds > std::chrono::duration<double>(most.over).count() ||
        -seconds > std::chrono::duration<double>(most.under).count()) {
        fail(fmt::format("I3: {} is booked {:.1f} s of price off", box->id, seconds));
    }
}

/// Before convergence, what we think we owe is never below the truth.
void Life::check_running() {
    for (const auto& [id, seat] : agent_->fleet->seats()) {
        const lifecycle::Machine& machine = seat.machine;
        const Box* box = box_of(machine);
        if (box == nullptr || box->ended || machine.state == MachineState::gone ||
            machine.gone_how == GoneHow::lost) {
            continue;
        }
        const Money held = std::max(lifecycle::accrued(machine, clock_.read()), seat.commit);
        if (held.nanos() < cloud_of(machine.provider)->bill(*box, t_)) {
            fail(fmt::format("I3: {} costs more than we say", box->id));
        }
    }
}

/// What the providers have of ours is what the rows say is wanted, and nothing is under way.
bool Life::as_wanted() const {
    std::set<std::string> wanted;
    for (const auto& [id, seat] : agent_->fleet->seats()) {
        if (seat.machine.end_asked || seat.machine.state != MachineState::serving) {
            return false;
        }
        wanted.insert(seat.machine.remote_id);
    }
    for (const auto& cloud : clouds_) {
        for (const Box& box : cloud->boxes()) {
            if (cloud->is_ours(box) && !box.ended && wanted.erase(box.id) == 0) {
                return false;
            }
        }
    }
    return wanted.empty();
}

void Life::check_books(ledger::Reader& reader) {
    const auto verified = reader.verify();
    for (const std::string& problem : verified ? verified->problems : std::vector<std::string>{}) {
        fail("I6: " + problem);
    }
    const auto machines = reader.machines(UtcTime{});
    if (!verified || !machines) {
        fail("I6: the ledger cannot be read");
        return;
    }
    std::set<std::string> booked;
    for (const ledger::MachineView& row : *machines) {
        lifecycle::Machine machine;
        machine.provider = row.provider;
        machine.name = row.row.name;
        machine.remote_id = row.row.remote_id;
        const Box* box = box_of(machine);
        std::int64_t phases = 0;
        for (const ledger::PhaseRow& phase : row.phases) {
            phases += phase.billed.nanos();
        }
        if (row.row.state != MachineState::gone) {
            continue;
        }
        const std::int64_t truth = box == nullptr ? 0 : cloud_of(row.provider)->bill(*box, t_);
        if (row.paid.nanos() != truth) {
            ++report_.ledger_differences;
            fail(fmt::format(
                "I3: {} is booked at {} and billed at {}", row.row.name, row.paid.nanos(), truth));
        }
        if (row.paid.nanos() != phases) {
            ++report_.adjustments;
            report_.adjusted.push_back(fmt::format(
                "{} {}: {} nano-USD",
                traits(trial_.who).name,
                row.row.name,
                row.paid.nanos() - phases));
        }
        if (box != nullptr && !booked.insert(box->id).second) {
            fail(fmt::format("I4: {} is in two rows", box->id));
        }
    }
    for (const auto& cloud : clouds_) {
        for (const Box& box : cloud->boxes()) {
            if (cloud->is_ours(box) && box.billed && box.ended && !booked.contains(box.id)) {
                ++report_.ledger_differences;
                fail(fmt::format("I3: {} is billed and in no row", box.id));
            }
        }
    }
}

void Life::check_wanted() {
    if (!as_wanted()) {
        for (const auto& cloud : clouds_) {
            for (const Box& box : cloud->boxes()) {
                report_.leaks += cloud->is_ours(box) && !box.ended ? 1 : 0;
            }
        }
        fail("I1 I12: what exists is not what is wanted");
        for (const auto& [id, seat] : agent_->fleet->seats()) {
            fail(fmt::format(
                "  {} is {} ({})",
                seat.machine.name,
                evenkeel::to_text(seat.machine.state),
                evenkeel::to_text(seat.machine.end_reason.code)));
        }
    }
    report_.converged = as_wanted_since_.value_or(t_) - trial_.faults_last;
}

void Life::check_end() {
    for (const auto& cloud : clouds_) {
        std::map<std::string, int> machines;
        for (const Box& box : cloud->boxes()) {
            if (cloud->is_ours(box)) {
                ++machines[box.name];
                ++report_.machines;
            }
        }
        for (const auto& [name, count] : machines) {
            if (count > 1) {
                ++report_.creates_twice;
                fail(fmt::format("I2: {} has {} machines", name, count));
            }
        }
        for (const auto& [name, count] : cloud->creates()) {
            if (count > 1) {
                ++report_.creates_twice;
                fail(fmt::format("I2: {} was asked for {} times", name, count));
            }
        }
        for (const std::string& id : cloud->touched()) {
            ++report_.foreign_touched;
            fail(fmt::format("I7: a delete was asked for {}", id));
        }
        report_.create_calls += cloud->creates_seen();
        report_.most_calls_a_minute =
            std::max(report_.most_calls_a_minute, cloud->most_in_a_minute());
    }
    report_.calls = tap_.calls;
    report_.made = tap_.made;
    if (!agent_->books->flush()) {
        fail("I6: the ledger does not take what is left");
    }
    const std::filesystem::path state = folder_ / fmt::format("state-{}", folders_);
    auto reader = ledger::Reader::open(state);
    if (!reader) {
        fail(reader.error().message);
        return;
    }
    check_books(*reader);
    const auto summary = reader->summary();
    const auto alive = static_cast<std::int64_t>(agent_->fleet->seats().size());
    if (!summary || summary->open_holds != alive) {
        fail(fmt::format(
            "I5: {} holds are open for {} machines", summary ? summary->open_holds : -1, alive));
    }
}

}  // namespace evenkeel::simulator
