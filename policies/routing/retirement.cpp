#include "policies/routing/catalogue.hpp"

#include <fmt/format.h>

namespace evenkeel::routing {

std::vector<std::string> retirement_notes(
    const config::Config& config, std::chrono::sys_days today) {
    std::vector<std::string> notes;
    for (const config::Model& model : config.models) {
        for (const config::Offer& offer : model.offers) {
            if (!offer.retires) {
                continue;
            }
            const std::chrono::sys_days day{*offer.retires};
            const auto left = (day - today).count();
            if (left > config::retirement_warning.count()) {
                continue;
            }
            const std::string what = fmt::format(
                "API offer {} of {} {} on {}",
                offer.name,
                model.name,
                left <= 0 ? "was retired" : "retires",
                config::to_text(*offer.retires));
            notes.push_back(
                left <= 0 ? what + " and is not used"
                          : fmt::format("{}, in {} day{}", what, left, left == 1 ? "" : "s"));
        }
    }
    return notes;
}

}  // namespace evenkeel::routing
