#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>
#include <sys/resource.h>

/// What the engine and the load generator of the measurements share. No library but libc, so that a
/// measurement never depends on the code it measures.
namespace evenkeel::bench {

constexpr std::int64_t second_ns = 1'000'000'000;
/// Every event carries when it was due (CLOCK_MONOTONIC, nanoseconds) as the first digits of its
/// content, so that whoever reads it knows how long it was on its way.
constexpr std::size_t stamp_digits = 19;

inline std::int64_t now_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * second_ns + now.tv_nsec;
}

/// What stands behind `"key"` and its colon in `text`; empty when the key is not there.
inline std::string_view behind(std::string_view text, std::string_view key) {
    const auto at = text.find(key);
    if (at == std::string_view::npos) {
        return {};
    }
    std::string_view rest = text.substr(at + key.size());
    rest.remove_prefix(std::min(rest.find_first_not_of("\": "), rest.size()));
    return rest;
}

inline std::int64_t number_of(std::string_view text, std::string_view key, std::int64_t otherwise) {
    const std::string_view rest = behind(text, key);
    std::int64_t value = otherwise;
    std::from_chars(rest.data(), rest.data() + rest.size(), value);
    return value;
}

inline bool is_true(std::string_view text, std::string_view key) {
    return behind(text, key).starts_with("true");
}

/// The value of a header field in a head, by its name in any case; empty when it is not there.
inline std::string_view field(std::string_view head, std::string_view name) {
    for (auto at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at)) {
        at += 2;
        const std::string_view line = head.substr(at, head.find("\r\n", at) - at);
        if (line.size() > name.size() && line[name.size()] == ':' &&
            ::strncasecmp(line.data(), name.data(), name.size()) == 0) {
            std::string_view value = line.substr(name.size() + 1);
            value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
            return value;
        }
    }
    return {};
}

inline void append_chunk(std::string& out, std::string_view bytes) {
    std::array<char, 16> size{};
    const auto end = std::to_chars(size.data(), size.data() + size.size(), bytes.size(), 16).ptr;
    out.append(size.data(), end).append("\r\n").append(bytes).append("\r\n");
}

/// As many descriptors as the system lets this process have.
inline void raise_files() {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace evenkeel::bench
