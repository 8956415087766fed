#include "inference/dialect/chat_turns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

/// Chat completions -> messages.
namespace evenkeel::inference::dialect {

namespace {

enum Field : std::size_t {
    model,
    messages,
    max_tokens,
    max_completion_tokens,
    stream,
    stream_options,
    n,
    stop,
    temperature,
    top_p,
    top_k,
    tools,
    tool_choice,
    parallel_tool_calls,
    functions,
    function_call,
    response_format,
    reasoning_effort,
    user,
    logprobs,
    field_count,
};
constexpr std::array<std::string_view, field_count> names{
    "model",
    "messages",
    "max_tokens",
    "max_completion_tokens",
    "stream",
    "stream_options",
    "n",
    "stop",
    "temperature",
    "top_p",
    "top_k",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "functions",
    "function_call",
    "response_format",
    "reasoning_effort",
    "user",
    "logprobs"};

constexpr std::string_view json_instruction =
    "Answer with one JSON object and nothing else: no explanation, no code fence.";

bool above_one(std::string_view number) noexcept {
    double value = 0;
    const auto parsed = std::from_chars(number.data(), number.data() + number.size(), value);
    const bool tiny = number.contains("e-") || number.contains("E-");
    return parsed.ec == std::errc::result_out_of_range ? !tiny && !number.starts_with('-')
                                                       : value > 1.0;
}

class FromChat : FieldReader<field_count> {
public:
    FromChat(JsonView root, const ChatToMessages& how) : FieldReader{root, names}, how_{how} {}

    std::expected<Translated, ScanError> run() {
        return translate([this](std::string& body) {
            if (check()) {
                write(body);
            }
        });
    }

private:
    /// What cannot be left out without changing the answer.
    bool check() {
        if (!field(messages).is_array()) {
            return wrong(messages, "an array");
        }
        if (!field(n).is_none() && field(n).whole() != 1) {
            return notes_.refuse(
                "n", "'n' must be 1: the models that serve this give one answer to a request.");
        }
        for (const Field old : {functions, function_call}) {
            if (!field(old).is_none()) {
                return notes_.refuse(
                    names[old], fmt::format("'{}' is not served here: use 'tools'.", names[old]));
            }
        }
        if (field(logprobs).is_true()) {
            notes_.drop("logprobs");
        }
        return true;
    }

    void write(std::string& out) {
        JsonWriter json{out};
        json.open('{').text("model", how_.model).number("max_tokens", ceiling());
        const bool whole =
            field(messages).elements([this](JsonView message) { return turns_.message(message); });
        if (!whole) {
            return;
        }
        write_format();
        if (!turns_.system().empty()) {
            json.text("system", turns_.system());
        }
        json.open("messages", '[');
        out += std::move(turns_).turns();
        json.close(']');
        write_tools(json);
        write_sampling(json);
        if (!output_config_.empty()) {
            json.raw("output_config", fmt::format("{{{}}}", output_config_));
        }
        if (!thinking_.empty()) {
            json.raw("thinking", thinking_);
        }
        if (field(user).has_text()) {
            json.open("metadata", '{').raw("user_id", field(user).raw()).close('}');
        }
        if (field(stream).is_true()) {
            json.raw("stream", "true");
        }
        json.close('}');
    }

    std::int64_t ceiling() {
        std::int64_t least = 0;
        for (const Field name : {max_tokens, max_completion_tokens}) {
            const auto count = token_count(field(name));
            if (count) {
                least = least == 0 ? *count : std::min(least, *count);
            } else if (!field(name).is_none()) {
                wrong(name, fmt::format("a whole number from 1 to {}", tokens_max));
            }
        }
        return least == 0 ? how_.max_tokens_default : least;
    }

    void write_tools(JsonWriter& json) {
        if (!field(tools).is_none() && !field(tools).is_array()) {
            wrong(tools, "an array");
        }
        bool any = false;
        field(tools).elements([&](JsonView tool) {
            const JsonView function = tool["function"];
            if (!tool["type"].is_text("function")) {
                notes_.drop("tools[]." + tool["type"].text());
                return true;
            }
            if (!function["name"].is_string()) {
                return notes_.refuse("tools", "Each of 'tools' must have 'function.name'.");
            }
            if (!any) {
                json.open("tools", '[');
            }
            any = true;
            json.open('{').raw("name", function["name"].raw());
            json.some("description", function["description"]);
            write_schema(json, function["parameters"]);
            json.some("strict", function["strict"]).close('}');
            return true;
        });
        if (any) {
            json.close(']');
        }
        write_choice(json, any);
    }

    static void write_schema(JsonWriter& json, JsonView schema) {
        if (!schema.is_object()) {
            json.open("input_schema", '{').text("type", "object").close('}');
        } else if (!schema["type"].raw().empty()) {
            json.raw("input_schema", schema.raw());
        } else {
            const bool empty = schema.members([](std::string_view, JsonView) { return false; });
            json.raw(
                "input_schema",
                fmt::format(R"({{"type":"object"{}{})", empty ? "" : ",", schema.raw().substr(1)));
        }
    }

    void write_choice(JsonWriter& json, bool any_tool) {
        const JsonView choice = field(tool_choice);
        std::string_view type = "auto";
        JsonView name;
        if (choice.is_text("none")) {
            type = "none";
        } else if (choice.is_text("required")) {
            type = "any";
        } else if (choice.is_object() && choice["type"].is_text("function")) {
            type = "tool";
            name = choice["function"]["name"];
        } else if (!choice.is_none() && !choice.is_text("auto")) {
            wrong(tool_choice, "none, auto, required or one function");
            return;
        }
        const bool alone = field(parallel_tool_calls).raw() == "false" && type != "none";
        if ((choice.is_none() && !alone) || (!any_tool && (type == "auto" || type == "none"))) {
            return;
        }
        json.open("tool_choice", '{').text("type", type).some("name", name);
        if (alone) {
            json.raw("disable_parallel_tool_use", "true");
        }
        json.close('}');
    }

    void write_sampling(JsonWriter& json) {
        for (const Field name : {temperature, top_p, top_k}) {
            if (field(name).is_none()) {
                continue;
            }
            if (!field(name).is_number()) {
                wrong(name, "a number");
            } else if (!how_.sampling) {
                notes_.drop(names[name]);
            } else if (name == temperature && above_one(field(name).raw())) {
                notes_.drop(names[name]);
                json.raw(names[name], "1");
            } else {
                json.raw(names[name], field(name).raw());
            }
        }
        const JsonView sequences = field(stop);
        if (sequences.is_string()) {
            json.open("stop_sequences", '[').raw(sequences.raw()).close(']');
        } else if (sequences.is_array()) {
            json.raw("stop_sequences", sequences.raw());
        } else if (!sequences.is_none()) {
            wrong(stop, "a string or an array of strings");
        }
    }

    /// Sets output_config_ and thinking_, and may add to the system's text.
    void write_format() {
        JsonWriter json{output_config_};
        const JsonView effort = field(reasoning_effort);
        if (effort.is_text("none")) {
            thinking_ = R"({"type":"disabled"})";
        } else if (effort.is_text("minimal")) {
            json.text("effort", "low");
        } else if (effort.is_string()) {
            json.raw("effort", effort.raw());
        } else if (!effort.is_none()) {
            wrong(reasoning_effort, "a string");
        }
        const JsonView format = field(response_format);
        if (format["type"].is_text("json_object")) {
            turns_.add_system(json_instruction);
        } else if (format["type"].is_text("json_schema")) {
            const JsonView schema = format["json_schema"]["schema"];
            if (!schema.is_object()) {
                wrong(response_format, "given with 'json_schema.schema', an object");
            } else {
                json.open("format", '{').text("type", "json_schema");
                json.raw("schema", schema.raw()).close('}');
            }
        } else if (!format.is_none() && !format["type"].is_text("text")) {
            wrong(response_format, "of type text, json_object or json_schema");
        }
    }

    const ChatToMessages& how_;
    ChatTurns turns_{notes_, how_.system_turns};
    std::string output_config_{};  ///< members
    std::string thinking_{};
};

}  // namespace

std::expected<Translated, ScanError> messages_from_chat(
    std::string_view body, const ChatToMessages& how) {
    const auto text = JsonText::read(body);
    if (!text) {
        return std::unexpected{text.error()};
    }
    return FromChat{text->root(), how}.run();
}

}  // namespace evenkeel::inference::dialect
