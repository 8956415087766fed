#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace evenkeel::fakes::cloud {

/// A query string, decoded. A name may come several times.
class Query {
public:
    explicit Query(std::string_view text);
    /// The first value of `name`.
    [[nodiscard]] std::optional<std::string> find(std::string_view name) const;
    /// A whole number; nothing when absent or not one (see `bad`).
    [[nodiscard]] std::optional<int> number(std::string_view name) const;
    /// True when `name` is there and not a whole number of at least 1.
    [[nodiscard]] bool bad(std::string_view name) const;

private:
    std::vector<std::pair<std::string, std::string>> pairs_{};
};

/// %XX and + decoded; what is not decodable stays.
[[nodiscard]] std::string percent_decode(std::string_view text);

/// The path without its first `prefix` and without slashes around: the id in "/v2/droplets/12/".
[[nodiscard]] std::string_view rest_of(std::string_view path, std::string_view prefix) noexcept;

}  // namespace evenkeel::fakes::cloud
