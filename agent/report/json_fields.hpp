#pragma once

#include "policies/domain/money.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>

#include <chrono>
#include <cmath>
#include <string>
#include <string_view>

/// Fields of the agent's JSON answers. All throw when a field is missing or of another kind; who
/// renders an answer turns that into one sentence.
namespace evenkeel::report {

[[nodiscard]] inline std::string text_field(
    const boost::json::object& object, std::string_view key) {
    return boost::json::value_to<std::string>(object.at(key));
}

[[nodiscard]] inline std::int64_t number_field(
    const boost::json::object& object, std::string_view key) {
    return object.at(key).to_number<std::int64_t>();
}

[[nodiscard]] inline Money money_field(
    const boost::json::object& object, std::string_view key, std::string_view currency) {
    return Money{
        parse_decimal(text_field(object, key), 9).value_or(0),
        Currency::parse(currency).value_or(Currency{})};
}

[[nodiscard]] inline std::chrono::milliseconds seconds_field(
    const boost::json::object& object, std::string_view key) {
    return std::chrono::milliseconds{std::llround(object.at(key).to_number<double>() * 1000.0)};
}

/// `name`, marked when the thing described is synthetic.
[[nodiscard]] inline std::string synthetic_mark(
    const boost::json::object& object, std::string name) {
    return object.at("synthetic").as_bool() ? name + " (synthetic)" : name;
}

}  // namespace evenkeel::report
