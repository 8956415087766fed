#include "inference/dialect/message_turns.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::inference::dialect {

void MessageTurns::turn_to(std::string_view role) {
    if (role != role_) {
        flush();
        role_ = role;
    }
}

void MessageTurns::flush_user() {
    if (!results_.empty()) {
        JsonWriter{out_}.raw(results_);
        results_.clear();
    }
    if (parts_.empty()) {
        return;
    }
    JsonWriter json{out_};
    json.open('{').text("role", "user");
    if (!alone_.empty()) {
        json.raw("content", alone_);
    } else {
        json.open("content", '[').raw(parts_).close(']');
    }
    json.close('}');
    parts_.clear();
    alone_ = {};
}

void MessageTurns::flush_assistant() {
    JsonWriter json{out_};
    json.open('{').text("role", "assistant");
    if (said_.empty() && !calls_.empty()) {
        json.raw("content", "null");
    } else {
        json.text("content", said_);
    }
    if (!calls_.empty()) {
        json.open("tool_calls", '[').raw(calls_).close(']');
    }
    json.close('}');
    said_.clear();
    calls_.clear();
    seam_ = false;
}

void MessageTurns::flush() {
    if (role_ == "user") {
        flush_user();
    } else if (role_ == "assistant") {
        flush_assistant();
    }
}

std::string MessageTurns::turns() && {
    flush();
    return std::move(out_);
}

void MessageTurns::others(JsonView block, std::initializer_list<std::string_view> known) {
    block.members([&](std::string_view key, JsonView value) {
        if (key == "cache_control") {
            return notes_.unknown({}, key, value);
        }
        return key == "type" || std::ranges::find(known, key) != known.end() ||
               notes_.unknown("messages[].content[].", key, value);
    });
}

bool MessageTurns::each_system_text(JsonView content, std::string_view field, std::string& out) {
    if (content.is_string()) {
        out = content.text();
        return true;
    }
    const bool good = content.is_array() && content.elements([&](JsonView block) {
        if (!block["type"].is_text("text") || !block["text"].is_string()) {
            return false;
        }
        others(block, {"text"});
        out.append(out.empty() ? "" : "\n\n").append(block["text"].text());
        return true;
    });
    return good || notes_.refuse(
                       field, "What the system says must be a string or an array of text blocks.");
}

bool MessageTurns::system(JsonView system) {
    std::string text;
    if (system.is_none()) {
        return true;
    }
    const bool good = each_system_text(system, "system", text);
    if (good && !text.empty()) {
        JsonWriter{out_}.open('{').text("role", "system").text("content", text).close('}');
    }
    return good;
}

bool MessageTurns::message(JsonView message) {
    const JsonView role = message["role"];
    const JsonView content = message["content"];
    message.members([&](std::string_view key, JsonView value) {
        return key == "role" || key == "content" || notes_.unknown("messages[].", key, value);
    });
    if (role.is_text("system")) {
        std::string text;
        const bool good = each_system_text(content, "messages", text);
        turn_to("system");
        JsonWriter{out_}.open('{').text("role", "system").text("content", text).close('}');
        return good;
    }
    const bool user = role.is_text("user");
    if (!user && !role.is_text("assistant")) {
        return notes_.refuse(
            "messages", "The 'role' of a message must be user, assistant or system.");
    }
    if (!content.is_string() && !content.is_array()) {
        return notes_.refuse(
            "messages", "The 'content' of a message must be a string or an array of blocks.");
    }
    turn_to(user ? "user" : "assistant");
    seam_ = !said_.empty();
    if (content.is_string()) {
        if (user) {
            user_text(content);
        } else {
            said_.append(seam_ ? "\n" : "").append(content.text());
        }
        return true;
    }
    return content.elements([this, user](JsonView block) {
        if (!block.is_object()) {
            return notes_.refuse("messages", "Each block of 'content' must be an object.");
        }
        return user ? user_block(block) : assistant_block(block);
    });
}

void MessageTurns::user_text(JsonView text) {
    alone_ = parts_.empty() ? text.raw() : std::string_view{};
    JsonWriter{parts_}.open('{').text("type", "text").raw("text", text.raw()).close('}');
}

bool MessageTurns::user_block(JsonView block) {
    const JsonView type = block["type"];
    if (type.is_text("text") && block["text"].is_string()) {
        others(block, {"text"});
        user_text(block["text"]);
        return true;
    }
    if (type.is_text("image")) {
        others(block, {"source"});
        return image(block["source"]);
    }
    if (type.is_text("document")) {
        std::string text;
        if (!document(block, text)) {
            return false;
        }
        alone_ = {};
        JsonWriter{parts_}.open('{').text("type", "text").text("text", text).close('}');
        return true;
    }
    if (type.is_text("tool_result")) {
        return tool_result(block);
    }
    return notes_.refuse(
        "messages",
        "The model that serves this takes blocks of the types text, image, document and "
        "tool_result in a user's message.");
}

bool MessageTurns::image(JsonView source) {
    std::string url;
    if (source["type"].is_text("base64")) {
        url = fmt::format("data:{};base64,{}", source["media_type"].text(), source["data"].text());
    } else if (source["type"].is_text("url")) {
        url = source["url"].text();
    } else {
        return notes_.refuse(
            "messages", "The 'source' of an image must be of type base64 or url here.");
    }
    alone_ = {};
    JsonWriter json{parts_};
    json.open('{').text("type", "image_url").open("image_url", '{').text("url", url);
    json.close('}').close('}');
    return true;
}

bool MessageTurns::document(JsonView block, std::string& text) {
    others(block, {"source"});
    const JsonView source = block["source"];
    if (source["type"].is_text("text") && source["data"].is_string()) {
        text = source["data"].text();
        return true;
    }
    if (source["type"].is_text("content")) {
        return result_text(source["content"], text);
    }
    return notes_.refuse(
        "messages",
        "A 'document' can be given to this model as text only: its 'source' must be of type "
        "text or content.");
}

/// The texts of a result, or of a document; images go to the user's turn, behind all results.
bool MessageTurns::result_text(JsonView content, std::string& text) {
    if (content.is_none()) {
        return true;
    }
    if (content.is_string()) {
        text.append(content.text());
        return true;
    }
    const auto add = [&text](std::string_view more) {
        text.append(text.empty() ? "" : "\n").append(more);
        return true;
    };
    const bool good = content.is_array() && content.elements([&](JsonView block) {
        const JsonView type = block["type"];
        if (type.is_text("text") && block["text"].is_string()) {
            others(block, {"text"});
            return add(block["text"].text());
        }
        if (type.is_text("image")) {
            others(block, {"source"});
            return image(block["source"]);
        }
        const JsonView source = block["source"];
        if (type.is_text("document") && source["type"].is_text("text")) {
            others(block, {"source"});
            return add(source["data"].text());
        }
        return false;
    });
    return good ||
           notes_.refuse(
               "messages",
               "The 'content' of a tool_result or document must be a string or blocks of the types "
               "text, image and document (as text).");
}

bool MessageTurns::tool_result(JsonView block) {
    others(block, {"tool_use_id", "content", "is_error"});
    std::string text{block["is_error"].is_true() ? "ERROR: " : ""};
    std::string content;
    if (!result_text(block["content"], content)) {
        return false;
    }
    JsonWriter{results_}
        .open('{')
        .text("role", "tool")
        .text("tool_call_id", block["tool_use_id"].text())
        .text("content", text.append(content))
        .close('}');
    return true;
}

bool MessageTurns::assistant_block(JsonView block) {
    const std::string type = block["type"].text();
    if (type == "text") {
        others(block, {"text"});
        said_.append(std::exchange(seam_, false) ? "\n" : "").append(block["text"].text());
        return true;
    }
    if (type != "tool_use") {
        // Thinking is bound to the model that thought; results of a seller's own tools are not
        // known elsewhere.
        notes_.drop("messages[].content[]." + type);
        return true;
    }
    others(block, {"id", "name", "input", "caller"});
    if (!block["name"].is_string()) {
        return notes_.refuse("messages", "A 'tool_use' must have its 'name'.");
    }
    const JsonView input = block["input"];
    JsonWriter json{calls_};
    json.open('{').text("id", block["id"].text()).text("type", "function");
    json.open("function", '{').raw("name", block["name"].raw());
    json.text("arguments", input.is_object() ? input.raw() : "{}").close('}').close('}');
    return true;
}

}  // namespace evenkeel::inference::dialect
