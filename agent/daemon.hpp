#pragma once

#include <filesystem>
#include <string>

namespace evenkeel::agent {

struct ServeOptions {
    std::filesystem::path config{"/etc/evenkeel"};
    std::filesystem::path state{"/var/lib/evenkeel"};
    std::filesystem::path socket{};  ///< empty: $RUNTIME_DIRECTORY or the state folder
    std::string version{};
    int verbosity{0};  ///< -1 quiet, 0 normal, 1 debug
    int threads{0};    ///< data-path threads; 0 = one a core
};

/// `evenkeel serve`: runs until SIGTERM or SIGINT, then lets streams finish, ends rented machines,
/// proves them gone. SIGHUP reloads the configuration. Returns the exit status: 0 stopped clean,
/// 1 could not start, 6 stopped but a machine is not proved gone, 78 configuration invalid.
[[nodiscard]] int serve(const ServeOptions& options);

}  // namespace evenkeel::agent
