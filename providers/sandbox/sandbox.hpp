#pragma once

#include "providers/http/client.hpp"
#include "providers/provider.hpp"

#include <memory>
#include <string>

namespace evenkeel::providers {

struct SandboxOptions {
    std::string name{"sandbox"};  ///< as in providers.yaml
    std::string base_url{};       ///< of `evenkeel cloud`, "http://127.0.0.1:PORT"
    Secret credential{};
    std::string owner_mark{};  ///< "ek-<agent id>": whose bill `billing` asks for
    std::chrono::milliseconds connect_limit{10'000};
    std::chrono::milliseconds total_limit{60'000};
};

/// The driver of the sandbox cloud (`evenkeel cloud`), an ordinary provider that is spoken to over
/// HTTP. Has one curl handle for spending and one for safety, each behind a lock of its own, so a
/// slow create never holds up a delete. `clock` dates the offers and must outlive the driver.
/// Errors: invalid_argument for a base_url that is not allowed.
///
/// A machine or offer whose price cannot be read has a `Price` without currency
/// (`price.currency().is_none()`): unknown, never free.
[[nodiscard]] Result<std::unique_ptr<Provider>> make_sandbox(
    SandboxOptions options, const Clock& clock);

/// The same over clients of the caller's making.
[[nodiscard]] std::unique_ptr<Provider> make_sandbox(
    std::string name,
    std::string owner_mark,
    std::unique_ptr<HttpClient> spend,
    std::unique_ptr<HttpClient> safety,
    const Clock& clock);

}  // namespace evenkeel::providers
