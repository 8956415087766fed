#pragma once

#include "policies/domain/error.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Reading the JSON documents that the other processes print.
namespace evenkeel::lab::demo {

namespace json = boost::json;

/// Parses one object. invalid_response names `what` when the text is none.
[[nodiscard]] Result<json::object> parse_object(std::string_view text, std::string_view what);

/// The text at `key`; empty when absent or of another kind.
[[nodiscard]] std::string text_at(const json::object& parent, std::string_view key);
/// The number at `key`, rounded towards zero; `missing` when absent or of another kind.
[[nodiscard]] std::int64_t int_at(
    const json::object& parent, std::string_view key, std::int64_t missing = 0);
[[nodiscard]] double number_at(const json::object& parent, std::string_view key);
[[nodiscard]] bool bool_at(const json::object& parent, std::string_view key);
/// The object at `key`; an empty one when absent.
[[nodiscard]] const json::object& object_at(const json::object& parent, std::string_view key);
/// The objects of the list at `key`; none when absent.
[[nodiscard]] std::vector<const json::object*> list_at(
    const json::object& parent, std::string_view key);

}  // namespace evenkeel::lab::demo
