#include "inference/dialect/translate_answer.hpp"

#include "inference/dialect/translate_parts.hpp"

#include <algorithm>

namespace evenkeel::inference::dialect {

namespace {

void take_count(JsonView value, std::int64_t& out) {
    const auto count = value.whole();
    if (count && *count >= 0 && *count <= tokens_max) {
        out = *count;
    }
}

void take_count(JsonView value, std::optional<std::int64_t>& out) {
    std::int64_t count = -1;
    take_count(value, count);
    if (count >= 0) {
        out = count;
    }
}

/// The text of a message's content, which some servers give as parts.
std::string content_text(JsonView content) {
    std::string out = content.text();
    content.elements([&out](JsonView part) {
        out += part["text"].text();
        return true;
    });
    return out;
}

void write_text_block(JsonWriter& json, std::string_view text) {
    if (!text.empty()) {
        json.open('{').text("type", "text").text("text", text).close('}');
    }
}

void write_tool_use(JsonWriter& json, JsonView call) {
    const JsonView function = call["function"];
    const std::string text = function["arguments"].text();
    const auto input = arguments_object(text);
    if (!input) {
        write_text_block(json, text);
    }
    json.open('{').text("type", "tool_use").text("id", tool_id(call["id"].text()));
    json.text("name", function["name"].text());
    json.raw("input", input ? std::string_view{*input} : "{}").close('}');
}

}  // namespace

void MessagesCounts::take(JsonView usage) {
    usage.members([this](std::string_view key, JsonView value) {
        if (key == "input_tokens") {
            take_count(value, input);
        } else if (key == "output_tokens") {
            take_count(value, output);
        } else if (key == "cache_read_input_tokens") {
            take_count(value, cache_read);
        } else if (key == "cache_creation_input_tokens") {
            take_count(value, cache_write);
        } else if (key == "output_tokens_details") {
            take_count(value["thinking_tokens"], thinking);
        }
        return true;
    });
}

std::optional<Usage> MessagesCounts::usage() const noexcept {
    if (!input || !output) {
        return std::nullopt;
    }
    return Usage{
        .prompt = *input + cache_read + cache_write,
        .cached = cache_read,
        .cache_write = cache_write,
        .completion = *output,
        .estimated = false};
}

std::optional<ChatCounts> ChatCounts::of(JsonView usage) {
    std::optional<std::int64_t> prompt;
    std::optional<std::int64_t> completion;
    ChatCounts out;
    usage.members([&](std::string_view key, JsonView value) {
        if (key == "prompt_tokens") {
            take_count(value, prompt);
        } else if (key == "completion_tokens") {
            take_count(value, completion);
        } else if (key == "prompt_tokens_details") {
            take_count(value["cached_tokens"], out.usage.cached);
            take_count(value["cache_write_tokens"], out.usage.cache_write);
        } else if (key == "completion_tokens_details") {
            take_count(value["reasoning_tokens"], out.reasoning);
        }
        return true;
    });
    if (!prompt || !completion) {
        return std::nullopt;
    }
    out.usage.prompt = *prompt;
    out.usage.completion = *completion;
    out.usage.cached = std::min(out.usage.cached, *prompt);
    out.usage.cache_write = std::min(out.usage.cache_write, *prompt - out.usage.cached);
    return out;
}

void write_chat_usage(JsonWriter& json, const MessagesCounts& counts) {
    const std::int64_t prompt = counts.input.value_or(0) + counts.cache_read + counts.cache_write;
    const std::int64_t completion = counts.output.value_or(0);
    json.open("usage", '{').number("prompt_tokens", prompt);
    json.number("completion_tokens", completion).number("total_tokens", prompt + completion);
    json.open("prompt_tokens_details", '{').number("cached_tokens", counts.cache_read);
    json.number("cache_write_tokens", counts.cache_write).close('}');
    json.open("completion_tokens_details", '{').number("reasoning_tokens", counts.thinking);
    json.close('}').close('}');
}

void write_messages_usage(JsonWriter& json, const ChatCounts& counts) {
    const Usage& usage = counts.usage;
    json.open("usage", '{');
    json.number("input_tokens", usage.prompt - usage.cached - usage.cache_write);
    json.number("cache_creation_input_tokens", usage.cache_write);
    json.number("cache_read_input_tokens", usage.cached);
    json.number("output_tokens", usage.completion);
    if (counts.reasoning > 0) {
        json.open("output_tokens_details", '{').number("thinking_tokens", counts.reasoning);
        json.close('}');
    }
    json.close('}');
}

std::string_view finish_reason_of(std::string_view stop_reason) noexcept {
    if (stop_reason == "max_tokens" || stop_reason == "model_context_window_exceeded") {
        return "length";
    }
    if (stop_reason == "tool_use") {
        return "tool_calls";
    }
    return stop_reason == "refusal" ? "content_filter" : "stop";
}

std::string_view stop_reason_of(std::string_view finish_reason, bool calls) noexcept {
    if (finish_reason == "length") {
        return "max_tokens";
    }
    if (finish_reason == "content_filter") {
        return "refusal";
    }
    // Some engines say "stop" for a call they were told to make.
    return calls || finish_reason == "tool_calls" ? "tool_use" : "end_turn";
}

JsonView reasoning_of(JsonView message) {
    const JsonView content = message["reasoning_content"];
    return content.has_text() ? content : message["reasoning"];
}

std::optional<Usage> messages_usage(std::string_view body) {
    const auto text = JsonText::read(body);
    if (!text) {
        return std::nullopt;
    }
    MessagesCounts counts;
    counts.take(text->root()["usage"]);
    return counts.usage();
}

std::optional<std::string> chat_answer(std::string_view messages_body, const AnswerHead& head) {
    const auto text = JsonText::read(messages_body);
    if (!text || !text->root()["content"].is_array()) {
        return std::nullopt;
    }
    const JsonView message = text->root();
    std::string said;
    std::string thought;
    std::string calls;
    message["content"].elements([&](JsonView block) {
        const JsonView type = block["type"];
        if (type.is_text("text")) {
            said += block["text"].text();
        } else if (type.is_text("thinking")) {
            thought += block["thinking"].text();
        } else if (type.is_text("tool_use")) {
            const JsonView input = block["input"];
            JsonWriter json{calls};
            json.open('{').text("id", block["id"].text()).text("type", "function");
            json.open("function", '{').text("name", block["name"].text());
            json.text("arguments", input.is_object() ? input.raw() : "{}").close('}').close('}');
        }
        return true;
    });
    MessagesCounts counts;
    counts.take(message["usage"]);
    std::string out;
    JsonWriter json{out};
    json.open('{').text("id", head.id).text("object", "chat.completion");
    json.number("created", head.created).text("model", head.model).open("choices", '[');
    json.open('{').number("index", 0).open("message", '{').text("role", "assistant");
    if (said.empty() && !calls.empty()) {
        json.raw("content", "null");
    } else {
        json.text("content", said);
    }
    json.raw("refusal", "null");
    if (!thought.empty()) {
        json.text("reasoning_content", thought);
    }
    if (!calls.empty()) {
        json.open("tool_calls", '[').raw(calls).close(']');
    }
    json.close('}').raw("logprobs", "null");
    json.text("finish_reason", finish_reason_of(message["stop_reason"].text()));
    json.close('}').close(']');
    write_chat_usage(json, counts);
    json.close('}');
    return out;
}

std::optional<std::string> messages_answer(std::string_view chat_body, const AnswerHead& head) {
    const auto text = JsonText::read(chat_body);
    if (!text) {
        return std::nullopt;
    }
    JsonView choice;
    text->root()["choices"].elements([&choice](JsonView first) {
        choice = first;
        return false;
    });
    const JsonView message = choice["message"];
    if (!message.is_object()) {
        return std::nullopt;
    }
    std::string out;
    JsonWriter json{out};
    json.open('{').text("id", head.id).text("type", "message").text("role", "assistant");
    json.text("model", head.model).open("content", '[');
    const JsonView thought = reasoning_of(message);
    if (thought.has_text()) {
        json.open('{').text("type", "thinking").raw("thinking", thought.raw());
        json.text("signature", "").close('}');
    }
    const JsonView refusal = message["refusal"];
    write_text_block(json, content_text(message["content"]));
    write_text_block(json, refusal.text());
    bool calls = false;
    message["tool_calls"].elements([&](JsonView call) {
        calls = true;
        write_tool_use(json, call);
        return true;
    });
    const auto finish = choice["finish_reason"].text();
    json.close(']').text(
        "stop_reason", refusal.has_text() ? "refusal" : stop_reason_of(finish, calls));
    json.raw("stop_sequence", "null");
    write_messages_usage(json, ChatCounts::of(text->root()["usage"]).value_or(ChatCounts{}));
    json.close('}');
    return out;
}

}  // namespace evenkeel::inference::dialect
