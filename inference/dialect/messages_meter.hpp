#pragma once

#include "inference/dialect/translate_answer.hpp"

#include <algorithm>

namespace evenkeel::inference::dialect {

/// What an Anthropic stream has used so far: its first event tells the prompt, its last but one the
/// bill. In between the answer is counted by its events, so that a stream that breaks off is not
/// booked as if it had said nothing.
class MessagesMeter {
public:
    /// `usage` of message_start.
    void start(JsonView usage) { counts_.take(usage); }
    /// `usage` of message_delta, cumulative.
    void end(JsonView usage) {
        counts_.take(usage);
        final_ = final_ || usage["output_tokens"].whole().has_value();
    }
    /// `events`: deltas so far.
    [[nodiscard]] std::optional<Usage> usage(std::int64_t events) const noexcept {
        std::optional<Usage> usage = counts_.usage();
        if (usage && !final_) {
            usage->completion = std::max(usage->completion, events);
            usage->estimated = true;
        }
        return usage;
    }
    [[nodiscard]] const MessagesCounts& counts() const noexcept { return counts_; }

private:
    MessagesCounts counts_{};
    bool final_{false};
};

}  // namespace evenkeel::inference::dialect
