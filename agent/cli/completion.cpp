#include "agent/cli/completion.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <map>
#include <vector>

namespace evenkeel::cli {

namespace {

struct Node {
    std::string path{};                                        ///< "", "report", "report spend"
    std::vector<std::pair<std::string, std::string>> words{};  ///< word, description
};

void collect(const CLI::App& app, const std::string& path, std::vector<Node>& nodes) {
    Node node{.path = path};
    const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
    for (const CLI::App* command : commands) {
        if (!command->get_group().empty()) {
            node.words.emplace_back(command->get_name(), command->get_description());
        }
    }
    for (const CLI::Option* option : app.get_options()) {
        for (const std::string& name : option->get_lnames()) {
            node.words.emplace_back("--" + name, option->get_description());
        }
    }
    nodes.push_back(std::move(node));
    for (const CLI::App* command : commands) {
        collect(
            *command, path.empty() ? command->get_name() : path + " " + command->get_name(), nodes);
    }
}

std::string joined(const Node& node) {
    std::string words;
    for (const auto& [word, description] : node.words) {
        words += (words.empty() ? "" : " ") + word;
    }
    return words;
}

/// Both shells find the command path the same way: each word that extends it is taken.
std::string cases(const std::vector<Node>& nodes) {
    std::string paths;
    std::string words;
    for (const Node& node : nodes) {
        if (!node.path.empty()) {
            paths += (paths.empty() ? "" : "|") + fmt::format("\"{}\"", node.path);
        }
        words += fmt::format("        \"{}\") offer=\"{}\" ;;\n", node.path, joined(node));
    }
    return fmt::format(
        "    for word in \"${{typed[@]}}\"; do\n"
        "        next=\"${{at:+$at }}$word\"\n"
        "        case \"$next\" in {}) at=\"$next\" ;; esac\n"
        "    done\n"
        "    case \"$at\" in\n{}    esac\n",
        paths,
        words);
}

std::string escaped(std::string text) {
    for (std::size_t at = 0; (at = text.find('\'', at)) != std::string::npos; at += 2) {
        text.insert(at, "\\");
    }
    return text;
}

std::string fish(const std::vector<Node>& nodes) {
    std::string out = "# fish completion for evenkeel\n";
    for (const Node& node : nodes) {
        std::string condition = "__fish_use_subcommand";
        if (!node.path.empty()) {
            const auto last = node.path.rfind(' ');
            condition = fmt::format(
                "__fish_seen_subcommand_from {}",
                last == std::string::npos ? node.path : node.path.substr(last + 1));
        }
        for (const auto& [word, description] : node.words) {
            const bool option = word.starts_with("--");
            out += fmt::format(
                "complete -c evenkeel -n '{}' {} '{}' -d '{}'\n",
                condition,
                option ? "-l" : "-f -a",
                option ? word.substr(2) : word,
                escaped(description.substr(0, description.find('\n'))));
        }
    }
    return out;
}

}  // namespace

std::string completion(const CLI::App& app, const std::string& shell) {
    std::vector<Node> nodes;
    collect(app, "", nodes);
    if (shell == "bash") {
        return "# bash completion for evenkeel\n"
               "_evenkeel() {\n"
               "    local word next at=\"\" offer=\"\" typed\n"
               "    typed=(\"${COMP_WORDS[@]:1:COMP_CWORD-1}\")\n" +
               cases(nodes) +
               "    COMPREPLY=($(compgen -W \"$offer\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
               "}\n"
               "complete -o default -F _evenkeel evenkeel\n";
    }
    if (shell == "zsh") {
        return "#compdef evenkeel\n"
               "_evenkeel() {\n"
               "    local word next at=\"\" offer=\"\"\n"
               "    local -a typed\n"
               "    typed=(\"${(@)words[2,CURRENT-1]}\")\n" +
               cases(nodes) +
               "    compadd -- ${=offer}\n"
               "    _files\n"
               "}\n"
               "_evenkeel \"$@\"\n";
    }
    return shell == "fish" ? fish(nodes) : std::string{};
}

}  // namespace evenkeel::cli
