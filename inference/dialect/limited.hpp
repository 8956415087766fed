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
    UtcTime now{};
};

/// The refusal of a request by a limit of its key or its route: 429, names the limit and when there
/// is room again. Of rates with `Retry-After`; of money `insufficient_quota`, and SDKs are told not
/// to try again. Nothing for every other reason.
[[nodiscard]] std::optional<ApiError> limited(const Reason& reason, const Limited& who);

}  // namespace evenkeel::inference::dialect
