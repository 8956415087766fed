#pragma once

#include "policies/domain/source.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
class EventStream {
public:
    /// More than this of an unfinished event is passed on as it comes; it is then `torn`.
    static constexpr std::size_t held_bytes_max = 64 * 1024;

    explicit EventStream(bool drop_usage_event) noexcept : drop_usage_{drop_usage_event} {}

    /// What may go to the client now. Views live until the next call.
    struct Pass {
        std::vector<std::string_view> pieces{};  ///< before `[DONE]`
        std::string_view done{};                 ///< the `[DONE]` event itself; empty: not yet
        [[nodiscard]] bool empty() const noexcept { return pieces.empty() && done.empty(); }
    };
    /// `bytes`: payload as it arrived, in any split. After `[DONE]` everything is ignored.
    const Pass& feed(std::string_view bytes);

    [[nodiscard]] bool done() const noexcept { return done_; }
    /// The source itself sent an error event: no second one is needed.
    [[nodiscard]] bool error_seen() const noexcept { return error_; }
    /// A piece of an unfinished event is already with the client.
    [[nodiscard]] bool torn() const noexcept { return torn_; }
    /// Data events so far, usage and `[DONE]` not counted: about one token each.
    [[nodiscard]] std::int64_t events() const noexcept { return events_; }
    [[nodiscard]] const std::optional<Usage>& usage() const noexcept { return usage_; }

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
    Pass pass_{};
    std::optional<Usage> usage_{};
    std::int64_t events_{0};
    bool drop_usage_;
    bool first_line_{true};
    bool done_{false};
    bool error_{false};
    bool torn_{false};
};

}  // namespace evenkeel::inference::dialect
