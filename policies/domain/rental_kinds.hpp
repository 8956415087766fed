#pragma once

#include <algorithm>
#include <array>
#include <string_view>

/// Every kind of provider that rents machines, by its word in providers.yaml. A new one is a folder
/// providers/<word> and one word here: the configuration accepts it and the driver table calls its
/// `make_<word>` (docs/adding-a-provider.md).
#define EVENKEEL_RENTAL_KINDS(X) \
    X(sandbox)                   \
    X(digitalocean)              \
    X(runpod)                    \
    X(lambda)

namespace evenkeel {

#define EVENKEEL_RENTAL_WORD(word) std::string_view{#word},
inline constexpr std::array rental_kinds{EVENKEEL_RENTAL_KINDS(EVENKEEL_RENTAL_WORD)};
#undef EVENKEEL_RENTAL_WORD

[[nodiscard]] constexpr bool is_rental_kind(std::string_view word) noexcept {
    return std::ranges::find(rental_kinds, word) != rental_kinds.end();
}

}  // namespace evenkeel
