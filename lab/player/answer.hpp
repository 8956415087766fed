#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// Judges how one chat completion ended. Sans-I/O: bytes in, verdict out.
namespace evenkeel::lab::player {

/// How a request ended, as its client saw it.
enum class Ending : std::uint8_t {
    answered,   ///< a complete, well-formed answer
    error,      ///< one well-formed error in the dialect's shape, as a status or as an event
    malformed,  ///< anything else: cut, garbled, ended twice, or never
};

[[nodiscard]] std::string_view to_text(Ending ending) noexcept;

/// What is known about one finished exchange.
struct Verdict {
    Ending ending{Ending::malformed};
    std::string why{};  ///< malformed: what was wrong; error: the error's type
    /// From a comment `: x-evenkeel-source: NAME`: who answered a stream that began before that was
    /// known. Empty without one.
    std::string source{};
    std::int64_t prompt_tokens{0};
    std::int64_t completion_tokens{0};
    bool usage_seen{false};
};

/// Reads one answer. Rules for a stream (`text/event-stream`, status 200): every event is JSON;
/// exactly one `[DONE]`, last; a `finish_reason` or a usage object before it; or else exactly one
/// error event, after which nothing comes but the end. For a plain 200: one completion object with
/// choices and a usage. Other statuses: `{"error":{"message":..., ...}}`. Comments are ignored.
/// An event may be at most `event_max` bytes, an answer `answer_max`.
class AnswerReader {
public:
    static constexpr std::size_t event_max = 1024 * 1024;
    static constexpr std::size_t answer_max = 32 * 1024 * 1024;

    /// `asked_stream`: whether the request said `stream: true`.
    explicit AnswerReader(bool asked_stream) : asked_stream_{asked_stream} {}

    void head(int status, std::string_view content_type);
    /// One piece of the body, cut anywhere.
    void feed(std::string_view bytes);
    /// The message ended; `complete` is false when the connection broke before its framing said so.
    [[nodiscard]] Verdict finish(bool complete);
    /// True once any generated text was seen: the moment of the first token.
    [[nodiscard]] bool token_seen() const noexcept { return token_seen_; }

private:
    void line(std::string_view text);
    void event(std::string_view data);
    void judge_body();
    void reject(std::string why);

    bool asked_stream_;
    bool head_seen_{false};
    bool stream_{false};
    bool token_seen_{false};
    bool done_{false};
    bool finished_{false};  ///< a finish_reason was seen
    bool error_{false};
    bool bad_{false};
    int status_{0};
    std::size_t total_{0};
    std::string buffer_{};  ///< an unfinished line of a stream, or the body
    std::string data_{};    ///< data lines of the event being read
    bool has_data_{false};
    Verdict verdict_{};
};

}  // namespace evenkeel::lab::player
