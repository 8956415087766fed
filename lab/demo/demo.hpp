#pragma once

#include <cstdint>
#include <string>

namespace CLI {
class App;
}

/// `evenkeel demo`: the whole story on this host. Starts a synthetic own GPU, a paid-API stand-in,
/// the sandbox cloud and the real daemon as child processes, plays a window of a real trace against
/// the daemon, and checks the books at the end.
namespace evenkeel::lab::demo {

struct DemoOptions {
    std::string window{"38m-58m20s"};  ///< of the trace: from-to
    std::string trace{};               ///< file; empty = the shipped Azure conversation trace
    std::int64_t speed{30};            ///< 1 to 120
    bool keep{false};                  ///< leave everything running after the checks
    std::string state{};               ///< folder to use (must be new or empty); empty = temporary
    std::uint64_t seed{1};
    std::string stop{};  ///< folder of a kept demo to stop; nothing else is done then
    bool plain{false};   ///< one line per change even on a terminal
    bool no_color{false};
};

/// Declares the flags of `evenkeel demo` on `command`; they are written to `options`, which must
/// live as long as the parse.
void add_flags(CLI::App& command, DemoOptions& options);

/// Exit status: 0 every check holds, 1 one does not (it is named), 2 wrong options, 130 stopped by
/// the user (children are stopped in order, rented machines destroyed).
[[nodiscard]] int run(const DemoOptions& options);

}  // namespace evenkeel::lab::demo
