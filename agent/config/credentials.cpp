#include "agent/config/credentials.hpp"

#include <spdlog/spdlog.h>

#include <cstdlib>
#include <system_error>
#include <utility>

namespace evenkeel::agent {

Credentials::Credentials(std::filesystem::path config_folder)
    : config_folder_{std::move(config_folder)} {
    if (const char* folder = std::getenv("CREDENTIALS_DIRECTORY")) {
        service_folder_ = folder;
    }
}

Result<providers::Secret> Credentials::read(const std::string& name) const {
    if (name.empty()) {
        return providers::Secret{};
    }
    std::filesystem::path path = config_folder_ / "credentials" / name;
    std::error_code code;
    if (!service_folder_.empty()) {
        const auto served = service_folder_ / ("provider_" + name);
        if (std::filesystem::exists(served, code)) {
            path = served;
        }
    }
    auto file = providers::read_secret_file(path.string());
    if (!file) {
        return std::unexpected{file.error()};
    }
    if (file->warning) {
        spdlog::warn("{}", *file->warning);
    }
    return std::move(file->secret);
}

}  // namespace evenkeel::agent
