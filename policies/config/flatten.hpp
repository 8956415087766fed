#pragma once

#include "policies/config/check.hpp"
#include "policies/config/settings.hpp"

#include <vector>

namespace evenkeel::config {

/// All settings of the trees in the order of the table, defaults included. Internal to
/// policies/config. Precondition: no finding is an error.
[[nodiscard]] std::vector<Setting> flatten(const Documents& documents, const Index& index);

}  // namespace evenkeel::config
