#include "policies/config/schema.hpp"

#include "policies/config/pattern.hpp"
#include "policies/config/text.hpp"
#include "policies/config/values.hpp"
#include "policies/config/walk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace evenkeel::config {
namespace {

/// Writes JSON with two spaces a level. Every text here is from the table: ASCII, no controls.
class Json {
public:
    void open(char bracket) {
        out_ += bracket;
        levels_.push_back({bracket == '{' ? '}' : ']', true});
    }
    void close() {
        const Level level = levels_.back();
        levels_.pop_back();
        if (!level.is_empty) {
            line();
        }
        out_ += level.end;
    }
    Json& key(std::string_view name) {
        item();
        out_ += quoted(name) + ": ";
        return *this;
    }
    /// Begins an element of a list.
    Json& item() {
        if (!levels_.back().is_empty) {
            out_ += ',';
        }
        levels_.back().is_empty = false;
        line();
        return *this;
    }
    void text(std::string_view value) { out_ += quoted(value); }
    void raw(std::string_view value) { out_ += value; }
    void object(std::string_view name) {
        key(name);
        open('{');
    }
    [[nodiscard]] std::string take() { return std::move(out_) + "\n"; }

private:
    struct Level {
        char end{};
        bool is_empty{};
    };
    void line() { out_ += "\n" + std::string(levels_.size() * 2, ' '); }
    static std::string quoted(std::string_view value) {
        std::string out{'"'};
        for (const char c : value) {
            out += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
        }
        return out + '"';
    }

    std::string out_{};
    std::vector<Level> levels_{};
};

constexpr std::array schema_files{
    File::evenkeel, File::providers, File::models, File::policy, File::cases};

constexpr std::string_view decimal = "(0|[1-9][0-9]*)(\\.[0-9]+)?";

/// What texts of the type look like; empty where a schema has no more to say than "a value".
std::string pattern_of(Type type) {
    switch (type) {
        case Type::name:
            return "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$";
        case Type::model_name:
            return "^[A-Za-z0-9][A-Za-z0-9._/:+@-]{0,127}$";
        case Type::file_name:
            return "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$";
        case Type::header_name:
            return "^[a-z0-9][a-z0-9_-]{0,63}$";
        case Type::percent:
            return "^([1-9][0-9]?|100)%$";
        case Type::duration:
            return "^(0|[1-9][0-9]*)(ms|s|m|h|d)$";
        case Type::duration_auto:
            return "^(auto|(0|[1-9][0-9]*)(ms|s|m|h|d))$";
        case Type::months:
            return "^(0|[1-9][0-9]*)mo$";
        case Type::money:
            return fmt::format("^{} [A-Z]{{3}}$", decimal);
        case Type::price_hour:
            return fmt::format("^{} [A-Z]{{3}}/h$", decimal);
        case Type::price_mtok:
            return fmt::format("^{} [A-Z]{{3}}/Mtok$", decimal);
        case Type::price_kwh:
            return fmt::format("^{} [A-Z]{{3}}/kWh$", decimal);
        case Type::per_minute:
            return "^(0|[1-9][0-9]*)[kM]?/min$";
        case Type::power:
            return fmt::format("^{} ?k?W$", decimal);
        case Type::bytes:
            return "^(0|[1-9][0-9]*) ?(B|KiB|MiB)$";
        case Type::tokens:
            return "^(0|[1-9][0-9]*)[kM]?$";
        case Type::date:
            return "^[0-9]{4}-[0-9]{2}-[0-9]{2}$";
        case Type::time_window:
            return "^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$";
        case Type::currency:
            return "^[A-Z]{3}$";
        case Type::zone:
            return "^[A-Za-z0-9][A-Za-z0-9/_+-]{0,63}$";
        case Type::address:
            return ":[0-9]{1,5}$";
        case Type::url:
            return "^https?://";
        default:
            return "";
    }
}

std::string description_of(const Key& key) {
    std::string out{key.help_text};
    const std::string_view value = describe(key.type);
    if (!value.empty() && key.type != Type::choice && key.type != Type::map) {
        out += fmt::format(" Value: {}.", value);
    }
    if (!key.least.empty()) {
        out += fmt::format(" From {} to {}.", key.least, key.most);
    }
    if (!key.default_text.empty()) {
        out += fmt::format(" Left out: {}.", key.default_text);
    }
    if (!key.without_text.empty()) {
        out += fmt::format(" Without it: {}.", key.without_text);
    }
    return out;
}

bool is_json_number(Type type) {
    return type == Type::integer || type == Type::ratio || type == Type::rate ||
           type == Type::tokens;
}

class Writer {
public:
    explicit Writer(Json& json) : json_{json} {}

    void map_body(const Rule& rule) {
        json_.key("type").text("object");
        json_.key("additionalProperties").raw("false");
        json_.object("properties");
        std::vector<std::string_view> required;
        for (const auto& [name, child] : rule.children) {
            if (child->key != nullptr && child->key->is_required) {
                required.push_back(name);
            }
            json_.object(name);
            any(*child);
            json_.close();
        }
        json_.close();
        if (!required.empty()) {
            json_.key("required").open('[');
            for (const std::string_view name : required) {
                json_.item().text(name);
            }
            json_.close();
        }
    }

private:
    void any(const Rule& rule) {
        if (rule.key != nullptr) {
            json_.key("description").text(description_of(*rule.key));
        }
        switch (rule.form) {
            case Rule::Form::map:
                map_body(rule);
                return;
            case Rule::Form::list:
                json_.key("type").text("array");
                if (rule.key->is_filled) {
                    json_.key("minItems").raw("1");
                }
                json_.object("items");
                entry(*rule.each);
                json_.close();
                return;
            case Rule::Form::named:
                json_.key("type").text("object");
                json_.key("additionalProperties").raw("false");
                if (rule.key->is_filled) {
                    json_.key("minProperties").raw("1");
                }
                json_.object("patternProperties");
                json_.object(pattern_of(rule.key->name_type));
                entry(*rule.each);
                json_.close();
                json_.close();
                return;
            case Rule::Form::scalar:
                if (rule.children.empty()) {
                    scalar(*rule.key);
                    return;
                }
                json_.key("anyOf").open('[');
                json_.item().open('{');
                scalar(*rule.key);
                json_.close();
                json_.item().open('{');
                map_body(rule);
                json_.close();
                if (rule.key->may_repeat) {
                    json_.item().open('{');
                    json_.key("type").text("array");
                    json_.object("items");
                    map_body(rule);
                    json_.close();
                    json_.close();
                }
                json_.close();
        }
    }

    /// An entry has the row of its list, whose description is already there.
    void entry(const Rule& rule) {
        if (rule.form == Rule::Form::map) {
            map_body(rule);
        } else {
            scalar(*rule.key);
        }
    }

    void types(std::initializer_list<std::string_view> names) {
        json_.key("type").open('[');
        for (const std::string_view name : names) {
            json_.item().text(name);
        }
        json_.close();
    }

    void scalar(const Key& key) {
        const std::string pattern = pattern_of(key.type);
        switch (key.type) {
            case Type::boolean:
                json_.key("type").text("boolean");
                break;
            case Type::choice:
                json_.key("enum").open('[');
                for (const std::string_view word : split(key.choices, '|')) {
                    json_.item().text(word);
                }
                json_.close();
                break;
            case Type::integer:
                json_.key("type").text("integer");
                break;
            case Type::ratio:
            case Type::rate:
                json_.key("type").text("number");
                break;
            case Type::tokens:
                types({"integer", "string"});
                json_.key("pattern").text(pattern);
                break;
            case Type::text:
                types({"string", "number", "boolean"});  // any of them is read as its text
                json_.key("maxLength").raw("256");
                break;
            case Type::pattern:
                types({"string", "number", "boolean"});
                json_.key("maxLength").raw(fmt::format("{}", pattern_bytes_max));
                break;
            case Type::name:
            case Type::model_name:
            case Type::file_name:
                types({"string", "number", "boolean"});
                json_.key("pattern").text(pattern);
                break;
            default:
                json_.key("type").text("string");
                json_.key("pattern").text(pattern);
        }
        if (key.path == "version") {
            json_.key("enum").open('[');
            json_.item().raw("1");
            json_.close();
        } else if (is_json_number(key.type) && key.type != Type::tokens && !key.least.empty()) {
            json_.key("minimum").raw(key.least);
            json_.key("maximum").raw(key.most);
        }
        preset(key);
    }

    /// The default as editors offer it.
    void preset(const Key& key) {
        const std::string_view text = key.default_text;
        if (text.empty() || text.front() == '[' || text.front() == '{') {
            return;
        }
        json_.key("default");
        const bool has_unit = text.ends_with('k') || text.ends_with('M');  // tokens
        if ((is_json_number(key.type) && !has_unit) || key.type == Type::boolean) {
            json_.raw(text);
        } else {
            json_.text(text);
        }
    }

    Json& json_;
};

void head(Json& json, std::string_view title) {
    json.key("$schema").text("http://json-schema.org/draft-07/schema#");
    json.key("title").text(title);
}

}  // namespace

std::string json_schema(std::optional<File> file) {
    Json json;
    json.open('{');
    if (file) {
        head(json, fmt::format("Evenkeel: {}", file_name(*file)));
        json.key("description").text(fmt::format("This file {}.", file_purpose(*file)));
        Writer{json}.map_body(rules(*file));
        json.close();
        return json.take();
    }
    head(
        json,
        "Evenkeel: evenkeel.yaml, providers.yaml, models.yaml, policy.yaml or policy.test.yaml");
    json.key("anyOf").open('[');
    for (const File each : schema_files) {
        json.item().open('{');
        json.key("$ref").text(fmt::format("#/definitions/{}", file_name(each)));
        json.close();
    }
    json.close();
    json.object("definitions");
    for (const File each : schema_files) {
        json.object(file_name(each));
        json.key("description").text(fmt::format("This file {}.", file_purpose(each)));
        Writer{json}.map_body(rules(each));
        json.close();
    }
    json.close();
    json.close();
    return json.take();
}

}  // namespace evenkeel::config
