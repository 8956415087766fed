#pragma once

#include "policies/domain/error.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace evenkeel::lab::cloud {

/// A factor as an exact fraction, read from decimal text.
struct Factor {
    std::int64_t num{1};
    std::int64_t den{1};
    [[nodiscard]] bool is_one() const noexcept { return num == den; }
};

/// The failure switchboard: what goes wrong on purpose. Counts go down as they strike; the others
/// stay until they are set again. Lives in memory: a restarted cloud begins with its own options.
/// Durations are of the real world, like those of the options.
struct Switches {
    Factor slow_boot{};              ///< boot takes this much longer
    int boot_fails{0};               ///< machine ends its boot `stopped`; billed until deleted
    int create_lost{0};              ///< machine made, connection closed without an answer
    int create_5xx_after_effect{0};  ///< machine made, answer 503
    int create_twice{0};             ///< two machines made under one name, the first answered
    int no_stock{0};                 ///< create refused
    Factor dearer{};                 ///< price of machines created from now on
    bool wrong_gpu{false};           ///< machines created from now on have another GPU
    int delete_lost{0};              ///< effect, connection closed without an answer
    int delete_ignored{0};           ///< answer 204, nothing happens
    int delete_busy{0};              ///< answer 409 `busy`, nothing happens
    std::chrono::milliseconds vanish_after{0};  ///< a machine this old disappears by itself; 0 = no
    std::chrono::milliseconds list_lag{0};      ///< lists omit machines younger than this
    std::chrono::milliseconds get_lag{0};       ///< so does the answer to one machine's id
    int list_empty{0};                          ///< lists are answered with none
    bool api_down{false};                       ///< every call is refused by closing
};

/// Reads a switchboard: a JSON object with any of the names `slow_boot` (factor), `boot_fails`,
/// `create_lost`, `create_5xx_after_effect`, `create_twice`, `no_stock`, `dearer` (factor),
/// `wrong_gpu`, `delete_lost`, `delete_ignored`, `delete_busy`, `vanish_after_s`, `list_lag_s`,
/// `get_lag_s`, `list_empty`, `api_down`. Names left out keep their value in `before`. Errors:
/// invalid_argument for unknown names and values out of range, naming them.
[[nodiscard]] Result<Switches> parse_switches(std::string_view json, const Switches& before = {});

/// The same as JSON, with every name.
[[nodiscard]] std::string to_json(const Switches& switches);

}  // namespace evenkeel::lab::cloud
