#include "policies/config/override.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace evenkeel::config {

namespace {

/// Where a top-level key goes that no file has yet.
constexpr std::string_view default_file = "policy.yaml";

std::vector<std::string> parts_of(std::string_view path) {
    std::vector<std::string> parts;
    for (;;) {
        const std::size_t dot = path.find('.');
        parts.emplace_back(path.substr(0, dot));
        if (dot == std::string_view::npos) {
            return parts;
        }
        path.remove_prefix(dot + 1);
    }
}

/// The member of a list by its name or number.
std::optional<std::size_t> member(const YAML::Node& list, const std::string& part) {
    for (std::size_t i = 0; i < list.size(); ++i) {
        for (const char* key : {"name", "on"}) {
            if (list[i].IsMap() && list[i][key] && list[i][key].IsScalar() &&
                list[i][key].Scalar() == part) {
                return i;
            }
        }
    }
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    const bool good = error == std::errc{} && end == part.data() + part.size();
    return good && number < list.size() ? std::optional{number} : std::nullopt;
}

Result<void> set(YAML::Node node, const std::vector<std::string>& parts, const YAML::Node& value) {
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
        if (node.IsSequence()) {
            const auto at = member(node, parts[i]);
            if (!at) {
                return fail(Errc::invalid_argument, fmt::format("the list has no '{}'", parts[i]));
            }
            node.reset(node[*at]);
        } else if (node.IsMap() || node.IsNull()) {
            node.reset(node[parts[i]]);
        } else {
            return fail(Errc::invalid_argument, fmt::format("nothing is below '{}'", parts[i]));
        }
    }
    if (node.IsSequence()) {
        const auto at = member(node, parts.back());
        if (!at) {
            return fail(Errc::invalid_argument, fmt::format("the list has no '{}'", parts.back()));
        }
        node[*at] = value;
        return {};
    }
    if (node.IsScalar()) {
        return fail(Errc::invalid_argument, fmt::format("nothing is below '{}'", parts.back()));
    }
    node[parts.back()] = value;
    return {};
}

}  // namespace

Result<void> override_value(
    std::vector<SourceFile>& files, std::string_view path, const std::string& value) {
    const std::vector<std::string> parts = parts_of(path);
    if (std::ranges::any_of(parts, &std::string::empty)) {
        return fail(Errc::invalid_argument, fmt::format("'{}' is not a path of keys", path));
    }
    try {
        SourceFile* target = nullptr;
        for (SourceFile& file : files) {
            const YAML::Node root = YAML::Load(file.text);
            if (root.IsMap() && root[parts.front()]) {
                target = &file;
                break;
            }
            if (file.path.ends_with(default_file)) {
                target = &file;
            }
        }
        if (target == nullptr) {
            return fail(Errc::invalid_argument, fmt::format("no file has '{}'", parts.front()));
        }
        const YAML::Node root = YAML::Load(target->text);
        if (auto done = set(root, parts, YAML::Load(value)); !done) {
            return fail(Errc::invalid_argument, fmt::format("{}: {}", path, done.error().message));
        }
        target->text = YAML::Dump(root) + "\n";
        return {};
    } catch (const YAML::Exception& error) {
        return fail(Errc::invalid_argument, fmt::format("{}: {}", path, error.msg));
    }
}

}  // namespace evenkeel::config
