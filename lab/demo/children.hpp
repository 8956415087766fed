#pragma once

#include "policies/domain/error.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

/// The demo's child processes: all are this same program with another command.
namespace evenkeel::lab::demo {

/// A started process. Does not own it: who starts one must stop it.
struct Child {
    std::string name{};
    pid_t pid{-1};
    std::string log{};            ///< its stdout and stderr
    std::optional<int> status{};  ///< exit status once it ended; 128 + n after signal n
};

/// Path of the running executable.
[[nodiscard]] std::string own_program();

/// Starts `program` with `arguments` in a process group of its own, so that Ctrl-C in the terminal
/// reaches the demo alone. Nothing is inherited but `log` as stdout and stderr. With
/// `dies_with_us` it gets SIGTERM when this process ends in whatever way. Call it from a process
/// with one thread. Errors: io_failed.
[[nodiscard]] Result<Child> start_child(
    std::string name,
    const std::string& program,
    const std::vector<std::string>& arguments,
    std::string log,
    bool dies_with_us);

/// Collects the exit status if the process has ended. True once it has.
bool has_ended(Child& child);

/// SIGTERM, waits up to `grace`, then SIGKILL. Returns the exit status (nothing to do: the old
/// one); 137 when it had to be killed.
int stop_child(Child& child, std::chrono::milliseconds grace);

struct ToolResult {
    int status{-1};
    std::string out{};  ///< stdout, at most `tool_output_max` bytes
    std::string err{};  ///< the end of stderr
};
inline constexpr std::size_t tool_output_max = 4 * 1024 * 1024;

/// Runs a command to its end and gives what it printed. It is killed after `limit` (timed_out).
[[nodiscard]] Result<ToolResult> run_tool(
    const std::string& program,
    const std::vector<std::string>& arguments,
    std::chrono::milliseconds limit);

/// The last `lines` lines of a log, for error messages.
[[nodiscard]] std::string log_tail(const std::string& path, int lines);

/// What `--keep` writes down so that `--stop` finds the processes again, in the order in which they
/// must end. A process is recognised by its number and start time, so a reused number is safe.
[[nodiscard]] std::string describe(const std::vector<Child>& children);
struct Remembered {
    std::string name{};
    pid_t pid{-1};
    unsigned long long started{0};  ///< clock ticks since boot, field 22 of /proc/PID/stat
};
[[nodiscard]] Result<std::vector<Remembered>> read_description(std::string_view text);
/// True while exactly that process lives.
[[nodiscard]] bool lives(const Remembered& process);
/// SIGTERM, waits for its end up to `grace`, then SIGKILL. False when it had to be killed.
bool stop_remembered(const Remembered& process, std::chrono::milliseconds grace);

}  // namespace evenkeel::lab::demo
