#pragma once

#include "inference/dialect/answer_stream.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace evenkeel::inference::dialect {

/// Follows the payload of one OpenAI event stream on its way to the client, without parsing events:
/// only lines that name `"usage"` are looked into.
///
/// - Whole events pass at once. The beginning of an unfinished event is kept until its blank line
///   comes, so that a stream that breaks off there can still end in a well-formed error event.
///   Engines write whole events, so in practice nothing is kept.
/// - An event that carries only usage is dropped when the client did not ask for it.
/// - `data: [DONE]` is found, so that its absence is seen as truncation and the settled cost can be
///   put before it.
///
/// Apart from the dropped event, what passes is byte for byte what came.
class EventStream final : public AnswerStream {
public:
    /// More than this of an unfinished event is passed on as it comes; it is then `torn`.
    static constexpr std::size_t held_bytes_max = 64 * 1024;

    explicit EventStream(bool drop_usage_event) noexcept : drop_usage_{drop_usage_event} {}

    /// See AnswerStream::feed. The end mark is `data: [DONE]`.
    const Pass& feed(std::string_view bytes) override;

private:
    void unfinished(std::string_view bytes);
    void walk(std::string_view region);
    /// What a data line means for the event it stands in.
    enum class Line : std::uint8_t { plain, drop, done };
    Line data_line(std::string_view data);
    void pass(std::string_view piece) {
        if (!piece.empty()) {
            pass_.pieces.push_back(piece);
        }
    }

    std::string held_{};     ///< start of an unfinished event; when torn, its last bytes
    std::string passing_{};  ///< keeps the bytes of `pass_` that came from `held_`
    bool drop_usage_;
    bool first_line_{true};
};

}  // namespace evenkeel::inference::dialect
