#include "agent/report/elsewhere.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace evenkeel::report {

/// A sum over days whose prices may have changed their currency.
struct Elsewhere::Sum {
    std::map<Currency, Money> by_currency{};
    PriceAge age{};

    void add(Money amount) { by_currency[amount.currency()] += amount; }
    void count(const DayPrice& price) {
        using enum DayPrice::Match;
        ++age.days;
        age.days_seen += price.match == that_day ? 1 : 0;
        age.days_earlier += price.match == earlier ? 1 : 0;
        age.days_later += price.match == later ? 1 : 0;
        age.age_days_max = std::max(age.age_days_max, price.age_days);
        age.configured |= price.configured;
        age.first = std::min(age.first.value_or(price.seen), price.seen);
        age.last = std::max(age.last.value_or(price.seen), price.seen);
    }
    Result<Money> in_report(Rates& rates) const {
        Money sum{0, rates.to()};
        for (const auto& [currency, amount] : by_currency) {
            const auto converted = rates.convert(amount);
            if (!converted) {
                return converted;
            }
            sum += *converted;
        }
        return sum;
    }
};

/// The offer of the configuration; without one, or where it is not in it any more, null.
config::Config::OfferRef Elsewhere::offer(const std::string& name) const {
    return config_ ? config_->offer(name) : config::Config::OfferRef{};
}

bool Elsewhere::is_synthetic(const config::Offer* wanted) const {
    const config::Provider* const seller = wanted ? config_->provider(wanted->on) : nullptr;
    return seller && seller->synthetic;
}

void Elsewhere::tokens(const SavingsLine& like, const WorkOfDays& work) {
    if (like.tokens_in + like.tokens_out == 0) {
        return;
    }
    for (const std::string& name : book_.offers_with({"in", "out"})) {
        const auto known = offer(name);
        if (config_ && known.offer == nullptr) {
            continue;  // it cannot be had any more
        }
        SavingsLine line = like;
        line.offer = name;
        line.kind = "api";
        line.model = known.model ? known.model->name : std::string{};
        line.synthetic = is_synthetic(known.offer);
        Sum sum;
        for (const auto& [day, models] : work) {
            const std::chrono::year_month_day date = ledger::day_of(day);
            const auto in = book_.at(name, "in", date);
            const auto out = book_.at(name, "out", date);
            Work all;
            for (const auto& [model, one] : models) {
                all.in += one.in;
                all.out += one.out;
                line.tokens_other_model +=
                    !line.model.empty() && model != line.model ? one.in + one.out : 0;
            }
            if (!in || !out || all.in + all.out == 0) {
                continue;
            }
            sum.add(in->price.cost(all.in, Rounding::half_even));
            sum.add(out->price.cost(all.out, Rounding::half_even));
            sum.count(in->age_days >= out->age_days ? *in : *out);
            line.prices = {in->price, out->price};
        }
        add(std::move(line), sum);
    }
}

void Elsewhere::hours(
    const SavingsLine& like,
    const std::map<std::int64_t, std::chrono::nanoseconds>& days,
    const std::set<std::string>& used) {
    for (const std::string& name : book_.offers_with({"hour"})) {
        const auto known = offer(name);
        const bool fits = !config_ || (known.model != nullptr && known.model->name == like.model);
        if (!fits || (used.size() == 1 && used.contains(name))) {
            continue;
        }
        SavingsLine line = like;
        line.offer = name;
        line.kind = "rental";
        line.gpu = known.offer ? known.offer->gpu : std::string{};
        line.synthetic = is_synthetic(known.offer);
        Sum sum;
        for (const auto& [day, time] : days) {
            const auto hour = book_.at(name, "hour", ledger::day_of(day));
            if (!hour) {
                continue;
            }
            sum.add(hour->price.cost_of(time, Rounding::half_even));
            sum.count(*hour);
            line.rented += time;
            line.prices = {hour->price};
        }
        add(std::move(line), sum);
    }
}

void Elsewhere::add(SavingsLine line, const Sum& sum) {
    const auto cost = sum.in_report(rates_);
    if (!cost) {
        std::string note = fmt::format("{} is left out: {}", line.offer, cost.error().message);
        if (std::ranges::find(notes_, note) == notes_.end()) {
            notes_.push_back(std::move(note));
        }
        return;
    }
    line.cost = *cost;
    line.age = sum.age;
    lines_.push_back(std::move(line));
}

const SavingsLine* dearest_of(const std::vector<SavingsLine>& lines) noexcept {
    const SavingsLine* worst = nullptr;
    for (const SavingsLine& line : lines) {
        if (line.what == "all" && (worst == nullptr || line.cost.nanos() > worst->cost.nanos())) {
            worst = &line;
        }
    }
    return worst;
}

Result<DearestApi> dearest_api(
    ledger::Reader& reader,
    const config::Config* config,
    const std::vector<ledger::TokensDayRow>& work,
    const Names& names,
    const ledger::Zone& zone,
    Rates& rates) {
    const auto book = PriceBook::read(reader, config, zone, PriceBook::Of::tokens);
    if (!book) {
        return std::unexpected{book.error()};
    }
    SavingsLine like{.what = "all"};
    WorkOfDays days;
    for (const ledger::TokensDayRow& row : work) {
        const auto model = names.find(row.model);
        Work& one = days[row.day][model == names.end() ? std::string{} : model->second];
        one.in += row.tokens_in;
        one.out += row.tokens_out;
        like.tokens_in += row.tokens_in;
        like.tokens_out += row.tokens_out;
    }
    Elsewhere elsewhere{*book, config, rates};
    elsewhere.tokens(like, days);
    DearestApi found{.notes = elsewhere.take_notes()};
    const std::vector<SavingsLine> lines = elsewhere.take_lines();
    if (const SavingsLine* const line = dearest_of(lines)) {
        found.line = *line;
    }
    return found;
}

}  // namespace evenkeel::report
