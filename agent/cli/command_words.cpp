#include "agent/cli/command_words.hpp"

#include "policies/config/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <string_view>

namespace evenkeel::cli {

namespace {

using Words = std::vector<std::string>;

/// The flag of `app`, or of a command it belongs to, that `word` names; or null.
const CLI::Option* flag_of(const CLI::App* app, const std::string& word) {
    const bool is_short = !word.starts_with("--");  // -qv are two
    const std::string flag = is_short ? word.substr(0, 2) : word.substr(0, word.find('='));
    const CLI::Option* found = nullptr;
    for (; app != nullptr && found == nullptr; app = app->get_parent()) {
        found = app->get_option_no_throw(flag);
    }
    return found;
}

/// Past flags of `app` and of the commands it belongs to, with what they take. Before a flag that
/// none of them has: whether what follows belongs to it nobody knows.
Words::const_iterator past_flags(
    const CLI::App* app, Words::const_iterator word, Words::const_iterator end) {
    while (word != end && word->starts_with('-')) {
        const CLI::Option* const option = flag_of(app, *word);
        if (option == nullptr) {
            break;
        }
        const bool takes_next =
            option->get_items_expected_max() > 0 && word->find('=') == std::string::npos;
        word += takes_next && word + 1 != end ? 2 : 1;
    }
    return word;
}

std::vector<std::string> command_names(const CLI::App& app) {
    std::vector<std::string> names;
    std::ranges::transform(
        app.get_subcommands([](const CLI::App*) { return true; }),
        std::back_inserter(names),
        [](const CLI::App* one) { return one->get_name(); });
    return names;
}

bool has_words(const CLI::App& app) {
    return std::ranges::any_of(
        app.get_options(), [](const CLI::Option* option) { return option->get_positional(); });
}

}  // namespace

const CLI::App* find_command(const CLI::App& app, const std::string& name) {
    const auto found = app.get_subcommands(
        [&name](const CLI::App* command) { return command->get_name() == name; });
    return found.empty() ? nullptr : found.front();
}

std::string near_command(const CLI::App& app, const std::string& typed) {
    const std::vector<std::string> names = command_names(app);
    const std::vector<std::string_view> candidates{names.begin(), names.end()};
    const std::string_view best = config::closest(typed, candidates);
    return best.empty() ? "" : fmt::format("; did you mean '{}'?", best);
}

std::string no_such_command(
    const CLI::App& app, const std::string& name, const std::string& typed) {
    return fmt::format("'{}' has no command '{}'{}", name, typed, near_command(app, typed));
}

std::string refusal(const CLI::App& app, int argc, char** argv, const CLI::ParseError& error) {
    const Words words{argv + 1, argv + argc};
    const CLI::App* command = &app;
    std::string path;
    auto word = past_flags(command, words.begin(), words.end());
    while (word != words.end()) {
        const CLI::App* const next = find_command(*command, *word);
        if (next == nullptr) {
            break;
        }
        path += " " + *word;
        command = next;
        word = past_flags(command, word + 1, words.end());
    }
    const std::string name = app.get_name() + path;
    const std::vector<std::string> below = command_names(*command);
    std::string what = error.what();
    const bool is_word = word != words.end() && !word->starts_with('-');
    if (!below.empty() && is_word && !has_words(*command)) {
        what = path.empty() ? fmt::format("unknown command '{}'{}", *word, near_command(app, *word))
                            : no_such_command(*command, name, *word);
    } else if (!below.empty() && word == words.end() && error.get_name() == "RequiredError") {
        what = fmt::format("'{}' needs a command: {}", name, fmt::join(below, ", "));
    }
    return fmt::format("{}\nTry: {} help{}\n", what, app.get_name(), path);
}

std::vector<std::string> reversed_words(const CLI::App& app, int argc, char** argv) {
    Words words{argv + 1, argv + argc};
    const auto command = past_flags(&app, words.cbegin(), words.cend());
    if (command != words.cend() && *command == "help") {
        const std::vector<std::string> rest{command + 1, words.cend()};
        const auto is_flag = [](const std::string& word) { return word.starts_with('-'); };
        words.erase(command + 1, words.end());
        std::ranges::copy_if(rest, std::back_inserter(words), [&](const std::string& word) {
            return is_flag(word) && word != "--";
        });
        words.emplace_back("--");
        std::ranges::copy_if(rest, std::back_inserter(words), std::not_fn(is_flag));
    }
    std::ranges::reverse(words);
    return words;
}

}  // namespace evenkeel::cli
