#pragma once

#include "policies/routing/catalogue.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Every source that could answer one request, with what it would cost and why it may or may not:
/// for `evenkeel route explain`.
namespace evenkeel::routing {

enum class QuoteVerdict : std::uint8_t {
    worker,       ///< an own or rented worker takes it when a slot is free
    api,          ///< may be bought there; `place` says in which order
    at_home,      ///< `stay: own` forbids it
    too_dear,     ///< it may cost more than the route or the request allows
    no_price,     ///< it has no price that can be compared, so it is never used
    retired,      ///< the day on which its seller stops serving it has come
    no_room,      ///< more APIs may be used than are kept for one request
    other_queue,  ///< a worker of a later model; the request waits at an earlier one's
};
[[nodiscard]] std::string_view to_text(QuoteVerdict verdict) noexcept;

struct Quote {
    std::string offer{};
    std::string model{};
    std::string provider{};
    SourceKind kind{SourceKind::own};
    QuoteVerdict verdict{QuoteVerdict::worker};
    int place{0};                                   ///< of an API, from 1
    int slots{0};                                   ///< of a worker
    std::optional<std::int64_t> expected_report{};  ///< API: likely cost, nanos of report currency
    std::optional<std::int64_t> hold_report{};      ///< API: most it can cost
    std::optional<config::Date> retires{};
};

struct Explanation {
    const config::Route* route{nullptr};
    std::size_t route_number{0};  ///< from 0, as in the file
    std::vector<Quote> quotes{};  ///< in the order of the route's models, then as listed
    /// From now: until an API is taken instead (nothing: never), and until the request gives up.
    std::optional<std::chrono::nanoseconds> api_after{};
    std::chrono::nanoseconds gives_up_after{};
    std::optional<std::int64_t> max_cost_report{};
};

/// Errors: not_found (no such model), refused (no route takes it), invalid_argument, as `plan`.
/// When `plan` refuses because nothing is left, the quotes say why.
[[nodiscard]] Result<Explanation> quote(const Catalogue& catalogue, const Ask& ask);

}  // namespace evenkeel::routing
