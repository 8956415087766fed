#include "policies/breakeven/formulas.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace evenkeel::breakeven {

namespace {

constexpr std::array kinds{
    std::pair{Kind::buy_vs_rent, std::string_view{"buy_vs_rent"}},
    std::pair{Kind::local_vs_api, std::string_view{"local_vs_api"}},
    std::pair{Kind::rent_vs_api, std::string_view{"rent_vs_api"}},
    std::pair{Kind::reserved_vs_ondemand, std::string_view{"reserved_vs_ondemand"}},
    std::pair{Kind::burst_rent_vs_api, std::string_view{"burst_rent_vs_api"}},
    std::pair{Kind::electricity_per_mtok, std::string_view{"electricity_per_mtok"}},
    std::pair{Kind::api_cost, std::string_view{"api_cost"}},
    std::pair{Kind::rent_monthly, std::string_view{"rent_monthly"}},
    std::pair{Kind::own_monthly, std::string_view{"own_monthly"}},
    std::pair{Kind::hybrid_saving, std::string_view{"hybrid_saving"}},
    std::pair{Kind::fx_convert, std::string_view{"fx_convert"}},
    std::pair{Kind::horizon_cheapest, std::string_view{"horizon_cheapest"}}};

constexpr std::array quantity_columns{
    Column{"capex", &Terms::capex, ""},
    Column{"residual_fraction", &Terms::residual_fraction, "0"},
    Column{"rent_rate", &Terms::rent_rate, ""},
    Column{"rent_units", &Terms::rent_units, "1"},
    Column{"billed_fraction", &Terms::billed_fraction, "1"},
    Column{"hours_per_month", &Terms::hours_per_month, "730"},
    Column{"ondemand_rate", &Terms::ondemand_rate, ""},
    Column{"active_w", &Terms::active_w, "0"},
    Column{"idle_w", &Terms::idle_w, "0"},
    Column{"active_fraction", &Terms::active_fraction, "1"},
    Column{"pue", &Terms::pue, "1"},
    Column{"tariff", &Terms::tariff, "0"},
    Column{"own_other_monthly", &Terms::own_other_monthly, "0"},
    Column{"api_in", &Terms::api_in, ""},
    Column{"api_out", &Terms::api_out, ""},
    Column{"api_cache_read", &Terms::api_cache_read, ""},
    Column{"cached_fraction", &Terms::cached_fraction, "0"},
    Column{"batch_discount", &Terms::batch_discount, "0"},
    Column{"in_mtok", &Terms::in_mtok, ""},
    Column{"out_mtok", &Terms::out_mtok, ""},
    Column{"offload_fraction", &Terms::offload_fraction, "1"},
    Column{"in_share", &Terms::in_share, ""},
    Column{"capacity_tps", &Terms::capacity_tps, ""},
    Column{"tokens_per_second", &Terms::tokens_per_second, ""},
    Column{"boot_s", &Terms::boot_s, "0"},
    Column{"busy_s", &Terms::busy_s, ""},
    Column{"drain_s", &Terms::drain_s, "0"},
    Column{"billing_increment_s", &Terms::billing_increment_s, "1"},
    Column{"min_billed_s", &Terms::min_billed_s, "0"},
    Column{"simple_share", &Terms::simple_share, ""},
    Column{"simple_cost", &Terms::simple_cost, ""},
    Column{"complex_cost", &Terms::complex_cost, ""},
    Column{"horizon_months", &Terms::horizon_months, ""},
    Column{"amount", &Terms::amount, ""}};

constexpr std::array money_columns{
    CurrencyColumn{"capex_currency", &Terms::capex_currency},
    CurrencyColumn{"rent_currency", &Terms::rent_currency},
    CurrencyColumn{"tariff_currency", &Terms::tariff_currency},
    CurrencyColumn{"own_other_currency", &Terms::own_other_currency},
    CurrencyColumn{"api_currency", &Terms::api_currency},
    CurrencyColumn{"amount_currency", &Terms::amount_currency},
    CurrencyColumn{"report_currency", &Terms::report_currency}};

/// Thrown inside this file only, so that formulas read like formulas.
struct Missing {
    std::string what{};
};

/// Named terms of one question, with defaults and currencies applied.
class Solver {
public:
    explicit Solver(const Terms& terms) : t_{terms} {}

    Answer solve(Kind kind);

private:
    [[nodiscard]] Exact get(std::optional<Exact> Terms::* field) const;
    [[nodiscard]] Exact divisor(std::optional<Exact> Terms::* field) const;
    [[nodiscard]] Exact fx(Currency from) const;
    [[nodiscard]] std::string per(std::string_view what) const {
        return fmt::format("{}/{}", t_.report_currency.text(), what);
    }

    [[nodiscard]] Exact net_capex() const;
    [[nodiscard]] Exact rent_monthly() const;
    [[nodiscard]] Exact kwh() const;
    [[nodiscard]] Exact own_monthly() const;
    [[nodiscard]] Exact api_monthly() const;
    [[nodiscard]] Exact blend() const;

    [[nodiscard]] Answer months(const Exact& saved, Answer answer) const;
    [[nodiscard]] Answer buy_vs_rent() const;
    [[nodiscard]] Answer local_vs_api() const;
    [[nodiscard]] Answer rent_vs_api() const;
    [[nodiscard]] Answer reserved() const;
    [[nodiscard]] Answer burst() const;
    [[nodiscard]] Answer electricity() const;
    [[nodiscard]] Answer hybrid() const;
    [[nodiscard]] Answer horizon() const;

    const Terms& t_;
};

Exact Solver::get(std::optional<Exact> Terms::* field) const {
    if (t_.*field) {
        return *(t_.*field);
    }
    const auto column = std::ranges::find(quantity_columns, field, &Column::field);
    if (column->default_text.empty()) {
        throw Missing{fmt::format("{} is missing", column->name)};
    }
    return *parse_exact(column->default_text);
}

Exact Solver::divisor(std::optional<Exact> Terms::* field) const {
    Exact value = get(field);
    if (value <= 0) {
        const auto column = std::ranges::find(quantity_columns, field, &Column::field);
        throw Missing{fmt::format("{} must be above zero", column->name)};
    }
    return value;
}

Exact Solver::fx(Currency from) const {
    const Currency to = t_.report_currency;
    if (from == to) {
        return 1;
    }
    if (const auto rate = t_.rates.find({from, to}); rate != t_.rates.end() && rate->second > 0) {
        return rate->second;
    }
    if (const auto rate = t_.rates.find({to, from}); rate != t_.rates.end() && rate->second > 0) {
        return 1 / rate->second;
    }
    throw Missing{fmt::format(
        "there is no rate from {0} to {1}: add currency.rates.{0} to evenkeel.yaml",
        from.text(),
        to.text())};
}

Exact Solver::net_capex() const {
    return get(&Terms::capex) * (1 - get(&Terms::residual_fraction)) * fx(t_.capex_currency);
}

Exact Solver::rent_monthly() const {
    return get(&Terms::rent_rate) * get(&Terms::rent_units) * get(&Terms::hours_per_month) *
           get(&Terms::billed_fraction) * fx(t_.rent_currency);
}

Exact Solver::kwh() const {
    const Exact active = get(&Terms::active_fraction);
    const Exact watts = get(&Terms::active_w) * active + get(&Terms::idle_w) * (1 - active);
    return watts / 1'000 * get(&Terms::pue) * get(&Terms::hours_per_month);
}

Exact Solver::own_monthly() const {
    // A cost that is nothing needs no rate.
    const Exact power = kwh() * get(&Terms::tariff);
    const Exact other = get(&Terms::own_other_monthly);
    return (power == 0 ? Exact{0} : Exact{power * fx(t_.tariff_currency)}) +
           (other == 0 ? Exact{0} : Exact{other * fx(t_.own_other_currency)});
}

Exact Solver::api_monthly() const {
    const Exact in = get(&Terms::in_mtok);
    const Exact cached = get(&Terms::cached_fraction);
    const Exact from_cache =
        cached == 0 ? Exact{0} : Exact{in * cached * get(&Terms::api_cache_read)};
    const Exact list = in * (1 - cached) * get(&Terms::api_in) + from_cache +
                       get(&Terms::out_mtok) * get(&Terms::api_out);
    return list * (1 - get(&Terms::batch_discount)) * get(&Terms::offload_fraction) *
           fx(t_.api_currency);
}

Exact Solver::blend() const {
    const Exact in = get(&Terms::in_share);
    return (in * get(&Terms::api_in) + (1 - in) * get(&Terms::api_out)) * fx(t_.api_currency);
}

Answer Solver::months(const Exact& saved, Answer answer) const {
    answer.unit = "months";
    if (*answer.net_capex <= 0) {
        answer.status = "immediate";
        answer.expected = 0;
    } else if (saved <= 0) {
        answer.status = "never";
    } else {
        answer.expected = *answer.net_capex / saved;
    }
    return answer;
}

Answer Solver::buy_vs_rent() const {
    Answer answer;
    answer.rent_monthly = rent_monthly();
    answer.own_monthly = own_monthly();
    answer.net_capex = net_capex();
    const Exact saved = *answer.rent_monthly - *answer.own_monthly;
    return months(saved, std::move(answer));
}

Answer Solver::local_vs_api() const {
    Answer answer;
    answer.api_monthly = api_monthly();
    answer.own_monthly = own_monthly();
    answer.net_capex = net_capex();
    const Exact saved = *answer.api_monthly - *answer.own_monthly;
    return months(saved, std::move(answer));
}

Answer Solver::rent_vs_api() const {
    Answer answer;
    answer.unit = "Mtok/month";
    answer.rent_monthly = rent_monthly();
    const Exact price = blend();
    if (price <= 0) {
        answer.status = "never";
        return answer;
    }
    answer.expected = *answer.rent_monthly / price;
    const Exact seconds =
        divisor(&Terms::hours_per_month) * divisor(&Terms::billed_fraction) * 3'600;
    answer.aux = *answer.expected * 1'000'000 / seconds;
    answer.aux_unit = "tokens/s";
    if (t_.capacity_tps && *answer.aux > *t_.capacity_tps * get(&Terms::rent_units)) {
        answer.status = "unreachable";
    }
    return answer;
}

Answer Solver::reserved() const {
    Answer answer;
    answer.unit = "percent";
    const Exact reserved = get(&Terms::rent_rate);
    const Exact list = divisor(&Terms::ondemand_rate);
    if (reserved >= list) {
        answer.status = "never";
        return answer;
    }
    answer.expected = 100 * reserved / list;
    answer.aux = reserved / list * get(&Terms::hours_per_month);
    answer.aux_unit = "h/month";
    return answer;
}

Answer Solver::burst() const {
    Answer answer;
    answer.unit = "ktok/burst";
    answer.aux_unit = per("burst");
    const Exact step = divisor(&Terms::billing_increment_s);
    const Exact busy = get(&Terms::busy_s);
    const Exact lived = get(&Terms::boot_s) + busy + get(&Terms::drain_s);
    const Exact billed =
        std::max(get(&Terms::min_billed_s), Exact{ceiling(Exact{lived / step}) * step});
    const Exact units = get(&Terms::rent_units);
    const Exact cost = get(&Terms::rent_rate) * units * billed / 3'600 * fx(t_.rent_currency);
    answer.aux = cost;
    const Exact price = blend();
    if (price <= 0) {
        answer.status = "never";
        return answer;
    }
    answer.expected = 1'000 * cost / price;
    if (t_.capacity_tps && *answer.expected * 1'000 > *t_.capacity_tps * units * busy) {
        answer.status = "unreachable";
    }
    return answer;
}

Answer Solver::electricity() const {
    Answer answer;
    answer.unit = per("Mtok");
    const Exact hours = 1'000'000 / divisor(&Terms::tokens_per_second) / 3'600;
    answer.aux = get(&Terms::active_w) / 1'000 * get(&Terms::pue) * hours;
    answer.aux_unit = "kWh/Mtok";
    const Exact cost = *answer.aux * get(&Terms::tariff);
    answer.expected = cost == 0 ? Exact{0} : Exact{cost * fx(t_.tariff_currency)};
    return answer;
}

Answer Solver::hybrid() const {
    Answer answer;
    answer.unit = "percent";
    const Exact share = get(&Terms::simple_share);
    const Exact simple = share * get(&Terms::simple_cost);
    const Exact all = simple + (1 - share) * get(&Terms::complex_cost);
    if (all <= 0) {
        throw Missing{"simple_cost and complex_cost must not both be zero"};
    }
    answer.expected = 100 * simple / all;
    return answer;
}

/// Ties go to the least commitment: API before rent before buy.
Answer Solver::horizon() const {
    const Exact months = get(&Terms::horizon_months);
    std::vector<std::pair<std::string_view, Exact>> options;
    if (t_.in_mtok && t_.out_mtok && t_.api_in && t_.api_out) {
        options.emplace_back("api", api_monthly() * months);
    }
    if (t_.rent_rate) {
        options.emplace_back("rent", rent_monthly() * months);
    }
    if (t_.capex) {
        options.emplace_back("buy", net_capex() + own_monthly() * months);
    }
    if (options.empty()) {
        throw Missing{"capex, rent_rate or the API's prices are missing"};
    }
    using Option = std::pair<std::string_view, Exact>;
    const auto best =
        std::ranges::min_element(options, {}, &Option::second);  // the first of equals
    const auto [name, cost] = *best;
    options.erase(best);
    Answer answer;
    answer.status = name;
    answer.expected = cost;
    answer.unit = t_.report_currency.text();
    if (!options.empty()) {
        answer.aux = std::ranges::min_element(options, {}, &Option::second)->second - cost;
        answer.aux_unit = fmt::format("{} below the next best", t_.report_currency.text());
    }
    return answer;
}

Answer Solver::solve(Kind kind) {
    Answer answer;
    switch (kind) {
        case Kind::buy_vs_rent:
            return buy_vs_rent();
        case Kind::local_vs_api:
            return local_vs_api();
        case Kind::rent_vs_api:
            return rent_vs_api();
        case Kind::reserved_vs_ondemand:
            return reserved();
        case Kind::burst_rent_vs_api:
            return burst();
        case Kind::electricity_per_mtok:
            return electricity();
        case Kind::hybrid_saving:
            return hybrid();
        case Kind::horizon_cheapest:
            return horizon();
        case Kind::api_cost:
            answer.expected = answer.api_monthly = api_monthly();
            answer.unit = t_.report_currency.text();
            return answer;
        case Kind::rent_monthly:
            answer.expected = answer.rent_monthly = rent_monthly();
            answer.unit = per("month");
            return answer;
        case Kind::own_monthly:
            answer.expected = answer.own_monthly = own_monthly();
            answer.unit = per("month");
            return answer;
        case Kind::fx_convert:
            answer.expected = get(&Terms::amount) * fx(t_.amount_currency);
            answer.unit = t_.report_currency.text();
            return answer;
    }
    return answer;
}

}  // namespace

std::string_view to_text(Kind kind) noexcept {
    return std::ranges::find(kinds, kind, &decltype(kinds)::value_type::first)->second;
}

std::optional<Kind> kind_of(std::string_view text) noexcept {
    const auto found = std::ranges::find(kinds, text, &decltype(kinds)::value_type::second);
    return found == kinds.end() ? std::nullopt : std::optional{found->first};
}

std::span<const Column> columns() noexcept {
    return quantity_columns;
}

std::span<const CurrencyColumn> currency_columns() noexcept {
    return money_columns;
}

Result<Answer> solve(Kind kind, const Terms& terms) {
    try {
        return Solver{terms}.solve(kind);
    } catch (const Missing& missing) {
        return fail(Errc::invalid_argument, fmt::format("{}: {}", to_text(kind), missing.what));
    }
}

}  // namespace evenkeel::breakeven
