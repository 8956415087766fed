#include "policies/breakeven/exact.hpp"

#include <fmt/format.h>

namespace evenkeel::breakeven {

namespace {

using Whole = boost::multiprecision::cpp_int;

constexpr std::size_t digits_max = 30;
constexpr std::int64_t nanos = 1'000'000'000;

Whole power_of_ten(int exponent) {
    return boost::multiprecision::pow(Whole{10}, static_cast<unsigned>(exponent));
}

}  // namespace

Result<Exact> parse_exact(std::string_view text) {
    const auto refused = [&] {
        return fail(
            Errc::invalid_argument,
            fmt::format("'{}' is not a decimal number of at most {} digits", text, digits_max));
    };
    std::string_view rest = text;
    const bool negative = rest.starts_with('-');
    if (negative) {
        rest.remove_prefix(1);
    }
    std::string digits;
    int places = 0;
    bool point = false;
    for (const char c : rest) {
        if (c == '.' && !point) {
            point = true;
        } else if (c >= '0' && c <= '9' && digits.size() < digits_max) {
            digits += c;
            places += point ? 1 : 0;
        } else {
            return refused();
        }
    }
    if (digits.empty() || rest.ends_with('.') || rest.starts_with('.')) {
        return refused();
    }
    // Leading zeros would be read as octal.
    const auto first = digits.find_first_not_of('0');
    const Whole whole{first == std::string::npos ? "0" : digits.substr(first)};
    return Exact{negative ? -whole : whole, power_of_ten(places)};
}

std::string to_fixed(const Exact& value, int places) {
    const Exact scaled = abs(value) * power_of_ten(places);
    Whole rounded = (2 * numerator(scaled) + denominator(scaled)) / (2 * denominator(scaled));
    const bool negative = value < 0 && rounded != 0;
    std::string digits = rounded.str();
    const auto wanted = static_cast<std::size_t>(places) + 1;
    if (digits.size() < wanted) {
        digits.insert(0, wanted - digits.size(), '0');
    }
    if (places > 0) {
        digits.insert(digits.size() - static_cast<std::size_t>(places), ".");
    }
    return (negative ? "-" : "") + digits;
}

Exact ceiling(const Exact& value) {
    const Whole top = numerator(value);
    const Whole bottom = denominator(value);
    Whole whole = top / bottom;  // towards zero
    if (whole * bottom < top) {
        ++whole;
    }
    return Exact{whole};
}

Exact exact_of(Money amount) {
    return Exact{amount.nanos(), nanos};
}

Exact exact_of(const Price& price) {
    return Exact{price.num(), price.den()} * display_quantity(price.unit()) / nanos;
}

}  // namespace evenkeel::breakeven
