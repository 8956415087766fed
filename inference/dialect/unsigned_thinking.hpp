#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace evenkeel::inference::dialect {

/// The body of a messages request without the thinking blocks that carry no signature; nothing when
/// it has none. Engines and OpenAI's dialect cannot sign, and Anthropic's API refuses a
/// conversation that brings such a block back. Everything else stays byte for byte. Precondition:
/// scan_request took the body.
[[nodiscard]] std::optional<std::string> without_unsigned_thinking(std::string_view body);

}  // namespace evenkeel::inference::dialect
