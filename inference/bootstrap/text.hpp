#pragma once

#include "inference/bootstrap/plan.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Pieces of the renderings; used within this folder only.
namespace evenkeel::inference::bootstrap {

/// Only characters from blank to tilde.
[[nodiscard]] bool is_printable(std::string_view text) noexcept;

/// `text` as one word of a shell, whatever is in it. Precondition: printable.
[[nodiscard]] std::string shell_word(std::string_view text);

/// `name=(word word ...)`, one word a line.
[[nodiscard]] std::string shell_array(std::string_view name, const std::vector<std::string>& words);

/// `text` with `indent` blanks before each line that is not empty.
[[nodiscard]] std::string indented(std::string_view text, std::size_t indent);

/// "2026-11-09 14:30:00 UTC".
[[nodiscard]] std::string utc_text(UtcTime time);

/// "4", "6" for an address or block of that family; empty for an empty text; nothing when it is
/// neither an IPv4 nor an IPv6 address, with or without a prefix length.
[[nodiscard]] std::optional<std::string> network_family(const std::string& text);

namespace scripts {
[[nodiscard]] std::string_view host() noexcept;
[[nodiscard]] std::string_view pod() noexcept;
[[nodiscard]] std::string_view watchdog() noexcept;
}  // namespace scripts

}  // namespace evenkeel::inference::bootstrap
