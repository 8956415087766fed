#pragma once

#include "gpu-probe/figures.hpp"

#include <string>
#include <vector>

namespace evenkeel::gpu_probe {

/// `evenkeel.gpu-probe/1`: whole numbers a second; shares of the data sheet where it has the card.
[[nodiscard]] std::string json_text(const std::vector<Figures>& all, const std::string& version);
[[nodiscard]] std::string table_text(const std::vector<Figures>& all);

}  // namespace evenkeel::gpu_probe
