#include "agent/report/spend.hpp"

#include "agent/report/days.hpp"
#include "agent/report/requests.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <utility>

/// The sums behind `report spend`. How they look is in spend_render.cpp.
namespace evenkeel::report {

namespace {

using ledger::SpendRow;

constexpr int kind_nobody = 9;  ///< sorts requests that nobody served last
/// Behind the tags, in this order.
enum TagOrder : int { tagged, other_tags, untagged, deleted, no_request };
constexpr std::size_t tags_shown_max = 1'000;

struct Rate {
    std::int64_t num{1};
    std::int64_t den{1};
};

/// Rates to the report currency, looked up once and remembered with their dates.
class Rates {
public:
    Rates(ledger::Reader& reader, const SpendOptions& options)
        : reader_{reader}, options_{options} {}

    Result<Money> convert(Money amount) {
        const Currency to = options_.currency;
        if (amount.currency() == to || amount.is_zero()) {
            return Money{amount.nanos(), to};
        }
        const auto rate = find(amount.currency());
        if (!rate) {
            return std::unexpected{rate.error()};
        }
        const auto nanos = mul_div(amount.nanos(), rate->num, rate->den, Rounding::half_even);
        if (!nanos) {
            return fail(Errc::invalid_argument, "an amount is too large for the report currency");
        }
        return Money{*nanos, to};
    }
    [[nodiscard]] std::vector<std::string> texts() const {
        std::vector<std::string> texts;
        for (const auto& [currency, entry] : known_) {
            texts.push_back(entry.second);
        }
        return texts;
    }

private:
    Result<Rate> find(Currency from) {
        if (const auto known = known_.find(from); known != known_.end()) {
            return known->second.first;
        }
        const auto stored = reader_.fx(from, options_.currency);
        if (!stored) {
            return std::unexpected{stored.error()};
        }
        Rate rate;
        std::chrono::year_month_day as_of{};
        if (*stored) {
            rate = {(*stored)->num, (*stored)->den};
            as_of = std::chrono::year_month_day{
                std::chrono::floor<std::chrono::days>((*stored)->as_of)};
        } else if (const auto row = options_.rates.rates.find(from);
                   row != options_.rates.rates.end() &&
                   options_.rates.report == options_.currency) {
            rate = {row->second.rate_nanos, 1'000'000'000};
            as_of = row->second.as_of;
        } else {
            return fail(
                Errc::invalid_argument,
                fmt::format(
                    "there is no rate from {0} to {1}: add currency.rates.{0} to evenkeel.yaml, or "
                    "report in {0} with --currency",
                    from.text(),
                    options_.currency.text()));
        }
        const auto shown = mul_div(1'000'000, rate.num, rate.den, Rounding::half_even).value_or(0);
        known_[from] = {
            rate,
            fmt::format(
                "{} at {} ({})", from.text(), format_decimal(shown, 6, 2), config::to_text(as_of))};
        return rate;
    }

    ledger::Reader& reader_;
    const SpendOptions& options_;
    std::map<Currency, std::pair<Rate, std::string>> known_{};
};

struct LineKey {
    int order{0};
    std::string label{};
    bool synthetic{false};
    friend auto operator<=>(const LineKey&, const LineKey&) = default;
};

using Lines = std::map<LineKey, SpendLine>;

/// Which line of the report a cell belongs to.
LineKey line_of(const SpendRow& row, SpendBy by, const std::map<NameIx, std::string>& names) {
    const auto text = [&](NameIx ix) {
        const auto found = names.find(ix);
        if (found != names.end()) {
            return found->second;
        }
        // Time of machines and power is not spent for one key or route.
        return std::string{row.phase.empty() ? "(unknown)" : "(not by request)"};
    };
    switch (by) {
        case SpendBy::source:
            if (row.source == NameIx{}) {
                return {kind_nobody, "(not served)", false};
            }
            return {static_cast<int>(row.kind), row.label, row.synthetic};
        case SpendBy::model:
            return {0, text(row.model), false};
        case SpendBy::key:
            return {0, text(row.key), false};
        case SpendBy::route:
            return {0, text(row.route), false};
        case SpendBy::tag:  // of no request: those are read one by one
            return {no_request, text(NameIx{}), false};
        case SpendBy::provider:
            return {0, row.provider == NameIx{} ? row.label : text(row.provider), row.synthetic};
    }
    return {};
}

void add_per_mtok(SpendLine& line) {
    const std::int64_t tokens = line.tokens_in + line.tokens_out;
    if (tokens > 0) {
        if (const auto nanos = mul_div(line.cost.nanos(), 1'000'000, tokens, Rounding::half_even)) {
            line.per_mtok = Money{*nanos, line.cost.currency()};
        }
    }
}

/// The same tokens, all at the API's prices for uncached ones: what would have been cached there
/// cannot be known.
Result<Money> api_only(const SpendLine& total, const config::TokenPrices& price, Rates& rates) {
    const auto in = rates.convert(price.in.cost(total.tokens_in, Rounding::half_even));
    const auto out = rates.convert(price.out.cost(total.tokens_out, Rounding::half_even));
    if (!in || !out) {
        return std::unexpected{!in ? in.error() : out.error()};
    }
    return *in + *out;
}

/// In the report currency.
struct Amounts {
    Money cost{};
    Money charged{};
};

/// What has requests, tokens and money (a cell, a sum over tags) onto a line.
template <class Part>
void add(const Part& part, const Amounts& amounts, SpendLine& line) {
    line.requests += part.requests;
    line.tokens_in += part.tokens_in;
    line.tokens_out += part.tokens_out;
    line.cost += amounts.cost;
    line.charged += amounts.charged;
}

/// Lines by tag. `all` is what the roll-ups say of requests: what is not found any more of them is
/// a line of its own.
Result<void> add_tags(
    ledger::Reader& reader,
    const Days& days,
    const SpendOptions& options,
    SpendLine all,
    Rates& rates,
    Lines& lines) {
    const auto at = [&](TagOrder order, std::string_view label) -> SpendLine& {
        const auto [line, is_new] = lines.try_emplace({order, std::string{label}, false});
        if (is_new) {
            line->second.label = label;
            line->second.cost = line->second.charged = Money{0, options.currency};
        }
        return line->second;
    };
    std::size_t shown = 0;
    std::optional<Error> wrong;
    const auto visit = [&](const ledger::TagRow& row) {
        const auto cost = rates.convert(row.paid);
        const auto charged = rates.convert(row.charged);
        if (!cost || !charged) {
            wrong = !cost ? cost.error() : charged.error();
            return;
        }
        const Amounts amounts{*cost, *charged};
        all.requests -= row.requests;
        all.tokens_in -= row.tokens_in;
        all.tokens_out -= row.tokens_out;
        all.cost -= *cost;
        all.charged -= *charged;
        if (row.tags.empty()) {
            add(row, amounts, at(untagged, "(no tag)"));
            return;
        }
        for (const std::string_view tag : split_tags(row.tags)) {
            const bool known = lines.contains({tagged, std::string{tag}, false});
            const bool fits = known || shown < tags_shown_max;
            shown += fits && !known ? 1 : 0;
            add(row, amounts, fits ? at(tagged, tag) : at(other_tags, "(other tags)"));
        }
    };
    // The roll-ups' days are those of the zone that the ledger was made with.
    const auto summary = reader.summary();
    if (!summary) {
        return std::unexpected{summary.error()};
    }
    const auto zone = ledger::Zone::load(summary->zone);
    if (!zone) {
        return std::unexpected{zone.error()};
    }
    const auto [since, until] = instants(days, *zone);
    const auto read = reader.spend_by_tags(since, until, visit);
    if (!read || wrong) {
        return std::unexpected{read ? *wrong : read.error()};
    }
    if (all.requests > 0) {
        SpendLine& line = at(deleted, "(rows deleted)");
        add(all, {all.cost, all.charged}, line);
    }
    return {};
}

void add_phases(const std::map<std::string, Money>& phases, Spend& spend) {
    Money all{0, spend.currency};
    for (const auto& [phase, cost] : phases) {
        all += cost;
        if (phase != "serve") {
            spend.rental_not_serving += cost;
        }
    }
    constexpr std::array<std::string_view, 8> order{
        "serve", "boot", "warm", "idle", "drain", "delete", "minimum", "adjust"};
    for (const std::string_view phase : order) {
        const auto found = phases.find(std::string{phase});
        if (found == phases.end()) {
            continue;
        }
        const auto share =
            all.nanos() > 0
                ? mul_div(found->second.nanos(), 1'000, all.nanos(), Rounding::half_even)
                : std::optional<std::int64_t>{0};
        spend.rental.push_back({found->first, found->second, share.value_or(0)});
    }
}

}  // namespace

std::optional<SpendBy> spend_by_from(std::string_view text) noexcept {
    constexpr std::array<std::pair<std::string_view, SpendBy>, 6> words{
        {{"source", SpendBy::source},
         {"model", SpendBy::model},
         {"key", SpendBy::key},
         {"route", SpendBy::route},
         {"provider", SpendBy::provider},
         {"tag", SpendBy::tag}}};
    for (const auto& [word, by] : words) {
        if (word == text) {
            return by;
        }
    }
    return std::nullopt;
}

Result<Spend> make_spend(ledger::Reader& reader, const SpendOptions& options) {
    Spend spend{.currency = options.currency, .by = options.by};
    spend.total.label = "total";
    spend.total.cost = spend.total.charged = Money{0, options.currency};
    spend.rental_not_serving = Money{0, options.currency};
    const auto days = days_between(options.since, options.until, options.now, options.zone);
    if (!days) {
        return std::unexpected{days.error()};
    }
    spend.first = days->first;
    spend.last = days->last;
    const auto rows = reader.spend(ledger::day_number(spend.first), ledger::day_number(spend.last));
    const auto stored_names = reader.names();
    auto rules = reader.rule_replays();
    const auto energy =
        reader.energy(ledger::day_number(spend.first), ledger::day_number(spend.last));
    if (!rows || !stored_names || !rules || !energy) {
        return std::unexpected{
            !rows           ? rows.error()
            : !stored_names ? stored_names.error()
            : !rules        ? rules.error()
                            : energy.error()};
    }
    spend.zone = options.zone;
    spend.rules = std::move(*rules);
    std::map<NameIx, std::string> names;
    for (const ledger::NameRow& name : *stored_names) {
        names.emplace(name.ix, name.text);
    }
    Rates rates{reader, options};
    Lines lines;
    SpendLine by_request{.cost = Money{0, options.currency}};
    std::map<std::string, Money> phases;
    std::int64_t own_tokens = 0;
    for (const SpendRow& row : *rows) {
        own_tokens += row.kind == SourceKind::own ? row.tokens_in + row.tokens_out : 0;
        const auto cost = rates.convert(row.paid);
        const auto charged =
            rates.convert(row.phase.empty() ? row.charged : Money{0, options.currency});
        if (!cost || !charged) {
            return std::unexpected{!cost ? cost.error() : charged.error()};
        }
        spend.has_internal |= row.phase.empty() && row.charged != row.paid;
        const Amounts amounts{*cost, *charged};
        const bool one_by_one = options.by == SpendBy::tag && row.phase.empty();
        if (one_by_one) {
            add(row, amounts, by_request);
        } else {
            const LineKey key = line_of(row, options.by, names);
            SpendLine& line = lines[key];
            line.label = key.label;
            line.synthetic = key.synthetic;
            const bool has_kind = options.by == SpendBy::source && row.source != NameIx{};
            line.kind = has_kind ? to_text(row.kind) : std::string_view{};
            add(row, amounts, line);
        }
        add(row, amounts, spend.total);
        if (row.kind == SourceKind::rental && !row.phase.empty()) {
            phases[row.phase] += *cost;
        }
    }
    auto own = make_own_work(
        *energy, own_tokens, options.currency, [&](Money amount) { return rates.convert(amount); });
    if (!own) {
        return std::unexpected{own.error()};
    }
    spend.own = *std::move(own);
    if (options.by == SpendBy::tag) {
        const auto tagged = add_tags(reader, *days, options, by_request, rates, lines);
        if (!tagged) {
            return std::unexpected{tagged.error()};
        }
    }
    for (auto& [key, line] : lines) {
        add_per_mtok(line);
        spend.lines.push_back(std::move(line));
    }
    add_per_mtok(spend.total);
    add_phases(phases, spend);
    if (options.api_price && spend.total.tokens_in + spend.total.tokens_out > 0) {
        const auto all = api_only(spend.total, *options.api_price, rates);
        if (!all) {
            return std::unexpected{all.error()};
        }
        spend.api_label = options.api_label;
        spend.api_only = *all;
    }
    spend.rates = rates.texts();
    return spend;
}

}  // namespace evenkeel::report
