#include "policies/config/explain_key.hpp"

#include "policies/config/text.hpp"
#include "policies/config/values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <tuple>

namespace evenkeel::config {
namespace {

/// Longest path that is looked at; the longest of the table has about 50 characters.
constexpr std::size_t asked_bytes_max = 256;
constexpr std::size_t near_max = 3;

bool is_list(std::string_view part) noexcept {
    return part.ends_with("[]");
}

/// `routes[0]`, `routes[]` and `routes` are one part, `routes`.
std::string_view bare(std::string_view part) noexcept {
    return part.substr(0, part.find('['));
}

/// Whether the parts of a path fit those of a row. An entry of a list may be named or not, an entry
/// of a map may be left out.
bool fits(std::span<const std::string_view> row, std::span<const std::string_view> asked) {
    if (row.empty()) {
        return asked.empty();
    }
    if (row.front() == "*") {
        return fits(row.subspan(1), asked) ||
               (!asked.empty() && fits(row.subspan(1), asked.subspan(1)));
    }
    if (asked.empty() || bare(row.front()) != bare(asked.front())) {
        return false;
    }
    return fits(row.subspan(1), asked.subspan(1)) ||
           (is_list(row.front()) && asked.size() > 1 && fits(row.subspan(1), asked.subspan(2)));
}

std::string_view last_name(std::string_view path) {
    const std::vector<std::string_view> parts = split(path, '.');
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
        if (*part != "*") {
            return bare(*part);
        }
    }
    return {};
}

std::string plain_path(std::string_view path) {
    std::string out;
    for (const std::string_view part : split(path, '.')) {
        if (part != "*") {
            out += fmt::format("{}{}", out.empty() ? "" : ".", bare(part));
        }
    }
    return out;
}

template <class Visit>
void each_key(const Visit& visit) {
    for (const File file : all_files) {
        for (const Key& key : keys(file)) {
            visit(KeyRef{.file = file, .key = &key});
        }
    }
}

}  // namespace

std::vector<KeyRef> find_keys(std::string_view asked) {
    std::vector<KeyRef> out;
    if (asked.empty() || asked.size() > asked_bytes_max) {
        return out;
    }
    const std::vector<std::string_view> parts = split(asked, '.');
    each_key([&](const KeyRef& each) {
        if (each.key->path == asked) {
            out.push_back(each);
        }
    });
    if (out.empty()) {
        each_key([&](const KeyRef& each) {
            if (fits(split(each.key->path, '.'), parts)) {
                out.push_back(each);
            }
        });
    }
    // `budgets.limit` is the key, and could be an entry of that name: the key is meant.
    const auto depth = [](const KeyRef& each) { return std::ranges::count(each.key->path, '.'); };
    if (!out.empty()) {
        const auto most = depth(std::ranges::max(out, {}, depth));
        std::erase_if(out, [&](const KeyRef& each) { return depth(each) < most; });
    }
    if (out.empty() && parts.size() == 1) {
        each_key([&](const KeyRef& each) {
            if (last_name(each.key->path) == bare(asked)) {
                out.push_back(each);
            }
        });
    }
    return out;
}

std::vector<KeyRef> keys_below(const KeyRef& key) {
    std::vector<KeyRef> out;
    const std::string_view path = key.key->path;
    for (const Key& each : keys(key.file)) {
        if (each.path.size() <= path.size() + 1 || !each.path.starts_with(path) ||
            each.path[path.size()] != '.') {
            continue;
        }
        const std::string_view rest = each.path.substr(path.size() + 1);
        const std::size_t dot = rest.find('.');
        if (dot == std::string_view::npos || rest.substr(dot) == ".*") {
            out.push_back({.file = key.file, .key = &each});
        }
    }
    return out;
}

std::vector<std::string> near_keys(std::string_view asked) {
    asked = asked.substr(0, asked_bytes_max);
    const std::string wanted = plain_path(asked);
    const std::string_view last = last_name(asked);
    std::vector<std::tuple<std::size_t, std::size_t, std::string>> found;
    each_key([&](const KeyRef& each) {
        const std::string plain = plain_path(each.key->path);
        const std::size_t limit = std::max<std::size_t>(2, wanted.size() / 3);
        const std::size_t whole = edit_distance(wanted, plain, limit);
        const std::size_t end = edit_distance(
            last, last_name(each.key->path), std::max<std::size_t>(2, last.size() / 3));
        const std::size_t best = std::min(whole, end);
        if (best != std::string_view::npos && best < wanted.size()) {
            found.emplace_back(best, whole, std::string{each.key->path});
        }
    });
    std::ranges::sort(found);
    std::vector<std::string> out;
    for (const auto& [distance, whole, path] : found) {
        if (out.size() < near_max) {
            out.push_back(path);
        }
    }
    return out;
}

std::string value_text(const Key& key) {
    std::string out{describe(key.type)};
    if (key.type == Type::choice) {
        out = fmt::format("one of: {}", list_text(split(key.choices, '|')));
    }
    if (key.path.ends_with("[]")) {
        out = key.type == Type::map ? "a list of maps" : fmt::format("a list; each {}", out);
    } else if (key.path.ends_with("*")) {
        out = key.type == Type::map ? "a map of entries that you name"
                                    : fmt::format("a map under names of yours; each {}", out);
    }
    if (!key.least.empty()) {
        out += fmt::format("; {} to {}", key.least, key.most);
    }
    return out;
}

std::string explain_key(const KeyRef& ref) {
    const Key& key = *ref.key;
    std::string out =
        fmt::format("{}   in {}\n  {}\n", key.path, file_name(ref.file), key.help_text);
    const auto line = [&out](std::string_view label, std::string_view text) {
        if (!text.empty()) {
            out += fmt::format("  {:<9}{}\n", label, text);
        }
    };
    line("value", value_text(key));
    line("default", key.is_required ? "none: it must be there" : key.default_text);
    line("example", key.example_text);
    line("without", key.without_text);
    std::string below;
    for (const KeyRef& each : keys_below(ref)) {
        std::string_view name = each.key->path.substr(key.path.size() + 1);
        below += fmt::format("{}{}", below.empty() ? "" : ", ", name.substr(0, name.find(".*")));
    }
    line("keys", below);
    return out;
}

}  // namespace evenkeel::config
