#include "agent/ledger/price_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value_to.hpp>

namespace evenkeel::ledger {

namespace json = boost::json;

json::value price_json(const std::optional<Price>& price) {
    if (!price) {
        return nullptr;
    }
    return json::array{price->num(), price->den(), price->currency().text()};
}

std::optional<Price> price_from(const json::value& value) {
    if (value.is_null()) {
        return std::nullopt;
    }
    const json::array& parts = value.as_array();
    const auto num = parts.at(0).to_number<std::int64_t>();
    const auto den = parts.at(1).to_number<std::int64_t>();
    const auto currency = Currency::parse(json::value_to<std::string>(parts.at(2)));
    if (num < 0 || den <= 0) {
        return std::nullopt;
    }
    return Price{num, den, currency.value_or(Currency{}), Unit::nanosecond};
}

}  // namespace evenkeel::ledger
