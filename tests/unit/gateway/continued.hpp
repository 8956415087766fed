#pragma once

#include "tests/unit/gateway/rig.hpp"

#include <fmt/format.h>

/// What engines say in the tests of `continue_on_failure`.
namespace evenkeel::inference::test {

/// A chunk as vLLM writes it.
inline std::string vllm_chunk(const std::string& id, const std::string& delta, bool last = false) {
    return fmt::format(
        R"(data: {{"id":"{}","object":"chat.completion.chunk","created":17,"model":"served/m",)"
        R"("choices":[{{"index":0,"delta":{},"logprobs":null,"finish_reason":{}}}]}})"
        "\n\n",
        id,
        delta,
        last ? R"("stop")" : "null");
}

/// `text`: as in a JSON string.
inline std::string word(const std::string& id, const std::string& text) {
    return vllm_chunk(id, fmt::format(R"({{"content":"{}"}})", text));
}

inline constexpr const char* role = R"({"role":"assistant","content":""})";

/// Begins an answer of `words`, and is gone before its end.
inline FakeEngine::Script dies_after(std::vector<std::string> words) {
    return [words = std::move(words)](FakeEngine::Turn& turn) {
        std::string events = stream_head() + chunked(vllm_chunk("first", role));
        for (const std::string& text : words) {
            events += chunked(word("first", text));
        }
        turn.line->send(events + chunked(R"(data: {"id":"fir)"));
        turn.keep = false;
    };
}

/// Writes `words` and the end.
inline FakeEngine::Script ends_with(std::vector<std::string> words) {
    return [words = std::move(words)](FakeEngine::Turn& turn) {
        std::string events = stream_head() + chunked(vllm_chunk("second", role));
        for (const std::string& text : words) {
            events += chunked(word("second", text));
        }
        turn.line->send(
            events + chunked(vllm_chunk("second", "{}", true)) +
            chunked(usage_event(13, static_cast<int>(words.size()))) + chunked(done_event) +
            std::string{last_chunk});
        turn.keep = false;
    };
}

/// Writes " four five" and the end.
inline void goes_on(FakeEngine::Turn& turn) {
    ends_with({" four", " five"})(turn);
}

/// Every route has the switch, and lets a request wait for 100 ms.
inline Rig::Setup with_switch() {
    Rig::Setup setup;
    setup.max_wait = 100ms;
    setup.change = [](config::Config& config) {
        for (config::Route& route : config.routes) {
            route.continue_on_failure = true;
        }
    };
    return setup;
}

/// A typed error is the last that the client gets.
inline bool ends_typed(const std::string& body) {
    return body.ends_with("}}\n\n") && body.find("data: {\"error\":{") != std::string::npos &&
           body.find("[DONE]") == std::string::npos;
}

/// The JSON strings of that member in `text`, put together: what a client has of the answer.
inline std::string contents(std::string_view text, std::string_view member = R"("content":")") {
    std::string all;
    for (std::size_t at = text.find(member); at != std::string_view::npos;
         at = text.find(member, at)) {
        at += member.size();
        const std::size_t end = text.find('"', at);
        all += text.substr(at, end - at);
    }
    return all;
}

}  // namespace evenkeel::inference::test
