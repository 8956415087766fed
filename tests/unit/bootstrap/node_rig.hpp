#pragma once

#include "inference/bootstrap/render.hpp"

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

/// What the tests of node start texts share.
namespace evenkeel::inference::bootstrap::testing_tools {

namespace fs = std::filesystem;

/// A folder of its own, removed at the end.
class TempDir {
public:
    TempDir();
    ~TempDir();
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    [[nodiscard]] const fs::path& path() const { return path_; }
    [[nodiscard]] std::string file(const std::string& name) const {
        return (path_ / name).string();
    }
    /// Writes `name`, its folders too, and returns its path.
    std::string write(
        const std::string& name, std::string_view text, bool executable = false) const;
    /// Content of `name`; empty when it does not exist.
    [[nodiscard]] std::string read(const std::string& name) const;

private:
    fs::path path_{};
};

[[nodiscard]] std::string read_file(const fs::path& path);

/// A process that ran to its end, or was killed at the limit (status -1).
struct Ran {
    int status{-1};
    std::string output{};  ///< stdout and stderr together
};
using Environment = std::map<std::string, std::string>;

/// Runs `command` with exactly this environment, in a process group that is killed at the limit.
[[nodiscard]] Ran run(
    const std::vector<std::string>& command,
    const Environment& environment,
    std::chrono::milliseconds limit = std::chrono::seconds{10});

/// A process that goes on until it is stopped.
class Background {
public:
    Background(
        const std::vector<std::string>& command,
        const Environment& environment,
        const std::string& output_file);
    /// SIGTERM to the process; SIGKILL to its whole group after a second.
    ~Background();
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;
    [[nodiscard]] bool alive() const;

private:
    int pid_{-1};
};

/// 5 ms.
void pause_shortly();

/// Looks until `ready` says yes, at most `limit`.
template <class F>
[[nodiscard]] bool eventually(F ready, std::chrono::milliseconds limit = std::chrono::seconds{5}) {
    const auto until = std::chrono::steady_clock::now() + limit;
    while (!ready()) {
        if (std::chrono::steady_clock::now() > until) {
            return false;
        }
        pause_shortly();
    }
    return true;
}
/// A plan that passes, with the committed throw-away certificate.
[[nodiscard]] NodePlan good_plan();

/// The path of a file that is written by a cloud-init text -> its content, read with a YAML parser.
[[nodiscard]] std::map<std::string, std::string> written_files(const std::string& cloud_init);
/// The script inside `args`; empty when it does not have the agreed form.
[[nodiscard]] std::string script_of(const std::string& args);

}  // namespace evenkeel::inference::bootstrap::testing_tools
