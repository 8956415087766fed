#include "policies/config/address.hpp"

#include "policies/config/text.hpp"

#include <algorithm>

namespace evenkeel::config {
namespace {

constexpr std::size_t url_bytes_max = 512;

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_hex(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_host_char(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-';
}

/// A decimal without leading zeros up to `most`; -1 when it is none.
int small_number(std::string_view text, int most) noexcept {
    if (text.empty() || text.size() > 5 || !std::ranges::all_of(text, is_digit) ||
        (text.size() > 1 && text[0] == '0')) {
        return -1;
    }
    int number = 0;
    for (const char c : text) {
        number = number * 10 + (c - '0');
    }
    return number <= most ? number : -1;
}

bool is_ipv4(std::string_view host) {
    const auto parts = split(host, '.');
    return parts.size() == 4 && !host.ends_with('.') &&
           std::ranges::all_of(parts, [](auto part) { return small_number(part, 255) >= 0; });
}

/// The form only; the system refuses what has the form and is no address.
bool is_ipv6(std::string_view host) noexcept {
    return host.size() >= 2 && host.size() <= 45 && host.contains(':') &&
           std::ranges::all_of(host, [](char c) { return is_hex(c) || c == ':' || c == '.'; });
}

}  // namespace

bool is_loopback(std::string_view host) noexcept {
    return host == "localhost" || host == "::1" || (host.starts_with("127.") && is_ipv4(host));
}

std::optional<HostPort> split_address(std::string_view text) noexcept {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view host = text.substr(0, colon);
    const int port = small_number(text.substr(colon + 1), 65535);
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed) {
        host = host.substr(1, host.size() - 2);
    }
    const bool fits = bracketed ? is_ipv6(host) : host == "localhost" || is_ipv4(host);
    if (port < 0 || !fits) {
        return std::nullopt;
    }
    return HostPort{.host = host, .port = port};
}

std::string url_problem(std::string_view url) {
    const bool is_https = url.starts_with("https://");
    if (!is_https && !url.starts_with("http://")) {
        return "a URL begins with https:// (or http:// for a server on this host)";
    }
    if (url.size() > url_bytes_max) {
        return "the URL is longer than 512 bytes";
    }
    std::string_view rest = url.substr(is_https ? 8 : 7);
    const std::size_t path = std::min(rest.find('/'), rest.size());
    std::string_view authority = rest.substr(0, path);
    if (authority.contains('@')) {
        return "the URL holds a user name or password; put the secret under credentials/";
    }
    if (rest.find_first_of("?# \t\\\"<>") != std::string_view::npos ||
        std::ranges::any_of(rest, [](char c) { return static_cast<unsigned char>(c) <= 0x20; })) {
        return "the URL may hold a host, a port and a path, and no query or space";
    }
    std::string_view host = authority;
    const std::size_t bracket = authority.find(']');
    const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
    if (colon != std::string_view::npos) {
        host = authority.substr(0, colon);
        if (small_number(authority.substr(colon + 1), 65535) < 1) {
            return "the port of the URL is not a number from 1 to 65535";
        }
    }
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed) {
        host = host.substr(1, host.size() - 2);
    }
    if (bracketed ? !is_ipv6(host) : host.empty() || !std::ranges::all_of(host, is_host_char)) {
        return "the URL has no valid host";
    }
    if (!is_https && !is_loopback(host)) {
        return "http would send keys and prompts in the clear; write https (http only to this "
               "host)";
    }
    return {};
}

}  // namespace evenkeel::config
