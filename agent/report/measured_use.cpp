#include "agent/report/breakeven.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace evenkeel::report {

using breakeven::Exact;

namespace {

using Interval = std::pair<UtcTime, UtcTime>;

/// What one own machine did.
struct Work {
    std::vector<Interval> busy{};
    std::int64_t in{0};
    std::int64_t cached{0};
    std::int64_t out{0};

    void add(const Usage& usage) {
        in += usage.prompt;
        cached += usage.cached;
        out += usage.completion;
    }
    [[nodiscard]] breakeven::Tokens monthly(const Exact& months) const {
        return {
            .in_mtok = Exact{in, 1'000'000} / months,
            .out_mtok = Exact{out, 1'000'000} / months,
            .cached_fraction = in > 0 ? std::min(Exact{cached, in}, Exact{1}) : Exact{0}};
    }
};

/// The time that at least one of the intervals covers.
std::chrono::microseconds covered(std::vector<Interval> intervals) {
    std::ranges::sort(intervals);
    std::chrono::microseconds sum{0};
    UtcTime until{};
    for (const auto& [from, to] : intervals) {
        const UtcTime begin = std::max(from, until);
        if (to > begin) {
            sum += to - begin;
            until = to;
        }
    }
    return sum;
}

/// The own machine behind each source: an own source has the name of its offer.
std::map<NameIx, std::string> hardware_of_sources(
    const config::Config& config, const std::vector<ledger::NameRow>& names) {
    std::map<NameIx, std::string> hardware;
    for (const config::Model& model : config.models) {
        for (const config::Offer& offer : model.offers) {
            const config::Provider* provider = config.provider(offer.on);
            if (provider == nullptr || provider->hardware.empty()) {
                continue;
            }
            for (const ledger::NameRow& name : names) {
                if (name.kind == routing::NameKind::source && name.text == offer.name) {
                    hardware[name.ix] = provider->hardware;
                }
            }
        }
    }
    return hardware;
}

Result<Exact> in_report(const config::CurrencyRules& rules, Money amount) {
    if (amount.is_zero() || amount.currency() == rules.report) {
        return breakeven::exact_of(amount);
    }
    const auto rate = rules.rates.find(amount.currency());
    if (rate == rules.rates.end()) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "there is no rate from {} to {}: add it to currency.rates",
                amount.currency().text(),
                rules.report.text()));
    }
    return Exact{breakeven::exact_of(amount) * rate->second.rate_nanos / 1'000'000'000};
}

Result<void> measure_cost(
    const std::vector<ledger::SpendRow>& spend,
    const config::CurrencyRules& rules,
    MeasuredUse& use) {
    std::map<std::string, std::pair<Exact, std::int64_t>> by_kind;
    for (const ledger::SpendRow& row : spend) {
        const auto paid = in_report(rules, row.paid);
        if (!paid) {
            return std::unexpected{paid.error()};
        }
        for (const std::string& kind : {std::string{to_text(row.kind)}, std::string{"all"}}) {
            by_kind[kind].first += *paid;
            by_kind[kind].second += row.tokens_in + row.tokens_out;
        }
    }
    for (const auto& [kind, sum] : by_kind) {
        if (sum.second > 0) {
            use.per_mtok[kind] = sum.first * 1'000'000 / sum.second;
        }
    }
    return {};
}

}  // namespace

Result<MeasuredUse> measure_use(
    ledger::Reader& reader, const config::Config& config, const ledger::Zone& zone, UtcTime now) {
    using std::chrono::microseconds;
    const auto names = reader.names();
    const auto summary = reader.summary();
    if (!names || !summary) {
        return std::unexpected{names ? summary.error() : names.error()};
    }
    const UtcTime first = std::max(summary->first.value_or(now), now - config.breakeven.window);
    const microseconds span = std::max<microseconds>(now - first, std::chrono::hours{1});
    const auto hardware = hardware_of_sources(config, *names);
    std::map<std::string, Work> own;
    Work all;
    const auto read = reader.each_request(first, [&](const ledger::RequestView& request) {
        all.add(request.usage);
        const auto known = hardware.find(request.source);
        if (known == hardware.end()) {
            return;
        }
        Work& work = own[known->second];
        work.add(request.usage);
        work.busy.emplace_back(
            std::max(request.at + request.wait, first), std::min(request.at + request.total, now));
    });
    if (!read) {
        return std::unexpected{read.error()};
    }
    MeasuredUse use{.span = std::chrono::ceil<std::chrono::hours>(span)};
    const microseconds hour = std::chrono::hours{1};
    const Exact months = Exact{span.count(), hour.count()} / config.breakeven.hours_per_month;
    for (auto& [name, work] : own) {
        use.own_tokens[name] = work.monthly(months);
        use.busy[name] = Exact{covered(std::move(work.busy)).count(), span.count()};
    }
    if (all.in + all.out > 0) {
        use.all_tokens = all.monthly(months);
    }
    const auto spend = reader.spend(ledger::day_number(zone, first), ledger::day_number(zone, now));
    if (!spend) {
        return std::unexpected{spend.error()};
    }
    if (const auto measured = measure_cost(*spend, config.currency, use); !measured) {
        return std::unexpected{measured.error()};
    }
    return use;
}

}  // namespace evenkeel::report
