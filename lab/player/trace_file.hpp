#pragma once

#include "policies/domain/error.hpp"
#include "policies/replay/rows.hpp"
#include "policies/replay/trace.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

/// Request traces on disk.
namespace evenkeel::lab::player {

inline constexpr std::size_t trace_bytes_max = 256 * 1024 * 1024;  ///< unpacked

/// The whole file as text; gzip is recognised by its magic bytes. Errors: io_failed (cannot be
/// read), refused (more than `trace_bytes_max` unpacked), corrupt (damaged or cut-off gzip).
[[nodiscard]] Result<std::string> read_text(const std::string& path);

/// The rows of a file, read piece by piece: memory does not follow its size. The file is opened
/// anew each time. Errors: io_failed (cannot be opened); from `RowSource::next` those of
/// `read_text`, but for its limit, and of `replay::TraceReader`.
[[nodiscard]] replay::OpenRows open_trace(std::string path);

/// The rows with from <= at < to, ascending, with `at` counted from `from`. Errors as `read_text`
/// and `replay::parse_trace`; invalid_argument when no row lies in the window.
[[nodiscard]] Result<std::vector<replay::TraceRow>> read_window(
    const std::string& path, std::chrono::milliseconds from, std::chrono::milliseconds to);

}  // namespace evenkeel::lab::player
