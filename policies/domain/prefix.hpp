#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace evenkeel {

/// One beginning of a conversation: a hash of it, never its text.
struct PrefixMark {
    std::uint64_t hash{0};   ///< 0 = none
    std::int64_t tokens{0};  ///< that it covers, estimated
    friend constexpr bool operator==(PrefixMark, PrefixMark) = default;
};

inline constexpr std::size_t prefix_marks_max = 4;
/// The longest first; after the first empty one there is none.
using PrefixMarks = std::array<PrefixMark, prefix_marks_max>;

}  // namespace evenkeel
