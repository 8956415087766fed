#include "policies/routing/near_names.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace evenkeel::routing {

namespace {

constexpr std::size_t shown_max = 64;

/// Levenshtein distance, one row at a time. Sizes are bounded by the caller.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            const std::size_t replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({above + 1, row[j - 1] + 1, replace});
            diagonal = above;
        }
    }
    return row[b.size()];
}

}  // namespace

std::string_view nearest_name(std::string_view asked, std::span<const std::string_view> names) {
    std::string_view best;
    if (asked.empty() || asked.size() > shown_max) {
        return best;
    }
    std::size_t best_distance = std::max<std::size_t>(asked.size() / 3, 1) + 1;
    for (const std::string_view name : names) {
        if (name.size() > 2 * shown_max) {
            continue;
        }
        if (const std::size_t found = distance(asked, name); found < best_distance) {
            best_distance = found;
            best = name;
        }
    }
    return best;
}

std::string printable(std::string_view text) {
    std::string shown{text.substr(0, shown_max)};
    std::ranges::replace_if(shown, [](char c) { return c < ' ' || c > '~'; }, '?');
    return text.size() > shown_max ? shown + "..." : shown;
}

}  // namespace evenkeel::routing
