#pragma once

#include "inference/gateway/gateway.hpp"
#include "inference/relay/upstream.hpp"
#include "policies/routing/catalogue.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace evenkeel::inference {

/// A source made ready for the data path; immutable.
struct Source {
    SourceInfo info{};
    relay::Endpoint endpoint{};
    /// Request lines and fixed fields by endpoint, key included: never logged. Empty where it has
    /// no such endpoint.
    std::array<std::string, dialect::endpoint_count> heads{};
    std::string quoted_model{};  ///< `info.seller_model` as JSON text
};

/// Errors: invalid_argument.
[[nodiscard]] Result<std::shared_ptr<const Source>> make_source(SourceInfo info);

/// What requests are planned with: one immutable version, replaced as a whole.
struct World {
    std::shared_ptr<const routing::Catalogue> catalogue{};
    std::unordered_map<NameIx, std::shared_ptr<const Source>> sources{};
    std::unordered_map<NameIx, BootTime> ready_at{};  ///< of models that a machine boots for

    [[nodiscard]] std::shared_ptr<const Source> source(NameIx ix) const {
        const auto found = sources.find(ix);
        return found == sources.end() ? nullptr : found->second;
    }
    /// A worker of `model` exists; requests for it need not wait for one to boot.
    [[nodiscard]] int slots_of(NameIx model) const noexcept;
    /// How long the machine that boots for `model` is likely to need yet, at least 1 s; nothing
    /// where none boots, or where it is late and nobody knows.
    [[nodiscard]] std::optional<std::chrono::seconds> eta(NameIx model, BootTime now) const;
};

}  // namespace evenkeel::inference
