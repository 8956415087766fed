#include "providers/http/base_url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace evenkeel::providers {

namespace {

bool is_alnum(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// A whole number in [low, high], and nothing else.
bool is_number(std::string_view text, int low, int high) noexcept {
    int value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && stop == text.data() + text.size() && value >= low &&
           value <= high && text.size() <= 5 && text.front() != '-';
}

/// 127.a.b.c in plain decimal. Other spellings ("127.1", "0x7f000001") name the same host to a
/// resolver; they are not accepted, so that the rule can be seen by eye.
bool is_loopback_v4(std::string_view host) noexcept {
    constexpr std::string_view start = "127.";
    if (!host.starts_with(start)) {
        return false;
    }
    host.remove_prefix(start.size());
    for (int part = 0; part < 3; ++part) {
        const auto dot = host.find('.');
        if (!is_number(host.substr(0, dot), 0, 255) || (dot == host.npos) != (part == 2)) {
            return false;
        }
        host.remove_prefix(dot == host.npos ? host.size() : dot + 1);
    }
    return true;
}

bool is_loopback(std::string_view host) noexcept {
    constexpr std::string_view name = "localhost";
    const bool named = std::ranges::equal(host, name, [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
    });
    return named || host == "[::1]" || is_loopback_v4(host);
}

bool is_host(std::string_view host) noexcept {
    if (host.starts_with('[')) {
        return host.size() > 3 && host.ends_with(']') &&
               std::ranges::all_of(host.substr(1, host.size() - 2), [](char c) {
                   return (c >= '0' && c <= ':') || (c >= 'a' && c <= 'f') ||
                          (c >= 'A' && c <= 'F') || c == '.';
               });
    }
    return !host.empty() && host.size() <= 253 && is_alnum(host.front()) &&
           std::ranges::all_of(host, [](char c) { return is_alnum(c) || c == '-' || c == '.'; });
}

bool is_prefix(std::string_view path) noexcept {
    return std::ranges::all_of(
               path, [](char c) { return is_alnum(c) || std::string_view{"/-._~"}.contains(c); }) &&
           path.find("..") == path.npos && path.find("//") == path.npos;
}

std::unexpected<Error> refuse(std::string_view text, std::string_view why) {
    return fail(Errc::invalid_argument, fmt::format("address '{}': {}", text, why));
}

}  // namespace

Result<BaseUrl> parse_base_url(std::string_view text) {
    constexpr std::string_view secure = "https://";
    constexpr std::string_view plain = "http://";
    // What may carry a secret ("https://user:key@host") is not repeated in the message.
    if (text.contains('@') || text.contains('?') || text.contains('#')) {
        return fail(
            Errc::invalid_argument,
            "an address must not carry user information, a query or a fragment; "
            "keys belong into the credentials folder");
    }
    BaseUrl url{.https = text.starts_with(secure)};
    if (!url.https && !text.starts_with(plain)) {
        return refuse(text, "write https://host[:port][/path]");
    }
    const std::string_view rest = text.substr(url.https ? secure.size() : plain.size());
    const std::string_view authority = rest.substr(0, rest.find('/'));
    std::string_view path = rest.substr(authority.size());
    const auto bracket = authority.rfind(']');
    const auto colon = authority.find(':', bracket == authority.npos ? 0 : bracket);
    const std::string_view host = authority.substr(0, colon);
    if (!is_host(host)) {
        return refuse(text, "that is not a host name or address");
    }
    if (colon != authority.npos && !is_number(authority.substr(colon + 1), 1, 65'535)) {
        return refuse(text, "the port must be a number from 1 to 65535");
    }
    while (path.ends_with('/')) {
        path.remove_suffix(1);
    }
    if (!is_prefix(path)) {
        return refuse(text, "the path holds characters that do not belong there");
    }
    if (!url.https && !is_loopback(host)) {
        return refuse(
            text, "http is for this host only (127.0.0.1, [::1], localhost); use https elsewhere");
    }
    url.host = host;
    url.origin = std::string{text.substr(0, text.size() - rest.size() + authority.size())};
    url.prefix = path;
    return url;
}

}  // namespace evenkeel::providers
