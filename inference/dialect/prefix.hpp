#pragma once

#include "inference/dialect/scan.hpp"
#include "policies/domain/prefix.hpp"

#include <cstdint>
#include <string_view>

namespace evenkeel::inference::dialect {

/// Beginnings shorter than this are no marks: an engine's cache holds no smaller block.
inline constexpr std::int64_t mark_tokens_min = 16;

/// Marks of the conversation in a body that `scan_request` took to `scan`: of all its messages, of
/// what its latest answer answers, of what the one before answers, and of what it begins with
/// (system text and tools, else the first message). The next request of the conversation has the
/// first of these among its own, as long as its client writes what it repeats as it did before.
/// Hashed with them are the model's name, tools and system text, and `seed`: nobody shares a mark
/// with another seed (a client key). Embeddings have none. One pass over the bytes, no copies.
[[nodiscard]] PrefixMarks prefix_marks(
    std::string_view body, const RequestScan& scan, std::uint64_t seed) noexcept;

}  // namespace evenkeel::inference::dialect
