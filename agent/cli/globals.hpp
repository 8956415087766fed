#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace evenkeel::cli {

/// Where the installed service keeps its ledger.
inline constexpr const char* default_state = "/var/lib/evenkeel";

/// Flags that every command takes.
struct Globals {
    std::filesystem::path config{"/etc/evenkeel"};
    std::filesystem::path state{default_state};
    std::filesystem::path socket{};
    bool json{false};
    bool csv{false};
    bool no_color{false};
    bool quiet{false};
    bool verbose{false};
    bool utc{false};
    std::string since{};
    std::string until{};
    std::string version{};

    /// `--socket`, else the one in the state folder, else the service's.
    [[nodiscard]] std::filesystem::path control_socket() const;
};

/// Whether colour belongs on standard output: a terminal, and nothing that forbids it.
[[nodiscard]] bool colour(const Globals& globals);

}  // namespace evenkeel::cli
