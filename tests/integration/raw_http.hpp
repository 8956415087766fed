#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace evenkeel::integration {

/// One answer with its head, for tests of headers.
struct RawAnswer {
    int status{0};       ///< 0: none came within the limit
    std::string head{};  ///< status line and fields
    std::string body{};  ///< as it came, chunk framing included

    /// The value of the first field of that name (in lower case); empty when there is none.
    [[nodiscard]] std::string header(std::string_view name) const;
};

/// One exchange on a connection of its own to 127.0.0.1; never throws.
[[nodiscard]] RawAnswer raw_http(
    std::uint16_t port,
    std::string_view method,
    std::string_view target,
    std::string_view bearer,
    std::string_view body,
    std::chrono::milliseconds limit);

}  // namespace evenkeel::integration
