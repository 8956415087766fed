#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Reads the data of server-sent events out of a stream that comes in any pieces.
namespace evenkeel::inference::dialect {

class EventReader {
public:
    static constexpr std::size_t event_bytes_max = 1024 * 1024;

    /// Calls `event(data)` for each event with data, and `comment()` for each line that is one.
    /// Either may return false to end the walk: nothing is read any more then. False as well, from
    /// then on, when one event is larger than event_bytes_max.
    template <class Event, class Comment>
    bool feed(std::string_view bytes, Event&& event, Comment&& comment) {
        while (!ended_ && next_line(bytes)) {
            if (line_.empty()) {
                if (has_data_) {
                    ended_ = !event(std::string_view{data_});
                    forget();
                }
            } else if (line_.starts_with(':')) {
                ended_ = !comment();
            } else {
                take_data();
            }
        }
        return !ended_ && keep(bytes);
    }
    [[nodiscard]] bool too_large() const noexcept { return too_large_; }

private:
    /// Cuts the next whole line off `bytes`, together with what was kept, into line_.
    bool next_line(std::string_view& bytes);
    void take_data();
    void forget();
    bool too_much() noexcept;
    /// Keeps the begin of a line.
    bool keep(std::string_view bytes);

    std::string kept_{};       ///< begin of an unfinished line
    std::string whole_{};      ///< the line that began in kept_
    std::string data_{};       ///< of the event so far
    std::string_view line_{};  ///< the present one, without its end
    bool has_data_{false};
    bool first_{true};
    bool ended_{false};
    bool too_large_{false};
};

/// The type that data begins with, as every known source writes it; nothing when it does not.
[[nodiscard]] std::string_view leading_type(std::string_view data) noexcept;

}  // namespace evenkeel::inference::dialect
