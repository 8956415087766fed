#include "lab/engine/wire.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <array>
#include <iterator>

namespace evenkeel::lab::engine {
namespace {

namespace json = boost::json;

constexpr std::int64_t bytes_per_token = 4;
constexpr std::int64_t max_tokens_limit = 10'000'000;

/// One word is one token.
constexpr std::array<std::string_view, 9> words{
    "This ", "text ", "is ", "synthetic: ", "no ", "model ", "wrote ", "it. ", "\n"};

Result<std::int64_t> content_bytes(const json::value& content) {
    if (content.is_null()) {
        return 0;
    }
    if (const json::string* text = content.if_string()) {
        return static_cast<std::int64_t>(text->size());
    }
    const json::array* parts = content.if_array();
    if (parts == nullptr) {
        return fail(Errc::invalid_argument, "content must be a string or a list of parts");
    }
    std::int64_t bytes = 0;
    for (const json::value& part : *parts) {
        const json::object* fields = part.if_object();
        const json::value* text = fields == nullptr ? nullptr : fields->if_contains("text");
        if (text == nullptr || !text->is_string()) {
            return fail(Errc::invalid_argument, "this engine reads only parts of type text");
        }
        bytes += static_cast<std::int64_t>(text->get_string().size());
    }
    return bytes;
}

Result<bool> flag_at(const json::object& body, std::string_view key) {
    const json::value* found = body.if_contains(key);
    if (found == nullptr || found->is_null()) {
        return false;
    }
    if (!found->is_bool()) {
        return fail(Errc::invalid_argument, fmt::format("{} must be true or false", key));
    }
    return found->get_bool();
}

Result<std::int64_t> limit_at(const json::object& body, std::string_view key) {
    const json::value* found = body.if_contains(key);
    if (found == nullptr || found->is_null()) {
        return 0;
    }
    const std::int64_t* value = found->if_int64();
    if (value == nullptr || *value < 1 || *value > max_tokens_limit) {
        return fail(Errc::invalid_argument, fmt::format("{} must be a whole number >= 1", key));
    }
    return *value;
}

/// As vLLM: `continue_final_message` goes on with the last message in place of a new one.
Result<void> read_begun(const json::object& body, ClientRequest& request) {
    const Result<bool> continues = flag_at(body, "continue_final_message");
    if (!continues) {
        return std::unexpected{continues.error()};
    }
    if (!*continues) {
        return {};
    }
    const json::value* prompts = body.if_contains("add_generation_prompt");
    if (prompts == nullptr || !prompts->is_bool() || prompts->get_bool()) {
        return fail(
            Errc::invalid_argument,
            "continue_final_message and add_generation_prompt cannot both be true");
    }
    const json::object& last = body.at("messages").get_array().back().get_object();
    const json::value* content = last.if_contains("content");
    const json::string* text = content == nullptr ? nullptr : content->if_string();
    if (last.at("role") != "assistant" || text == nullptr) {
        return fail(Errc::invalid_argument, "the last message is no text of the assistant's");
    }
    // Without the space of its last token, as it is sent for templates that trim: a model would
    // begin with that.
    const Filler filler = read_filler(*text);
    request.continues_at = filler.tokens;
    request.continues_with = filler.missing;
    return {};
}

std::string quoted(std::string_view text) {
    return json::serialize(json::value(text));
}

/// `{"id":...,"object":...,"created":...,"model":...,"system_fingerprint":"synthetic"` without the
/// closing brace.
std::string opening(const AnswerHead& head, std::string_view object) {
    return fmt::format(
        R"({{"id":{},"object":"{}","created":{},"model":{},"system_fingerprint":"synthetic")",
        quoted(head.id),
        object,
        head.created,
        quoted(head.model));
}

std::string usage_object(std::int64_t prompt, std::int64_t completion) {
    return fmt::format(
        R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{}}})",
        prompt,
        completion,
        prompt + completion);
}

}  // namespace

Result<ClientRequest> parse_chat(std::string_view body) {
    boost::system::error_code code;
    const json::value value = json::parse(body, code);
    const json::object* fields = code ? nullptr : value.if_object();
    if (fields == nullptr) {
        return fail(Errc::invalid_argument, "the body is no JSON object");
    }
    ClientRequest request;
    const json::value* model = fields->if_contains("model");
    if (model == nullptr || !model->is_string()) {
        return fail(Errc::invalid_argument, "model is missing");
    }
    request.model = std::string{std::string_view{model->get_string()}};
    const json::value* messages = fields->if_contains("messages");
    if (messages == nullptr || !messages->is_array() || messages->get_array().empty()) {
        return fail(Errc::invalid_argument, "messages must be a list with at least one message");
    }
    std::int64_t bytes = 0;
    for (const json::value& message : messages->get_array()) {
        const json::object* parts = message.if_object();
        if (parts == nullptr || !parts->contains("role")) {
            return fail(Errc::invalid_argument, "each message needs a role");
        }
        const json::value* content = parts->if_contains("content");
        const Result<std::int64_t> size =
            content == nullptr ? Result<std::int64_t>{0} : content_bytes(*content);
        if (!size) {
            return std::unexpected{size.error()};
        }
        bytes += *size;
    }
    request.prompt_tokens = (bytes + bytes_per_token - 1) / bytes_per_token;
    for (const std::string_view key : {"max_tokens", "max_completion_tokens"}) {
        const Result<std::int64_t> limit = limit_at(*fields, key);
        if (!limit) {
            return std::unexpected{limit.error()};
        }
        request.max_tokens = *limit > 0 ? *limit : request.max_tokens;
    }
    const Result<void> begun = read_begun(*fields, request);
    if (!begun) {
        return std::unexpected{begun.error()};
    }
    const Result<bool> stream = flag_at(*fields, "stream");
    if (!stream) {
        return std::unexpected{stream.error()};
    }
    request.stream = *stream;
    const json::value* options = fields->if_contains("stream_options");
    if (options != nullptr && options->is_object()) {
        const Result<bool> usage = flag_at(options->get_object(), "include_usage");
        if (!usage) {
            return std::unexpected{usage.error()};
        }
        request.include_usage = *usage;
    }
    return request;
}

std::string error_body(std::string_view message, std::string_view type, std::string_view code) {
    return fmt::format(
        R"({{"error":{{"message":{},"type":{},"param":null,"code":{}}}}})",
        quoted(message),
        quoted(type),
        code.empty() ? "null" : quoted(code));
}

std::string filler_tokens(std::int64_t from, std::int64_t count) {
    std::string text;
    for (std::int64_t i = from; i < from + count; ++i) {
        text += words[static_cast<std::size_t>(i) % words.size()];
    }
    return text;
}

Filler read_filler(std::string_view text) {
    Filler filler;
    while (!text.empty()) {
        const std::string_view word = words[static_cast<std::size_t>(filler.tokens) % words.size()];
        const std::string_view bare = word.substr(0, word.find_last_not_of(" \n") + 1);
        if (text == bare) {
            filler.missing = word.substr(bare.size());
        } else if (!text.starts_with(word)) {
            return {};
        }
        text.remove_prefix(std::min(word.size(), text.size()));
        ++filler.tokens;
    }
    return filler;
}

std::string content_event(const AnswerHead& head, std::string_view text, bool first) {
    return fmt::format(
        "data: {},\"choices\":[{{\"index\":0,\"delta\":{{{}\"content\":{}}},"
        "\"finish_reason\":null}}]}}\n\n",
        opening(head, "chat.completion.chunk"),
        first ? R"("role":"assistant",)" : "",
        quoted(text));
}

std::string finish_event(const AnswerHead& head, std::string_view finish_reason) {
    return fmt::format(
        "data: {},\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":{}}}]}}\n\n",
        opening(head, "chat.completion.chunk"),
        quoted(finish_reason));
}

std::string usage_event(
    const AnswerHead& head, std::int64_t prompt_tokens, std::int64_t completion_tokens) {
    return fmt::format(
        "data: {},\"choices\":[],\"usage\":{}}}\n\n",
        opening(head, "chat.completion.chunk"),
        usage_object(prompt_tokens, completion_tokens));
}

std::string completion_body(
    const AnswerHead& head,
    std::string_view text,
    std::string_view finish_reason,
    std::int64_t prompt_tokens,
    std::int64_t completion_tokens) {
    return fmt::format(
        "{},\"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\"content\":{}}},"
        "\"logprobs\":null,\"finish_reason\":{}}}],\"usage\":{}}}",
        opening(head, "chat.completion"),
        quoted(text),
        quoted(finish_reason),
        usage_object(prompt_tokens, completion_tokens));
}

std::string models_body(std::string_view model, std::int64_t created, std::int64_t context) {
    return fmt::format(
        "{{\"object\":\"list\",\"data\":[{{\"id\":{},\"object\":\"model\",\"created\":{},"
        "\"owned_by\":\"synthetic\",\"max_model_len\":{}}}]}}",
        quoted(model),
        created,
        context);
}

std::string metrics_text(std::string_view model, const MetricValues& values) {
    std::string text = "# Synthetic engine: no GPU stands behind these numbers.\n";
    std::string label;
    for (const char c : model) {
        if (c == '"' || c == '\\') {
            label += '\\';
        }
        label += c == '\n' ? ' ' : c;
    }
    const auto line = [&](std::string_view name,
                          std::string_view type,
                          std::string_view extra,
                          std::string_view value) {
        if (!type.empty()) {
            fmt::format_to(std::back_inserter(text), "# TYPE vllm:{} {}\n", name, type);
        }
        fmt::format_to(
            std::back_inserter(text),
            "vllm:{}{{engine=\"0\",model_name=\"{}\"{}}} {}\n",
            name,
            label,
            extra,
            value);
    };
    line("num_requests_running", "gauge", "", fmt::format("{}", values.running));
    line("num_requests_waiting", "gauge", "", fmt::format("{}", values.waiting));
    line("kv_cache_usage_perc", "gauge", "", fmt::format("{:.6f}", values.kv_usage));
    if (values.kv_tokens > 0) {
        line(
            "cache_config_info",
            "gauge",
            fmt::format(",block_size=\"16\",num_gpu_blocks=\"{}\"", values.kv_tokens / 16),
            "1.0");
    }
    line("prompt_tokens_total", "counter", "", fmt::format("{}", values.prompt_tokens));
    line("generation_tokens_total", "counter", "", fmt::format("{}", values.generation_tokens));
    const std::string_view success = "request_success_total";
    const auto reason = [&](std::string_view name, std::string_view type, std::int64_t count) {
        line(success, type, fmt::format(",finished_reason=\"{}\"", name), fmt::format("{}", count));
    };
    reason("stop", "counter", values.finished_stop);
    reason("length", "", values.finished_length);
    reason("abort", "", values.finished_abort);
    return text;
}

}  // namespace evenkeel::lab::engine
