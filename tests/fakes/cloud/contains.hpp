#pragma once

#include <algorithm>
#include <functional>
#include <ranges>

namespace evenkeel::fakes::cloud {

/// std::ranges::contains, which the C++ library of Debian 12 lacks.
template <std::ranges::input_range Range, class T, class Projection = std::identity>
[[nodiscard]] bool contains(Range&& range, const T& value, Projection projection = {}) {
    return std::ranges::find(range, value, std::ref(projection)) != std::ranges::end(range);
}

}  // namespace evenkeel::fakes::cloud
