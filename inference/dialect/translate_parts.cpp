#include "inference/dialect/translate_parts.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::inference::dialect {

namespace {

bool is_name(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

/// FNV-1a: no secret is kept by it, two ids of one conversation only must not meet.
std::uint64_t hash_of(std::string_view text) noexcept {
    std::uint64_t hash = 0xCBF2'9CE4'8422'2325U;
    for (const char c : text) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100'0000'01B3U;
    }
    return hash;
}

/// Containers that stand around the arguments of a call in a request or an answer.
constexpr int around_arguments = 8;
constexpr std::size_t path_bytes_max = 64;

}  // namespace

bool TranslationNotes::refuse(std::string_view field, std::string message, std::string_view code) {
    if (!refused_) {
        refused_ = true;
        error_ = {
            .message = std::move(message), .param = std::string{field}, .code = std::string{code}};
    }
    return false;
}

bool TranslationNotes::refuse_value(std::string_view field, std::string_view must) {
    return refuse(field, fmt::format("'{}' must be {}.", field, must));
}

void TranslationNotes::drop(std::string_view path) {
    const bool safe = path.size() <= path_bytes_max && std::ranges::all_of(path, [](char c) {
                          return is_name(c) || c == '.' || c == '[' || c == ']';
                      });
    const std::string_view said = safe ? path : "other";
    if (dropped_.size() < dropped_max && std::ranges::find(dropped_, said) == dropped_.end()) {
        dropped_.emplace_back(said);
    }
}

bool TranslationNotes::unknown(std::string_view where, std::string_view key, JsonView value) {
    if (!value.is_none()) {
        std::string path{where};
        drop(path.append(key.substr(0, path_bytes_max)));
    }
    return true;
}

bool read_fields(
    JsonView object,
    std::span<const std::string_view> names,
    std::span<JsonView> values,
    TranslationNotes& notes) {
    return object.members([&](std::string_view key, JsonView value) {
        const auto known = std::ranges::find(names, key);
        if (known == names.end()) {
            return notes.unknown({}, key, value);
        }
        JsonView& kept = values[static_cast<std::size_t>(known - names.begin())];
        if (!kept.raw().empty()) {
            return notes.refuse(key, fmt::format("The key '{}' stands twice in the body.", key));
        }
        kept = value;
        return true;
    });
}

std::optional<std::string> arguments_object(std::string_view text) {
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
        return "{}";
    }
    const auto parsed = JsonText::read(text, around_arguments);
    if (!parsed || !parsed->root().is_object()) {
        return std::nullopt;
    }
    return std::string{parsed->root().raw()};
}

std::optional<std::int64_t> token_count(JsonView value) noexcept {
    const auto count = value.whole();
    return count && *count >= 1 && *count <= tokens_max ? count : std::nullopt;
}

std::string tool_id(std::string_view id) {
    if (!id.empty() && std::ranges::all_of(id, is_name)) {
        return std::string{id};
    }
    return fmt::format("call_{:016x}", hash_of(id));
}

}  // namespace evenkeel::inference::dialect
