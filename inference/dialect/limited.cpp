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

/// `left`: until the next window, rounded up; windows begin on a whole minute.
ApiError spent(std::string_view whose, const Reason& reason, const Limited& who, seconds left) {
    const auto [used, limit, unused] = reason.args;
    const int decimals = limit < whole_unit ? 4 : 2;
    const auto next = std::chrono::floor<std::chrono::minutes>(who.now + left);
    ApiError error = too_many(
        fmt::format(
            "{} leaves too little for this request: {} of {} {} are spent or set aside, and no "
            "source that it does not count became free in time. The next window begins on {}.",
            whose,
            rounded_text(Money{used, who.report}, decimals),
            rounded_text(Money{limit, who.report}, decimals),
            who.report.text(),
            fmt::format("{:%Y-%m-%d %H:%M} UTC", next)),
        left);
    error.type = error.code = "insufficient_quota";
    if (left > retry_after_max || left <= seconds{0}) {
        error.retry_after.reset();
        error.should_retry = false;
    }
    return error;
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
        case ReasonCode::key_budget_spent:
            return spent(
                fmt::format("The limit of key '{}'", who.key), reason, who, seconds{third});
        case ReasonCode::budget_spent:
            if (who.budget_resets == UtcTime{}) {
                return std::nullopt;
            }
            return spent(
                "A budget of this gateway",
                reason,
                who,
                std::chrono::ceil<seconds>(who.budget_resets - who.now));
        default:
            return std::nullopt;
    }
}

}  // namespace evenkeel::inference::dialect
