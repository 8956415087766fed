#include "agent/cli/command_words.hpp"

#include "policies/config/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <string_view>

namespace evenkeel::cli {

const CLI::App* find_command(const CLI::App& app, const std::string& name) {
    const auto found = app.get_subcommands(
        [&name](const CLI::App* command) { return command->get_name() == name; });
    return found.empty() ? nullptr : found.front();
}

std::string near_command(const CLI::App& app, const std::string& typed) {
    const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
    std::vector<std::string> names;
    std::ranges::transform(
        commands, std::back_inserter(names), [](const CLI::App* one) { return one->get_name(); });
    const std::vector<std::string_view> candidates{names.begin(), names.end()};
    const std::string_view best = config::closest(typed, candidates);
    return best.empty() ? "" : fmt::format("; did you mean '{}'?", best);
}

std::vector<std::string> reversed_words(const CLI::App& app, int argc, char** argv) {
    std::vector<std::string> words{argv + 1, argv + argc};
    auto command = words.begin();
    while (command != words.end() && command->starts_with('-')) {
        const CLI::Option* option = app.get_option_no_throw(*command);
        const bool takes_next = option != nullptr && option->get_items_expected_max() > 0;
        command += takes_next && command + 1 != words.end() ? 2 : 1;
    }
    if (command != words.end() && *command == "help") {
        const std::vector<std::string> rest{command + 1, words.end()};
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
