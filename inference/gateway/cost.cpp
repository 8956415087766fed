#include "inference/gateway/cost.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

namespace evenkeel::inference {

namespace {

using Wide = __int128;

/// The rounding of domain's mul_div, for a sum of products.
Wide divide(Wide value, Wide by, Rounding rounding) noexcept {
    const Wide whole = value / by;
    const Wide rest = value % by;
    switch (rounding) {
        case Rounding::up:
            return rest > 0 ? whole + 1 : whole;
        case Rounding::half_even:
            if (rest * 2 == by) {
                return whole + (whole & 1);
            }
            return rest * 2 > by ? whole + 1 : whole;
        case Rounding::down:
            break;
    }
    return whole;
}

}  // namespace

std::optional<Money> token_cost(
    const config::TokenPrices& prices, const Usage& usage, Rounding rounding) noexcept {
    struct Part {
        std::int64_t tokens;
        const Price* price;
    };
    const std::int64_t plain =
        std::max<std::int64_t>(usage.prompt - usage.cached - usage.cache_write, 0);
    const config::TokenRates rates = config::rates_of(prices, usage.prompt);
    const std::array parts{
        Part{plain, &rates.in},
        Part{usage.cached, &rates.cached},
        Part{usage.cache_write, &rates.cache_write},
        Part{usage.completion, &rates.out}};

    constexpr std::int64_t denominator_max = 1'000'000'000'000;
    std::int64_t common = 1;
    for (const Part& part : parts) {
        const std::int64_t step = part.price->den() / std::gcd(common, part.price->den());
        if (step > denominator_max / common || part.tokens < 0 ||
            part.price->currency() != rates.in.currency()) {
            return std::nullopt;
        }
        common *= step;
    }
    // tokens < 2^31 in practice, num < 2^63, common < 2^40: checked all the same.
    Wide sum = 0;
    for (const Part& part : parts) {
        const Wide unit = Wide{part.price->num()} * (common / part.price->den());
        Wide product = 0;
        if (__builtin_mul_overflow(unit, Wide{part.tokens}, &product) ||
            __builtin_add_overflow(sum, product, &sum)) {
            return std::nullopt;
        }
    }
    const Wide amount = divide(sum, common, rounding);
    if (amount > std::numeric_limits<std::int64_t>::max()) {
        return std::nullopt;
    }
    return Money{static_cast<std::int64_t>(amount), rates.in.currency()};
}

}  // namespace evenkeel::inference
