#pragma once

#include "policies/capacity/roofline.hpp"
#include "policies/domain/error.hpp"

#include <filesystem>
#include <string_view>

namespace evenkeel::cli {

/// Where evenkeel-gpu-probe's JSON is looked for in the state folder.
inline constexpr const char* probe_report_file = "gpu-probe.json";

/// What the probe measured on all GPUs together (`evenkeel.gpu-probe/1`). Errors: invalid_response
/// (another document), refused (a GPU of it gave wrong answers: its figures mean nothing).
[[nodiscard]] Result<capacity::CardSpeed> parse_probe_report(std::string_view document);
/// The same of a file. Errors: not_found and io_failed too.
[[nodiscard]] Result<capacity::CardSpeed> read_probe_report(const std::filesystem::path& file);

}  // namespace evenkeel::cli
