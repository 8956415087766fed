#pragma once

#include "policies/domain/error.hpp"
#include "policies/domain/time.hpp"

#include <filesystem>
#include <optional>
#include <string>

/// Small files in the state folder that commands and the agent use without each other.
namespace evenkeel::agent {

/// Name of the file that stops all new spending while it is there. It outlives restarts.
inline constexpr const char* freeze_file = "FREEZE";
/// Name of the file whose time says when the control loop last moved.
inline constexpr const char* heartbeat_file = "heartbeat";

/// Who froze spending, when and why.
struct Freeze {
    UtcTime at{};
    std::string by{};      ///< "root", "uid 1000"
    std::string reason{};  ///< one line, may be empty
};

/// What the FREEZE file says; nothing when there is none. A file that cannot be read freezes too:
/// then only its time is known.
[[nodiscard]] std::optional<Freeze> read_freeze(const std::filesystem::path& state);
/// Writes it whole or not at all, so that it survives a power cut. Errors: io_failed.
[[nodiscard]] Result<void> write_freeze(const std::filesystem::path& state, const Freeze& freeze);
/// Takes it away; false when there was none. Errors: io_failed.
[[nodiscard]] Result<bool> remove_freeze(const std::filesystem::path& state);
/// The name of a user for people: the one of the system, else "uid 1000".
[[nodiscard]] std::string user_text(unsigned uid);

/// Says now and then, by the time of a file, that the control loop moves. Only the control thread
/// calls it, so a hung loop grows old here while the process still answers.
class Heartbeat {
public:
    static constexpr std::chrono::seconds every{10};
    explicit Heartbeat(const std::filesystem::path& state) : file_{state / heartbeat_file} {}
    void beat(Now now);

private:
    std::filesystem::path file_;
    std::optional<BootTime> last_{};
};

/// When the control loop last moved; nothing when it never did in this state folder.
[[nodiscard]] std::optional<UtcTime> last_heartbeat(const std::filesystem::path& state);

}  // namespace evenkeel::agent
