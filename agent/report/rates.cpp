#include "agent/report/rates.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

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

Result<std::optional<Rates::Rate>> Rates::stated(Currency from, Currency to) {
    if (from == to) {
        return Rate{};
    }
    const auto stored = reader_.fx(from, to);
    if (!stored) {
        return std::unexpected{stored.error()};
    }
    if (*stored) {
        return Rate{
            .num = (*stored)->num,
            .den = (*stored)->den,
            .as_of = std::chrono::floor<std::chrono::days>((*stored)->as_of)};
    }
    // The configuration says what one unit of others is in its own report currency.
    constexpr std::int64_t one = 1'000'000'000;
    const bool is_turned = rules_.report == from;
    const auto row = rules_.rates.find(is_turned ? to : from);
    const bool fits = is_turned || rules_.report == to;
    if (!fits || row == rules_.rates.end() || row->second.rate_nanos <= 0) {
        return std::nullopt;
    }
    const std::int64_t nanos = row->second.rate_nanos;
    return Rate{
        .num = is_turned ? one : nanos,
        .den = is_turned ? nanos : one,
        .as_of = std::chrono::sys_days{row->second.as_of}};
}

std::optional<Rates::Rate> Rates::product(Rate one, Rate other) noexcept {
    const std::int64_t left = std::gcd(one.num, other.den);
    const std::int64_t right = std::gcd(other.num, one.den);
    Rate made{.as_of = std::min(one.as_of, other.as_of)};
    const bool overflows =
        __builtin_mul_overflow(one.num / left, other.num / right, &made.num) ||
        __builtin_mul_overflow(one.den / right, other.den / left, &made.den);
    return overflows ? std::nullopt : std::optional{made};
}

Result<Rates::Rate> Rates::look_up(Currency from) {
    const auto direct = stated(from, to_);
    const auto meta = reader_.meta();
    if (!direct || !meta) {
        return std::unexpected{!direct ? direct.error() : meta.error()};
    }
    if (*direct) {
        return **direct;
    }
    // Rates are kept to one currency: two of them make one between two others.
    const Currency middle = rules_.rates.empty() ? meta->report : rules_.report;
    const auto there = stated(from, middle);
    const auto back = stated(middle, to_);
    if (!there || !back) {
        return std::unexpected{!there ? there.error() : back.error()};
    }
    if (*there && *back) {
        const auto made = product(**there, **back);
        return made ? Result<Rate>{*made}
                    : fail(
                          Errc::invalid_argument,
                          fmt::format(
                              "the rates from {} and {} to {} have too many digits to be joined: "
                              "report in {} with --currency",
                              from.text(),
                              to_.text(),
                              middle.text(),
                              middle.text()));
    }
    return fail(
        Errc::invalid_argument,
        fmt::format(
            "there is no rate from {} to {}: add {}{}{} to evenkeel.yaml, or report in {} with "
            "--currency",
            from.text(),
            to_.text(),
            *there ? "" : fmt::format("currency.rates.{}", from.text()),
            *there || *back ? "" : " and ",
            *back ? "" : fmt::format("currency.rates.{}", to_.text()),
            *there ? middle.text() : from.text()));
}

Result<Rates::Rate> Rates::find(Currency from) {
    if (const auto known = known_.find(from); known != known_.end()) {
        return known->second.first;
    }
    const auto rate = look_up(from);
    if (!rate) {
        return rate;
    }
    const auto shown = mul_div(1'000'000, rate->num, rate->den, Rounding::half_even).value_or(0);
    known_[from] = {
        *rate,
        fmt::format(
            "{} at {} ({})",
            from.text(),
            format_decimal(shown, 6, 2),
            config::to_text(std::chrono::year_month_day{rate->as_of}))};
    return *rate;
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
