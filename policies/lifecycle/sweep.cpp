#include "policies/lifecycle/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace evenkeel::lifecycle {

namespace {

constexpr std::string_view family = "ek-";  ///< every agent's mark and names begin with it

/// The row a machine belongs to: by remote id, else by name and mark.
const Machine* row_of(const Seen& seen, std::span<const Machine> rows) {
    const auto by_id = std::ranges::find_if(rows, [&](const Machine& row) {
        return !row.remote_id.empty() && row.remote_id == seen.remote_id;
    });
    if (by_id != rows.end()) {
        return &*by_id;
    }
    const auto by_name =
        std::ranges::find_if(rows, [&](const Machine& row) { return row.name == seen.name; });
    return by_name != rows.end() ? &*by_name : nullptr;
}

Verdict judge_with_row(const Seen& seen, const Machine& row, const SweepInput& input) {
    if (!row.remote_id.empty() && row.remote_id != seen.remote_id) {
        return Verdict::duplicate;
    }
    if (row.state == MachineState::gone) {
        // The list may be older than the end of the row; then it says nothing.
        return row.gone_at && input.asked.boot > row.gone_at->boot ? Verdict::adopt
                                                                   : Verdict::known;
    }
    return row.state == MachineState::unknown ? Verdict::adopt : Verdict::known;
}

/// Nothing of ours lives longer (the policy's longest max_life and drain): an older time in a name
/// was written by somebody else.
constexpr std::chrono::days named_age_max{31};

}  // namespace

std::string_view to_text(Verdict verdict) noexcept {
    switch (verdict) {
        case Verdict::known:
            return "known";
        case Verdict::adopt:
            return "adopt";
        case Verdict::duplicate:
            return "duplicate";
        case Verdict::orphan:
            return "orphan";
        case Verdict::wait:
            return "wait";
        case Verdict::report:
            return "report";
        case Verdict::look_alike:
            return "look_alike";
        case Verdict::foreign:
            return "foreign";
    }
    return "";
}

std::optional<UtcTime> born_of(UtcTime created, std::string_view name, UtcTime now) {
    if (created != UtcTime{}) {
        return created;
    }
    const auto last = name.rfind('-');
    const auto id = name.starts_with(family) && last != std::string_view::npos
                        ? id_from_text(name.substr(last + 1))
                        : std::nullopt;
    return id && now - id_time(*id) <= named_age_max ? std::optional{id_time(*id)} : std::nullopt;
}

std::vector<Finding> sweep(const SweepInput& input, OrphanWatch& watch) {
    std::vector<Finding> findings;
    std::set<std::string, std::less<>> still_orphans;
    std::set<MachineId>
        claimed;  // rows without remote id: the oldest machine of the name is theirs
    std::vector<const Seen*> by_age;
    for (const Seen& seen : input.remote) {
        by_age.push_back(&seen);
    }
    std::ranges::sort(by_age, [](const Seen* a, const Seen* b) {
        return a->created != b->created ? a->created < b->created : a->remote_id < b->remote_id;
    });
    for (const Seen* seen : by_age) {
        Finding finding{.seen = *seen};
        if (input.owner_mark.empty() || seen->owner_mark != input.owner_mark) {
            const bool alike =
                seen->name.starts_with(family) || seen->owner_mark.starts_with(family);
            finding.verdict = alike ? Verdict::look_alike : Verdict::foreign;
            findings.push_back(std::move(finding));
            continue;
        }
        if (const Machine* row = row_of(*seen, input.rows)) {
            finding.machine = row->id;
            finding.verdict = judge_with_row(*seen, *row, input);
            const bool without_id = row->remote_id.empty();
            if (without_id && !claimed.insert(row->id).second) {
                // While the create call is in flight its answer says which one is ours.
                finding.verdict =
                    row->state == MachineState::creating ? Verdict::known : Verdict::duplicate;
            }
            findings.push_back(std::move(finding));
            continue;
        }
        still_orphans.insert(seen->remote_id);
        const BootTime since = watch.try_emplace(seen->remote_id, input.asked.boot).first->second;
        if (input.unknown == config::UnknownMachine::alert) {
            finding.verdict = Verdict::report;
        } else {
            finding.verdict =
                input.now.boot - since >= input.grace ? Verdict::orphan : Verdict::wait;
        }
        findings.push_back(std::move(finding));
    }
    std::erase_if(watch, [&](const auto& entry) { return !still_orphans.contains(entry.first); });
    return findings;
}

Machine make_orphan(
    const Seen& seen,
    MachineId id,
    std::string_view provider,
    std::string_view boot_id,
    const Reason& reason,
    Now now,
    std::chrono::milliseconds min_bill) {
    Machine machine;
    machine.id = id;
    machine.name = fmt::format("{}~{}", seen.name, seen.remote_id);
    machine.owner_mark = seen.owner_mark;
    machine.provider = provider;
    machine.boot_id = boot_id;
    machine.min_bill = min_bill;
    machine.state = MachineState::deleting;
    machine.step = 1;
    machine.remote_id = seen.remote_id;
    machine.gpu = seen.gpu;
    machine.gpu_count = seen.gpu_count;
    machine.real_price = seen.price;
    if (seen.price) {
        machine.intent_price = *seen.price;
    }
    // The provider's clock may be wrong, but a machine is never billed from the future. Its time is
    // cut to whole microseconds, so up to one more has passed.
    using std::chrono::microseconds;
    const auto created = born_of(seen.created, seen.name, now.utc);
    const microseconds age =
        created ? std::max(microseconds{0}, now.utc - *created) + microseconds{1} : microseconds{0};
    const Now born{.boot = now.boot - age, .utc = now.utc - age};
    machine.wanted_at = born;
    machine.billed_from = born;
    machine.state_at = now;
    machine.end_asked = now;
    machine.end_reason = reason;
    machine.delete_asked = now;
    machine.confirmed = true;
    machine.alive_at = now;
    machine.phase = Phase::del;
    machine.phase_no = 1;
    machine.phase_at = born;
    return machine;
}

Machine make_adopted(
    const Seen& seen,
    MachineId id,
    std::string_view provider,
    std::string_view model,
    std::string_view offer,
    std::string_view boot_id,
    const Limits& limits,
    Now now,
    std::chrono::milliseconds min_bill) {
    Machine machine = make_orphan(seen, id, provider, boot_id, {}, now, min_bill);
    machine.name = seen.name;  // its engine's key is made from it
    machine.model = model;
    machine.offer = offer;
    machine.state = MachineState::booting;
    machine.wanted_at = now;
    machine.end_asked.reset();
    machine.delete_asked.reset();
    machine.host = seen.host;
    machine.port = seen.port;
    machine.phase = Phase::boot;
    machine.expires = machine.billed_from->utc + limits.max_life + limits.drain;
    return machine;
}

}  // namespace evenkeel::lifecycle
