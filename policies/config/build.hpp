#pragma once

#include "policies/config/check.hpp"

/// Turns checked trees into the plain structs. Internal to policies/config.
namespace evenkeel::config {

/// Precondition: no finding is an error. Names of models and offers come out in their canonical
/// form: an alias as its model, a provider in scaling.offers as its offer.
[[nodiscard]] Config build(const Documents& documents, const Index& index);

}  // namespace evenkeel::config
