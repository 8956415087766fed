#pragma once

#include "lab/demo/children.hpp"
#include "scene.hpp"

#include <csignal>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace evenkeel::integration {

/// A daemon of its own without a stage around it: a small configuration, one own engine address
/// that may or may not answer. For tests of starting, stopping and refusing.
class DaemonProcess {
public:
    /// Writes a working configuration; change files before `start` to break it.
    DaemonProcess();
    ~DaemonProcess();

    void write(const std::string& file, const std::string& text) const;
    [[nodiscard]] std::string read(const std::string& file) const;
    /// Replaces the first `old` in `file` by `with`; fails the test when it is not there.
    void replace(const std::string& file, const std::string& old, const std::string& with) const;

    /// Starts `evenkeel serve`; `environment` is added to ours.
    void start(const std::map<std::string, std::string>& environment = {});
    [[nodiscard]] bool ready(std::chrono::milliseconds limit = 10s) const;
    void signal(int number) const;
    /// The exit status, or nothing when it still runs after `limit`.
    [[nodiscard]] std::optional<int> wait(std::chrono::milliseconds limit);
    /// Runs `serve` to its end and gives status and stderr: for starts that must fail.
    [[nodiscard]] lab::demo::ToolResult serve_to_end() const;
    /// Runs another command on the same folders.
    [[nodiscard]] lab::demo::ToolResult tool(std::vector<std::string> command) const;
    [[nodiscard]] std::string log() const;

    [[nodiscard]] std::filesystem::path config() const { return folder_.path() / "config"; }
    [[nodiscard]] std::filesystem::path state() const { return folder_.path() / "state"; }
    [[nodiscard]] std::uint16_t api() const noexcept { return api_; }
    [[nodiscard]] std::uint16_t admin() const noexcept { return admin_; }
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

private:
    Folder folder_;
    std::uint16_t api_{0};
    std::uint16_t admin_{0};
    pid_t pid_{-1};
};

}  // namespace evenkeel::integration
