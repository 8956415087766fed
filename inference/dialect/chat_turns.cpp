#include "inference/dialect/chat_turns.hpp"

#include <fmt/format.h>

namespace evenkeel::inference::dialect {

namespace {

void text_block(std::string& out, JsonView text) {
    if (text.has_text()) {  // empty ones are refused
        JsonWriter{out}.open('{').text("type", "text").raw("text", text.raw()).close('}');
    }
}

}  // namespace

void TurnWriter::turn_to(std::string_view role) {
    if (role != role_) {
        flush();
        role_ = role;
    }
}

void TurnWriter::flush() {
    if (results_.empty() && blocks_.empty()) {
        return;
    }
    const bool both = !results_.empty() && !blocks_.empty();
    JsonWriter{out_}.open('{').text("role", role_).open("content", '[');
    out_.append(results_).append(both ? "," : "").append(blocks_).append("]}");
    results_.clear();
    blocks_.clear();
}

std::string TurnWriter::finish() && {
    flush();
    return std::move(out_);
}

bool ChatTurns::message(JsonView message) {
    if (!message.is_object()) {
        return notes_.refuse("messages", "'messages' must be an array of objects.");
    }
    const std::string role = message["role"].text();
    const JsonView content = message["content"];
    if (role == "system" || role == "developer") {
        return system_message(content) && others(message, {});
    }
    began_ = true;
    if (role == "user") {
        return user_content(content) && others(message, {});
    }
    if (role == "assistant") {
        return assistant_message(message, content);
    }
    if (role == "tool") {
        return tool_message(message, content) && others(message, "tool_call_id");
    }
    return notes_.refuse(
        "messages", "The 'role' of a message must be developer, system, user, assistant or tool.");
}

void ChatTurns::add_text(std::string_view role, JsonView text) {
    if (text.has_text()) {
        text_block(turns_.blocks(role), text);
    }
}

bool ChatTurns::others(JsonView message, std::string_view known) {
    return message.members([&](std::string_view key, JsonView value) {
        return key == "role" || key == "content" || key == known ||
               notes_.unknown("messages[].", key, value);
    });
}

/// Calls `take` with each text of a string or of text parts.
template <class Take>
bool ChatTurns::each_text(JsonView content, std::string_view role, Take&& take) {
    if (content.is_string() || content.is_none()) {
        return content.is_none() || take(content);
    }
    bool good = content.is_array();
    good = good && content.elements([&](JsonView part) {
        const JsonView type = part["type"];
        const JsonView text = type.is_text("refusal") ? part["refusal"] : part["text"];
        return (type.is_text("text") || type.is_text("refusal")) && text.is_string() && take(text);
    });
    return good || notes_.refuse(
                       "messages",
                       fmt::format(
                           "The 'content' of a message with role '{}' must be a string or "
                           "an array of text parts.",
                           role));
}

bool ChatTurns::system_message(JsonView content) {
    if (!began_) {
        std::string whole;
        const bool good = each_text(content, "system", [&whole](JsonView text) {
            whole.append(whole.empty() ? "" : "\n").append(text.text());
            return true;
        });
        add_system(whole);
        return good;
    }
    // Later ones keep their place, but where the target knows no such turns, not their rank.
    return each_text(content, "system", [this](JsonView text) {
        add_text(system_turns_ ? "system" : "user", text);
        return true;
    });
}

void ChatTurns::add_system(std::string_view text) {
    if (!text.empty()) {
        system_.append(system_.empty() ? "" : "\n\n").append(text);
    }
}

bool ChatTurns::user_content(JsonView content) {
    if (content.is_string()) {
        add_text("user", content);
        return true;
    }
    if (!content.is_array()) {
        return notes_.refuse(
            "messages", "The 'content' of a user's message must be a string or an array.");
    }
    return content.elements([this](JsonView part) {
        const JsonView type = part["type"];
        if (type.is_text("text") && part["text"].is_string()) {
            add_text("user", part["text"]);
            return true;
        }
        if (type.is_text("image_url")) {
            return image(part["image_url"]);
        }
        return notes_.refuse(
            "messages",
            "This model takes parts of the types 'text' and 'image_url' only, not "
            "'input_audio' or 'file'.");
    });
}

bool ChatTurns::image(JsonView image_url) {
    const std::string url = image_url["url"].text();
    JsonWriter json{turns_.blocks("user")};
    if (url.starts_with("https://") || url.starts_with("http://")) {
        json.open('{').text("type", "image").open("source", '{');
        json.text("type", "url").text("url", url).close('}').close('}');
        return detail(image_url);
    }
    constexpr std::string_view data = "data:";
    constexpr std::string_view base64 = ";base64";
    const std::size_t comma = url.find(',');
    const std::string_view head{url.data(), comma == std::string::npos ? 0 : comma};
    if (!head.starts_with(data) || !head.ends_with(base64)) {
        return notes_.refuse(
            "messages", "'image_url.url' must be an http address or 'data:image/...;base64,...'.");
    }
    const std::string_view type =
        head.substr(data.size(), head.size() - data.size() - base64.size());
    json.open('{').text("type", "image").open("source", '{').text("type", "base64");
    json.text("media_type", type.substr(0, type.find(';')));
    json.text("data", std::string_view{url}.substr(comma + 1)).close('}').close('}');
    return detail(image_url);
}
bool ChatTurns::detail(JsonView image_url) {
    const JsonView value = image_url["detail"];
    return value.is_text("auto") || notes_.unknown("image_url.", "detail", value);
}

bool ChatTurns::assistant_message(JsonView message, JsonView content) {
    const auto add = [this](JsonView text) {
        add_text("assistant", text);
        return true;
    };
    if (!each_text(content, "assistant", add)) {
        return false;
    }
    return message.members([&](std::string_view key, JsonView value) {
        if (key == "role" || key == "content") {
            return true;
        }
        if (key == "refusal" && value.is_string()) {
            return add(value);
        }
        if (key == "function_call" && !value.is_none()) {
            return notes_.refuse(
                "messages", "'function_call' is not served here: use 'tool_calls'.");
        }
        if (key == "tool_calls" && value.is_array()) {
            return true;  // below: they come last
        }
        return notes_.unknown("messages[].", key, value);
    }) && message["tool_calls"].elements([this](JsonView call) { return tool_call(call); });
}

bool ChatTurns::tool_call(JsonView call) {
    const JsonView function = call["function"];
    if (!function["name"].is_string()) {
        return notes_.refuse(
            "messages", "Each of 'tool_calls' must be of type 'function' and have its name.");
    }
    const JsonView text = function["arguments"];
    const auto input = arguments_object(text.text());
    if (!input) {
        add_text("assistant", text);
    }
    JsonWriter{turns_.blocks("assistant")}
        .open('{')
        .text("type", "tool_use")
        .text("id", tool_id(call["id"].text()))
        .raw("name", function["name"].raw())
        .raw("input", input ? std::string_view{*input} : "{}")
        .close('}');
    return true;
}

bool ChatTurns::tool_message(JsonView message, JsonView content) {
    JsonWriter json{turns_.results()};
    json.open('{').text("type", "tool_result");
    json.text("tool_use_id", tool_id(message["tool_call_id"].text())).open("content", '[');
    const bool good = each_text(content, "tool", [this](JsonView text) {
        text_block(turns_.results(), text);
        return true;
    });
    json.close(']').close('}');
    return good;
}

}  // namespace evenkeel::inference::dialect
