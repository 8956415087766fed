#pragma once

#include "inference/dialect/answer_stream.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace evenkeel::inference::dialect {

/// A stream that goes to the client in the dialect in which it came.
///
/// - Whole events pass at once. The beginning of an unfinished event is kept until its blank line
///   comes, so that a stream that breaks off there can still end in a well-formed error event.
///   Sources write whole events, so in practice nothing is kept.
/// - The end mark is found, so that its absence is seen as truncation and the settled cost can be
///   put before it.
///
/// Apart from events that the dialect drops, what passes is byte for byte what came.
class PassStream : public AnswerStream {
public:
    /// More than this of an unfinished event is passed on as it comes; it is then `torn`.
    static constexpr std::size_t held_bytes_max = 64 * 1024;

    /// See AnswerStream::feed.
    const Pass& feed(std::string_view bytes) final;

protected:
    explicit PassStream(std::size_t held_max = held_bytes_max) noexcept : held_max_{held_max} {}

    /// What a data line means for the event it stands in.
    enum class Line : std::uint8_t { plain, drop, done };
    /// `name`: of the event, when a line before this one gave it.
    virtual Line data_line(std::string_view name, std::string_view data) = 0;
    /// The rest of an event is passed on unseen: data_line does not get it.
    virtual void tears() {}

private:
    void unfinished(std::string_view bytes);
    void walk(std::string_view region);
    void pass(std::string_view piece) {
        if (!piece.empty()) {
            pass_.pieces.push_back(piece);
        }
    }

    std::size_t held_max_;
    std::string held_{};     ///< start of an unfinished event; when torn, its last bytes
    std::string passing_{};  ///< keeps the bytes of `pass_` that came from `held_`
    bool first_line_{true};
};

}  // namespace evenkeel::inference::dialect
