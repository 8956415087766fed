#include "inference/dialect/json_view.hpp"

#include <fmt/format.h>

#include <charconv>
#include <iterator>

namespace evenkeel::inference::dialect {

namespace {

constexpr std::string_view replacement = "\\ufffd";

/// A surrogate half by its escape at `at`: 'h'igh, 'l'ow, or neither.
char surrogate(std::string_view text, std::size_t at) noexcept {
    const std::string_view escape = text.substr(at, 4);
    if (escape.size() < 4 || !escape.starts_with("\\u") || (escape[2] | 0x20) != 'd') {
        return '\0';
    }
    const char digit = static_cast<char>(escape[3] | 0x20);
    if (digit == '8' || digit == '9' || digit == 'a' || digit == 'b') {
        return 'h';
    }
    return digit >= 'c' && digit <= 'f' ? 'l' : '\0';
}

/// Positions of the escapes of lone surrogates in a text that keeps the grammar, one after the
/// other: the first at or behind `from`, npos when there is none.
std::size_t lone_surrogate(std::string_view text, std::size_t from) noexcept {
    std::size_t at = text.find('\\', from);
    while (at != std::string_view::npos) {
        const char half = surrogate(text, at);
        if (half == '\0') {
            at = text.find('\\', at + 2);
        } else if (half == 'h' && surrogate(text, at + 6) == 'l') {
            at = text.find('\\', at + 12);
        } else {
            return at;
        }
    }
    return at;
}

}  // namespace

bool JsonView::take(JsonReader& json) {
    json.skip_space();
    const std::size_t from = json.position();
    if (!json.skip_value(1)) {
        return false;
    }
    raw_ = json.text({from, json.position()});
    return true;
}

std::string JsonView::text() const {
    JsonReader json{raw_};
    JsonReader::String string;
    if (!is_string() || !json.read_string(string)) {
        return {};
    }
    return json.decode(string);
}

bool JsonView::is_text(std::string_view text) const {
    if (!is_string()) {
        return false;
    }
    const std::string_view inside = raw_.substr(1, raw_.size() - 2);
    return inside.find('\\') == std::string_view::npos ? inside == text : this->text() == text;
}

std::optional<std::int64_t> JsonView::whole() const noexcept {
    std::int64_t value = 0;
    const auto parsed = std::from_chars(raw_.data(), raw_.data() + raw_.size(), value);
    if (raw_.empty() || parsed.ec != std::errc{} || parsed.ptr != raw_.data() + raw_.size()) {
        return std::nullopt;
    }
    return value;
}

JsonView JsonView::operator[](std::string_view key) const {
    JsonView found;
    members([&](std::string_view name, JsonView value) {
        if (name == key) {
            found = value;
        }
        return true;
    });
    return found;
}

std::expected<JsonText, ScanError> JsonText::read(std::string_view text, int depth) {
    JsonReader json{text};
    json.skip_space();
    const std::size_t from = json.position();
    if (!json.skip_value(depth)) {
        return std::unexpected{json.error()};
    }
    JsonText out;
    out.text_ = json.text({from, json.position()});
    if (!json.at_end()) {
        return std::unexpected{json.error()};
    }
    std::size_t lone = lone_surrogate(out.text_, 0);
    if (lone != std::string_view::npos) {
        out.mended_ = out.text_;
        for (; lone != std::string_view::npos; lone = lone_surrogate(out.text_, lone + 6)) {
            out.mended_.replace(lone, replacement.size(), replacement);
        }
    }
    return out;
}

JsonView JsonText::root() const noexcept {
    return JsonView{mended_.empty() ? text_ : std::string_view{mended_}};
}

void JsonWriter::next() {
    constexpr std::string_view no_comma_behind = "{[: \n";
    if (!out_.empty() && no_comma_behind.find(out_.back()) == std::string_view::npos) {
        out_.push_back(',');
    }
}

JsonWriter& JsonWriter::key(std::string_view name) {
    next();
    append_json_string(out_, name);
    out_.push_back(':');
    return *this;
}

JsonWriter& JsonWriter::open(char bracket) {
    next();
    out_.push_back(bracket);
    return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
    out_.push_back(bracket);
    return *this;
}

JsonWriter& JsonWriter::text(std::string_view value) {
    next();
    append_json_string(out_, value);
    return *this;
}

JsonWriter& JsonWriter::number(std::int64_t value) {
    next();
    fmt::format_to(std::back_inserter(out_), "{}", value);
    return *this;
}

JsonWriter& JsonWriter::raw(std::string_view value) {
    next();
    out_.append(value);
    return *this;
}

}  // namespace evenkeel::inference::dialect
