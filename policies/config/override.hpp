#pragma once

#include "policies/config/load.hpp"
#include "policies/domain/error.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::config {

/// Changes one value in files that were read and not loaded yet, for a question of the kind "what
/// if". `path` names it with dots, members of a list by their `name` (or `on`) or their number from
/// 0: `scaling.h100-burst.max`, `models.opus.offers.0.price`. `value` is YAML. Comments of the
/// changed file are lost and its lines move; whether key and value are good says `load`.
/// Errc::invalid_argument: the path leads nowhere, or a file or the value is no YAML.
[[nodiscard]] Result<void> override_value(
    std::vector<SourceFile>& files, std::string_view path, const std::string& value);

}  // namespace evenkeel::config
