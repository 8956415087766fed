#include "agent/web/assets.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::web {

namespace http = inference::http;

namespace {

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    const auto last = text.find_last_not_of(" \t");
    return first == std::string_view::npos ? std::string_view{}
                                           : text.substr(first, last - first + 1);
}

/// Tells `visit` each part of `list` between `separator`s; stops when it says true.
template <class Visit>
bool any_part(std::string_view list, char separator, Visit visit) {
    while (!list.empty()) {
        const auto end = list.find(separator);
        if (visit(trimmed(list.substr(0, end)))) {
            return true;
        }
        list = end == std::string_view::npos ? std::string_view{} : list.substr(end + 1);
    }
    return false;
}

/// "q=0", "q=0.000": not at all.
bool is_refusal(std::string_view parameter) {
    return parameter.size() > 2 && (parameter[0] == 'q' || parameter[0] == 'Q') &&
           parameter[1] == '=' && parameter.find_first_not_of("0.", 2) == std::string_view::npos;
}

bool matches(std::string_view list, std::string_view etag) {
    return any_part(list, ',', [etag](std::string_view one) {
        if (one.starts_with("W/")) {
            one.remove_prefix(2);
        }
        return one == "*" || (one.size() == etag.size() + 2 && one.front() == '"' &&
                              one.back() == '"' && one.substr(1, etag.size()) == etag);
    });
}

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) noexcept {
    return any_part(accept_encoding, ',', [](std::string_view one) {
        const auto end = one.find(';');
        const std::string_view name = trimmed(one.substr(0, end));
        const bool named = http::iequals(name, "gzip") || name == "*";
        const std::string_view parameter =
            end == std::string_view::npos ? std::string_view{} : trimmed(one.substr(end + 1));
        return named && !is_refusal(parameter);
    });
}

http::Headers page_headers(std::string_view type, std::string_view cache_control) {
    http::Headers headers{
        {"cache-control", std::string{cache_control}},
        {"x-content-type-options", "nosniff"},
        {"referrer-policy", "no-referrer"},
        {"content-security-policy", std::string{content_policy}},
        {"cross-origin-resource-policy", "same-origin"}};
    if (!type.empty()) {
        headers.emplace_back("content-type", type);
    }
    return headers;
}

std::optional<AssetAnswer> asset_answer(std::span<const AssetView> assets, const AssetAsk& ask) {
    const std::string_view path = ask.path == "/ui" || ask.path == "/ui/" ? "/" : ask.path;
    const auto asset = std::ranges::find(assets, path, &AssetView::path);
    if (asset == assets.end()) {
        return std::nullopt;
    }
    const std::string_view kept =
        asset->hashed ? "public, max-age=31536000, immutable" : "no-cache";
    const bool packed = accepts_gzip(ask.accept_encoding);
    const bool known = matches(ask.if_none_match, asset->etag);
    AssetAnswer answer{
        .status = known ? 304 : 200, .headers = page_headers(known ? "" : asset->type, kept)};
    // Both forms have the same content, byte by byte they differ: hence weak for the second.
    answer.headers.emplace_back("etag", fmt::format("{}\"{}\"", packed ? "" : "W/", asset->etag));
    answer.headers.emplace_back("vary", "accept-encoding");
    if (known) {
        return answer;
    }
    if (packed) {
        answer.headers.emplace_back("content-encoding", "gzip");
        answer.body = asset->gzip;
        return answer;
    }
    auto plain = gunzip(asset->gzip);
    answer.status = plain ? 200 : 500;
    answer.body = plain ? std::move(*plain) : plain.error().message;
    return answer;
}

}  // namespace evenkeel::web
