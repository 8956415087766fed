#include "inference/dialect/anthropic.hpp"
#include "inference/dialect/translate_parts.hpp"
#include "inference/dialect/translate_stream.hpp"

#include <fmt/format.h>

#include <iterator>

/// Chat completion chunks -> messages.
namespace evenkeel::inference::dialect {

MessagesFromChat::MessagesFromChat(
    const AnswerHead& head, std::int64_t prompt_tokens, std::string_view request_id)
    : id_{head.id}, model_{head.model}, request_id_{request_id} {
    counts_.usage.prompt = prompt_tokens;
}

JsonWriter MessagesFromChat::open_event(std::string_view type) {
    fmt::format_to(std::back_inserter(out_), "event: {}\ndata: ", type);
    JsonWriter json{out_};
    json.open('{').text("type", type);
    return json;
}

void MessagesFromChat::write_error(const ApiError& error) {
    out_ += messages_error_event(error, request_id_);
}

void MessagesFromChat::begin() {
    if (std::exchange(began_, true)) {
        return;
    }
    JsonWriter json = open_event("message_start");
    json.open("message", '{').text("id", id_).text("type", "message").text("role", "assistant");
    json.text("model", model_).open("content", '[').close(']');
    json.raw("stop_reason", "null").raw("stop_sequence", "null");
    write_messages_usage(json, counts_);
    json.close('}');
    close_event();
}

bool MessagesFromChat::event(JsonView data) {
    const JsonView error = data["error"];
    if (!error.is_none()) {
        const auto code = error["code"].whole().value_or(500);
        const bool status = code >= 400 && code < 600;
        return fail(from_upstream(status ? static_cast<int>(code) : 500, data.raw(), {}));
    }
    begin();
    if (const auto counts = ChatCounts::of(data["usage"])) {
        counts_ = *counts;
        usage_ = counts_.usage;
    }
    return data["choices"].elements([this](JsonView choice) {
        if (choice["index"].whole().value_or(0) != 0) {
            return true;
        }
        const JsonView reason = choice["finish_reason"];
        if (reason.is_string()) {
            finish_reason_ = reason.text();
        }
        return delta(choice["delta"]);
    });
}

bool MessagesFromChat::delta(JsonView delta) {
    const JsonView thought = reasoning_of(delta);
    if (thought.has_text()) {
        open(Block::thinking);
        piece("thinking_delta", "thinking", thought);
    }
    say(delta["content"]);
    delta["content"].elements([this](JsonView part) {  // some servers give parts
        say(part["text"]);
        return true;
    });
    refused_ = refused_ || delta["refusal"].has_text();
    say(delta["refusal"]);
    return delta["tool_calls"].elements([this](JsonView call) { return tool_call(call); });
}

void MessagesFromChat::say(JsonView text) {
    if (text.has_text()) {
        open(Block::text);
        piece("text_delta", "text", text);
    }
}

void MessagesFromChat::open(Block kind) {
    if (block_ == kind) {
        return;
    }
    close();
    block_ = kind;
    JsonWriter json = open_event("content_block_start");
    json.number("index", block_index_).open("content_block", '{');
    if (kind == Block::thinking) {
        json.text("type", "thinking").text("thinking", "").text("signature", "");
    } else {
        json.text("type", "text").text("text", "");
    }
    json.close('}');
    close_event();
}

void MessagesFromChat::close() {
    if (std::exchange(block_, Block::none) != Block::none) {
        open_event("content_block_stop").number("index", block_index_++);
        close_event();
    }
}

void MessagesFromChat::piece(std::string_view type, std::string_view member, JsonView text) {
    ++events_;
    JsonWriter json = open_event("content_block_delta");
    json.number("index", block_index_).open("delta", '{').text("type", type);
    json.raw(member, text.raw()).close('}');
    close_event();
}

bool MessagesFromChat::tool_call(JsonView call) {
    const JsonView arguments = call["function"]["arguments"];
    const std::int64_t index = call["index"].whole().value_or(tool_index_ < 0 ? 0 : tool_index_);
    std::string id = call["id"].text();
    // Some servers give every call the index 0, each with an id of its own.
    if (index > tool_index_ || (index == tool_index_ && !id.empty() && id != tool_id_)) {
        open_tool(call, index, std::move(id));
    } else if (index != tool_index_ || block_ != Block::tool) {
        return !arguments.has_text() ||
               unreadable("continues a tool call after another one, or text, has begun");
    }
    if (arguments.has_text()) {
        piece("input_json_delta", "partial_json", arguments);
    }
    return true;
}

void MessagesFromChat::open_tool(JsonView call, std::int64_t index, std::string id) {
    close();
    block_ = Block::tool;
    tool_index_ = index;
    tool_id_ = std::move(id);
    JsonWriter json = open_event("content_block_start");
    json.number("index", block_index_).open("content_block", '{').text("type", "tool_use");
    json.text("id", tool_id(tool_id_)).text("name", call["function"]["name"].text());
    json.open("input", '{').close('}').close('}');
    close_event();
}

bool MessagesFromChat::end_mark() {
    begin();
    close();
    if (!usage_) {
        counts_.usage.completion = events_;
    }
    const bool calls = tool_index_ >= 0;
    JsonWriter json = open_event("message_delta");
    json.open("delta", '{');
    json.text("stop_reason", refused_ ? "refusal" : stop_reason_of(finish_reason_, calls));
    json.raw("stop_sequence", "null").close('}');
    write_messages_usage(json, counts_);
    close_event();
    finish();
    open_event("message_stop");
    close_event();
    return false;
}

}  // namespace evenkeel::inference::dialect
