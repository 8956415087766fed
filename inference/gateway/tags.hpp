#pragma once

#include "inference/http/message.hpp"
#include "policies/domain/error.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace evenkeel::inference {

/// `x-evenkeel-tag: name=value`: what a client wants a request to be counted under.
inline constexpr std::string_view tag_header = "x-evenkeel-tag";
inline constexpr std::size_t tags_max = 8;  ///< of one request
inline constexpr std::size_t tag_name_bytes_max = 64;
inline constexpr std::size_t tag_value_bytes_max = 64;

/// The tags in all fields of that name, several in one with commas between: "team=search,job=7" as
/// they came, each once. Empty, and nothing is allocated, where there is none. Errors:
/// invalid_argument; the message says what a tag may be and never repeats one.
[[nodiscard]] Result<std::string> read_tags(std::span<const http::Field> fields);

}  // namespace evenkeel::inference
