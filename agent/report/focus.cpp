#include "agent/report/focus.hpp"

#include "agent/report/days.hpp"
#include "agent/report/focus_rows.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

/// Which charges there are, in which order, and who bears a machine's money.
namespace evenkeel::report {

namespace {

constexpr int rows_at_once = 1'000;

std::int64_t tokens_of(const ledger::RequestView& request) {
    return request.usage.prompt + request.usage.completion;
}

/// Shares an amount out by tokens; telescoped, so that all shares sum to it exactly.
struct Pot {
    Money money{};
    std::int64_t tokens{0};  ///< of everybody
    std::int64_t so_far{0};
    bool whole{true};  ///< none of those who should bear it was deleted by age

    /// None where a share would be too large, because others' are missing.
    std::optional<Money> take(std::int64_t some) {
        if (!whole) {
            return std::nullopt;
        }
        if (tokens <= 0) {
            return Money{0, money.currency()};
        }
        const auto part = [this](std::int64_t count) {
            return mul_div(money.nanos(), std::min(count, tokens), tokens, Rounding::half_even)
                .value_or(0);
        };
        const std::int64_t before = part(so_far);
        so_far += some;
        return Money{part(so_far) - before, money.currency()};
    }
};

/// What own and rented requests of some days bear of the money of what answered them.
class Shares {
public:
    static Result<Shares> make(
        ledger::Reader& reader,
        const Days& days,
        const std::vector<ledger::MachineView>& machines,
        UtcTime since) {
        Shares shares;
        UtcTime oldest = UtcTime::max();
        for (const ledger::MachineView& machine : machines) {
            if (!machine.row.gone || *machine.row.gone >= since) {
                oldest = std::min(oldest, machine.row.created);
                shares.machines_[machine.row.id].money = machine.paid;
            }
        }
        if (oldest != UtcTime::max()) {
            const auto tokens = reader.machine_tokens(oldest, since);
            if (!tokens) {
                return std::unexpected{tokens.error()};
            }
            for (const ledger::MachineTokens& row : *tokens) {
                if (const auto pot = shares.machines_.find(row.machine);
                    pot != shares.machines_.end()) {
                    pot->second.tokens = row.all;
                    pot->second.so_far = row.earlier;
                }
            }
        }
        // Read after the tokens, so that no deletion in between is missed.
        const auto deleted = reader.deleted();
        if (!deleted) {
            return std::unexpected{deleted.error()};
        }
        UtcTime whole_since{};
        for (const ledger::Deleted& one : *deleted) {
            whole_since = one.what == "request" ? one.before : whole_since;
        }
        for (const ledger::MachineView& machine : machines) {
            const auto pot = shares.machines_.find(machine.row.id);
            if (pot != shares.machines_.end()) {
                pot->second.whole = machine.row.created >= whole_since;
            }
        }
        const auto hours =
            reader.own_hours(ledger::day_number(days.first), ledger::day_number(days.last));
        if (!hours) {
            return std::unexpected{hours.error()};
        }
        for (const ledger::OwnHour& hour : *hours) {
            Pot& pot = shares.hours_[{hour.hour, hour.source}];
            pot.whole = hour.hour >= whole_since;
            Money& money = pot.money;
            // A share is one cell of one currency, that of power: other wear has its own row only.
            for (const Money part : {hour.power, hour.wear}) {
                const bool fits = money.is_zero() || part.currency() == money.currency();
                money = fits ? money + part : money;
            }
        }
        return shares;
    }

    /// All requests of one hour, before the first of them takes its share.
    void enter_hour(const std::vector<ledger::RequestView>& requests) {
        for (const ledger::RequestView& request : requests) {
            if (request.kind == SourceKind::own) {
                if (Pot* const pot = own(request)) {
                    pot->tokens += tokens_of(request);
                }
            }
        }
    }
    /// Nothing of what was not posted; none as of a Pot.
    std::optional<Money> take(const ledger::RequestView& request) {
        if (request.kind == SourceKind::own) {
            Pot* const pot = own(request);
            return pot != nullptr ? pot->take(tokens_of(request)) : Money{};
        }
        const auto pot = machines_.find(request.machine);
        return pot != machines_.end() ? pot->second.take(tokens_of(request)) : Money{};
    }

private:
    Pot* own(const ledger::RequestView& request) {
        const auto pot =
            hours_.find({std::chrono::floor<std::chrono::hours>(request.at), request.source});
        return pot != hours_.end() ? &pot->second : nullptr;
    }

    std::unordered_map<MachineId, Pot> machines_{};
    std::map<std::pair<UtcTime, NameIx>, Pot> hours_{};
};

using Visit = std::function<void(const FocusRow&)>;

Result<void> visit_transactions(
    ledger::Reader& reader, const ledger::TxFilter& filter, FocusRows& rows, const Visit& visit) {
    TxId after{};
    for (;;) {
        const auto page = reader.transactions_from(filter, after, rows_at_once);
        if (!page) {
            return std::unexpected{page.error()};
        }
        if (page->empty()) {
            return {};
        }
        after = page->back().id;
        std::vector<RequestId> ids;
        for (const ledger::TxView& tx : *page) {
            if (tx.kind == "request" || tx.kind == "lapse") {
                ids.emplace_back(tx.ref);
            }
        }
        const auto requests = reader.requests_by_id(ids);
        if (!requests) {
            return std::unexpected{requests.error()};
        }
        std::unordered_map<std::int64_t, const ledger::RequestView*> by_id;
        for (const ledger::RequestView& request : *requests) {
            by_id.emplace(request.id.value(), &request);
        }
        for (const ledger::TxView& tx : *page) {
            const auto request = by_id.find(tx.ref);
            for (const FocusRow& row :
                 rows.of(tx, request == by_id.end() ? nullptr : request->second)) {
                visit(row);
            }
        }
    }
}

Result<void> visit_unpaid(
    ledger::Reader& reader,
    std::pair<UtcTime, UtcTime> time,
    FocusRows& rows,
    Shares& shares,
    const Visit& visit) {
    const RequestId until{least_id_at(time.second)};
    RequestId after{least_id_at(time.first) - 1};
    std::vector<ledger::RequestView> hour;  // those of one hour, read to its end
    const auto close_hour = [&] {
        shares.enter_hour(hour);
        for (const ledger::RequestView& request : hour) {
            visit(rows.of_unpaid(request, shares.take(request)));
        }
        hour.clear();
    };
    for (;;) {
        auto page = reader.unpaid_requests(after, until, rows_at_once);
        if (!page) {
            return std::unexpected{page.error()};
        }
        if (page->empty()) {
            close_hour();
            return {};
        }
        after = page->back().id;
        for (ledger::RequestView& request : *page) {
            const bool is_next =
                !hour.empty() && std::chrono::floor<std::chrono::hours>(hour.back().at) !=
                                     std::chrono::floor<std::chrono::hours>(request.at);
            if (is_next) {
                close_hour();
            }
            if (tokens_of(request) > 0) {
                hour.push_back(std::move(request));
            }
        }
    }
}

}  // namespace

Result<void> each_focus_row(
    ledger::Reader& reader, const FocusOptions& options, const Visit& visit) {
    const auto days = days_between(options.since, options.until, options.now, options.zone);
    if (!days) {
        return std::unexpected{days.error()};
    }
    const auto time = instants(*days, options.zone);
    auto rows = FocusRows::make(reader, options);
    if (!rows) {
        return std::unexpected{rows.error()};
    }
    auto shares = Shares::make(reader, *days, rows->machines(), time.first);
    if (!shares) {
        return std::unexpected{shares.error()};
    }
    for (const FocusPurchase& purchase : options.purchases) {
        if (purchase.day >= days->first && purchase.day <= days->last) {
            visit(rows->of_purchase(purchase));
        }
    }
    const auto posted = visit_transactions(
        reader,
        {.first_day = ledger::day_number(days->first),
         .last_day = ledger::day_number(days->last),
         .not_before = booked_not_before(*days, options.zone)},
        *rows,
        visit);
    return posted ? visit_unpaid(reader, time, *rows, *shares, visit) : posted;
}

}  // namespace evenkeel::report
