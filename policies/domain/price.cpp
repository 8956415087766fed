#include "policies/domain/price.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace evenkeel {

Price::Price(std::int64_t num, std::int64_t den, Currency currency, Unit unit) noexcept
    : currency_{currency}, unit_{unit} {
    const std::int64_t divisor = std::gcd(num, den);
    num_ = num / divisor;
    den_ = den / divisor;
}

std::int64_t display_quantity(Unit unit) noexcept {
    switch (unit) {
        case Unit::token:
            return 1'000'000;
        case Unit::nanosecond:
            return 3'600'000'000'000;
        case Unit::microjoule:
            return 3'600'000'000'000;  // 1 kWh = 3.6 MJ
    }
    return 1;
}

std::string_view display_suffix(Unit unit) noexcept {
    switch (unit) {
        case Unit::token:
            return "Mtok";
        case Unit::nanosecond:
            return "h";
        case Unit::microjoule:
            return "kWh";
    }
    return "";
}

namespace {

Price per(Money amount, Unit unit) noexcept {
    return Price{amount.nanos(), display_quantity(unit), amount.currency(), unit};
}

}  // namespace

Price Price::per_mtok(Money amount) noexcept {
    return per(amount, Unit::token);
}
Price Price::per_hour(Money amount) noexcept {
    return per(amount, Unit::nanosecond);
}
Price Price::per_kwh(Money amount) noexcept {
    return per(amount, Unit::microjoule);
}

Money Price::cost(std::int64_t quantity, Rounding rounding) const {
    const auto nanos = mul_div(quantity, num_, den_, rounding);
    if (!nanos) {
        throw std::overflow_error{"a cost left the range of 9.2 billion"};
    }
    return Money{*nanos, currency_};
}

Money Price::cost_of(std::chrono::nanoseconds elapsed, Rounding rounding) const {
    return cost(std::max<std::int64_t>(elapsed.count(), 0), rounding);
}

Money Price::per_display_unit() const {
    return cost(display_quantity(unit_), Rounding::half_even);
}

std::string to_text(const Price& price) {
    return fmt::format("{}/{}", to_text(price.per_display_unit()), display_suffix(price.unit()));
}

Result<Price> parse_price(std::string_view text) {
    const auto slash = text.find('/');
    const auto amount = parse_money(text.substr(0, slash));
    if (!amount) {
        return std::unexpected{amount.error()};
    }
    if (amount->nanos() < 0) {
        return fail(Errc::invalid_argument, fmt::format("'{}' is negative", text));
    }
    const std::string_view suffix =
        slash == std::string_view::npos ? std::string_view{} : text.substr(slash + 1);
    for (const Unit unit : {Unit::token, Unit::nanosecond, Unit::microjoule}) {
        if (suffix == display_suffix(unit)) {
            return per(*amount, unit);
        }
    }
    return fail(
        Errc::invalid_argument,
        fmt::format("'{}' has no unit of price: write /h, /Mtok or /kWh", text));
}

}  // namespace evenkeel
