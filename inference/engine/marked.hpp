#pragma once

#include <set>
#include <string>
#include <sys/types.h>
#include <vector>

/// Finding processes by the mark in their environment. Internal to inference/engine.
namespace evenkeel::inference::engine {

/// A handle on one process; it stays this one, whatever becomes of its number.
class Marked {
public:
    Marked(pid_t pid, int handle) noexcept : pid_{pid}, handle_{handle} {}
    ~Marked();
    Marked(Marked&& other) noexcept;
    Marked& operator=(Marked&&) = delete;
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    void signal(int number) const noexcept;

private:
    pid_t pid_;
    int handle_;
};

/// All processes of this user, zombies left out, whose environment has `mark` as `mark_variable`.
[[nodiscard]] std::vector<Marked> marked(const std::string& mark);
/// Something of this process group lives; zombies do not.
[[nodiscard]] bool group_lives(pid_t group);
/// The marks of processes that begin with `prefix`, each once.
[[nodiscard]] std::set<std::string> marks_with(const std::string& prefix);

}  // namespace evenkeel::inference::engine
