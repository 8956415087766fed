#include "inference/dialect/anthropic.hpp"
#include "inference/dialect/translate_stream.hpp"

#include <fmt/format.h>

#include <algorithm>

/// Messages -> chat completion chunks.
namespace evenkeel::inference::dialect {

ChatFromMessages::ChatFromMessages(const AnswerHead& head, bool usage_event)
    : usage_event_{usage_event} {
    prefix_ = "data: ";
    JsonWriter json{prefix_};
    json.open('{').text("id", head.id).text("object", "chat.completion.chunk");
    json.number("created", head.created).text("model", head.model);
}

JsonWriter ChatFromMessages::open_chunk() {
    out_ += prefix_;
    JsonWriter json{out_};
    json.open("choices", '[').open('{').number("index", 0).open("delta", '{');
    return json;
}

void ChatFromMessages::close_chunk(std::string_view finish_reason) {
    JsonWriter json{out_};
    json.close('}').raw("logprobs", "null");
    if (finish_reason.empty()) {
        json.raw("finish_reason", "null");
    } else {
        json.text("finish_reason", finish_reason);
    }
    json.close('}').close(']').close('}');
    out_ += "\n\n";
}

void ChatFromMessages::begin() {
    if (!std::exchange(began_, true)) {
        open_chunk().text("role", "assistant").text("content", "");
        close_chunk({});
    }
}

bool ChatFromMessages::event(JsonView data) {
    const std::string type = data["type"].text();
    const JsonView error = data["error"];
    if (type == "error" || (type.empty() && !error.is_none())) {
        const int status = status_of_messages_error(error["type"].text());
        return fail(from_upstream(status, data.raw(), {}));
    }
    if (type == "message_start") {
        begin();
        meter_.start(data["message"]["usage"]);
    } else if (type == "content_block_start") {
        if (!block_start(data)) {
            return false;
        }
    } else if (type == "content_block_delta") {
        block_delta(data);
    } else if (type == "content_block_stop") {
        block_stop(data);
    } else if (type == "message_delta") {
        const JsonView reason = data["delta"]["stop_reason"];
        if (reason.is_string()) {
            stop_reason_ = reason.text();
        }
        meter_.end(data["usage"]);
    } else if (type == "message_stop") {
        message_stop();
    } else if (type == "ping") {
        out_ += ":\n\n";
    }
    usage_ = meter_.usage(events_);
    return !done_;
}

void ChatFromMessages::piece(std::string_view member, JsonView text) {
    if (text.has_text()) {
        begin();
        ++events_;
        open_chunk().raw(member, text.raw());
        close_chunk({});
    }
}

ChatFromMessages::Call* ChatFromMessages::find(JsonView index) {
    const auto found = std::ranges::find(calls_, index.whole().value_or(0), &Call::block);
    return found == calls_.end() ? nullptr : &*found;
}

void ChatFromMessages::arguments(Call& call, std::string_view quoted) {
    call.empty = false;
    ++events_;
    JsonWriter json = open_chunk();
    json.open("tool_calls", '[').open('{').number("index", call.index).open("function", '{');
    json.raw("arguments", quoted).close('}').close('}').close(']');
    close_chunk({});
}

bool ChatFromMessages::block_start(JsonView data) {
    const JsonView block = data["content_block"];
    const JsonView type = block["type"];
    if (type.is_text("text")) {
        piece("content", block["text"]);
    } else if (type.is_text("thinking")) {
        piece("reasoning_content", block["thinking"]);
    } else if (type.is_text("tool_use")) {
        if (calls_.size() == open_calls_max) {
            return unreadable("opens too many tool calls at once");
        }
        begin();
        calls_.push_back({.block = data["index"].whole().value_or(0), .index = call_count_++});
        JsonWriter json = open_chunk();
        json.open("tool_calls", '[').open('{').number("index", calls_.back().index);
        json.text("id", block["id"].text()).text("type", "function").open("function", '{');
        json.text("name", block["name"].text()).text("arguments", "");
        json.close('}').close('}').close(']');
        close_chunk({});
        const JsonView input = block["input"];
        if (!input.members([](std::string_view, JsonView) { return false; })) {
            arguments(calls_.back(), json_string(input.raw()));
        }
    }
    return true;
}

void ChatFromMessages::block_delta(JsonView data) {
    const JsonView delta = data["delta"];
    const JsonView type = delta["type"];
    if (type.is_text("text_delta")) {
        piece("content", delta["text"]);
    } else if (type.is_text("thinking_delta")) {
        piece("reasoning_content", delta["thinking"]);
    } else if (type.is_text("input_json_delta") && delta["partial_json"].has_text()) {
        if (Call* call = find(data["index"]); call != nullptr) {
            arguments(*call, delta["partial_json"].raw());
        }
    }
}

void ChatFromMessages::block_stop(JsonView data) {
    if (Call* call = find(data["index"]); call != nullptr) {
        if (call->empty) {
            arguments(*call, R"("{}")");
        }
        *call = calls_.back();
        calls_.pop_back();
    }
}

void ChatFromMessages::message_stop() {
    begin();
    for (Call& call : calls_) {
        if (call.empty) {
            arguments(call, R"("{}")");
        }
    }
    open_chunk();
    close_chunk(finish_reason_of(stop_reason_));
    if (usage_event_) {
        out_ += prefix_;
        JsonWriter json{out_};
        json.open("choices", '[').close(']');
        write_chat_usage(json, meter_.counts());
        json.close('}');
        out_ += "\n\n";
    }
    finish();
    out_ += "data: [DONE]\n\n";
}

}  // namespace evenkeel::inference::dialect
