#pragma once

#include "policies/config/config.hpp"
#include "policies/config/diagnostic.hpp"
#include "policies/config/settings.hpp"

#include <cstddef>
#include <expected>
#include <span>
#include <string>
#include <vector>

namespace evenkeel::config {

/// One configuration file, already read. Its role follows from the last part of `path`:
/// evenkeel.yaml, providers.yaml, models.yaml or policy.yaml.
struct SourceFile {
    std::string path{};  ///< as shown to people
    std::string text{};
};

/// Limits of one file, checked before anything in it is believed.
inline constexpr std::size_t file_bytes_max = std::size_t{1024} * 1024;
inline constexpr int file_depth_max = 32;
inline constexpr int file_nodes_max = 20'000;

struct Loaded {
    Config config{};
    std::vector<Diagnostic> warnings{};  ///< sorted by file and line
    std::vector<Setting> settings{};     ///< the same by key, for comparing: see changes()
};

/// Reads the configuration: strict YAML, every key known, every value with its unit, every name
/// defined. Pure: no file is opened, and `today` is used for nothing but the age of exchange rates
/// and dates in the future.
///
/// evenkeel.yaml may be missing (all its defaults apply, with a warning); the other three are
/// needed. On failure gives every error found in all files, and the warnings too, sorted by file
/// and line, at most `collected_diagnostics_max`. Never throws on input; needs less than 64 MB and
/// a second even for hostile text.
[[nodiscard]] std::expected<Loaded, std::vector<Diagnostic>> load(
    std::span<const SourceFile> files, Date today);

}  // namespace evenkeel::config
