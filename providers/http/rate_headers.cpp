#include "providers/http/rate_headers.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace evenkeel::providers {

namespace {

/// A reset above this is a Unix time; below, seconds from now.
constexpr std::int64_t smallest_unix_time = 1'000'000'000;
constexpr std::int64_t largest_unix_time = 100'000'000'000;
/// Larger numbers are nonsense, and kept from overflowing.
constexpr std::int64_t largest_count = 1'000'000'000'000;

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view space = " \t\r\n";
    const std::size_t first = text.find_first_not_of(space);
    if (first == text.npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(space) - first + 1);
}

std::string lower(std::string_view text) {
    std::string out{text};
    std::ranges::transform(out, out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return out;
}

std::optional<std::int64_t> number(std::string_view text) {
    std::int64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc{} && stop == text.data() + text.size();
    return whole && value >= 0 && value <= largest_count ? std::optional{value} : std::nullopt;
}

/// Cuts the part before `mark` off `rest`.
std::string_view next_part(std::string_view& rest, char mark) {
    const std::size_t end = rest.find(mark);
    const std::string_view part = rest.substr(0, end);
    rest = end == rest.npos ? std::string_view{} : rest.substr(end + 1);
    return trimmed(part);
}

}  // namespace

RateHint* RateHeaders::named(std::string_view name) {
    const auto found = std::ranges::find(hints_, name, &RateHint::name);
    if (found != hints_.end()) {
        return &*found;
    }
    return hints_.size() < hints_max ? &hints_.emplace_back(RateHint{.name = std::string{name}})
                                     : nullptr;
}

void RateHeaders::add_plain(std::string_view what, std::string_view value) {
    const auto read = number(value);
    RateHint* const hint = read ? named("") : nullptr;
    if (hint == nullptr) {
        return;
    }
    if (what == "limit") {
        hint->limit = read;
    } else if (what == "remaining") {
        hint->remaining = read;
    } else if (*read >= smallest_unix_time && *read <= largest_unix_time) {
        hint->resets_at = UtcTime{std::chrono::seconds{*read}};
    } else if (*read < smallest_unix_time) {
        hint->resets_in = std::chrono::seconds{*read};
    }
}

void RateHeaders::add_structured(std::string_view value) {
    while (!value.empty()) {
        std::string_view member = next_part(value, ',');
        std::string_view name = next_part(member, ';');
        if (name.size() >= 2 && name.front() == '"' && name.back() == '"') {
            name = name.substr(1, name.size() - 2);
        }
        RateHint* const hint = name.empty() ? nullptr : named(name);
        while (hint != nullptr && !member.empty()) {
            std::string_view parameter = next_part(member, ';');
            const std::string_view key = next_part(parameter, '=');
            const auto read = number(trimmed(parameter));
            if (!read) {
                continue;
            }
            if (key == "q") {
                hint->limit = read;
            } else if (key == "r") {
                hint->remaining = read;
            } else if (key == "t" && *read < smallest_unix_time) {
                hint->resets_in = std::chrono::seconds{*read};
            }
        }
    }
}

void RateHeaders::add(std::string_view line) {
    const std::size_t colon = line.find(':');
    if (colon == line.npos || colon > 40) {
        return;
    }
    std::string name = lower(line.substr(0, colon));
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (name.starts_with("x-")) {
        name.erase(0, 2);
    }
    if (name == "ratelimit" || name == "ratelimit-policy") {
        add_structured(value);
    } else if (
        name == "ratelimit-limit" || name == "ratelimit-remaining" || name == "ratelimit-reset") {
        add_plain(std::string_view{name}.substr(10), value);
    }
}

std::vector<RateHint> RateHeaders::take() {
    return std::exchange(hints_, {});
}

}  // namespace evenkeel::providers
