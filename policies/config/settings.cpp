#include "policies/config/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

namespace evenkeel::config {
namespace {

std::string joined(const std::string& group, const std::string& name) {
    return group.empty() ? name : fmt::format("{}.{}", group, name);
}

using Place = std::pair<File, std::string>;  ///< file and path

std::map<Place, const Setting*> by_path(std::span<const Setting> settings) {
    std::map<Place, const Setting*> out;
    for (const Setting& setting : settings) {
        out.emplace(Place{setting.file, setting.path()}, &setting);
    }
    return out;
}

/// Whether `setting` stands within an entry that only one side has; its own change says so.
bool is_within_lost_entry(
    const Setting& setting,
    const std::map<Place, const Setting*>& own,
    const std::map<Place, const Setting*>& other) {
    std::string above = setting.group;
    while (!above.empty()) {
        const auto entry = own.find({setting.file, above});
        if (entry != own.end() && entry->second->is_entry &&
            !other.contains({setting.file, above})) {
            return true;
        }
        const std::size_t dot = above.rfind('.');
        above.resize(dot == std::string::npos ? 0 : dot);
    }
    return false;
}

Change make(ChangeKind kind, const Setting& setting) {
    return {
        .kind = kind,
        .file = setting.file,
        .key = setting.key,
        .group = setting.group,
        .name = setting.name,
        .is_entry = setting.is_entry};
}

/// The order of names says nothing new when names came or went and the rest kept its order.
bool is_same_order(
    const Setting& before,
    const Setting& after,
    const std::map<Place, const Setting*>& old_side,
    const std::map<Place, const Setting*>& new_side) {
    const auto kept = [](const Setting& order, const std::map<Place, const Setting*>& other) {
        std::vector<std::string> names;
        std::string rest = order.meaning.substr(1, order.meaning.size() - 2) + ", ";
        for (std::size_t end = 0; (end = rest.find(", ")) != std::string::npos;
             rest.erase(0, end + 2)) {
            std::string name = rest.substr(0, end);
            if (other.contains({order.file, joined(order.path(), name)})) {
                names.push_back(std::move(name));
            }
        }
        return names;
    };
    return kept(before, new_side) == kept(after, old_side);
}

bool is_order_of_entries(const Setting& setting) {
    return setting.key->type == Type::map && !setting.is_entry;
}

}  // namespace

std::string Setting::path() const {
    return joined(group, name);
}

std::string Change::path() const {
    return joined(group, name);
}

std::string_view to_text(ChangeKind kind) noexcept {
    switch (kind) {
        case ChangeKind::added:
            return "added";
        case ChangeKind::removed:
            return "removed";
        case ChangeKind::changed:
            return "changed";
    }
    return "";
}

std::vector<Change> changes(std::span<const Setting> before, std::span<const Setting> after) {
    const auto old_side = by_path(before);
    const auto new_side = by_path(after);
    std::vector<Change> out;
    for (const Setting& setting : before) {
        const auto found = new_side.find({setting.file, setting.path()});
        if (found == new_side.end()) {
            if (!is_order_of_entries(setting) &&
                !is_within_lost_entry(setting, old_side, new_side)) {
                out.push_back(make(ChangeKind::removed, setting));
                out.back().before = setting.text;
            }
        } else if (
            found->second->meaning != setting.meaning &&
            !(is_order_of_entries(setting) &&
              is_same_order(setting, *found->second, old_side, new_side))) {
            out.push_back(make(ChangeKind::changed, setting));
            out.back().before = setting.text;
            out.back().after = found->second->text;
        }
    }
    for (const Setting& setting : after) {
        if (!old_side.contains({setting.file, setting.path()}) && !is_order_of_entries(setting) &&
            !is_within_lost_entry(setting, new_side, old_side)) {
            out.push_back(make(ChangeKind::added, setting));
            out.back().after = setting.text;
        }
    }
    const auto place = [](const Change& change) {
        const std::string_view section =
            std::string_view{change.key->path}.substr(0, change.key->path.find_first_of(".["));
        const auto rows = keys(change.file);
        return std::ranges::find_if(
                   rows, [&](const Key& row) { return row.path.starts_with(section); }) -
               rows.begin();
    };
    // Within one group in the order of the table, which is that of `out`.
    std::map<std::tuple<File, std::ptrdiff_t, std::string>, std::vector<Change>> groups;
    for (Change& change : out) {
        auto& group =
            groups[{change.file, place(change), change.is_entry ? change.path() : change.group}];
        group.push_back(std::move(change));
    }
    out.clear();
    for (auto& [key, group] : groups) {
        std::ranges::move(group, std::back_inserter(out));
    }
    return out;
}

}  // namespace evenkeel::config
