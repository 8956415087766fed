#include "agent/report/keys.hpp"

#include "policies/budget/used.hpp"
#include "policies/routing/catalogue.hpp"

#include <map>

namespace evenkeel::report {

namespace {

/// The newest rates that the ledger has seen.
Result<config::CurrencyRules> rules_of(ledger::Reader& reader, Currency report) {
    config::CurrencyRules rules{.report = report, .rates = {}};
    const auto rows = reader.spend(0, 99'991'231);
    if (!rows) {
        return std::unexpected{rows.error()};
    }
    for (const ledger::SpendRow& row : *rows) {
        if (row.currency == report || rules.rates.contains(row.currency)) {
            continue;
        }
        const auto rate = reader.fx(row.currency, report);
        if (!rate) {
            return std::unexpected{rate.error()};
        }
        const auto nanos =
            *rate ? mul_div((*rate)->num, 1'000'000'000, (*rate)->den, Rounding::up) : std::nullopt;
        if (nanos) {
            rules.rates[row.currency].rate_nanos = *nanos;
        }
    }
    return rules;
}

/// What requests were charged, by their key: nano-units of each currency.
using Spent = std::map<NameIx, std::map<Currency, std::int64_t>>;

/// What was charged since the present window began: of `only`, or of every key where that is none.
Result<Spent> spent_since(
    ledger::Reader& reader,
    NameIx only,
    config::BudgetPer per,
    const ledger::Zone& zone,
    UtcTime now) {
    const UtcTime start = ledger::window_start(per, zone, now);
    Spent spent;
    const auto add = [&](NameIx key, Money charged) {
        if (!charged.is_zero() && (only == NameIx{} || key == only)) {
            spent[key][charged.currency()] += charged.nanos();
        }
    };
    if (per == config::BudgetPer::hour) {
        const auto read = reader.each_request(
            start, [&](const ledger::RequestView& request) { add(request.key, request.charged); });
        if (!read) {
            return std::unexpected{read.error()};
        }
    } else {
        const auto rows =
            reader.spend(ledger::day_number(zone, start), ledger::day_number(zone, now));
        if (!rows) {
            return std::unexpected{rows.error()};
        }
        for (const ledger::SpendRow& row : *rows) {
            add(row.key, row.charged);
        }
    }
    return spent;
}

/// Report nanos, each currency rounded up.
Result<std::int64_t> sum_of(const Spent& spent, NameIx key, const config::CurrencyRules& rules) {
    const auto found = spent.find(key);
    std::int64_t report = 0;
    for (const auto& [currency, nanos] :
         found == spent.end() ? std::map<Currency, std::int64_t>{} : found->second) {
        const auto amount = routing::to_report(rules, Money{nanos, currency}, Rounding::up);
        if (!amount) {
            return std::unexpected{amount.error()};
        }
        report += *amount;
    }
    return report;
}

/// What all keys have spent, read once for each kind of window.
class SpentByAll {
public:
    SpentByAll(ledger::Reader& reader, const ledger::Zone& zone, UtcTime now)
        : reader_{reader}, zone_{zone}, now_{now} {}

    Result<std::int64_t> of(NameIx key, config::BudgetPer per, const config::CurrencyRules& rules) {
        const auto known = windows_.find(per);
        if (known != windows_.end()) {
            return sum_of(known->second, key, rules);
        }
        auto spent = spent_since(reader_, NameIx{}, per, zone_, now_);
        if (!spent) {
            return std::unexpected{spent.error()};
        }
        return sum_of(windows_.emplace(per, std::move(*spent)).first->second, key, rules);
    }

private:
    ledger::Reader& reader_;
    const ledger::Zone& zone_;
    const UtcTime now_;
    std::map<config::BudgetPer, Spent> windows_{};
};

}  // namespace

Result<std::int64_t> spent_by_key(
    ledger::Reader& reader,
    const config::CurrencyRules& rules,
    NameIx key,
    config::BudgetPer per,
    const ledger::Zone& zone,
    UtcTime now) {
    const auto spent = spent_since(reader, key, per, zone, now);
    return spent ? sum_of(*spent, key, rules) : std::unexpected{spent.error()};
}

Result<std::vector<KeyUse>> key_uses(ledger::Reader& reader, UtcTime now) {
    const auto summary = reader.summary();
    const auto rows = reader.keys();
    const auto last = reader.keys_last_used();
    if (!summary || !rows || !last) {
        return std::unexpected{!summary ? summary.error() : !rows ? rows.error() : last.error()};
    }
    const auto zone = ledger::Zone::load(summary->zone);
    const auto rules = rules_of(reader, summary->report);
    if (!zone || !rules) {
        return std::unexpected{!zone ? zone.error() : rules.error()};
    }
    const auto windows = reader.budget_windows(now - std::chrono::days{62});
    if (!windows) {
        return std::unexpected{windows.error()};
    }
    SpentByAll spent_by_all{reader, *zone, now};
    std::vector<KeyUse> uses;
    for (const ledger::KeyRow& row : *rows) {
        if (row.revoked) {
            continue;
        }
        KeyUse use{.row = row};
        if (const auto used = last->find(row.ix); used != last->end()) {
            use.last_used = used->second;
        }
        const auto month = spent_by_all.of(row.ix, config::BudgetPer::month, *rules);
        if (!month) {
            return std::unexpected{month.error()};
        }
        use.month = Money{*month, rules->report};
        if (row.terms.money) {
            const config::BudgetPer per = row.terms.money->per;
            const auto spent = spent_by_all.of(row.ix, per, *rules);
            if (!spent) {
                return std::unexpected{spent.error()};
            }
            const UtcTime start = ledger::window_start(per, *zone, now);
            std::int64_t used = *spent;
            for (const ledger::BudgetWindow& window : *windows) {
                if (window.budget == row.ix && window.window == start) {
                    used =
                        budget::used(
                            {.spent = *spent, .settled = window.settled, .held = window.held}, {})
                            .sum();
                }
            }
            use.used = Money{used, rules->report};
            use.since = start;
            use.resets = ledger::window_end(per, *zone, now);
        }
        uses.push_back(std::move(use));
    }
    return uses;
}

}  // namespace evenkeel::report
