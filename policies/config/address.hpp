#pragma once

#include <optional>
#include <string>
#include <string_view>

/// Checks on addresses and URLs as text. Internal to policies/config.
namespace evenkeel::config {

/// What is wrong with the URL, in words that do not repeat it (it may hold a password); empty when
/// it is fine: http or https, a host, an optional port and path; http only to this host.
[[nodiscard]] std::string url_problem(std::string_view url);

/// A listening address split at its last colon.
struct HostPort {
    std::string_view host{};  ///< without brackets
    int port{0};              ///< 0 lets the system choose
};
/// Nothing unless `text` is an IPv4 address, a bracketed IPv6 address or localhost, with a port.
[[nodiscard]] std::optional<HostPort> split_address(std::string_view text) noexcept;

/// 127.0.0.0/8, ::1 or localhost.
[[nodiscard]] bool is_loopback(std::string_view host) noexcept;

}  // namespace evenkeel::config
