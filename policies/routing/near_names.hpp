#pragma once

#include <span>
#include <string>
#include <string_view>

namespace evenkeel::routing {

/// The name nearest to `asked` by edit distance, when it is near enough to be a slip of the
/// fingers (at most a third of the letters, at least one); else empty.
[[nodiscard]] std::string_view nearest_name(
    std::string_view asked, std::span<const std::string_view> names);

/// Text from a client made fit for messages, headers and logs: printable ASCII only ('?' for the
/// rest), at most 64 characters, then "...".
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace evenkeel::routing
