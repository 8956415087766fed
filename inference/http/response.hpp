#pragma once

#include "inference/http/message.hpp"

#include <cstddef>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace evenkeel::inference::http {

/// How an answer's end is known.
struct Framing {
    std::optional<std::size_t> length{};  ///< Content-Length, when set
    bool chunked{false};                  ///< Transfer-Encoding: chunked
    bool close{false};                    ///< Connection: close
    bool keep_alive{false};               ///< Connection: keep-alive, which HTTP/1.0 wants said
};

/// True when `headers` may be written as they are: names are tokens and none of Content-Length,
/// Transfer-Encoding, Connection, Date; values hold no control characters (response splitting).
[[nodiscard]] bool headers_are_clean(const Headers& headers) noexcept;

/// Appends a head. `date` is a complete "Date: ...\r\n" line.
void append_head(
    std::string& out,
    int status,
    const Headers& headers,
    const Framing& framing,
    std::string_view date);

/// The Date line, rewritten once a second.
class DateLine {
public:
    [[nodiscard]] std::string_view at(std::time_t now);

private:
    std::time_t second_{-1};
    std::string line_{};
};

/// {"error":{"message":...}}, for listeners that have no dialect of their own.
[[nodiscard]] std::string plain_error_body(std::string_view sentence);

}  // namespace evenkeel::inference::http
