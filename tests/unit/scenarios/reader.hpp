#pragma once

#include "policies/scaling/scenario.hpp"

#include <optional>
#include <string>
#include <vector>

/// Reads the files of tests/scenarios; the words are those of the README there.
namespace evenkeel::scenarios {

/// One decision as a case expects it; what is not stated may be anything.
struct Expected {
    std::string decision{};
    std::string reason{};
    std::string offer{};
    std::optional<int> count{};
    std::optional<std::int64_t> machine{};
    std::optional<std::chrono::milliseconds> after{};
    std::optional<std::chrono::milliseconds> before{};
};

struct Case {
    std::string file{};
    int line{0};
    std::string name{};
    scaling::Scenario scenario{};
    std::vector<std::string> offers{};  ///< name of offer i is offers[i]; its NameIx is i + 1
    std::vector<Expected> expected{};
};

/// Throws std::runtime_error with file and line for anything that is not in the README.
[[nodiscard]] std::vector<Case> read_cases(const std::string& path);

}  // namespace evenkeel::scenarios
