#include "policies/config/flatten.hpp"

#include "policies/config/text.hpp"
#include "policies/config/values.hpp"
#include "policies/config/walk.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::config {
namespace {

/// One value in a form that is equal for equal meaning. A currency goes with its amount.
std::string meaning_of(Type type, const Value& value) {
    switch (type) {
        case Type::text:
        case Type::pattern:
        case Type::name:
        case Type::model_name:
        case Type::file_name:
        case Type::header_name:
        case Type::choice:
        case Type::time_window:
        case Type::currency:
        case Type::zone:
        case Type::address:
        case Type::url:
            return value.text;
        case Type::duration_auto:
            return value.text == "auto" ? "auto" : fmt::format("{}", value.number);
        case Type::money:
        case Type::price_hour:
        case Type::price_mtok:
        case Type::price_kwh:
            // Zero is zero in every currency, but a limit of nothing still names one.
            return fmt::format("{} {}", value.number, value.currency.text());
        default:
            return fmt::format("{}", value.number);
    }
}

/// A value in a flow list or map: with quotes where YAML would cut it.
std::string flow_word(std::string_view text) {
    const bool is_plain = !text.empty() && text.find_first_of(",:[]{}#\"'") == std::string::npos &&
                          text.front() != ' ' && text.back() != ' ';
    return is_plain ? std::string{text} : fmt::format("\"{}\"", text);
}

/// A list or map of single values, as one setting.
struct Flow {
    std::vector<std::string> texts{};
    std::vector<std::string> meanings{};
    void add(std::string text, std::string meaning) {
        texts.push_back(std::move(text));
        meanings.push_back(std::move(meaning));
    }
};

class Flattener {
public:
    Flattener(File file, const Index& index, std::vector<Setting>& out)
        : file_{file}, index_{index}, out_{out} {}

    void map(const Node* node, const Rule& rule, const std::string& path) {
        for (const auto& [name, child_rule] : rule.children) {
            if (child_rule->key == nullptr || child_rule->key->path == "version") {
                continue;
            }
            any(child(node, name), *child_rule, path, std::string{name}, node);
        }
    }

private:
    static std::string join(const std::string& path, const std::string& name) {
        return path.empty() ? name : fmt::format("{}.{}", path, name);
    }

    /// `parent` is the map in which the node stands.
    void any(
        const Node* node,
        const Rule& rule,
        const std::string& group,
        const std::string& name,
        const Node* parent) {
        const bool holds_maps = rule.each && rule.each->form == Rule::Form::map;
        switch (rule.form) {
            case Rule::Form::map:
                map(node, rule, join(group, name));
                return;
            case Rule::Form::list:
                holds_maps ? entries(node, rule, group, name)
                           : list(node, rule, group, name, parent);
                return;
            case Rule::Form::named:
                holds_maps ? named(node, rule, group, name) : pairs(node, rule, group, name);
                return;
            case Rule::Form::scalar:
                if (node != nullptr && node->kind == NodeKind::map) {
                    map(node, rule, join(group, name));
                } else {
                    scalar(node, *rule.key, group, name);
                }
        }
    }

    Setting& add(const Key& key, const std::string& group, const std::string& name) {
        return out_.emplace_back(Setting{.file = file_, .key = &key, .group = group, .name = name});
    }

    void scalar(
        const Node* node, const Key& key, const std::string& group, const std::string& name) {
        if (const Value* found = value(node)) {
            Setting& setting = add(key, group, name);
            setting.text = printable(found->text);
            setting.meaning = resolved(key, *found);
            setting.is_written = true;
        } else if (!key.default_text.empty()) {
            const auto read = read_value(key.type, key, key.default_text, false, "USD");
            Setting& setting = add(key, group, name);
            setting.text = key.default_text;
            setting.meaning = read ? meaning_of(key.type, *read) : std::string{key.default_text};
        }
    }

    /// An alias means its model.
    [[nodiscard]] std::string resolved(const Key& key, const Value& found) const {
        const bool names_model = key.path == "routes[].use[]" || key.path == "scaling[].model" ||
                                 key.path == "budgets[].scope.model";
        const auto model = names_model ? index_.models.find(found.text) : index_.models.end();
        return model == index_.models.end() ? meaning_of(key.type, found) : model->second->key;
    }

    /// A provider in scaling.offers means its offer.
    [[nodiscard]] std::string resolved_item(
        const Key& key, const Value& found, const Node* parent) const {
        if (key.path != "scaling[].offers[]") {
            return resolved(key, found);
        }
        const Value* model = value(child(parent, "model"));
        const auto known = model == nullptr ? index_.models.end() : index_.models.find(model->text);
        const OfferRef* offer =
            known == index_.models.end() ? nullptr : index_.resolve(found.text, known->second);
        return offer == nullptr ? found.text : offer->name;
    }

    void put(
        Flow flow,
        const Key& key,
        std::string_view brackets,
        const std::string& group,
        const std::string& name,
        bool is_written) {
        if (!key.is_ordered) {
            std::ranges::sort(flow.meanings);
        }
        Setting& setting = add(key, group, name);
        setting.text = fmt::format("{}{}{}", brackets[0], fmt::join(flow.texts, ", "), brackets[1]);
        setting.meaning =
            fmt::format("{}{}{}", brackets[0], fmt::join(flow.meanings, ", "), brackets[1]);
        setting.is_written = is_written;
    }

    void list(
        const Node* node,
        const Rule& rule,
        const std::string& group,
        const std::string& name,
        const Node* parent) {
        const Key& key = *rule.key;
        Flow flow;
        if (node != nullptr && node->kind == NodeKind::list) {
            for (const Node& item : node->items) {
                if (const Value* found = value(&item)) {
                    flow.add(
                        flow_word(printable(found->text)),
                        flow_word(resolved_item(key, *found, parent)));
                }
            }
        } else if (key.default_text.size() > 2) {
            const std::string_view inside = key.default_text.substr(1, key.default_text.size() - 2);
            for (std::string_view word : split(inside, ',')) {
                word.remove_prefix(std::min(word.find_first_not_of(' '), word.size()));
                flow.add(std::string{word}, std::string{word});
            }
        }
        if (!flow.texts.empty()) {
            put(std::move(flow), key, "[]", group, name, node != nullptr);
        }
    }

    /// A map of single values under names that the owner chooses.
    void pairs(
        const Node* node, const Rule& rule, const std::string& group, const std::string& name) {
        const Key& key = *rule.key;
        Flow flow;
        for (const Entry& entry : entries_of(node)) {
            if (const Value* found = value(&entry.node)) {
                const std::string label = flow_word(printable(entry.key));
                flow.add(
                    fmt::format("{}: {}", label, flow_word(printable(found->text))),
                    fmt::format("{}: {}", label, flow_word(meaning_of(key.type, *found))));
            }
        }
        if (!flow.texts.empty()) {
            put(std::move(flow), key, "{}", group, name, true);
        } else if (!key.default_text.empty()) {
            std::string text{key.default_text};
            std::erase(text, '"');
            Setting& setting = add(key, group, name);
            setting.text = text;
            setting.meaning = text;
        }
    }

    /// An entry that has a name: itself, and what it holds.
    void entry_of(const Node& node, const Rule& rule, const std::string& group, std::string name) {
        const std::size_t at = out_.size();
        Setting& entry = add(*rule.key, group, name);
        entry.is_entry = true;
        entry.is_written = true;
        const std::string path = join(group, name);
        map(&node, *rule.each, path);
        std::string text;
        for (std::size_t i = at + 1; i < out_.size(); ++i) {
            const Setting& inner = out_[i];
            if (!inner.is_written || inner.is_entry || inner.name == "name") {
                continue;
            }
            const std::string inside = inner.path().substr(path.size() + 1);
            text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", inside, inner.text);
        }
        out_[at].text = fmt::format("{{{}}}", text);
    }

    void named(
        const Node* node, const Rule& rule, const std::string& group, const std::string& name) {
        for (const Entry& entry : entries_of(node)) {
            entry_of(entry.node, rule, join(group, name), printable(entry.key));
        }
    }

    /// What an entry of a list is called: its name, the provider of an offer, or its place.
    static std::string label_of(const Node& item, const Key& key, std::size_t place) {
        const Value* name = value(child(&item, "name"));
        if (name == nullptr && key.path == "models.*.offers[]") {
            name = value(child(&item, "on"));
        }
        return name == nullptr ? fmt::format("{}", place + 1) : printable(name->text);
    }

    void entries(
        const Node* node, const Rule& rule, const std::string& group, const std::string& name) {
        const Key& key = *rule.key;
        Flow order;
        const std::span<const Node> items = items_of(node);
        for (std::size_t i = 0; i < items.size(); ++i) {
            const std::string label = label_of(items[i], key, i);
            order.add(label, label);
            entry_of(items[i], rule, join(group, name), label);
        }
        if (key.is_ordered && items.size() > 1 && value(child(items.data(), "name")) != nullptr) {
            put(std::move(order), key, "[]", group, name, true);
        }
    }

    File file_;
    const Index& index_;
    std::vector<Setting>& out_;
};

}  // namespace

std::vector<Setting> flatten(const Documents& documents, const Index& index) {
    std::vector<Setting> out;
    for (const File file : all_files) {
        const Document* document = documents[static_cast<std::size_t>(file)];
        Flattener{file, index, out}.map(
            document == nullptr ? nullptr : document->root(), rules(file), "");
    }
    return out;
}

}  // namespace evenkeel::config
