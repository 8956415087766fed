#include "policies/config/walk.hpp"

#include "policies/config/text.hpp"
#include "policies/config/values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace evenkeel::config {
namespace {

Rule& child_of(Rule& rule, std::string_view name) {
    for (auto& [known, child] : rule.children) {
        if (known == name) {
            return *child;
        }
    }
    return *rule.children.emplace_back(name, std::make_unique<Rule>()).second;
}

Rule& each_of(Rule& rule, Rule::Form form) {
    rule.form = form;
    if (!rule.each) {
        rule.each = std::make_unique<Rule>();
    }
    return *rule.each;
}

Rule compile(std::span<const Key> rows) {
    Rule root;
    root.form = Rule::Form::map;
    for (const Key& row : rows) {
        Rule* rule = &root;
        const auto parts = split(row.path, '.');
        for (std::size_t i = 0; i < parts.size(); ++i) {
            Rule* container = nullptr;
            if (parts[i] == "*") {
                container = rule;
                rule = &each_of(*rule, Rule::Form::named);
            } else if (parts[i].ends_with("[]")) {
                container = &child_of(*rule, parts[i].substr(0, parts[i].size() - 2));
                rule = &each_of(*container, Rule::Form::list);
            } else {
                rule = &child_of(*rule, parts[i]);
            }
            if (container != nullptr && i + 1 == parts.size()) {
                container->key = &row;
            }
        }
        rule->key = &row;
        rule->form = row.type == Type::map ? Rule::Form::map : Rule::Form::scalar;
    }
    return root;
}

std::string_view kind_text(const Node& node) noexcept {
    switch (node.kind) {
        case NodeKind::list:
            return "a list";
        case NodeKind::map:
            return "a map";
        default:
            return "a single value";
    }
}

/// Longest part of a key that goes into a path.
constexpr std::size_t path_part_max = 64;

class Walker {
public:
    Walker(Document& document, File file, std::string_view currency, Findings& findings)
        : document_{document}, file_{file}, currency_{currency}, findings_{findings} {}

    void run() { map(*document_.root(), rules(file_), ""); }

private:
    Diagnostic& report(
        const Spot& spot, std::string_view code, std::string message, const std::string& path) {
        Diagnostic& found = findings_.add(
            document_.finding(spot, code, std::move(message), !findings_.is_full()));
        found.path = path;
        return found;
    }

    static std::string join(const std::string& path, std::string_view key) {
        const std::string part = printable(key.substr(0, path_part_max));
        return path.empty() ? part : fmt::format("{}.{}", path, part);
    }

    void any(Node& node, const Rule& rule, const std::string& path, const Spot& key_spot) {
        if (node.kind == NodeKind::broken) {
            return;
        }
        if (node.kind == NodeKind::null) {
            empty(rule, path, key_spot);
            return;
        }
        switch (rule.form) {
            case Rule::Form::map:
                map(node, rule, path);
                return;
            case Rule::Form::list:
                list(node, rule, path);
                return;
            case Rule::Form::named:
                named(node, rule, path);
                return;
            case Rule::Form::scalar:
                if (node.kind == NodeKind::map && !rule.children.empty()) {
                    map(node, rule, path);
                } else if (node.kind == NodeKind::list && rule.key->may_repeat) {
                    for (std::size_t i = 0; i < node.items.size(); ++i) {
                        once(node.items[i], rule, fmt::format("{}[{}]", path, i));
                    }
                } else {
                    scalar(node, rule, path);
                }
        }
    }

    /// An entry where a list may stand in place of one value: no list again.
    void once(Node& node, const Rule& rule, const std::string& path) {
        if (node.kind == NodeKind::map) {
            map(node, rule, path);
        } else if (node.kind != NodeKind::broken) {
            scalar(node, rule, path);
        }
    }

    void empty(const Rule& rule, const std::string& path, const Spot& spot) {
        Diagnostic& found = report(spot, "EK-C014", fmt::format("'{}' has no value", path), path);
        const std::string_view example = example_of(*rule.key);
        if (!example.empty()) {
            found.hint = fmt::format("write for example {}", example);
        } else if (rule.form == Rule::Form::list && !rule.key->is_filled) {
            found.hint = "write [] or remove the key";
        } else {
            found.hint = "write its keys below it, or remove it";
        }
    }

    bool wants(const Node& node, NodeKind kind, const Rule& rule, const std::string& path) {
        if (node.kind == kind) {
            return true;
        }
        const std::string_view wanted = kind == NodeKind::list ? "a list" : "a map of keys";
        Diagnostic& found = report(
            node.spot,
            "EK-C014",
            path.empty()
                ? fmt::format("{} must be {}, not {}", file_name(file_), wanted, kind_text(node))
                : fmt::format("'{}' must be {}, not {}", path, wanted, kind_text(node)),
            path);
        if (kind == NodeKind::list && node.kind == NodeKind::scalar) {
            found.hint = fmt::format("write [{}]", printable(node.text));
        } else if (rule.key != nullptr && !example_of(*rule.key).empty()) {
            found.hint = fmt::format("write for example {}", example_of(*rule.key));
        } else if (kind == NodeKind::list) {
            found.hint = "begin each entry with '- '";
        }
        return false;
    }

    void filled(const Node& node, const Rule& rule, const std::string& path) {
        if (rule.key->is_filled && node.items.empty() && node.entries.empty()) {
            Diagnostic& found = report(
                node.spot, "EK-C013", fmt::format("'{}' needs at least one entry", path), path);
            found.notes.emplace_back(rule.key->without_text);
        }
    }

    void list(Node& node, const Rule& rule, const std::string& path) {
        if (!wants(node, NodeKind::list, rule, path)) {
            return;
        }
        filled(node, rule, path);
        for (std::size_t i = 0; i < node.items.size(); ++i) {
            any(node.items[i], *rule.each, fmt::format("{}[{}]", path, i), node.items[i].spot);
        }
    }

    void named(Node& node, const Rule& rule, const std::string& path) {
        if (!wants(node, NodeKind::map, rule, path)) {
            return;
        }
        filled(node, rule, path);
        for (Entry& entry : node.entries) {
            const std::string at = join(path, entry.key);
            auto name = read_value(
                rule.key->name_type, *rule.key, entry.key, /*is_quoted=*/false, currency_);
            if (name && rule.key->name_type == Type::percent &&
                (name->number < 1 || name->number > 100)) {
                name = std::unexpected{ValueIssue{
                    .code = "EK-C018",
                    .message = fmt::format("{} is out of range", quote(entry.key)),
                    .hint = "allowed: 1% to 100%"}};
            }
            if (!name) {
                fill(report(entry.spot, name.error().code, name.error().message, at), name.error());
                continue;
            }
            any(entry.node, *rule.each, at, entry.spot);
        }
    }

    static void fill(Diagnostic& found, const ValueIssue& issue) {
        found.hint = issue.hint;
        found.suggestion = issue.suggestion;
    }

    void scalar(Node& node, const Rule& rule, const std::string& path) {
        const Key& key = *rule.key;
        if (node.kind != NodeKind::scalar) {
            Diagnostic& found = report(
                node.spot,
                "EK-C014",
                fmt::format("'{}' must be {}, not {}", path, describe(key.type), kind_text(node)),
                path);
            if (!example_of(key).empty()) {
                found.hint = fmt::format("write for example {}", example_of(key));
            }
            return;
        }
        auto value = read_value(key.type, key, node.text, node.is_quoted, currency_);
        if (value) {
            if (const auto range = check_range(key, *value)) {
                fill(report(node.spot, range->code, range->message, path), *range);
                return;
            }
            node.value = std::move(*value);
            return;
        }
        Diagnostic& found = report(node.spot, value.error().code, value.error().message, path);
        fill(found, value.error());
        if (!rule.children.empty() && node.text.ends_with("/Mtok")) {
            found.message = "one price for tokens; prompt and answer tokens have one each";
            found.hint = "write {in: 4 USD/Mtok, out: 20 USD/Mtok}";
            found.suggestion.clear();
        }
        if (found.code == "EK-C026") {
            found.source.clear();
        }
    }

    void map(Node& node, const Rule& rule, const std::string& path) {
        if (!wants(node, NodeKind::map, rule, path)) {
            return;
        }
        std::vector<std::string_view> meant;
        for (Entry& entry : node.entries) {
            const std::string at = join(path, entry.key);
            const Rule* child = rule.child(entry.key);
            if (child == nullptr) {
                meant.push_back(unknown(entry, rule, path));
                continue;
            }
            any(entry.node, *child, at, entry.spot);
        }
        for (const auto& [name, child] : rule.children) {
            if (child->key != nullptr && child->key->is_required && entry(&node, name) == nullptr &&
                std::ranges::find(meant, name) == meant.end()) {
                missing(node, *child->key, name, path);
            }
        }
    }

    void missing(const Node& node, const Key& key, std::string_view name, const std::string& path) {
        const bool is_version = key.path == "version";
        const Node* label = child(static_cast<const Node*>(&node), "name");
        std::string where = path.empty() ? std::string{file_name(file_)} : path;
        if (value(label) != nullptr) {
            where += fmt::format(" {}", quote(label->text));
        }
        Diagnostic& found = report(
            is_version ? Spot{} : node.spot,
            is_version ? "EK-C011" : "EK-C013",
            fmt::format("{} has no '{}'", where, name),
            join(path, name));
        if (!example_of(key).empty()) {
            found.hint = fmt::format("write for example '{}: {}'", name, example_of(key));
        }
        if (!key.without_text.empty()) {
            found.notes.emplace_back(key.without_text);
        }
    }

    /// Reports an unknown key; gives the legal one that was probably meant, or nothing.
    std::string_view unknown(const Entry& entry, const Rule& rule, const std::string& path) {
        const std::vector<std::string_view> legal = rule.names();
        const std::string_view near =
            findings_.is_full() ? std::string_view{} : closest(entry.key, legal);
        Diagnostic& found = report(
            entry.spot,
            "EK-C012",
            fmt::format(
                "unknown key {} in {}",
                quote(entry.key),
                path.empty() ? std::string{file_name(file_)} : path),
            join(path, entry.key));
        if (names_secret(entry.key) || looks_secret(entry.key)) {
            found.source.clear();
            found.notes.emplace_back(
                "secrets belong into files under credentials/, named by 'credential:'");
            return {};
        }
        for (const File other : all_files) {
            if (path.empty() && other != file_ && rules(other).child(entry.key) != nullptr) {
                found.hint = fmt::format("'{}' belongs into {}", entry.key, file_name(other));
                return {};
            }
        }
        if (near.empty()) {
            found.notes.push_back(fmt::format("legal keys: {}", list_text(legal, legal.size())));
            return {};
        }
        found.hint = fmt::format("did you mean '{}'?", near);
        found.suggestion = near;
        const Key* key = rule.child(near)->key;
        if (key != nullptr && !key->without_text.empty()) {
            found.notes.emplace_back(key->without_text);
        }
        return near;
    }

    Document& document_;
    File file_;
    std::string_view currency_;
    Findings& findings_;
};

}  // namespace

const Rule* Rule::child(std::string_view name) const noexcept {
    const auto it = std::ranges::find(children, name, [](const auto& pair) { return pair.first; });
    return it == children.end() ? nullptr : it->second.get();
}

std::vector<std::string_view> Rule::names() const {
    std::vector<std::string_view> out;
    for (const auto& [name, child] : children) {
        out.push_back(name);
    }
    return out;
}

const Rule& rules(File file) {
    static const std::array<Rule, 5> all{
        compile(keys(File::evenkeel)),
        compile(keys(File::providers)),
        compile(keys(File::models)),
        compile(keys(File::policy)),
        compile(keys(File::cases))};
    return all[static_cast<std::size_t>(file)];
}

void walk(Document& document, File file, std::string_view currency, Findings& findings) {
    Walker{document, file, currency, findings}.run();
}

}  // namespace evenkeel::config
