#include "tests/fakes/cloud/query.hpp"

#include <algorithm>
#include <charconv>

namespace evenkeel::fakes::cloud {

std::string percent_decode(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned value = 0;
        if (text[i] == '%' && i + 2 < text.size() &&
            std::from_chars(&text[i + 1], &text[i + 1] + 2, value, 16).ptr == &text[i + 1] + 2) {
            decoded += static_cast<char>(value);
            i += 2;
        } else {
            decoded += text[i] == '+' ? ' ' : text[i];
        }
    }
    return decoded;
}

Query::Query(std::string_view text) {
    while (!text.empty()) {
        const std::string_view pair = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(pair.size() + 1, text.size()));
        const std::size_t equals = std::min(pair.find('='), pair.size());
        pairs_.emplace_back(
            percent_decode(pair.substr(0, equals)),
            percent_decode(pair.substr(std::min(equals + 1, pair.size()))));
    }
}

std::optional<std::string> Query::find(std::string_view name) const {
    const auto found = std::ranges::find(pairs_, name, [](const auto& pair) { return pair.first; });
    return found == pairs_.end() ? std::nullopt : std::optional{found->second};
}

std::optional<int> Query::number(std::string_view name) const {
    const auto text = find(name);
    int value = 0;
    if (!text) {
        return std::nullopt;
    }
    const char* const end = text->data() + text->size();
    const auto [stop, error] = std::from_chars(text->data(), end, value);
    return error == std::errc{} && stop == end ? std::optional{value} : std::nullopt;
}

bool Query::bad(std::string_view name) const {
    return find(name) && number(name).value_or(0) < 1;
}

std::string_view rest_of(std::string_view path, std::string_view prefix) noexcept {
    if (!path.starts_with(prefix)) {
        return {};
    }
    path.remove_prefix(prefix.size());
    while (path.starts_with('/')) {
        path.remove_prefix(1);
    }
    while (path.ends_with('/')) {
        path.remove_suffix(1);
    }
    return path;
}

}  // namespace evenkeel::fakes::cloud
