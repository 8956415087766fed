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
/// A bill that differs by more than this is an alarm (FAULTS F102): the larger of what our clock
/// cannot know better, and the smaller of a hundredth of the bill and one unit of its currency.
constexpr std::chrono::seconds bill_tolerance{2};
constexpr std::int64_t bill_alarm_share = 100;
constexpr std::int64_t bill_alarm_nanos = 1'000'000'000;
constexpr std::size_t bill_alarms_max = 16;  ///< shown at once, the newest

Money size_of(Money amount) {
    return amount.nanos() < 0 ? Money{-amount.nanos(), amount.currency()} : amount;
}

bool is_alarming(Money difference, Money bill, const Price& price) {
    const std::int64_t off = size_of(difference).nanos();
    const std::int64_t least = std::min(size_of(bill).nanos() / bill_alarm_share, bill_alarm_nanos);
    return off > least && off > price.cost_of(bill_tolerance, Rounding::up).nanos();
}

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
            },
            // A key that may not read bills can still rent, and books that are read rent nothing.
            {.heard = false});
    }
}

void Fleet::billed(
    const std::string& provider, const Result<std::vector<providers::BillLine>>& lines) {
    ProviderState& state = providers_[provider];
    state.billing = false;
    bool open = !lines.has_value();
    if (lines) {
        const NameIx seller = parts_.names.find(routing::NameKind::provider, provider);
        for (const providers::BillLine& line : *lines) {
            if (seller != NameIx{} && !line.remote_id.empty()) {
                parts_.ledger.bill_seen(
                    {.provider = seller,
                     .remote_id = line.remote_id,
                     .amount = line.amount,
                     .final = line.final});
            }
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
            adjust(*seat, provider, line.amount);
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

void Fleet::adjust(Seat& seat, const std::string& provider, Money bill) {
    const Currency booked_in = seat.paid.currency();
    if (!booked_in.is_none() && bill.currency() != booked_in) {
        spdlog::error(
            "machine={} is billed in {} and booked in {}: compare by hand",
            seat.machine.name,
            bill.currency().text(),
            booked_in.text());
        return;
    }
    const Money difference = bill - seat.paid;
    if (difference.is_zero()) {
        return;
    }
    spdlog::info(
        "machine={} bill={} booked={} adjusted={}",
        seat.machine.name,
        to_text(bill),
        to_text(seat.paid),
        to_text(difference));
    if (is_alarming(
            difference, bill, seat.machine.real_price.value_or(seat.machine.intent_price))) {
        std::string alarm = fmt::format(
            "{}: {} bills {} for {}, which we reckoned to have cost {}: compare its bill, then its "
            "price in models.yaml",
            seat.source_name,
            provider,
            to_text(bill),
            seat.machine.name,
            to_text(seat.paid));
        spdlog::critical("{}", alarm);
        ++providers_[provider].bill_alarms;
        bill_alarms_.push_back(std::move(alarm));
        if (bill_alarms_.size() > bill_alarms_max) {
            bill_alarms_.pop_front();
        }
    }
    const Money before = std::exchange(seat.paid, bill);
    parts_.ledger.adjust(
        {.machine = seat.machine.id,
         .amount = difference,
         .paid_before = before,
         .reason = fmt::format("bill of {}", provider),
         .budgets = shares(seat, difference, parts_.clock.read().utc)},
        [this, inbox = parts_.inbox, provider, difference, id = seat.machine.id](
            const Result<void>& result) {
            inbox.post([this, provider, difference, id, result] {
                if (result) {
                    ProviderState& state = providers_[provider];
                    state.not_booked = 0;
                    state.bill_differences
                        .try_emplace(difference.currency(), Money{0, difference.currency()})
                        .first->second += difference;
                } else {
                    not_adjusted(provider, id, difference, result.error());
                }
            });
        });
}

void Fleet::not_adjusted(
    const std::string& provider, MachineId id, Money difference, const Error& error) {
    const auto seat =
        std::ranges::find_if(gone_, [&](const Seat& ended) { return ended.machine.id == id; });
    if (seat == gone_.end()) {
        return;
    }
    spdlog::error(
        "machine={} adjustment of {} not booked: {}",
        seat->machine.name,
        to_text(difference),
        error.message);
    const bool passing = error.code == Errc::io_failed || error.code == Errc::unavailable ||
                         error.code == Errc::refused;
    if (!passing) {
        // Asking again would bring the same; the next start reads what is booked.
        warnings_.push_back(
            fmt::format("{}: its bill could not be booked: {}", seat->machine.name, error.message));
        return;
    }
    seat->paid -= difference;
    ProviderState& state = providers_[provider];
    state.bill_wanted = true;
    state.bill_after = parts_.clock.read().boot +
                       std::min<std::chrono::nanoseconds>(
                           std::chrono::minutes{1},
                           std::chrono::seconds{1} * (1 << std::min(state.not_booked++, 6)));
}

}  // namespace evenkeel::agent
