#pragma once

#include "providers/http/exact_json.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// JSON text put together from JSON texts: money stays decimal text all the way.
namespace evenkeel::fakes::cloud::json {

using providers::exact_json::quote;

/// Name and JSON text of a member.
using Members = std::vector<std::pair<std::string_view, std::string>>;

/// Members without a value are left out.
[[nodiscard]] std::string object(const Members& members);
[[nodiscard]] std::string array(const std::vector<std::string>& items);
/// An array of string literals.
template <class Range>
[[nodiscard]] std::string strings(const Range& texts) {
    std::vector<std::string> items;
    for (const auto& text : texts) {
        items.push_back(quote(text));
    }
    return array(items);
}
[[nodiscard]] inline std::string flag(bool value) {
    return value ? "true" : "false";
}

}  // namespace evenkeel::fakes::cloud::json
