#pragma once

#include <string>
#include <string_view>

namespace evenkeel::fakes::cloud {

/// 0 to 63 for a letter of the standard alphabet, -1 for others.
[[nodiscard]] int base64_digit(char c) noexcept;
/// The bytes of a word, up to the first letter outside the alphabet.
[[nodiscard]] std::string base64_decode(std::string_view word);

}  // namespace evenkeel::fakes::cloud
