#pragma once

#include "policies/domain/error.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

/// An engine as a child of the daemon.
namespace evenkeel::inference::engine {

/// The variable that marks an engine and all its children as those of one provider of one daemon.
inline constexpr std::string_view mark_variable = "EVENKEEL_ENGINE";

struct Launch {
    std::vector<std::string> command{};          ///< program and arguments; the program is looked
                                                 ///< for in PATH unless it has a slash
    std::map<std::string, std::string> env{};    ///< all of its environment but the mark
    std::string mark{};                          ///< "ek-1a2b3c4d/desk"
    std::function<void(std::string)> on_line{};  ///< what it writes, as it may be logged; from a
                                                 ///< thread of the process
    std::function<void()> on_end{};              ///< nothing will be written any more: look again
};

/// A running engine in a session and process group of its own. When the thread that started it
/// ends, and so when the daemon is killed, it gets SIGTERM.
class Process {
public:
    /// Destroys what still lives of it.
    virtual ~Process() = default;
    /// Whether anything of it lives: the program itself, else whatever carries its mark.
    [[nodiscard]] virtual bool alive() = 0;
    /// To its whole group, and to what has left the group but carries the mark.
    virtual void signal(int number) = 0;
    /// "exited with status 1", "was killed by signal 9"; empty while it runs.
    [[nodiscard]] virtual std::string ending() const = 0;
    [[nodiscard]] virtual pid_t pid() const noexcept = 0;
};

/// Errors: not_found (no such program), invalid_argument (no command), io_failed (anything else).
[[nodiscard]] Result<std::unique_ptr<Process>> start_process(Launch launch);

/// Those of an earlier daemon: everything of this user that carries `mark`. Process ids prove
/// nothing, for they are given again; the mark is what a process was started with, read through a
/// handle on that very process.
class Orphans {
public:
    virtual ~Orphans() = default;
    /// The marks that begin with `prefix`.
    [[nodiscard]] virtual std::set<std::string> marks(const std::string& prefix) = 0;
    [[nodiscard]] virtual bool alive(const std::string& mark) = 0;
    virtual void signal(const std::string& mark, int number) = 0;
};
[[nodiscard]] std::unique_ptr<Orphans> make_orphans();

/// What of `environment` ("NAME=value") an engine is given: where programs, libraries, caches and
/// GPUs are. Nothing else, since everything else may be a secret.
[[nodiscard]] std::map<std::string, std::string> passed_on(const char* const* environment);

}  // namespace evenkeel::inference::engine
