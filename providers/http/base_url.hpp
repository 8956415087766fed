#pragma once

#include "policies/domain/error.hpp"

#include <string>
#include <string_view>

namespace evenkeel::providers {

struct BaseUrl {
    bool https{false};
    std::string host{};    ///< as written; IPv6 in brackets
    std::string origin{};  ///< "https://host:port", without a trailing slash
    std::string prefix{};  ///< path in front of every target: empty, or "/x/y"
};

/// Reads "https://host[:port][/prefix]". Plain http is allowed to this host only (a literal address
/// of 127.0.0.0/8, [::1], or `localhost`). Errors: invalid_argument with what to write instead.
[[nodiscard]] Result<BaseUrl> parse_base_url(std::string_view text);

}  // namespace evenkeel::providers
