#include "providers/http/exact_json.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace evenkeel::providers::exact_json {

namespace json = boost::json;

std::optional<bool> Value::boolean() const noexcept {
    return kind_ == Kind::boolean ? std::optional{boolean_} : std::nullopt;
}

std::optional<std::string_view> Value::string() const noexcept {
    return kind_ == Kind::string ? std::optional<std::string_view>{text_} : std::nullopt;
}

std::optional<std::string_view> Value::decimal_text() const noexcept {
    return kind_ == Kind::string || kind_ == Kind::number ? std::optional<std::string_view>{text_}
                                                          : std::nullopt;
}

std::optional<std::int64_t> Value::integer() const noexcept {
    std::int64_t value = 0;
    const char* const end = text_.data() + text_.size();
    if (kind_ != Kind::number) {
        return std::nullopt;
    }
    const auto [stop, error] = std::from_chars(text_.data(), end, value);
    return error == std::errc{} && stop == end ? std::optional{value} : std::nullopt;
}

const Value* Value::find(std::string_view key) const noexcept {
    const auto member = std::ranges::find(members_, key, &Member::first);
    return member == members_.end() ? nullptr : &member->second;
}

std::string_view Value::text(std::string_view key) const noexcept {
    const Value* const value = find(key);
    return value == nullptr ? std::string_view{} : value->string().value_or("");
}

/// Receives the parser's events and builds the tree. `open_` is the way from the root to where the
/// next value goes; its pointers stay valid because only the innermost container grows.
class Builder {
public:
    static constexpr std::size_t max_object_size = std::size_t(-1);
    static constexpr std::size_t max_array_size = std::size_t(-1);
    static constexpr std::size_t max_key_size = 64 * 1024;
    static constexpr std::size_t max_string_size = std::size_t(-1);

    explicit Builder(std::size_t values_max) : left_{values_max} {}

    bool on_document_begin(json::error_code&) { return true; }
    bool on_document_end(json::error_code&) { return true; }
    bool on_object_begin(json::error_code& ec) { return begin(Value::Kind::object, ec); }
    bool on_array_begin(json::error_code& ec) { return begin(Value::Kind::array, ec); }
    bool on_array_end(std::size_t, json::error_code&) {
        open_.pop_back();
        return true;
    }
    bool on_object_end(std::size_t, json::error_code& ec) {
        std::vector<std::string_view> keys;
        for (const auto& [key, value] : open_.back()->members_) {
            keys.emplace_back(key);
        }
        std::ranges::sort(keys);
        if (std::ranges::adjacent_find(keys) != keys.end()) {
            duplicate = true;
            ec = json::error::syntax;
            return false;
        }
        open_.pop_back();
        return true;
    }
    bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
        text_.append(part);
        return true;
    }
    bool on_key(json::string_view part, std::size_t, json::error_code&) {
        text_.append(part);
        key_ = std::exchange(text_, {});
        return true;
    }
    bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
        text_.append(part);
        return true;
    }
    bool on_string(json::string_view part, std::size_t, json::error_code& ec) {
        text_.append(part);
        return scalar(Value::Kind::string, ec) != nullptr;
    }
    bool on_number_part(json::string_view part, json::error_code&) {
        text_.append(part);
        return true;
    }
    bool on_int64(std::int64_t, json::string_view part, json::error_code& ec) {
        return number(part, ec);
    }
    bool on_uint64(std::uint64_t, json::string_view part, json::error_code& ec) {
        return number(part, ec);
    }
    bool on_double(double, json::string_view part, json::error_code& ec) {
        return number(part, ec);
    }
    bool on_bool(bool value, json::error_code& ec) {
        Value* const made = scalar(Value::Kind::boolean, ec);
        if (made != nullptr) {
            made->boolean_ = value;
        }
        return made != nullptr;
    }
    bool on_null(json::error_code& ec) { return scalar(Value::Kind::null, ec) != nullptr; }
    bool on_comment_part(json::string_view, json::error_code&) { return true; }
    bool on_comment(json::string_view, json::error_code&) { return true; }

    Value root{};
    bool duplicate{false};

private:
    Value* place(Value::Kind kind, json::error_code& ec) {
        if (left_ == 0) {
            ec = json::error::array_too_large;
            return nullptr;
        }
        --left_;
        Value* made = &root;
        if (!open_.empty()) {
            Value& parent = *open_.back();
            made = parent.kind_ == Value::Kind::array
                       ? &parent.items_.emplace_back()
                       : &parent.members_.emplace_back(std::move(key_), Value{}).second;
        }
        made->kind_ = kind;
        return made;
    }
    bool begin(Value::Kind kind, json::error_code& ec) {
        Value* const made = place(kind, ec);
        if (made != nullptr) {
            open_.push_back(made);
        }
        return made != nullptr;
    }
    Value* scalar(Value::Kind kind, json::error_code& ec) {
        Value* const made = place(kind, ec);
        if (made != nullptr) {
            made->text_ = std::exchange(text_, {});
        }
        return made;
    }
    bool number(json::string_view part, json::error_code& ec) {
        text_.append(part);
        return scalar(Value::Kind::number, ec) != nullptr;
    }

    std::vector<Value*> open_{};
    std::string key_{};
    std::string text_{};
    std::size_t left_;
};

Result<Value> parse(std::string_view text, const Limits& limits) {
    if (text.size() > limits.bytes) {
        return fail(
            Errc::invalid_response,
            fmt::format("JSON of {} bytes; at most {} are read", text.size(), limits.bytes));
    }
    json::parse_options options;
    options.max_depth = limits.depth;
    json::basic_parser<Builder> parser{options, limits.values};
    json::error_code error;
    const std::size_t used = parser.write_some(false, text.data(), text.size(), error);
    if (!error && used < text.size()) {
        error = json::error::extra_data;
    }
    if (error) {
        return fail(
            Errc::invalid_response,
            parser.handler().duplicate
                ? fmt::format("JSON names a key twice (in the object that ends at byte {})", used)
                : fmt::format("broken JSON at byte {}: {}", used, error.message()));
    }
    return std::move(parser.handler().root);
}

std::string quote(std::string_view text) {
    std::string out{'"'};
    for (const char c : text) {
        switch (c) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\n':
                out += "\\n";
                break;
            default:
                if (static_cast<unsigned char>(c) < 0x20) {
                    out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
                } else {
                    out += c;
                }
        }
    }
    return out += '"';
}

}  // namespace evenkeel::providers::exact_json
