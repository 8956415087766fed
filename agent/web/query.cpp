#include "agent/web/query.hpp"

#include "agent/report/days.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

namespace evenkeel::web {

namespace {

constexpr std::int64_t hours_back_max = 24 * 3'660;

std::unexpected<Error> wrong(std::string message) {
    return fail(Errc::invalid_argument, std::move(message));
}

std::optional<unsigned> hex_digit(char c) {
    return c >= '0' && c <= '9'   ? std::optional{static_cast<unsigned>(c - '0')}
           : c >= 'a' && c <= 'f' ? std::optional{static_cast<unsigned>(c - 'a') + 10}
           : c >= 'A' && c <= 'F' ? std::optional{static_cast<unsigned>(c - 'A') + 10}
                                  : std::nullopt;
}

/// Nothing when an escape is broken or a control character comes out.
std::optional<std::string> decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i] == '+' ? ' ' : text[i];
        if (c == '%') {
            const auto high = i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
            const auto low = i + 2 < text.size() ? hex_digit(text[i + 2]) : std::nullopt;
            if (!high || !low) {
                return std::nullopt;
            }
            c = static_cast<char>(*high * 16 + *low);
            i += 2;
        }
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
            return std::nullopt;
        }
        out += c;
    }
    return out;
}

}  // namespace

Result<Query> Query::parse(std::string_view text, std::span<const std::string_view> allowed) {
    if (text.size() > bytes_max) {
        return wrong(fmt::format("the query is longer than {} bytes", bytes_max));
    }
    Query query;
    while (!text.empty()) {
        const auto end = text.find('&');
        const std::string_view pair = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        if (pair.empty()) {
            continue;
        }
        const auto equals = pair.find('=');
        const auto name = decoded(pair.substr(0, equals));
        const auto value = decoded(
            equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1));
        if (!name || !value) {
            return wrong("the query holds a broken escape or a control character");
        }
        if (std::ranges::find(allowed, *name) == allowed.end()) {
            return wrong(
                allowed.empty() ? std::string{"this page takes no parameters"}
                                : fmt::format("this page takes {}", fmt::join(allowed, ", ")));
        }
        if (value->size() > value_bytes_max) {
            return wrong(fmt::format("{} is longer than {} bytes", *name, value_bytes_max));
        }
        if (!query.values_.emplace(*name, *value).second) {
            return wrong(fmt::format("{} is given twice", *name));
        }
    }
    return query;
}

std::string Query::text(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::string{} : found->second;
}

std::optional<std::string> Query::given(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() || found->second.empty() ? std::nullopt
                                                           : std::optional{found->second};
}

Result<std::int64_t> Query::number(
    std::string_view name, std::int64_t otherwise, std::int64_t most) const {
    const auto written = given(name);
    if (!written) {
        return otherwise;
    }
    std::int64_t value = 0;
    const char* const end = written->data() + written->size();
    const auto [rest, error] = std::from_chars(written->data(), end, value);
    if (error != std::errc{} || rest != end || value < 0 || value > most) {
        return wrong(fmt::format("{} takes a whole number from 0 to {}", name, most));
    }
    return value;
}

Result<UtcTime> Query::instant(
    std::string_view name,
    UtcTime now,
    std::chrono::hours otherwise_before,
    const ledger::Zone& zone) const {
    const auto written = given(name);
    if (!written) {
        return now - otherwise_before;
    }
    std::int64_t count = 0;
    const char* const end = written->data() + written->size();
    const auto [rest, error] = std::from_chars(written->data(), end, count);
    if (error == std::errc{} && rest + 1 == end && (*rest == 'd' || *rest == 'h') && count >= 0 &&
        count <= hours_back_max) {
        const std::int64_t hours = *rest == 'd' ? count * 24 : count;
        if (hours <= hours_back_max) {
            return now - std::chrono::hours{hours};
        }
    }
    const auto days = report::days_between(written, std::nullopt, now, zone);
    if (!days) {
        return std::unexpected{days.error()};
    }
    return report::instants(*days, zone).first;
}

}  // namespace evenkeel::web
