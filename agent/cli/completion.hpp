#pragma once

#include <string>

namespace CLI {
class App;
}

namespace evenkeel::cli {

/// A completion script for `shell` (bash, zsh or fish), made from the command table itself; empty
/// for any other shell.
[[nodiscard]] std::string completion(const CLI::App& app, const std::string& shell);

}  // namespace evenkeel::cli
