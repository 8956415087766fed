#pragma once

#include "policies/domain/error.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// The files of the web page as they are served: compressed, with a hash in their names. Used by
/// the program that embeds them at build time, and by an agent that serves them from a folder while
/// somebody works on them.
namespace evenkeel::web {

/// A file of the page.
struct PageFile {
    std::string name{};   ///< "page/charts/bars.js", "vendor/uplot.js"
    std::string bytes{};  ///< as it lies on disk
};

/// A file as it is served; the views belong to somebody who outlives it.
struct AssetView {
    std::string_view path{};  ///< "/", "/ui/assets/0a1b2c3d/page/app.js"
    std::string_view type{};  ///< Content-Type
    std::string_view etag{};  ///< 16 hex digits of the SHA-256 of what is served
    std::string_view gzip{};
    bool hashed{false};  ///< the path names this content for ever
};

struct Asset {
    std::string path{};
    std::string type{};
    std::string etag{};
    std::string gzip{};
    bool hashed{false};

    [[nodiscard]] AssetView view() const noexcept {
        return {.path = path, .type = type, .etag = etag, .gzip = gzip, .hashed = hashed};
    }
};

/// Gives every file its path: /ui/assets/HASH/NAME with one hash over all of them, so that files
/// name each other as they lie, and page/index.html is "/", with that hash in place of @HASH@.
/// Equal files give equal results. Errors: invalid_argument (no page/index.html, a kind of file
/// that is not served, a reference of index.html to a file that is not there, inline script or
/// style in it).
[[nodiscard]] Result<std::vector<Asset>> make_page(std::vector<PageFile> files);

/// The files of `root`/page, with its folders, and of `root`/vendor. Errors: not_found, io_failed;
/// refused when a file of vendor is not the one that its list SHA256SUMS names.
[[nodiscard]] Result<std::vector<PageFile>> read_page(const std::filesystem::path& root);

/// Deterministic: equal bytes give equal results.
[[nodiscard]] std::string gzip(std::string_view bytes);
/// Errors: corrupt.
[[nodiscard]] Result<std::string> gunzip(std::string_view bytes);
/// SHA-256 in hex.
[[nodiscard]] std::string sha256_hex(std::string_view bytes);

}  // namespace evenkeel::web
