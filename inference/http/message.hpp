#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The plain values of HTTP/1.1: heads, limits, small text helpers. No sockets.
namespace evenkeel::inference::http {

struct Field {
    std::string_view name{};   ///< as sent; compare with `iequals`
    std::string_view value{};  ///< trimmed
};

/// A parsed request head. Views point into the connection's buffer: valid until the handler
/// returns.
struct RequestHead {
    std::string_view method{};  ///< upper-case letters
    std::string_view target{};  ///< origin-form, as sent
    std::string_view path{};    ///< before '?'; no "..", no "//", no %2e, no %2f
    std::string_view query{};   ///< after the first '?'; empty when there is none
    std::span<const Field> fields{};
    std::optional<std::uint64_t> content_length{};
    bool chunked{false};
    bool keep_alive{true};
    bool expect_continue{false};
    int minor{1};

    /// Value of the first field called `name` (any case); empty when absent.
    [[nodiscard]] std::string_view field(std::string_view name) const noexcept;
};

/// A parsed answer head, for clients and relays. Views point into the bytes that were parsed.
struct ResponseHead {
    int status{0};
    int minor{1};
    std::span<const Field> fields{};
    std::optional<std::uint64_t> content_length{};
    bool chunked{false};
    bool keep_alive{true};

    /// Value of the first field called `name` (any case); empty when absent.
    [[nodiscard]] std::string_view field(std::string_view name) const noexcept;
    /// True when no body follows, whatever the fields say: answers to HEAD, 1xx, 204, 304.
    [[nodiscard]] bool bodiless(std::string_view request_method) const noexcept;
};

struct Limits {
    std::size_t header_bytes{32 * 1024};
    std::size_t fields{128};
    std::size_t target_bytes{8 * 1024};
    std::size_t body_bytes{32 * 1024 * 1024};
    int connections{10'000};
    int connections_per_address{4'096};
    /// Descriptors left to the rest of the process (ledger, providers): a connection that would
    /// use one of the last ones is refused and accepting pauses. At most a quarter of the limit.
    int descriptors_reserved{64};
    std::chrono::milliseconds header_time{10'000};  ///< first byte to end of head, in total
    std::chrono::milliseconds body_time{60'000};    ///< whole body
    std::chrono::milliseconds idle_time{75'000};    ///< between requests
    std::chrono::milliseconds stall_time{60'000};   ///< a write that moves no byte
};

using Headers = std::vector<std::pair<std::string, std::string>>;

/// Compares ASCII text without regard to case.
[[nodiscard]] bool iequals(std::string_view a, std::string_view b) noexcept;
/// Standard reason phrase; "Unknown" for others.
[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

}  // namespace evenkeel::inference::http
