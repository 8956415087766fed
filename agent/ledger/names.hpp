#pragma once

#include "policies/routing/catalogue.hpp"

#include <optional>
#include <string_view>

namespace evenkeel::ledger {

/// How a kind of name is written in the `name` table. Fixed for ever.
[[nodiscard]] constexpr std::string_view to_text(routing::NameKind kind) noexcept {
    using enum routing::NameKind;
    switch (kind) {
        case model:
            return "model";
        case route:
            return "route";
        case key:
            return "key";
        case source:
            return "source";
        case provider:
            return "provider";
        case offer:
            return "offer";
        case budget:
            return "budget";
    }
    return "";
}

[[nodiscard]] constexpr std::optional<routing::NameKind> name_kind_from(
    std::string_view text) noexcept {
    using enum routing::NameKind;
    for (const auto kind : {model, route, key, source, provider, offer, budget}) {
        if (to_text(kind) == text) {
            return kind;
        }
    }
    return std::nullopt;
}

}  // namespace evenkeel::ledger
