#pragma once

#include "policies/config/keys.hpp"
#include "policies/config/tree.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Checks a tree against the table of keys. Internal to policies/config.
namespace evenkeel::config {

/// The table as a tree, made from the paths of its rows.
struct Rule {
    enum class Form {
        scalar,  ///< one value; with children: a map may stand here instead
        map,     ///< fixed keys
        list,    ///< entries of one form
        named,   ///< keys that the owner chooses, entries of one form
    };
    const Key* key{nullptr};
    Form form{Form::scalar};
    std::vector<std::pair<std::string_view, std::unique_ptr<Rule>>> children{};
    std::unique_ptr<Rule> each{};  ///< lists and named maps: the form of an entry

    [[nodiscard]] const Rule* child(std::string_view name) const noexcept;
    [[nodiscard]] std::vector<std::string_view> names() const;
};

/// The rules of one file; made once.
[[nodiscard]] const Rule& rules(File file);

/// Checks keys, forms, types and ranges of `document` (whose root must exist), and stores each
/// right value in its node. `currency` is the report currency, for suggestions.
void walk(Document& document, File file, std::string_view currency, Findings& findings);

}  // namespace evenkeel::config
