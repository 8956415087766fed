#pragma once

#include <cstddef>
#include <cstdint>

namespace evenkeel::inference::dialect {

/// Who speaks in a message of a conversation, as far as its beginnings depend on it.
enum class Turn : std::uint8_t { asked, answered, system };

/// An end of a beginning of the messages.
struct Cut {
    std::size_t end{0};          ///< position in the body; 0 = there is no such beginning
    std::int64_t text_bytes{0};  ///< decoded text of the messages up to there
    friend constexpr bool operator==(Cut, Cut) = default;
};

/// The beginnings of a conversation with which an earlier request of it may have ended, found while
/// its messages pass by: whoever answers repeats none, so each request was what stands before an
/// answer.
struct TurnCuts {
    std::size_t begin{0};      ///< of the first message
    bool system_first{false};  ///< the first message is a system's
    Cut head{};                ///< the system messages it begins with, else the first message
    Cut asked_before{};        ///< before the answers before the latest ones
    Cut asked{};               ///< before the latest answers
    Cut whole{};               ///< all messages

    void add(Turn turn, std::size_t from, Cut through) noexcept {
        if (whole.end == 0) {
            begin = from;
            system_first = turn == Turn::system;
            leads_ = system_first;
            head = through;
        } else if (leads_ && turn == Turn::system) {
            head = through;
        } else {
            leads_ = false;
        }
        if (turn == Turn::answered && last_ != Turn::answered && whole.end > 0) {
            asked_before = asked;
            asked = whole;
        }
        whole = through;
        last_ = turn;
    }

private:
    bool leads_{false};
    Turn last_{Turn::asked};
};

}  // namespace evenkeel::inference::dialect
