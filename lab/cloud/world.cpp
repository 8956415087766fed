#include "lab/cloud/world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace evenkeel::lab::cloud {

namespace {

constexpr std::string_view other_gpu = "A100 80GB (synthetic)";
constexpr std::size_t name_bytes_max = 255;
constexpr std::size_t word_bytes_max = 512;

bool consists_of_name_characters(std::string_view text) {
    return std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.';
    });
}

bool is_printable_word(std::string_view text, bool may_be_empty) {
    return (may_be_empty || !text.empty()) && text.size() <= word_bytes_max &&
           !text.starts_with('-') &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

/// True when a count was set; takes one off it.
bool strike(int& count) {
    if (count <= 0) {
        return false;
    }
    --count;
    return true;
}

std::int64_t times(std::int64_t value, Factor factor) {
    constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
    return mul_div(value, factor.num, factor.den, Rounding::half_even).value_or(largest);
}

template <class... Handlers>
struct Overloaded : Handlers... {
    using Handlers::operator()...;
};

UtcTime time_of(const Record& record) {
    return std::visit(
        Overloaded{
            [](const Created& created) { return created.machine.created; },
            [](const auto& other) { return other.at; }},
        record);
}

std::unexpected<Error> misfit(std::string_view what, std::string_view id) {
    return fail(Errc::corrupt, fmt::format("{} of the machine {} does not fit", what, id));
}

}  // namespace

Machine* World::live_machine(std::string_view id) {
    const auto found = machines_.find(id);
    return found == machines_.end() || found->second.ended ? nullptr : &found->second;
}

Result<void> World::replay(const Record& record) {
    const UtcTime at = time_of(record);
    if (at < last_time_) {
        return fail(Errc::corrupt, "a record is older than the one before it");
    }
    if (mark_.empty() != std::holds_alternative<Opened>(record)) {
        return fail(Errc::corrupt, "the journal must begin with the one record 'opened'");
    }
    last_time_ = at;
    const auto change = [this](std::string_view what, const std::string& id, auto how) {
        Machine* const machine = live_machine(id);
        if (machine == nullptr) {
            return Result<void>{misfit(what, id)};
        }
        how(*machine);
        return Result<void>{};
    };
    return std::visit(
        Overloaded{
            [this](const Opened& opened) -> Result<void> {
                mark_ = opened.mark;
                return mark_.empty() ? fail(Errc::corrupt, "the journal's mark is empty")
                                     : Result<void>{};
            },
            [this](const Created& created) -> Result<void> {
                if (!machines_.emplace(created.machine.id, created.machine).second) {
                    return misfit("the creation", created.machine.id);
                }
                ++live_;
                return {};
            },
            [&](const Started& started) {
                return change("the start", started.id, [&](Machine& machine) {
                    machine.status = Status::running;
                    machine.port = started.port;
                    machine.has_process = true;
                });
            },
            [&](const Stopped& stopped) {
                return change("the stop", stopped.id, [&](Machine& machine) {
                    machine.status = Status::stopped;
                    machine.port = 0;
                    machine.has_process = false;
                    if (stopped.process_ended) {
                        machine.billed_until = stopped.at;
                    }
                });
            },
            [&](const DeleteAccepted& accepted) {
                return change("the delete", accepted.id, [](Machine& machine) {
                    machine.status = Status::deleting;
                });
            },
            [&](const Vanished& vanished) {
                return change("the disappearance", vanished.id, [](Machine& machine) {
                    machine.hidden = true;
                });
            },
            [&](const Ended& ended) {
                return change("the end", ended.id, [&](Machine& machine) {
                    machine.ended = ended.why;
                    machine.has_process = false;
                    machine.billed_until = machine.billed_until.value_or(ended.at);
                    --live_;
                });
            },
            [](const Alive&) { return Result<void>{}; }},
        record);
}

void World::record(Step& step, Record record) {
    [[maybe_unused]] const auto applied = replay(record);
    assert(applied.has_value());
    step.records.push_back(std::move(record));
}

Step World::begin(UtcTime now, std::string_view mark) {
    Step step;
    if (mark_.empty()) {
        record(step, Opened{.at = now, .mark = std::string{mark}});
    }
    // They lived at least until the last record; nothing proves that they lived longer.
    const UtcTime proven = last_time_;
    for (const auto& [id, machine] : machines_) {
        if (!machine.ended) {
            record(step, Ended{.at = proven, .id = id, .why = EndReason::restart});
        }
    }
    return step;
}

Micros World::scaled(std::chrono::milliseconds real) const {
    return Micros{real} / shelf_.speed;
}

int World::stock_left() const {
    const auto taken = std::ranges::count_if(
        machines_, [](const auto& entry) { return !entry.second.ended && !entry.second.hidden; });
    return std::max(shelf_.stock - static_cast<int>(taken), 0);
}

std::optional<Refusal> World::check(const CreateRequest& request) const {
    const auto invalid = [](std::string message) {
        return Refusal{.status = 422, .code = "invalid", .message = std::move(message)};
    };
    if (closing_) {
        return Refusal{503, "closing", "the cloud is being stopped"};
    }
    if (request.name.empty() || request.name.size() > name_bytes_max ||
        !consists_of_name_characters(request.name)) {
        return invalid("name must be 1 to 255 letters, digits, dashes or dots");
    }
    if (!consists_of_name_characters(request.owner_mark) ||
        request.owner_mark.size() > name_bytes_max) {
        return invalid("owner_mark must be letters, digits, dashes or dots");
    }
    if (request.sku != shelf_.sku || request.region != shelf_.region) {
        return invalid(fmt::format(
            "there is no such sku in such a region; there is {} in {}", shelf_.sku, shelf_.region));
    }
    if (!is_printable_word(request.model, /*may_be_empty=*/false) ||
        !is_printable_word(request.image, /*may_be_empty=*/true)) {
        return invalid("model and image must be plain words");
    }
    const bool taken = std::ranges::any_of(machines_, [&](const auto& entry) {
        return !entry.second.ended && !entry.second.hidden && entry.second.name == request.name;
    });
    if (taken) {
        return Refusal{409, "name_exists", "a machine of this name exists"};
    }
    if (stock_left() == 0 || machines_.size() >= machines_ever_max) {
        return Refusal{409, "no_stock", "no such machine is free now"};
    }
    return std::nullopt;
}

Machine World::make_machine(const CreateRequest& request, UtcTime now) {
    const Micros boot{times(shelf_.boot.count(), switches_.slow_boot)};
    return {
        .id = fmt::format("m-{}-{:06}", mark_, machines_.size() + 1),
        .name = request.name,
        .owner_mark = request.owner_mark,
        .sku = request.sku,
        .region = request.region,
        .image = request.image,
        .model = request.model,
        .gpu = switches_.wrong_gpu ? std::string{other_gpu} : shelf_.gpu,
        .hourly = Money{times(shelf_.hourly.nanos(), switches_.dearer), shelf_.hourly.currency()},
        .min_bill = shelf_.min_bill,
        .created = now,
        .boots_at = now + boot,
        .expires = request.expires,
        .boot_fails = strike(switches_.boot_fails)};
}

Outcome World::create(const CreateRequest& request, UtcTime now) {
    Outcome outcome;
    outcome.refusal = check(request);
    if (!outcome.refusal && strike(switches_.no_stock)) {
        outcome.refusal = Refusal{409, "no_stock", "no such machine is free now"};
    }
    if (outcome.refusal) {
        return outcome;
    }
    Machine machine = make_machine(request, now);
    outcome.id = machine.id;
    record(outcome.step, Created{std::move(machine)});
    if (strike(switches_.create_twice)) {
        record(outcome.step, Created{make_machine(request, now)});
    }
    if (strike(switches_.create_lost)) {
        outcome.delivery = Delivery::lost;
    } else if (strike(switches_.create_5xx_after_effect)) {
        outcome.delivery = Delivery::broken;
    }
    return outcome;
}

void World::end_process_or_machine(Step& step, Machine& machine, Effect::Kind how, UtcTime now) {
    if (machine.has_process) {
        step.effects.push_back({how, machine.id});
        return;
    }
    const EndReason why = closing_         ? EndReason::closed
                          : machine.hidden ? EndReason::vanished
                                           : EndReason::deleted;
    record(step, Ended{.at = now, .id = machine.id, .why = why});
}

Outcome World::remove(std::string_view id, UtcTime now) {
    Outcome outcome;
    if (find(id, now) == nullptr) {
        outcome.refusal = Refusal{404, "not_found", "there is no such machine"};
        return outcome;
    }
    Machine& machine = *live_machine(id);
    if (strike(switches_.delete_busy)) {
        outcome.refusal = Refusal{409, "busy", "another action on this machine is pending"};
        return outcome;
    }
    if (machine.status == Status::deleting || strike(switches_.delete_ignored)) {
        return outcome;
    }
    record(outcome.step, DeleteAccepted{.at = now, .id = machine.id});
    end_process_or_machine(outcome.step, machine, Effect::Kind::stop, now);
    if (strike(switches_.delete_lost)) {
        outcome.delivery = Delivery::lost;
    }
    return outcome;
}

const Machine* World::find(std::string_view id, UtcTime now) const {
    const Machine* const found = machine(id);
    const bool visible = found != nullptr && !found->ended && !found->hidden &&
                         now - found->created >= scaled(switches_.get_lag);
    return visible ? found : nullptr;
}

const Machine* World::machine(std::string_view id) const {
    const auto found = machines_.find(id);
    return found == machines_.end() ? nullptr : &found->second;
}

MachinePage World::list(std::string_view after, std::size_t limit, UtcTime now) {
    MachinePage page;
    if (strike(switches_.list_empty)) {
        return page;
    }
    bool more = false;
    for (const auto& [id, machine] : machines_) {
        const bool lags = now - machine.created < scaled(switches_.list_lag);
        if (machine.ended || machine.hidden || lags) {
            continue;
        }
        ++page.total;
        if (id <= after) {
            continue;
        }
        if (page.machines.size() < limit) {
            page.machines.push_back(&machine);
        } else {
            more = true;
        }
    }
    if (more) {
        page.next = page.machines.back()->id;
    }
    return page;
}

std::vector<BillEntry> World::bill(std::string_view owner_mark, UtcTime now) const {
    std::vector<BillEntry> entries;
    for (const auto& [id, machine] : machines_) {
        if (owner_mark.empty() || machine.owner_mark == owner_mark) {
            entries.push_back({
                .id = id,
                .name = machine.name,
                .amount = machine.amount(now),
                .elapsed = machine.elapsed(now),
                .final = machine.billed_until.has_value(),
            });
        }
    }
    return entries;
}

Step World::started(std::string_view id, int port, UtcTime now) {
    Step step;
    if (const Machine* const machine = live_machine(id)) {
        record(step, Started{.at = now, .id = machine->id, .port = port});
    }
    return step;
}

Step World::start_failed(std::string_view id, UtcTime now) {
    Step step;
    if (const Machine* const machine = live_machine(id)) {
        record(step, Stopped{.at = now, .id = machine->id, .process_ended = false});
    }
    return step;
}

Step World::exited(std::string_view id, UtcTime now) {
    Step step;
    Machine* const machine = live_machine(id);
    if (machine == nullptr || !machine->has_process) {
        return step;
    }
    if (closing_ || machine->hidden || machine->status == Status::deleting) {
        machine->has_process = false;
        end_process_or_machine(step, *machine, Effect::Kind::stop, now);
    } else {
        record(step, Stopped{.at = now, .id = machine->id, .process_ended = true});
    }
    return step;
}

Step World::tick(UtcTime now) {
    Step step;
    const Micros vanish_after = scaled(switches_.vanish_after);
    for (auto& [id, machine] : machines_) {
        if (machine.ended || machine.hidden) {
            continue;
        }
        if (vanish_after > Micros{0} && now - machine.created >= vanish_after) {
            record(step, Vanished{.at = now, .id = id});
            end_process_or_machine(step, machine, Effect::Kind::kill, now);
        } else if (machine.status == Status::creating && now >= machine.boots_at) {
            if (machine.boot_fails) {
                record(step, Stopped{.at = now, .id = id, .process_ended = false});
            } else {
                step.effects.push_back({Effect::Kind::start, id});
            }
        }
    }
    return step;
}

std::optional<UtcTime> World::next_due() const {
    std::optional<UtcTime> due;
    const auto consider = [&](UtcTime time) { due = std::min(due.value_or(time), time); };
    const Micros vanish_after = scaled(switches_.vanish_after);
    for (const auto& [id, machine] : machines_) {
        if (machine.ended || machine.hidden) {
            continue;
        }
        if (vanish_after > Micros{0}) {
            consider(machine.created + vanish_after);
        }
        if (machine.status == Status::creating) {
            consider(machine.boots_at);
        }
    }
    return due;
}

Step World::proof_of_life(UtcTime now) {
    Step step;
    if (live_ > 0 && now > last_time_) {
        record(step, Alive{now});
    }
    return step;
}

Step World::close(UtcTime now) {
    Step step;
    closing_ = true;
    for (auto& [id, machine] : machines_) {
        if (!machine.ended) {
            end_process_or_machine(step, machine, Effect::Kind::stop, now);
        }
    }
    return step;
}

}  // namespace evenkeel::lab::cloud
