#include "agent/report/rates.hpp"

#include <fmt/format.h>

#include <chrono>
#include <optional>

namespace evenkeel::report {

Result<Money> Rates::convert(Money amount) {
    if (amount.currency() == to_ || amount.is_zero()) {
        return Money{amount.nanos(), to_};
    }
    const auto rate = find(amount.currency());
    if (!rate) {
        return std::unexpected{rate.error()};
    }
    const auto nanos = mul_div(amount.nanos(), rate->num, rate->den, Rounding::half_even);
    if (!nanos) {
        return fail(Errc::invalid_argument, "an amount is too large for the report currency");
    }
    return Money{*nanos, to_};
}

std::vector<std::string> Rates::texts() const {
    std::vector<std::string> texts;
    for (const auto& [currency, entry] : known_) {
        texts.push_back(entry.second);
    }
    return texts;
}

Result<Rates::Rate> Rates::find(Currency from) {
    if (const auto known = known_.find(from); known != known_.end()) {
        return known->second.first;
    }
    const auto stored = reader_.fx(from, to_);
    if (!stored) {
        return std::unexpected{stored.error()};
    }
    Rate rate;
    std::chrono::year_month_day as_of{};
    if (*stored) {
        rate = {(*stored)->num, (*stored)->den};
        as_of =
            std::chrono::year_month_day{std::chrono::floor<std::chrono::days>((*stored)->as_of)};
    } else if (const auto row = rules_.rates.find(from);
               row != rules_.rates.end() && rules_.report == to_) {
        rate = {row->second.rate_nanos, 1'000'000'000};
        as_of = row->second.as_of;
    } else {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "there is no rate from {0} to {1}: add currency.rates.{0} to evenkeel.yaml, or "
                "report in {0} with --currency",
                from.text(),
                to_.text()));
    }
    const auto shown = mul_div(1'000'000, rate.num, rate.den, Rounding::half_even).value_or(0);
    known_[from] = {
        rate,
        fmt::format(
            "{} at {} ({})", from.text(), format_decimal(shown, 6, 2), config::to_text(as_of))};
    return rate;
}

Result<Money> Telescope::add(Rates& rates, Money part) {
    sum_ += part;
    const auto total = rates.convert(sum_);
    if (!total) {
        return std::unexpected{total.error()};
    }
    const Money more = *total - converted_;
    converted_ = *total;
    return more;
}

}  // namespace evenkeel::report
