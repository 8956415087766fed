#include "inference/dialect/messages_stream.hpp"
#include "inference/dialect/translate_request.hpp"
#include "inference/dialect/translate_stream.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

/// The translations between the dialects. The first byte chooses: 0 and 1 requests, 2 and 3 plain
/// answers, 4 to 6 streams (`what % 7`), whose second byte is the length of the pieces. What comes
/// out must be valid JSON or events of it, with the same numbers of usage, however it was split.
namespace {

namespace json = boost::json;
using namespace evenkeel::inference::dialect;

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

json::value valid(std::string_view text) {
    boost::system::error_code code;
    json::parse_options options;
    options.max_depth = depth_max;
    json::value value = json::parse(text, code, {}, options);
    require(!code || code == json::error::exponent_overflow);  // a limit of that parser alone
    return value;
}

void check_request(const std::expected<Translated, ScanError>& out) {
    if (!out) {
        require(!out.error().message.empty());
        return;
    }
    const json::value sent = valid(out->body);
    require(sent.is_null() || sent.at("model") == "up");
    require(out->dropped.size() <= dropped_max);
    for (const std::string& path : out->dropped) {
        require(std::ranges::all_of(path, [](char c) { return c > 0x20 && c < 0x7F; }));
    }
}

void chat_request(std::string_view body) {
    for (const bool is : {false, true}) {
        const auto out =
            messages_from_chat(body, {.model = "up", .sampling = is, .system_turns = is});
        check_request(out);
        if (out) {  // what we say we understand, unless nobody could take it
            const auto back = chat_from_messages(out->body, {.model = "up"});
            check_request(back);
        }
    }
}

void messages_request(std::string_view body) {
    for (const bool is : {false, true}) {
        const MessagesToChat how{
            .model = "up",
            .sampling = is,
            .top_k = is,
            .stream_usage = is,
            .max_completion_tokens = is};
        const auto out = chat_from_messages(body, how);
        check_request(out);
        if (out) {
            check_request(messages_from_chat(out->body, {.model = "up"}));
        }
    }
}

const AnswerHead head{.id = "i", .model = "m", .created = 1};

void message_answer(std::string_view body) {
    const auto usage = messages_usage(body);
    if (const auto out = chat_answer(body, head)) {
        const json::value said = valid(*out);
        require(said.at("choices").as_array().size() == 1);
        require(!usage || scan_answer(*out)->usage == usage || usage->prompt > tokens_max);
        require(messages_answer(*out, head).has_value());
    }
}

void completion_answer(std::string_view body) {
    if (const auto out = messages_answer(body, head)) {
        const json::value said = valid(*out);
        require(
            said.is_null() ||
            (said.at("content").is_array() && said.at("stop_reason").is_string()));
        require(chat_answer(*out, head).has_value());
        const auto usage = messages_usage(*out);
        require(usage && usage->prompt >= usage->cached + usage->cache_write);
    }
}

struct Seen {
    std::string text{};
    std::string done{};
    std::int64_t events{0};
    std::optional<evenkeel::Usage> usage{};
    bool error{false};
    friend bool operator==(const Seen&, const Seen&) = default;
};

Seen follow(AnswerStream& stream, std::string_view bytes, std::size_t step) {
    Seen seen;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        const std::string piece{bytes.substr(at, step)};  // a copy: views must not outlive it
        const AnswerStream::Pass& pass = stream.feed(piece);
        for (const std::string_view part : pass.pieces) {
            require(!part.empty() && seen.done.empty());
            seen.text += part;
        }
        seen.done += pass.done;
    }
    require(stream.done() == !seen.done.empty());
    seen.events = stream.events();
    seen.usage = stream.usage();
    seen.error = stream.error_seen();
    return seen;
}

/// Every line is one of a stream of events, and what it carries parses.
void check_events(std::string_view text) {
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        require(end != std::string_view::npos);
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end + 1);
        if (line.starts_with("data: ")) {
            require(line == "data: [DONE]" || valid(line.substr(6)).is_object());
        } else {
            require(line.empty() || line == ":" || line.starts_with("event: "));
        }
    }
}

template <class Make>
void translated_stream(std::string_view bytes, std::size_t step, Make&& make) {
    auto whole = make();
    const Seen expected = follow(whole, bytes, bytes.size() + 1);
    auto parts = make();
    require(follow(parts, bytes, step) == expected);
    check_events(expected.text);
    check_events(expected.done);
    require(!(expected.error && whole.done()));
}

void passed_stream(std::string_view bytes, std::size_t step) {
    MessagesStream whole;
    const Seen expected = follow(whole, bytes, bytes.size() + 1);
    MessagesStream parts;
    const Seen seen = follow(parts, bytes, step);
    require(bytes.starts_with(seen.text + seen.done));
    if (bytes.size() <= PassStream::held_bytes_max) {
        require(seen == expected);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) {
        return 0;
    }
    const std::string_view all{reinterpret_cast<const char*>(data), size};
    const std::string_view body = all.substr(1);
    const std::string_view stream = all.substr(2);
    const std::size_t step = 1U + data[1];
    switch (data[0] % 7) {
        case 0:
            chat_request(body);
            break;
        case 1:
            messages_request(body);
            break;
        case 2:
            message_answer(body);
            break;
        case 3:
            completion_answer(body);
            break;
        case 4:
            passed_stream(stream, step);
            break;
        case 5:
            translated_stream(stream, step, [] { return ChatFromMessages{head, true}; });
            break;
        default:
            translated_stream(stream, step, [] { return MessagesFromChat{head, 5, "r"}; });
            break;
    }
    return 0;
}
