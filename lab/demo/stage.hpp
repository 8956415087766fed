#pragma once

#include "lab/demo/children.hpp"
#include "lab/demo/setup.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The processes of one demo and the folder they live in. Everything here blocks for short, bounded
/// times; it runs before and after the trace is played.
namespace evenkeel::lab::demo {

/// Tells the user what happens, one line each.
using Say = std::function<void(const std::string&)>;

class Stage {
public:
    /// `keep`: the processes outlive this one. `program` is what they run; this very program when
    /// empty.
    Stage(World world, std::string folder, bool keep, Say say, std::string program = {});
    /// Stops what still runs, unless `leave` was called.
    ~Stage();
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;

    /// Starts own engine, paid-API stand-in and cloud, writes the configuration and makes a client
    /// key. `interrupted` is asked between steps. Errors name the step and show its log.
    [[nodiscard]] Result<void> prepare(const std::function<bool()>& interrupted);
    /// Starts the daemon; ask `/readyz` next.
    [[nodiscard]] Result<void> start_daemon();
    /// io_failed with the end of its log when a process ended by itself.
    [[nodiscard]] Result<void> check_alive();
    /// Ends the daemon first (it destroys its machines), then the rest. Returns the daemon's exit
    /// status; nothing when it never ran.
    std::optional<int> stop();
    /// Ends the daemon alone; the cloud stays for a last look at its list.
    std::optional<int> stop_daemon();
    /// kill -9 of the daemon; it can be started again.
    void kill_daemon();
    /// Leaves everything running and writes `processes` for `evenkeel demo --stop`.
    [[nodiscard]] Result<void> leave();

    /// Runs one of our own commands on this demo's folders, for example {"report", "spend"}.
    [[nodiscard]] Result<ToolResult> tool(const std::vector<std::string>& command) const;

    [[nodiscard]] const Ports& ports() const noexcept { return ports_; }
    [[nodiscard]] const World& world() const noexcept { return world_; }
    [[nodiscard]] const std::string& folder() const noexcept { return folder_; }
    [[nodiscard]] std::string config() const { return folder_ + "/config"; }
    [[nodiscard]] std::string state() const { return folder_ + "/state"; }
    [[nodiscard]] std::string address(std::uint16_t port) const;
    [[nodiscard]] const std::string& client_key() const noexcept { return client_key_; }
    [[nodiscard]] const std::string& cloud_token() const noexcept { return cloud_token_; }

private:
    [[nodiscard]] Result<std::uint16_t> start_engine(
        const std::string& name,
        const std::string& profile,
        const std::string& key_file,
        const std::function<bool()>& interrupted);
    [[nodiscard]] Result<std::uint16_t> start_cloud(const std::function<bool()>& interrupted);
    [[nodiscard]] Result<void> start(
        const std::string& name, const std::vector<std::string>& arguments);
    [[nodiscard]] Result<std::uint16_t> wait_for_port(
        const std::string& file, const std::function<bool()>& interrupted);
    [[nodiscard]] Result<void> make_key();

    World world_;
    std::string folder_;
    bool keep_;
    Say say_;
    std::string program_;
    Ports ports_{};
    std::vector<Child> children_{};  ///< in order of their start
    std::string client_key_{};
    std::string cloud_token_{};
};

/// Stops the processes of a kept demo in order: the daemon first. Returns the exit status for the
/// command.
[[nodiscard]] int stop_kept(const std::string& folder, const Say& say);

}  // namespace evenkeel::lab::demo
