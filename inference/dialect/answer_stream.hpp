#pragma once

#include "policies/domain/source.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace evenkeel::inference::dialect {

/// Follows the payload of one event stream on its way from a source to the client: passes it on or
/// translates it, finds its end mark, reads its usage. One object a stream; not thread-safe.
class AnswerStream {
public:
    AnswerStream() = default;
    AnswerStream(const AnswerStream&) = delete;
    AnswerStream& operator=(const AnswerStream&) = delete;
    virtual ~AnswerStream() = default;

    /// What may go to the client now. Views live until the next call.
    struct Pass {
        std::vector<std::string_view> pieces{};  ///< before the end mark
        /// The end mark itself (`[DONE]`, `message_stop`), in the client's dialect; empty: not yet.
        std::string_view done{};
        [[nodiscard]] bool empty() const noexcept { return pieces.empty() && done.empty(); }
    };
    /// `bytes`: payload as it arrived, in any split. After the end mark everything is ignored.
    virtual const Pass& feed(std::string_view bytes) = 0;

    [[nodiscard]] bool done() const noexcept { return done_; }
    /// The source itself sent an error event: no second one is needed.
    [[nodiscard]] bool error_seen() const noexcept { return error_; }
    /// A piece of an unfinished event is already with the client.
    [[nodiscard]] bool torn() const noexcept { return torn_; }
    /// Events that carry a piece of the answer, so far: about one token each.
    [[nodiscard]] std::int64_t events() const noexcept { return events_; }
    [[nodiscard]] const std::optional<Usage>& usage() const noexcept { return usage_; }

protected:
    Pass pass_{};
    std::optional<Usage> usage_{};
    std::int64_t events_{0};
    bool done_{false};
    bool error_{false};
    bool torn_{false};
};

}  // namespace evenkeel::inference::dialect
