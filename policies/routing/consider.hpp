#pragma once

#include "policies/routing/catalogue.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <span>

/// What `plan` and `quote` share: a request put against the policy. Internal to policies/routing.
namespace evenkeel::routing {

/// How an offer is served; providers of machines are told apart from sellers of tokens.
[[nodiscard]] SourceKind kind_of(config::ProviderKind kind) noexcept;

/// The models that may answer, in the order in which they are tried.
struct Models {
    std::array<const Catalogue::ModelEntry*, route_models_max> list{};
    std::size_t count{0};

    void add(const Catalogue::ModelEntry* entry) {
        const auto end = list.begin() + static_cast<std::ptrdiff_t>(count);
        if (entry != nullptr && count < route_models_max &&
            std::find(list.begin(), end, entry) == end) {
            list[count++] = entry;
        }
    }
    [[nodiscard]] std::span<const Catalogue::ModelEntry* const> all() const {
        return {list.data(), count};
    }
};

/// What a route and the request itself set as limits.
struct Bounds {
    std::optional<std::int64_t> max_cost{};               ///< report nanos; of two the tighter one
    bool max_cost_by_request{false};                      ///< the request's own is the tighter one
    std::optional<std::chrono::milliseconds> max_wait{};  ///< the route's
    std::optional<std::chrono::milliseconds> deadline{};  ///< the request's own
};

struct Considered {
    Ask ask{};  ///< within limits
    const Catalogue::ModelEntry* asked{nullptr};
    const config::Route* route{nullptr};
    Models models{};
    Bounds bounds{};
};
/// Errors: those of `plan`, but for sources that are left out.
[[nodiscard]] Result<Considered> consider(const Catalogue& catalogue, const Ask& ask);

/// An offer priced for one request.
struct Priced {
    gate::ApiChoice choice{};
    std::int64_t most_report{0};  ///< what it can cost, report nanos; the hold may be less
};
/// Nothing when its cost cannot be expressed.
[[nodiscard]] std::optional<Priced> price(
    const Catalogue& catalogue, const ApiOffer& api, const Ask& ask);

/// What is set aside while a worker of the model has the request.
struct InternalHold {
    std::int64_t report{0};      ///< report nanos; beyond every limit when it cannot be expressed
    std::int64_t tokens_out{0};  ///< output tokens that it pays for
};
/// Precondition: the model has an internal price.
[[nodiscard]] InternalHold internal_hold(
    const Catalogue& catalogue, const Catalogue::ModelEntry& entry, const Ask& ask);

}  // namespace evenkeel::routing
