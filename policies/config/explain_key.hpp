#pragma once

#include "policies/config/keys.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::config {

/// A row of the table with the file it belongs to.
struct KeyRef {
    File file{};
    const Key* key{nullptr};
};

/// The keys that a person means by `asked`: a path as in messages (`scaling[0].max`), as in the
/// table (`scaling[].max`), with the name of an entry (`scaling.h100-burst.max`) or without one
/// (`scaling.max`), or the last part alone (`max_life`), which may be a key of several places.
/// Empty when there is none.
[[nodiscard]] std::vector<KeyRef> find_keys(std::string_view asked);

/// The rows directly below `key`.
[[nodiscard]] std::vector<KeyRef> keys_below(const KeyRef& key);

/// The paths nearest to `asked`, for "did you mean"; at most three, best first.
[[nodiscard]] std::vector<std::string> near_keys(std::string_view asked);

/// What a person should know about the key: value, range, default, example, what without it.
[[nodiscard]] std::string explain_key(const KeyRef& key);

/// "a duration such as 5m", "one of: cheapest, fastest, listed", "a list; each ...".
[[nodiscard]] std::string value_text(const Key& key);

}  // namespace evenkeel::config
