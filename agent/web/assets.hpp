#pragma once

#include "agent/web/page_files.hpp"
#include "inference/http/message.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace evenkeel::web {

/// The page that this program was built with.
[[nodiscard]] std::span<const AssetView> embedded_page() noexcept;

/// What a browser may do with what we send: nothing that is not of this origin, no inline script or
/// style, no frames.
inline constexpr std::string_view content_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Headers of everything below /ui and of the page: for what kind of content, and how long it may
/// be kept.
[[nodiscard]] inference::http::Headers page_headers(
    std::string_view type, std::string_view cache_control);

struct AssetAsk {
    std::string_view path{};
    std::string_view accept_encoding{};
    std::string_view if_none_match{};
};
struct AssetAnswer {
    int status{200};
    inference::http::Headers headers{};
    std::string body{};
};

/// The answer for a file of the page, compressed for who takes that; nothing when there is none
/// with that path. A path is only looked up: it never names a file on disk.
[[nodiscard]] std::optional<AssetAnswer> asset_answer(
    std::span<const AssetView> assets, const AssetAsk& ask);

/// Whether a list of encodings ("gzip, deflate;q=0.5") admits gzip.
[[nodiscard]] bool accepts_gzip(std::string_view accept_encoding) noexcept;

}  // namespace evenkeel::web
