#include "agent/reap/reaper.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::reap {

/// One machine on its way out.
struct Reaper::Target {
    Ended out{};
    bool answered{false};               ///< its delete was answered, or it was missing
    bool missing{false};                ///< a GET after that said so
    std::optional<BootTime> omitted{};  ///< a complete list asked after that left it out
};

void Reaper::write(const std::string& provider, Target& target, Deed deed) {
    if (log_ == nullptr) {
        return;
    }
    const Entry entry{
        .at = clock_.read().utc,
        .deed = deed,
        .provider = provider,
        .machine = target.out.judged.machine,
        .why = deed == Deed::left ? target.out.trouble : target.out.judged.why};
    const std::lock_guard lock{mutex_};
    if (const auto written = log_->append(entry); !written) {
        target.out.trouble = written.error().message;  // the delete goes on: money comes first
    }
}

/// Delete until it is answered, then GET until it is missing.
void Reaper::press(
    providers::Provider& provider, const std::string& name, Target& target, std::stop_token stop) {
    const std::string& id = target.out.judged.machine.remote_id;
    if (!target.answered) {
        const auto destroyed = provider.destroy(id, stop);
        if (!destroyed && destroyed.error().code != Errc::not_found) {
            target.out.trouble = destroyed.error().message;
            return;
        }
        target.answered = true;
        target.omitted.reset();
        write(name, target, Deed::answered);
    }
    if (!target.missing) {
        const auto got = provider.get(id, stop);
        if (got) {
            target.out.trouble = "the provider still has it: deleted again";
            target.answered = false;
        } else if (got.error().code == Errc::not_found) {
            target.missing = true;
        } else {
            target.out.trouble = got.error().message;
        }
    }
}

/// One list for all that are missing by GET.
void Reaper::prove(
    providers::Provider& provider,
    const std::string& name,
    std::vector<Target>& targets,
    std::stop_token stop) {
    const bool wanted = std::ranges::any_of(
        targets, [](const Target& target) { return target.missing && !target.out.gone; });
    if (!wanted) {
        return;
    }
    const BootTime asked = clock_.read().boot;
    const auto list = provider.list(stop);
    for (Target& target : targets) {
        if (!target.missing || target.out.gone) {
            continue;
        }
        if (!list) {
            target.out.trouble = list.error().message;
            continue;
        }
        const bool there = std::ranges::any_of(*list, [&](const providers::RemoteMachine& one) {
            return one.remote_id == target.out.judged.machine.remote_id;
        });
        if (there) {
            target.answered = target.missing = false;
            target.omitted.reset();
            target.out.trouble = "it is listed again: deleted again";
        } else if (!target.omitted) {
            target.omitted = asked;
            target.out.trouble = "not proved yet: it is waited for a second list";
        } else if (asked - *target.omitted >= rules_.proof_gap) {
            target.out.gone = true;
            target.out.trouble.clear();
            write(name, target, Deed::gone);
        }
    }
}

void Reaper::end_all(
    providers::Provider& provider,
    const std::string& name,
    std::vector<Target>& targets,
    std::stop_token stop) {
    const BootTime give_up = clock_.read().boot + rules_.wait;
    std::chrono::milliseconds retry = rules_.retry_first;
    for (Target& target : targets) {
        write(name, target, Deed::asked);
    }
    for (;;) {
        for (Target& target : targets) {
            if (!target.out.gone) {
                press(provider, name, target, stop);
            }
        }
        prove(provider, name, targets, stop);
        std::optional<std::chrono::nanoseconds> next;
        const BootTime now = clock_.read().boot;
        for (const Target& target : targets) {
            if (target.out.gone) {
                continue;
            }
            // Between two lists there is nothing to do; a failure is tried again sooner.
            const bool between = target.omitted && *target.omitted + rules_.proof_gap > now;
            const std::chrono::nanoseconds pause = between
                                                       ? *target.omitted + rules_.proof_gap - now
                                                       : std::chrono::nanoseconds{retry};
            next = std::min(next.value_or(pause), pause);
        }
        if (!next) {
            return;
        }
        const auto pause = std::chrono::ceil<std::chrono::milliseconds>(
            std::max<std::chrono::nanoseconds>(*next, std::chrono::milliseconds{1}));
        if (stop.stop_requested() || now + pause > give_up || !pause_(pause)) {
            break;
        }
        retry = std::min(retry * 2, rules_.retry_most);
    }
    for (Target& target : targets) {
        if (!target.out.gone) {
            write(name, target, Deed::left);
        }
    }
}

Findings Reaper::run(
    providers::Provider& provider,
    const std::string& name,
    const std::vector<Row>& rows,
    std::stop_token stop) {
    Findings findings{.provider = name};
    const auto list = provider.list(stop);
    const UtcTime now = clock_.read().utc;
    if (!list) {
        findings.error = list.error();
        findings.unseen = overdue_rows(name, rows, rules_.agent, now);
        return findings;
    }
    std::vector<Target> targets;
    for (Judgement& one : judge(
             name,
             *list,
             rows,
             rules_.owner_mark,
             rules_.agent,
             now,
             rules_.grace,
             rules_.unknown)) {
        if (one.verdict == Verdict::foreign) {
            continue;
        }
        if (must_end(one.verdict)) {
            Target target;
            target.out = {.judged = one, .trouble = rules_.dry_run ? "dry run: left alone" : ""};
            targets.push_back(std::move(target));
        }
        findings.seen.push_back(std::move(one));
    }
    if (!rules_.dry_run && !targets.empty()) {
        end_all(provider, name, targets, stop);
    }
    for (Target& target : targets) {
        findings.ended.push_back(std::move(target.out));
    }
    return findings;
}

}  // namespace evenkeel::reap
