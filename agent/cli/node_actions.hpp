#pragma once

#include "agent/cli/globals.hpp"
#include "policies/domain/error.hpp"

#include <chrono>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

/// What a person does to machines; each gives the exit status of the process.
namespace evenkeel::cli {

struct NodeArguments {
    std::string name{};
    std::string provider{};
    std::string model{};
    std::string wait{"5m"};  ///< for the proof that it is gone
    bool now{false};         ///< cut its requests instead of draining
    bool yes{false};         ///< do not ask
    bool destroy{false};     ///< adopt: only to destroy it
};

/// How the command reaches people and the agent; tests bring their own.
struct NodeTalk {
    std::function<Result<std::string>(const std::string& target)> ask{};
    std::function<Result<std::string>(const std::string& target, const std::string& body)> tell{};
    /// A line from the person; nothing when nobody is there to answer.
    std::function<std::optional<std::string>(const std::string& question)> question{};
    std::function<void(std::chrono::milliseconds)> pause{};
    std::function<std::chrono::milliseconds()> clock{};  ///< monotonic
    std::ostream& out;
    std::ostream& err;
};
[[nodiscard]] NodeTalk real_talk(const Globals& globals);

int nodes_drain(const Globals& globals, const NodeArguments& arguments, const NodeTalk& talk);
/// Succeeds only when the machine is proved gone; 6 when that takes longer than `wait` (it goes on
/// in the background).
int nodes_destroy(const Globals& globals, const NodeArguments& arguments, const NodeTalk& talk);
int nodes_adopt(const Globals& globals, const NodeArguments& arguments, const NodeTalk& talk);

}  // namespace evenkeel::cli
