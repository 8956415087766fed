#include "inference/dialect/limited.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::inference::dialect {

namespace {

using std::chrono::seconds;

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
            ApiError error = too_many(
                fmt::format(
                    "The limit of key '{}' leaves too little for this request: {} of {} {} are "
                    "spent or set aside, and no source without external cost became free in time. "
                    "The next window begins on {}.",
                    who.key,
                    rounded_text(Money{first, who.report}),
                    rounded_text(Money{second, who.report}),
                    who.report.text(),
                    moment(std::chrono::round<seconds>(who.now) + seconds{third})),
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
