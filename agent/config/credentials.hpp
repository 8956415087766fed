#pragma once

#include "policies/domain/error.hpp"
#include "providers/http/secret.hpp"

#include <filesystem>
#include <string>

namespace evenkeel::agent {

/// Where secrets are: systemd's $CREDENTIALS_DIRECTORY as `provider_<name>` when that exists, else
/// `<config>/credentials/<name>`.
class Credentials {
public:
    explicit Credentials(std::filesystem::path config_folder);

    /// The secret called `name`; an empty name gives an empty secret. Errors: as
    /// providers::read_secret_file. A file that others can read is used, with a warning in the log.
    [[nodiscard]] Result<providers::Secret> read(const std::string& name) const;

private:
    std::filesystem::path config_folder_;
    std::filesystem::path service_folder_;
};

}  // namespace evenkeel::agent
