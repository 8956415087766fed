#pragma once

#include "policies/domain/error.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Reading request traces from disk.
namespace evenkeel::lab::player {

/// One request of a trace.
struct TraceRow {
    std::chrono::milliseconds at{0};  ///< since the trace's first row
    std::int64_t tokens_in{0};
    std::int64_t tokens_out{0};
};

/// The whole file as text; gzip is recognised by its magic bytes. Errors: io_failed (cannot be
/// read), refused (more than `trace_bytes_max` unpacked), corrupt (bad gzip).
inline constexpr std::size_t trace_bytes_max = 256 * 1024 * 1024;
[[nodiscard]] Result<std::string> read_text(const std::string& path);

/// Rows of the Azure format (header `TIMESTAMP,ContextTokens,GeneratedTokens`), in order of time.
/// invalid_argument names the line that is wrong.
[[nodiscard]] Result<std::vector<TraceRow>> parse_azure(std::string_view text);

/// The rows with from <= at < to, in order of time; `at` is made relative to `from`. Errors as
/// `read_text`; invalid_argument when the format is not known or no row lies in the window.
[[nodiscard]] Result<std::vector<TraceRow>> read_window(
    const std::string& path, std::chrono::milliseconds from, std::chrono::milliseconds to);

}  // namespace evenkeel::lab::player
