#pragma once

#include <string>
#include <string_view>

namespace evenkeel::report {

/// A field of a CSV file (RFC 4180) that no spreadsheet takes for a formula.
[[nodiscard]] std::string csv_field(std::string_view text);

}  // namespace evenkeel::report
