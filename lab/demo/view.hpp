#pragma once

#include "lab/demo/document.hpp"
#include "lab/player/player.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// What the demo shows while it runs, made from `GET /api/status` and the player's counts. Pure.
namespace evenkeel::lab::demo {

/// Where the demo is.
struct Progress {
    std::string trace{};  ///< name of the trace
    std::chrono::milliseconds from{0};
    std::chrono::milliseconds to{0};
    std::chrono::milliseconds played{0};   ///< since `from`, trace time
    std::chrono::milliseconds elapsed{0};  ///< since the demo began, real time
    std::int64_t speed{1};
    std::string act{};  ///< one line: what happens now
};

/// "38m00s", "1h02m05s".
[[nodiscard]] std::string clock_text(std::chrono::milliseconds time);
/// "6,012"
[[nodiscard]] std::string count_text(std::int64_t count);

/// Decimal text rounded for people: "17.08439" becomes "17.08", amounts below one keep four
/// decimals. What is no amount comes back as it is.
[[nodiscard]] std::string amount_for_people(const std::string& text);

/// One frame of the live view, without escape sequences: lines of at most `width` columns.
[[nodiscard]] std::vector<std::string> make_frame(
    const json::object& status,
    const Progress& progress,
    const player::PlayerReport& report,
    std::size_t width);

/// Turns a frame into what a terminal must be sent to show it in place of a frame of
/// `lines_before` lines.
[[nodiscard]] std::string redraw(
    const std::vector<std::string>& frame, std::size_t lines_before, bool color);

/// The same story as plain lines: one for each change of a machine, a source or the policy's mind,
/// and one for each tenth of the trace.
class ChangeLog {
public:
    /// The lines to print for this status; none when nothing changed.
    [[nodiscard]] std::vector<std::string> update(
        const json::object& status, const Progress& progress, const player::PlayerReport& report);

private:
    std::map<std::string, std::string> machines_{};
    std::map<std::string, std::string> sources_{};
    std::map<std::string, bool> decisions_{};
    std::map<std::string, bool> warnings_{};
    std::int64_t tenth_{-1};
    std::string act_{};
};

}  // namespace evenkeel::lab::demo
