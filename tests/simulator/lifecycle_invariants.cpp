#include "tests/simulator/lifecycle_story.hpp"
#include "tests/simulator/lifecycle_world.hpp"

#include <fmt/format.h>

#include <algorithm>

/// The invariants of the catalogue of faults, as far as machines go.
namespace evenkeel::simulator {

using lifecycle::Machine;

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
