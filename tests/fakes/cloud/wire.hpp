#pragma once

#include "tests/fakes/cloud/json.hpp"
#include "tests/fakes/cloud/shop.hpp"

#include <boost/json/object.hpp>

#include <optional>
#include <regex>
#include <string>
#include <string_view>

/// What the three dialects share when they read bodies and write machines.
namespace evenkeel::fakes::cloud::wire {

namespace bj = boost::json;

/// The body as an object; nothing when it is not one. Of a name that comes twice the last counts,
/// as with most servers.
[[nodiscard]] std::optional<bj::object> read_object(std::string_view body);
/// The string called `name`; empty when absent or of another type.
[[nodiscard]] std::string text(const bj::object& object, std::string_view name);
[[nodiscard]] bool is_ascii(std::string_view text) noexcept;
[[nodiscard]] bool matches(const std::string& text, const std::regex& pattern);
/// "2026-03-04T05:06:07Z": whole seconds, as the vendors write them.
[[nodiscard]] std::string seconds_text(UtcTime time);

/// Names of three members of a machine in a dialect.
struct MachineNames {
    std::string_view status{};
    std::string_view name{};
    std::string_view created{};
};
/// Applies unknown_status, missing_field and extra_fields.
void trouble(json::Members& members, const Personality& personality, const MachineNames& names);

/// What a catalogue says is in stock.
[[nodiscard]] int shown_stock(const Shop& shop, const Sku& sku, std::string_view region);

}  // namespace evenkeel::fakes::cloud::wire
