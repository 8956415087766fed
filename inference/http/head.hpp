#pragma once

#include "inference/http/message.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace evenkeel::inference::http {

/// Why a head is refused: what the peer is answered with (for requests), in words.
struct Refusal {
    int status{400};
    std::string_view sentence{};  ///< static text, no input in it
};

/// How far the parsing of a head has come.
enum class Progress : std::uint8_t {
    need_more,
    complete,
    refused,
};

/// Parses one HTTP/1.x head while it arrives. Strict: whatever two parsers could read differently
/// is refused (FAULTS F63-F65, F67, F69), because a head that we and a worker read differently
/// smuggles a second request. Each byte is looked at once, whatever the size of the reads.
class HeadParser {
public:
    enum class Kind : std::uint8_t { request, response };

    explicit HeadParser(Kind kind) noexcept : kind_{kind} {}

    /// Makes ready for the next head; keeps its memory.
    void reset() noexcept;
    /// `bytes`: everything received of this message so far; it may have moved since the last call,
    /// and may hold more than the head. After `complete` or `refused`, call only `reset`.
    [[nodiscard]] Progress feed(std::string_view bytes, const Limits& limits);
    /// Makes a head that did not end in time a refused one (408).
    void refuse_late() noexcept;

    /// After `refused`.
    [[nodiscard]] const Refusal& refusal() const noexcept { return refusal_; }
    /// After `complete`: the size of the head with its empty line.
    [[nodiscard]] std::size_t size() const noexcept { return line_start_; }
    /// Frees what `request().fields` points to; the flags stay.
    void forget_fields() noexcept {
        std::vector<Field>{}.swap(fields_);
        request_.fields = {};
    }
    /// After `complete`; views point into the bytes last fed, fields into this parser.
    [[nodiscard]] const RequestHead& request() const noexcept { return request_; }
    [[nodiscard]] const ResponseHead& response() const noexcept { return response_; }

private:
    Progress refuse(int status, std::string_view sentence) noexcept;
    void rebase(std::string_view bytes) noexcept;
    [[nodiscard]] bool request_line(std::string_view line, const Limits& limits) noexcept;
    [[nodiscard]] bool target(std::string_view target, const Limits& limits) noexcept;
    [[nodiscard]] bool status_line(std::string_view line) noexcept;
    [[nodiscard]] bool field_line(std::string_view line, const Limits& limits);
    [[nodiscard]] bool framing_field(const Field& field) noexcept;
    [[nodiscard]] bool content_length(std::string_view value) noexcept;
    [[nodiscard]] bool transfer_encoding(std::string_view value) noexcept;
    [[nodiscard]] bool connection(std::string_view value) noexcept;
    [[nodiscard]] bool finish() noexcept;

    Kind kind_;
    const char* base_{nullptr};  ///< where `bytes` began at the last feed
    std::size_t scanned_{0};
    std::size_t line_start_{0};
    std::vector<Field> fields_{};
    RequestHead request_{};
    ResponseHead response_{};
    Refusal refusal_{};
    bool first_line_{true};
    bool has_host_{false};
    bool has_encoding_{false};
    bool says_close_{false};
    bool says_keep_alive_{false};
};

}  // namespace evenkeel::inference::http
