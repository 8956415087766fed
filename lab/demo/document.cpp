#include "lab/demo/document.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace evenkeel::lab::demo {

Result<json::object> parse_object(std::string_view text, std::string_view what) {
    boost::system::error_code code;
    json::value value = json::parse(text, code);
    if (code || !value.is_object()) {
        return fail(Errc::invalid_response, fmt::format("{} is no JSON object", what));
    }
    return std::move(value.get_object());
}

std::string text_at(const json::object& parent, std::string_view key) {
    const json::value* found = parent.if_contains(key);
    const json::string* text = found == nullptr ? nullptr : found->if_string();
    return text == nullptr ? std::string{} : std::string{std::string_view{*text}};
}

std::int64_t int_at(const json::object& parent, std::string_view key, std::int64_t missing) {
    const json::value* found = parent.if_contains(key);
    if (found == nullptr || !found->is_number()) {
        return missing;
    }
    return found->is_double() ? static_cast<std::int64_t>(found->get_double())
                              : found->to_number<std::int64_t>();
}

double number_at(const json::object& parent, std::string_view key) {
    const json::value* found = parent.if_contains(key);
    return found == nullptr || !found->is_number() ? 0.0 : found->to_number<double>();
}

bool bool_at(const json::object& parent, std::string_view key) {
    const json::value* found = parent.if_contains(key);
    const bool* flag = found == nullptr ? nullptr : found->if_bool();
    return flag != nullptr && *flag;
}

const json::object& object_at(const json::object& parent, std::string_view key) {
    static const json::object none;
    const json::value* found = parent.if_contains(key);
    const json::object* object = found == nullptr ? nullptr : found->if_object();
    return object == nullptr ? none : *object;
}

std::vector<const json::object*> list_at(const json::object& parent, std::string_view key) {
    std::vector<const json::object*> objects;
    const json::value* found = parent.if_contains(key);
    const json::array* list = found == nullptr ? nullptr : found->if_array();
    if (list == nullptr) {
        return objects;
    }
    for (const json::value& entry : *list) {
        if (const json::object* object = entry.if_object()) {
            objects.push_back(object);
        }
    }
    return objects;
}

}  // namespace evenkeel::lab::demo
