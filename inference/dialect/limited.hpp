#pragma once

#include "inference/dialect/openai.hpp"
#include "policies/domain/id.hpp"
#include "policies/domain/money.hpp"
#include "policies/domain/time.hpp"

namespace evenkeel::inference::dialect {

/// Whose limits a request met.
struct Limited {
    std::string_view key{};
    NameIx key_ix{};
    std::string_view route{};
    Currency report{};
    UtcTime budget_resets{};  ///< of the budget that said no; {} = none, or not known
    UtcTime now{};
};

/// The refusal of a request by a limit of its key or its route: 429, names the limit and when there
/// is room again; likewise by a budget whose next window is known. Of rates with `Retry-After`; of
/// money `insufficient_quota`, and SDKs are told not to try again, unless the next window begins
/// within retry_after_max. Nothing for every other reason.
[[nodiscard]] std::optional<ApiError> limited(const Reason& reason, const Limited& who);

}  // namespace evenkeel::inference::dialect
