#pragma once

#include "policies/domain/time.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::providers {

/// What a server said about one of its rate limits in the headers of an answer.
struct RateHint {
    std::string name{};  ///< of the window, for example "minute"; empty: the server named none
    std::optional<std::int64_t> limit{};      ///< requests in a whole window
    std::optional<std::int64_t> remaining{};  ///< requests left now
    std::optional<std::chrono::milliseconds> resets_in{};
    std::optional<UtcTime> resets_at{};  ///< instead of `resets_in`, by the server's clock
    friend bool operator==(const RateHint&, const RateHint&) = default;
};

/// Collects the rate headers of one answer, names in any case:
/// - `ratelimit-limit`, `-remaining`, `-reset` (also with `x-` in front; a reset above 10^9 is a
///   Unix time, else seconds from now), https://docs.digitalocean.com/reference/api/
/// - `RateLimit: "minute";r=0;t=12, ...` and `RateLimit-Policy: "minute";q=60;w=60, ...`,
///   https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
///
/// Lenient: what cannot be read is left out.
class RateHeaders {
public:
    /// Windows kept of one answer.
    static constexpr std::size_t hints_max = 8;

    /// `line` is one header line with or without its end.
    void add(std::string_view line);
    [[nodiscard]] std::vector<RateHint> take();

private:
    RateHint* named(std::string_view name);
    void add_plain(std::string_view what, std::string_view value);
    void add_structured(std::string_view value);
    std::vector<RateHint> hints_{};
};

}  // namespace evenkeel::providers
