#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

/// What people type, as words, before it is a command.
namespace evenkeel::cli {

/// The direct subcommand called `name`, or null.
[[nodiscard]] const CLI::App* find_command(const CLI::App& app, const std::string& name);

/// "'evenkeel nodes' has no command 'lst'; did you mean 'list'?". `name`: of `app`, in full.
[[nodiscard]] std::string no_such_command(
    const CLI::App& app, const std::string& name, const std::string& typed);

/// What to say of a command line that CLI11 refuses with `error`, and what to try.
[[nodiscard]] std::string refusal(
    const CLI::App& app, int argc, char** argv, const CLI::ParseError& error);

/// "; did you mean 'nodes'?" for a command that does not exist; empty when none is near.
[[nodiscard]] std::string near_command(const CLI::App& app, const std::string& typed);

/// The command line, last word first as CLI::App::parse() wants it. What follows `help` is marked
/// as words: CLI11 would run `nodes` in `help nodes`, because it looks a word up among the commands
/// of every parent.
[[nodiscard]] std::vector<std::string> reversed_words(const CLI::App& app, int argc, char** argv);

}  // namespace evenkeel::cli
