#pragma once

#include "policies/domain/error.hpp"

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

/// Request traces as text -> rows. Recognised by their header line; no file, no gzip here.
namespace evenkeel::replay {

/// One request: when it came, counted from the start of the trace, and how big it was.
struct TraceRow {
    std::chrono::nanoseconds at{};
    std::int64_t tokens_in{0};
    std::int64_t tokens_out{0};
    friend constexpr bool operator==(const TraceRow&, const TraceRow&) = default;
};

enum class TraceFormat : std::uint8_t {
    azure,     ///< TIMESTAMP,ContextTokens,GeneratedTokens
    mooncake,  ///< timestamp,input_length,output_length,hash_ids
    servegen,  ///< arrival_s,client,input_tokens,output_tokens
};
[[nodiscard]] std::string_view to_text(TraceFormat format) noexcept;

struct Trace {
    TraceFormat format{TraceFormat::azure};
    std::vector<TraceRow> rows{};  ///< ascending by time; the first azure row is at 0
};

inline constexpr std::size_t trace_rows_max = 5'000'000;
inline constexpr std::int64_t trace_tokens_max = 10'000'000;  ///< of one request

/// Errc::invalid_argument with the line number for an unknown header, a malformed or overlong row,
/// or times that go backwards by more than a second (small disorder is sorted).
[[nodiscard]] Result<Trace> parse_trace(std::string_view text);

/// The rows with from <= at < to, times kept.
[[nodiscard]] std::vector<TraceRow> window(
    const std::vector<TraceRow>& rows, std::chrono::nanoseconds from, std::chrono::nanoseconds to);

}  // namespace evenkeel::replay
