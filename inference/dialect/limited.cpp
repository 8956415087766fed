#include "inference/dialect/limited.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::inference::dialect {

namespace {

using std::chrono::seconds;

constexpr std::int64_t whole_unit = 1'000'000'000;  ///< of a currency, in nano-units

/// "2026-12-01 00:00:00 UTC".
std::string moment(UtcTime at) {
    return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", std::chrono::floor<seconds>(at));
}

ApiError too_many(std::string message, seconds wait) {
    return {
        .status = 429,
        .type = "rate_limit_error",
        .code = "rate_limit_exceeded",
        .param = {},
        .message = std::move(message),
        .retry_after = std::clamp(wait, seconds{1}, retry_after_max),
        .should_retry = {}};
}

}  // namespace

std::optional<ApiError> limited(const Reason& reason, const Limited& who) {
    const auto [first, second, third] = reason.args;
    const std::string whose = third == who.key_ix.value() ? fmt::format("Key '{}'", who.key)
                                                          : fmt::format("Route '{}'", who.route);
    const auto after = [&](std::string_view what) {
        const std::chrono::milliseconds wait{first};
        return too_many(
            fmt::format(
                "{} has used its {} {} a minute. There is room again in {} s, at {}.",
                whose,
                second,
                what,
                std::chrono::ceil<seconds>(wait).count(),
                moment(std::chrono::ceil<seconds>(who.now + wait))),
            std::chrono::ceil<seconds>(wait));
    };
    switch (reason.code) {
        case ReasonCode::limit_requests:
            return after("requests");
        case ReasonCode::limit_tokens:
            return after("tokens");
        case ReasonCode::limit_in_flight:
            return too_many(
                fmt::format(
                    "{} has {} requests running, its limit. There is room again when one of them "
                    "ends.",
                    whose,
                    second),
                seconds{1});
        case ReasonCode::key_budget_spent: {
            const int decimals = second < whole_unit ? 4 : 2;
            // Windows begin on a whole minute; `third` and the time since are rounded up.
            const auto next = std::chrono::floor<std::chrono::minutes>(who.now + seconds{third});
            ApiError error = too_many(
                fmt::format(
                    "The limit of key '{}' leaves too little for this request: {} of {} {} are "
                    "spent or set aside, and no source without external cost became free in time. "
                    "The next window begins on {}.",
                    who.key,
                    rounded_text(Money{first, who.report}, decimals),
                    rounded_text(Money{second, who.report}, decimals),
                    who.report.text(),
                    fmt::format("{:%Y-%m-%d %H:%M} UTC", next)),
                seconds{1});
            error.type = error.code = "insufficient_quota";
            error.retry_after.reset();
            error.should_retry = false;
            return error;
        }
        default:
            return std::nullopt;
    }
}

}  // namespace evenkeel::inference::dialect
