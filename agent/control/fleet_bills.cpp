// What providers billed, compared with what was booked.
#include "agent/control/fleet.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace evenkeel::agent {

namespace {

constexpr int bill_attempts_max = 5;  ///< then the hourly comparison tries again
constexpr std::chrono::milliseconds bill_pause{500};

}  // namespace

std::chrono::milliseconds Fleet::min_bill_of(const std::string& provider) const {
    std::chrono::milliseconds most{0};
    for (const Seat& seat : gone_) {
        if (seat.machine.provider == provider) {
            most = std::max(most, seat.machine.min_bill);
        }
    }
    for (const auto& [id, seat] : seats_) {
        if (seat.machine.provider == provider) {
            most = std::max(most, seat.machine.min_bill);
        }
    }
    return most;
}

void Fleet::want_bills() {
    for (auto& [name, state] : providers_) {
        state.bill_wanted = true;
    }
    reconcile();
}

void Fleet::reconcile() {
    const BootTime now = parts_.clock.read().boot;
    for (auto& [name, state] : providers_) {
        if (!state.bill_wanted || state.billing || !state.runner || now < state.bill_after) {
            continue;
        }
        state.bill_wanted = false;
        state.billing = true;
        state.runner->run(
            ProviderRunner::Lane::safety,
            [](providers::Provider& api, std::stop_token stop) { return api.billing(stop); },
            [this, provider = name](Result<std::vector<providers::BillLine>> result) {
                billed(provider, result);
            });
    }
}

void Fleet::billed(
    const std::string& provider, const Result<std::vector<providers::BillLine>>& lines) {
    ProviderState& state = providers_[provider];
    state.billing = false;
    bool open = !lines.has_value();
    if (lines) {
        for (const providers::BillLine& line : *lines) {
            const auto seat = std::ranges::find_if(gone_, [&](const Seat& ended) {
                return ended.machine.provider == provider &&
                       ended.machine.remote_id == line.remote_id;
            });
            if (seat == gone_.end()) {
                continue;
            }
            if (!line.final) {
                open = true;
                continue;
            }
            if (!seat->paid.is_zero() && line.amount.currency() != seat->paid.currency()) {
                spdlog::error(
                    "machine={} is billed in {} and booked in {}: compare by hand",
                    seat->machine.name,
                    line.amount.currency().text(),
                    seat->paid.currency().text());
                continue;
            }
            const Money difference = line.amount - seat->paid;
            if (difference.is_zero()) {
                continue;
            }
            spdlog::info(
                "machine={} bill={} booked={} adjusted={}",
                seat->machine.name,
                to_text(line.amount),
                to_text(seat->paid),
                to_text(difference));
            seat->paid = line.amount;
            parts_.ledger.adjust(
                {.machine = seat->machine.id,
                 .amount = difference,
                 .reason = fmt::format("bill of {}", provider),
                 .idem = fmt::format("bill:{}:{}", seat->machine.id.value(), line.amount.nanos()),
                 .budgets = shares(*seat, difference, parts_.clock.read().utc)},
                [this, inbox = parts_.inbox, provider, difference, id = seat->machine.id](
                    const Result<void>& result) {
                    if (!result) {
                        spdlog::error("adjustment refused: {}", result.error().message);
                        inbox.post([this, provider, difference, id] {
                            not_adjusted(provider, id, difference);
                        });
                    }
                });
        }
    }
    if (open && ++state.bill_failures < bill_attempts_max) {
        state.bill_wanted = true;
        state.bill_after = parts_.clock.read().boot + bill_pause * state.bill_failures;
        wake_at(state.bill_after);
    } else {
        state.bill_failures = 0;
    }
}

void Fleet::not_adjusted(const std::string& provider, MachineId id, Money difference) {
    const auto seat =
        std::ranges::find_if(gone_, [&](const Seat& ended) { return ended.machine.id == id; });
    if (seat == gone_.end()) {
        return;
    }
    spdlog::error(
        "machine={} adjustment of {} not booked: tried again",
        seat->machine.name,
        to_text(difference));
    seat->paid -= difference;
    providers_[provider].bill_wanted = true;
    providers_[provider].bill_after = parts_.clock.read().boot + std::chrono::seconds{1};
}

}  // namespace evenkeel::agent
