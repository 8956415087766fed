#include "inference/dialect/continuation.hpp"

#include "inference/dialect/translate_parts.hpp"

#include <algorithm>
#include <array>

namespace evenkeel::inference::dialect {

namespace {

/// Switches by which engines are told to write in a form: half of it cannot be handed over.
constexpr std::array<std::string_view, 11> form_fields{
    "guided_json",
    "guided_regex",
    "guided_choice",
    "guided_grammar",
    "structured_outputs",
    "grammar",
    "json_schema",
    "regex",
    "ebnf",
    "structural_tag",
    "prompt_logprobs"};

/// Null, false, "", [] or {}: as good as not there.
bool says_nothing(JsonView value) noexcept {
    return value.is_none() || value.raw() == "false" || value.raw() == "\"\"" ||
           value.raw() == "[]" || value.raw() == "{}";
}

/// What a member of the request asks for can be had in two parts.
bool member_divides(std::string_view name, JsonView value) {
    if (name == "logprobs" || name == "echo" || name == "continue_final_message" ||
        std::ranges::find(form_fields, name) != form_fields.end()) {
        return says_nothing(value);
    }
    if (name == "add_generation_prompt") {
        return value.is_none() || value.is_true();
    }
    if (name == "response_format") {
        return value.is_none() || value["type"].is_text("text");
    }
    if (name == "tool_choice" || name == "function_call") {
        return value.is_none() || value.is_text("auto") || value.is_text("none");
    }
    return name != "n" || value.is_none() || value.whole() == 1;
}

/// What trimming takes away: Unicode's white space, and the separators that Python counts to it.
constexpr std::array<std::string_view, 29> spaces{
    " ",      "\t",     "\n",     "\v",     "\f",     "\r",     "\x1c",   "\x1d",
    "\x1e",   "\x1f",   "\u0085", "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002",
    "\u2003", "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200a",
    "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"};

/// Writes one request anew. Each step is false when the rest cannot be asked for.
class RestWriter {
public:
    RestWriter(const BegunChat& begun, const Rest& rest) : begun_{begun}, rest_{rest} {}

    [[nodiscard]] std::optional<std::string> write(JsonView root) {
        json_.open('{').raw("model", rest_.quoted_model);
        const bool good = root.members(
            [this](std::string_view name, JsonView value) { return member(name, value); });
        if (!good) {
            return std::nullopt;
        }
        json_.open("stream_options", '{');
        stream_options_.members([this](std::string_view name, JsonView value) {
            if (name != "include_usage") {
                json_.raw(name, value.raw());
            }
            return true;
        });
        json_.raw("include_usage", "true").close('}');
        if (!begun_.shown().empty() && rest_.how == GoesOn::by_switch) {
            json_.raw("continue_final_message", "true").raw("add_generation_prompt", "false");
        }
        json_.close('}');
        return std::move(out_);
    }

private:
    bool member(std::string_view name, JsonView value) {
        if (!member_divides(name, value)) {
            return false;
        }
        if (name == "model" || name == "continue_final_message" ||
            name == "add_generation_prompt") {
            return true;
        }
        if (name == "stream_options") {
            stream_options_ = value;
            return true;
        }
        if (name == "messages") {
            return messages(value);
        }
        const bool most = name == "max_tokens" || name == "max_completion_tokens";
        const bool least = name == "min_tokens";
        const auto count = most || least ? value.whole() : std::nullopt;
        if (count) {
            const std::int64_t left = *count - rest_.tokens_done;
            json_.number(name, std::max<std::int64_t>(left, 0));
            return least || left > 0;
        }
        json_.raw(name, value.raw());
        return true;
    }

    bool messages(JsonView all) {
        JsonView last;
        json_.open("messages", '[');
        all.elements([&](JsonView message) {
            last = message;
            json_.raw(message.raw());
            return true;
        });
        if (!begun_.shown().empty()) {
            json_.open('{').text("role", "assistant").text("content", begun_.shown()).close('}');
        }
        json_.close(']');
        return !last["role"].is_text("assistant");
    }

    const BegunChat& begun_;
    const Rest& rest_;
    JsonView stream_options_{};
    std::string out_{};
    JsonWriter json_{out_};
};

}  // namespace

GoesOn goes_on(std::string_view engine) noexcept {
    if (engine == "vllm" || engine == "synthetic") {
        return GoesOn::by_switch;
    }
    return engine == "llama.cpp" ? GoesOn::by_itself : GoesOn::no;
}

void BegunChat::take(std::string_view data) {
    if (!can_go_on) {
        return;
    }
    const auto json = JsonText::read(data);
    if (!json || !json->root().is_object()) {
        give_up();
        return;
    }
    const JsonView root = json->root();
    const JsonView choices = root["choices"];
    if (!root["error"].is_none() || !(choices.is_array() || root["usage"].is_object())) {
        give_up();
        return;
    }
    if (!std::exchange(known_, true)) {
        id = root["id"].raw();
        created = root["created"].raw();
        model = root["model"].raw();
    }
    choices.elements([this](JsonView choice) {
        take_choice(choice);
        return can_go_on;
    });
    if (text.size() > text_bytes_max) {
        give_up();
    }
}

void BegunChat::take_choice(JsonView choice) {
    const bool is_first = choice["index"].is_none() || choice["index"].whole() == 0;
    bool plain = is_first && choice["finish_reason"].is_none() && choice["logprobs"].is_none();
    choice["delta"].members([&](std::string_view name, JsonView value) {
        if (name == "content" && value.is_string()) {
            text += value.text();
        } else {
            plain = plain && (name == "role" || says_nothing(value));
        }
        return true;
    });
    if (!plain) {
        give_up();
    }
}

void BegunChat::give_up() {
    can_go_on = false;
    std::string{}.swap(text);
}

std::string_view BegunChat::shown() const noexcept {
    std::string_view left = text;
    for (bool cut = true; cut && !left.empty();) {
        cut = false;
        for (const std::string_view space : spaces) {
            if (left.ends_with(space)) {
                left.remove_suffix(space.size());
                cut = true;
            }
        }
    }
    return left;
}

bool divides(std::string_view body) {
    const auto json = JsonText::read(body);
    return json && json->root().is_object() &&
           json->root().members([](std::string_view name, JsonView value) {
               if (name != "messages") {
                   return member_divides(name, value);
               }
               JsonView last;
               value.elements([&last](JsonView message) {
                   last = message;
                   return true;
               });
               return !last["role"].is_text("assistant");
           });
}

std::optional<std::string> rest_of_chat(
    std::string_view body, const BegunChat& begun, const Rest& rest) {
    if (!can_write_rest(rest.how, begun)) {
        return std::nullopt;
    }
    const auto json = JsonText::read(body);
    return json && json->root().is_object() ? RestWriter{begun, rest}.write(json->root())
                                            : std::nullopt;
}

Usage whole_usage(const Usage& first, const Usage& rest) noexcept {
    Usage whole = rest;
    if (!rest.estimated) {
        whole.prompt = std::max<std::int64_t>(rest.prompt - first.completion, 0);
    }
    whole.cached = std::min(whole.cached, whole.prompt);
    whole.completion += first.completion;
    whole.estimated = true;
    return whole;
}

KeptStream::Line KeptStream::data_line(std::string_view name, std::string_view data) {
    const Line line = EventStream::data_line(name, data);
    if (line == Line::plain) {
        begun_.take(data);
    }
    return line;
}

std::string ContinuedStream::after_space(std::string content) {
    std::size_t same = 0;
    while (same < content.size() && !space_.empty()) {
        const auto* const next = std::ranges::find_if(
            spaces, [this](std::string_view space) { return space_.starts_with(space); });
        if (!std::string_view{content}.substr(same).starts_with(*next)) {
            space_ = {};  // it goes on otherwise: from here on all is new
            break;
        }
        same += next->size();
        space_.remove_prefix(next->size());
    }
    return content.erase(0, same);
}

bool ContinuedStream::event(JsonView data) {
    if (!data["error"].is_none()) {
        error_ = true;
        const std::size_t begin = out_.size();
        out_.append("data: ").append(data.raw());
        end_event(begin);
        return false;
    }
    const auto counts = ChatCounts::of(data["usage"]);
    if (counts) {
        usage_ = counts->usage;
    }
    bool any = false;
    bool says = false;
    content_.reset();
    data["choices"].elements([&](JsonView choice) {
        any = true;
        says = says || !choice["finish_reason"].is_none();
        choice["delta"].members([&](std::string_view name, JsonView value) {
            bool says_this = name != "role" && !says_nothing(value);
            if (says_this && name == "content" && value.is_string() && !space_.empty()) {
                content_ = after_space(value.text());
                says_this = !content_->empty();
            }
            says = says || says_this;
            return true;
        });
        return true;
    });
    events_ += any ? 1 : 0;
    if (any ? says : usage_event_) {  // else a beginning, which the client has had, or usage
        write_event(data, counts);    // that it did not ask for
    }
    return true;
}

void ContinuedStream::write_event(JsonView data, const std::optional<ChatCounts>& counts) {
    const std::size_t begin = out_.size();
    out_ += "data: ";
    JsonWriter json{out_};
    json.open('{');
    data.members([&](std::string_view name, JsonView value) {
        const bool is_head = name == "id" || name == "created" || name == "model";
        const std::string& head = name == "id"        ? begun_.id
                                  : name == "created" ? begun_.created
                                                      : begun_.model;
        if (is_head) {
            if (!head.empty()) {
                json.raw(name, head);
            }
        } else if (name == "choices") {
            write_choices(json, value);
        } else if (name == "usage" && counts) {
            write_usage(json, *counts);
        } else {
            json.raw(name, value.raw());
        }
        return true;
    });
    json.close('}');
    end_event(begin);
}

/// Data of several lines is one text with line ends between its tokens, which would end the line.
void ContinuedStream::end_event(std::size_t begin) {
    std::replace_if(
        out_.begin() + static_cast<std::ptrdiff_t>(begin),
        out_.end(),
        [](char c) { return c == '\n' || c == '\r'; },
        ' ');
    out_ += "\n\n";
}

void ContinuedStream::write_choices(JsonWriter& json, JsonView choices) {
    json.open("choices", '[');
    choices.elements([this, &json](JsonView choice) {
        json.open('{');
        choice.members([this, &json](std::string_view name, JsonView value) {
            if (name != "delta") {
                json.raw(name, value.raw());
                return true;
            }
            json.open("delta", '{');
            value.members([this, &json](std::string_view part, JsonView content) {
                if (part == "content" && content_) {
                    json.text(part, *content_);
                } else if (part != "role") {
                    json.raw(part, content.raw());
                }
                return true;
            });
            json.close('}');
            return true;
        });
        json.close('}');
        return true;
    });
    json.close(']');
}

void ContinuedStream::write_usage(JsonWriter& json, const ChatCounts& counts) {
    const Usage whole = whole_usage(first_, counts.usage);
    json.open("usage", '{').number("prompt_tokens", whole.prompt);
    json.number("completion_tokens", whole.completion);
    json.number("total_tokens", whole.prompt + whole.completion);
    json.open("prompt_tokens_details", '{').number("cached_tokens", whole.cached).close('}');
    json.close('}');
}

bool ContinuedStream::end_mark() {
    finish();
    out_ += "data: [DONE]\n\n";
    return false;
}

}  // namespace evenkeel::inference::dialect
