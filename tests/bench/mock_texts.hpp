#pragma once

#include "tests/bench/bench_text.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

namespace evenkeel::bench {

/// What the engine says, made once.
class MockTexts {
public:
    MockTexts(const std::string& model, std::size_t reply_bytes, std::size_t event_bytes) {
        const std::string begin =
            R"({"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":")" +
            model + R"(","choices":[{"index":0,"message":{"role":"assistant","content":")";
        const std::string end =
            R"("},"finish_reason":"stop"}],"usage":{"prompt_tokens":200,"completion_tokens":180,)"
            R"("total_tokens":380}})";
        const std::size_t fixed = begin.size() + end.size();
        plain_ =
            answer("200 OK", begin + std::string(std::max(reply_bytes, fixed) - fixed, 'x') + end);

        const std::string head =
            R"(data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,)"
            R"("model":")" +
            model + R"(","choices":[)";
        usage_ = head +
                 R"(],"usage":{"prompt_tokens":200,"completion_tokens":180,"total_tokens":380}})"
                 "\n\n";
        event_ = head + R"({"index":0,"delta":{"content":")";
        stamp_at_ = event_.size();
        event_.append(stamp_digits, '0');
        const std::string rest = "\"},\"finish_reason\":null}]}\n\n";
        const std::size_t bytes = event_.size() + rest.size();
        event_.append(std::max(event_bytes, bytes) - bytes, 'x');
        event_ += rest;

        models_ = answer(
            "200 OK",
            R"({"object":"list","data":[{"id":")" + model +
                R"(","object":"model","max_model_len":100000000}]})");
    }

    static std::string answer(std::string_view status, std::string_view body) {
        return "HTTP/1.1 " + std::string{status} +
               "\r\nContent-Type: application/json\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + std::string{body};
    }

    [[nodiscard]] const std::string& plain() const noexcept { return plain_; }
    [[nodiscard]] const std::string& usage() const noexcept { return usage_; }
    [[nodiscard]] const std::string& models() const noexcept { return models_; }

    /// The event that is due then; valid until the next call.
    [[nodiscard]] std::string_view event(std::int64_t due_ns) {
        std::array<char, stamp_digits + 1> stamp{};
        std::snprintf(stamp.data(), stamp.size(), "%019lld", static_cast<long long>(due_ns));
        std::memcpy(event_.data() + stamp_at_, stamp.data(), stamp_digits);
        return event_;
    }

private:
    std::string plain_{};
    std::string event_{};
    std::string usage_{};
    std::string models_{};
    std::size_t stamp_at_{0};
};

}  // namespace evenkeel::bench
