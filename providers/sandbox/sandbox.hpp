#pragma once

#include "providers/drivers.hpp"
#include "providers/http/client.hpp"
#include "providers/provider.hpp"

#include <memory>
#include <string>

namespace evenkeel::providers {

/// The driver of the sandbox cloud (`evenkeel cloud`), an ordinary provider that is spoken to over
/// HTTP; `make_sandbox` of drivers.hpp makes it. Has one curl handle for spending and one for
/// safety, each behind a lock of its own, so a slow create never holds up a delete. `clock` dates
/// the offers and must outlive the driver.
///
/// A machine or offer whose price cannot be read has a `Price` without currency
/// (`price.currency().is_none()`): unknown, never free.

/// Over clients of the caller's making.
[[nodiscard]] std::unique_ptr<Provider> make_sandbox(
    std::string name,
    std::string owner_mark,
    std::unique_ptr<HttpClient> spend,
    std::unique_ptr<HttpClient> safety,
    const Clock& clock);

}  // namespace evenkeel::providers
