#pragma once

#include <string>
#include <string_view>

namespace evenkeel::report {

/// A field of a CSV file (RFC 4180) that no spreadsheet takes for a formula: before a text that
/// begins like one stands an apostrophe.
[[nodiscard]] std::string csv_field(std::string_view text);
/// A field that should hold a number: "-1.5" stays one; whatever is none is written as csv_field
/// does.
[[nodiscard]] std::string csv_number(std::string_view text);

}  // namespace evenkeel::report
