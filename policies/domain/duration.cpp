#include "policies/domain/duration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

namespace evenkeel {

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
    static constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> units{
        {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
    constexpr std::int64_t limit = 400LL * 86'400'000;
    std::int64_t total = 0;
    std::string_view rest = text;
    bool good = !rest.empty();
    while (good && !rest.empty()) {
        std::int64_t value = -1;
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
        rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
        const std::size_t next = std::min(rest.find_first_of("0123456789-"), rest.size());
        const std::string_view name = rest.substr(0, next);
        rest.remove_prefix(next);
        std::int64_t factor = 0;
        for (const auto& [unit, millis] : units) {
            factor = unit == name ? millis : factor;
        }
        good = error == std::errc{} && value >= 0 && factor > 0 && value <= limit / factor;
        total += good ? value * factor : 0;
        good = good && total <= limit;
    }
    if (!good) {
        return fail(
            Errc::invalid_argument,
            fmt::format("'{}' is no duration; write for example 45s, 5m or 1h30m", text));
    }
    return std::chrono::milliseconds{total};
}

}  // namespace evenkeel
