#include "agent/report/days.hpp"
#include "agent/report/figures.hpp"
#include "agent/report/rates.hpp"
#include "agent/report/spend_days.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

namespace evenkeel::report {

namespace {

using std::chrono::hours;
using std::chrono::microseconds;

UtcTime hour_of(UtcTime at) {
    return std::chrono::floor<hours>(at);
}

/// "48h": so many hours; nothing for other texts.
std::optional<hours> exact_hours(const std::optional<std::string>& text) {
    std::int64_t count = 0;
    if (!text || text->empty()) {
        return std::nullopt;
    }
    const char* const end = text->data() + text->size();
    const auto [rest, error] = std::from_chars(text->data(), end, count);
    const bool fits = error == std::errc{} && rest + 1 == end && *rest == 'h' && count >= 0 &&
                      count <= hours_max;
    return fits ? std::optional{hours{count}} : std::nullopt;
}

/// When the first thing happened that the ledger can tell of; `now` of an empty one.
Result<UtcTime> ledger_begin(ledger::Reader& reader, const SpendOptions& options) {
    const auto meta = reader.meta();
    const auto machines = reader.machines(UtcTime{});
    if (!meta || !machines) {
        return std::unexpected{!meta ? meta.error() : machines.error()};
    }
    UtcTime begin = options.now;
    if (meta->first_day != 0) {
        const auto day = ledger::day_of(meta->first_day);
        begin = std::min(begin, instants({day, day}, options.zone).first);
    }
    for (const ledger::MachineView& machine : *machines) {
        begin = std::min(begin, machine.row.created);  // its money is booked later than it ran
    }
    return begin;
}

/// Hours by their start, filled up to the end.
class Hours {
public:
    Hours(UtcTime since, UtcTime until, Rates& rates) : rates_{rates} {
        const Money nothing{0, rates.to()};
        for (UtcTime at = since; at < until; at += hours{1}) {
            hours_.push_back({at, nothing, nothing, nothing, nothing, nothing});
        }
    }
    /// Adds to one part of the hour of `at`; outside of the span nothing.
    Result<void> add(UtcTime at, Money SpendHour::* what, Money amount) {
        const auto cost = rates_.convert(amount);
        if (!cost) {
            return std::unexpected{cost.error()};
        }
        if (SpendHour* const hour = find(at)) {
            hour->*what += *cost;
        }
        return {};
    }
    /// Spreads `amount` evenly over [from, to); the parts sum to it exactly.
    Result<void> spread(UtcTime from, UtcTime to, Money SpendHour::* what, Money amount) {
        const auto all = rates_.convert(amount);
        if (!all) {
            return std::unexpected{all.error()};
        }
        Money given{0, rates_.to()};
        for (UtcTime at = from; at < to || given != *all;) {
            const UtcTime next = std::min<UtcTime>(hour_of(at) + hours{1}, std::max(from, to));
            const auto part =
                next >= to ? std::optional{all->nanos()}
                           : mul_div(
                                 all->nanos(),
                                 (next - from).count(),
                                 (to - from).count(),
                                 Rounding::half_even);
            const Money sum{part.value_or(all->nanos()), rates_.to()};
            if (SpendHour* const hour = find(at)) {
                hour->*what += sum - given;
            }
            given = sum;
            at = next;
        }
        return {};
    }
    [[nodiscard]] std::vector<SpendHour> take() { return std::move(hours_); }

private:
    SpendHour* find(UtcTime at) {
        if (hours_.empty() || at < hours_.front().at) {
            return nullptr;
        }
        const auto index =
            static_cast<std::size_t>((hour_of(at) - hours_.front().at) / hours{1});
        return index < hours_.size() ? &hours_[index] : nullptr;
    }

    Rates& rates_;
    std::vector<SpendHour> hours_{};
};

/// The phases of one machine, each over the time in which it ran.
Result<void> add_machine(const ledger::MachineView& machine, UtcTime now, Hours& cells) {
    for (const ledger::PhaseRow& phase : machine.phases) {
        const bool serves = phase.phase == Phase::serve;
        const auto what = serves ? &SpendHour::rental : &SpendHour::waste;
        // An unused minimum is paid for time that nobody lived through: it counts at its start.
        const bool is_minimum = phase.phase == Phase::minimum;
        const bool is_open = !phase.to && !machine.row.gone;
        const UtcTime to = is_minimum ? phase.from
                           : is_open  ? std::max(now, phase.from)
                                      : phase.to.value_or(phase.from);
        const Money running =
            is_open ? machine.row.price.cost_of(to - phase.from, Rounding::half_even)
                    : Money{0, phase.billed.currency()};
        const auto added = cells.spread(phase.from, to, what, phase.billed + running);
        if (!added) {
            return added;
        }
    }
    return {};
}

}  // namespace

Result<std::pair<UtcTime, UtcTime>> hours_asked(
    ledger::Reader& reader, const SpendOptions& options) {
    constexpr hours by_default{24};
    const std::optional<std::string> since = options.since   ? options.since
                                             : options.until ? options.until
                                                             : std::optional<std::string>{"24h"};
    const auto days = days_between(since, options.until, options.now, options.zone);
    const auto begin = ledger_begin(reader, options);
    if (!days || !begin) {
        return std::unexpected{!days ? days.error() : begin.error()};
    }
    const auto [from, to] = instants(*days, options.zone);
    const UtcTime until = std::min(to, options.now);
    const auto back = options.since   ? exact_hours(options.since)
                      : options.until ? std::nullopt
                                      : std::optional{by_default};
    // Before its first day the ledger has nothing to say, however far back was asked.
    const UtcTime first = hour_of(back ? options.now - *back : std::max(from, *begin));
    const auto count = std::chrono::ceil<hours>(until - first).count();
    if (count > hours_max) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "{} to {} are {} hours, and at most {} are told one by one: ask for a later "
                "--since or an earlier --until, or day by day",
                config::to_text(options.zone.day(first)),
                config::to_text(days->last),
                grouped(count),
                grouped(hours_max)));
    }
    return std::pair{std::min(first, until), until};
}

Result<SpendHours> make_spend_hours(ledger::Reader& reader, const SpendOptions& options) {
    const auto snapshot = reader.snapshot();
    if (!snapshot) {
        return std::unexpected{snapshot.error()};
    }
    const auto span = hours_asked(reader, options);
    if (!span) {
        return std::unexpected{span.error()};
    }
    const auto [since, until] = *span;
    const auto rows = reader.spend_by_hour(since, until);
    const auto machines = reader.machines(since);
    if (!rows || !machines) {
        return std::unexpected{!rows ? rows.error() : machines.error()};
    }
    Rates rates{reader, options.currency, options.rates};
    Hours cells{since, until, rates};
    for (const ledger::SpendHourRow& row : *rows) {
        const bool is_rental = row.kind == SourceKind::rental;
        if (is_rental && !row.phase.empty() && row.phase != "adjust") {
            continue;  // by its machine, below
        }
        const auto what = row.phase == "adjust"         ? &SpendHour::adjust
                          : is_rental                   ? &SpendHour::rental
                          : row.kind == SourceKind::own ? &SpendHour::own
                                                        : &SpendHour::api;
        if (const auto added = cells.add(row.at, what, row.paid); !added) {
            return std::unexpected{added.error()};
        }
    }
    for (const ledger::MachineView& machine : *machines) {
        if (const auto added = add_machine(machine, options.now, cells); !added) {
            return std::unexpected{added.error()};
        }
    }
    return SpendHours{
        .since = since,
        .until = until,
        .currency = options.currency,
        .rates = rates.texts(),
        .hours = cells.take()};
}

}  // namespace evenkeel::report
