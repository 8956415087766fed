#include "inference/dialect/message_turns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

/// Messages -> chat completions.
namespace evenkeel::inference::dialect {

namespace {

enum Field : std::size_t {
    model,
    messages,
    system,
    max_tokens,
    stream,
    stop_sequences,
    temperature,
    top_p,
    top_k,
    tools,
    tool_choice,
    thinking,
    output_config,
    metadata,
    thread,
    field_count,
};
constexpr std::array<std::string_view, field_count> names{
    "model",
    "messages",
    "system",
    "max_tokens",
    "stream",
    "stop_sequences",
    "temperature",
    "top_p",
    "top_k",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "metadata",
    "thread"};

class FromMessages : FieldReader<field_count> {
public:
    FromMessages(JsonView root, const MessagesToChat& how) : FieldReader{root, names}, how_{how} {}

    std::expected<Translated, ScanError> run() {
        return translate([this](std::string& body) { write(body); });
    }

private:
    void write(std::string& out) {
        const auto ceiling = token_count(field(max_tokens));
        if (!ceiling) {
            wrong(max_tokens, fmt::format("given: a whole number from 1 to {}", tokens_max));
            return;
        }
        if (!field(messages).is_array()) {
            wrong(messages, "an array");
            return;
        }
        if (!field(thread).is_none()) {
            // Dropped, it would leave the model with the last turn alone. SDKs know the code, and
            // send the whole conversation.
            notes_.refuse(
                names[thread],
                "This model keeps no conversations: send all of it, without 'thread'.",
                "thread_unsupported_request");
            return;
        }
        const bool whole =
            turns_.system(field(system)) && field(messages).elements([this](JsonView message) {
                return message.is_object() ? turns_.message(message)
                                           : wrong(messages, "an array of objects");
            });
        if (!whole) {
            return;
        }
        JsonWriter json{out};
        json.open('{').text("model", how_.model);
        json.number(how_.max_completion_tokens ? "max_completion_tokens" : "max_tokens", *ceiling);
        json.open("messages", '[');
        out += std::move(turns_).turns();
        json.close(']');
        write_tools(json);
        write_sampling(json);
        write_format(json);
        const JsonView user = field(metadata)["user_id"];
        if (user.has_text()) {
            json.raw("user", user.raw());
        }
        others(metadata, {"user_id"});
        if (field(stream).is_true()) {
            json.raw("stream", "true");
            if (how_.stream_usage) {
                json.raw("stream_options", R"({"include_usage":true})");
            }
        }
        json.close('}');
    }

    /// Notes the members of a field that have no counterpart.
    void others(Field name, std::initializer_list<std::string_view> known) {
        const std::string where = fmt::format("{}.", names[name]);
        field(name).members([&](std::string_view key, JsonView value) {
            return std::ranges::find(known, key) != known.end() ||
                   notes_.unknown(where, key, value);
        });
    }

    void write_tools(JsonWriter& json) {
        if (!field(tools).is_none() && !field(tools).is_array()) {
            wrong(tools, "an array");
        }
        bool any = false;
        field(tools).elements([&](JsonView tool) {
            const JsonView type = tool["type"];
            if (!type.is_none() && !type.is_text("custom")) {
                notes_.drop("tools[]." + type.text());
                return true;
            }
            if (!tool["name"].is_string()) {
                return notes_.refuse("tools", "Each of 'tools' must have a 'name'.");
            }
            if (!any) {
                json.open("tools", '[');
            }
            any = true;
            json.open('{').text("type", "function").open("function", '{');
            json.raw("name", tool["name"].raw()).some("description", tool["description"]);
            json.some("parameters", tool["input_schema"]).some("strict", tool["strict"]);
            json.close('}').close('}');
            return tool_members(tool);
        });
        if (any) {
            json.close(']');
            write_choice(json);
        }
    }

    bool tool_members(JsonView tool) {
        constexpr std::string_view known[] = {
            "type", "name", "description", "input_schema", "strict"};
        return tool.members([&](std::string_view key, JsonView value) {
            if (key == "cache_control") {
                return notes_.unknown({}, key, value);
            }
            return std::ranges::find(known, key) != std::end(known) ||
                   notes_.unknown("tools[].", key, value);
        });
    }

    void write_choice(JsonWriter& json) {
        const JsonView choice = field(tool_choice);
        const JsonView type = choice["type"];
        if (choice.is_none()) {
            return;
        }
        if (type.is_text("tool") && choice["name"].is_string()) {
            json.open("tool_choice", '{').text("type", "function").open("function", '{');
            json.raw("name", choice["name"].raw()).close('}').close('}');
        } else if (type.is_text("any")) {
            json.text("tool_choice", "required");
        } else if (type.is_text("auto") || type.is_text("none")) {
            json.raw("tool_choice", type.raw());
        } else {
            wrong(tool_choice, "of type auto, any, none, or tool with a name");
        }
        if (choice["disable_parallel_tool_use"].is_true()) {
            json.raw("parallel_tool_calls", "false");
        }
        others(tool_choice, {"type", "name", "disable_parallel_tool_use"});
    }

    void write_sampling(JsonWriter& json) {
        for (const Field name : {temperature, top_p, top_k}) {
            if (field(name).is_none()) {
                continue;
            }
            if (!field(name).is_number()) {
                wrong(name, "a number");
            } else if (!how_.sampling || (name == top_k && !how_.top_k)) {
                notes_.drop(names[name]);
            } else {
                json.raw(names[name], field(name).raw());
            }
        }
        if (field(stop_sequences).is_array()) {
            const bool none = field(stop_sequences).elements([](JsonView) { return false; });
            if (!none) {
                json.raw("stop", field(stop_sequences).raw());
            }
        } else if (!field(stop_sequences).is_none()) {
            wrong(stop_sequences, "an array of strings");
        }
    }

    void write_format(JsonWriter& json) {
        const JsonView config = field(output_config);
        const JsonView effort = config["effort"];
        if (field(thinking)["type"].is_text("disabled")) {
            json.text("reasoning_effort", "none");
        } else if (effort.is_string()) {
            json.raw("reasoning_effort", effort.raw());
        } else if (!effort.is_none()) {
            wrong(output_config, "an object whose 'effort' is a string");
        }
        const JsonView format = config["format"];
        if (!format.is_none()) {
            if (!format["type"].is_text("json_schema") || !format["schema"].is_object()) {
                wrong(output_config, "an object whose 'format' is a json_schema with its 'schema'");
            }
            json.open("response_format", '{').text("type", "json_schema");
            json.open("json_schema", '{').text("name", "answer");
            json.raw("schema", format["schema"].raw()).raw("strict", "true");
            json.close('}').close('}');
        }
        others(thinking, {"type"});
        others(output_config, {"effort", "format"});
    }

    const MessagesToChat& how_;
    MessageTurns turns_{notes_};
};

}  // namespace

std::expected<Translated, ScanError> chat_from_messages(
    std::string_view body, const MessagesToChat& how) {
    // Schemas of tools come to stand one container deeper than they did.
    const auto text = JsonText::read(body, 1);
    if (!text) {
        return std::unexpected{text.error()};
    }
    return FromMessages{text->root(), how}.run();
}

}  // namespace evenkeel::inference::dialect
