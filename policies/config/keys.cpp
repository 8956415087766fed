#include "policies/config/keys.hpp"

#include "policies/config/diagnostic.hpp"
#include "policies/config/key_tables.hpp"
#include "policies/config/text.hpp"
#include "policies/config/values.hpp"

#include <fmt/format.h>

namespace evenkeel::config {
namespace {

/// A pipe would end the cell.
std::string cell(std::string_view text) {
    std::string out;
    for (const char c : text) {
        out += c == '|' ? std::string{"\\|"} : std::string{c};
    }
    return out;
}

std::string code(std::string_view text) {
    return text.empty() ? std::string{} : fmt::format("`{}`", cell(text));
}

std::string type_cell(const Key& key) {
    std::string out;
    if (key.type == Type::choice) {
        for (const std::string_view word : split(key.choices, '|')) {
            out += (out.empty() ? "" : ", ") + code(word);
        }
    } else {
        out = cell(describe(key.type));
    }
    if (key.path.ends_with("[]")) {
        out = key.type == Type::map ? "a list of maps" : "a list; each entry " + out;
    } else if (key.path.ends_with("*")) {
        out = key.type == Type::map ? "a map of named entries" : "a map; each value " + out;
    }
    if (!key.least.empty()) {
        out += fmt::format("; {} to {}", code(key.least), code(key.most));
    }
    return out;
}

std::string help_cell(const Key& key) {
    std::string out = cell(key.help_text);
    if (key.is_required && !key.without_text.empty()) {
        out += fmt::format(" Without it: {}.", cell(key.without_text));
    }
    return out;
}

}  // namespace

std::string_view file_name(File file) noexcept {
    switch (file) {
        case File::evenkeel:
            return "evenkeel.yaml";
        case File::providers:
            return "providers.yaml";
        case File::models:
            return "models.yaml";
        case File::policy:
            return "policy.yaml";
        case File::cases:
            return "policy.test.yaml";
    }
    return "";
}

std::string_view file_purpose(File file) noexcept {
    switch (file) {
        case File::evenkeel:
            return "says where the daemon listens, what money and power are worth, and which "
                   "hardware is owned";
        case File::providers:
            return "says who serves, rents and sells";
        case File::models:
            return "says which models clients may ask for, and who offers them at what price";
        case File::policy:
            return "says which requests go where, what may be spent, and when to rent";
        case File::cases:
            return "says what the policy is expected to do; evenkeel policy test tries it";
    }
    return "";
}

std::span<const Key> keys(File file) noexcept {
    switch (file) {
        case File::evenkeel:
            return daemon_keys();
        case File::providers:
            return provider_keys();
        case File::models:
            return model_keys();
        case File::policy:
            return policy_keys();
        case File::cases:
            return case_keys();
    }
    return {};
}

std::string reference_markdown() {
    std::string out;
    for (const File file :
         {File::evenkeel, File::providers, File::models, File::policy, File::cases}) {
        out += fmt::format("### {}\n\nThis file {}.\n\n", file_name(file), file_purpose(file));
        out += "| key | value | default | example | what it does |\n|---|---|---|---|---|\n";
        for (const Key& key : keys(file)) {
            out += fmt::format(
                "| {} | {} | {} | {} | {} |\n",
                code(key.path),
                type_cell(key),
                key.is_required ? "**required**" : code(key.default_text),
                code(key.example_text),
                help_cell(key));
        }
        out += "\n";
    }
    out += "### Error and warning codes\n\n| code | meaning |\n|---|---|\n";
    for (const std::string_view each : all_codes()) {
        out += fmt::format("| {} | {} |\n", each, cell(explain(each)));
    }
    return out;
}

}  // namespace evenkeel::config
