#include "agent/web/page_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <utility>

namespace evenkeel::web {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view index_name = "page/index.html";
constexpr std::string_view assets_path = "/ui/assets/";
constexpr std::string_view hash_mark = "@HASH@";
constexpr std::string_view vendor = "vendor/";
constexpr std::size_t hash_digits = 8;
constexpr std::size_t etag_digits = 16;

/// What is served, by the end of its name.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> types{
    {{".js", "text/javascript; charset=utf-8"},
     {".mjs", "text/javascript; charset=utf-8"},
     {".css", "text/css; charset=utf-8"},
     {".svg", "image/svg+xml"},
     {".LICENSE.txt", "text/plain; charset=utf-8"}}};

/// Empty for what is not served.
std::string_view type_of(std::string_view name) {
    if (name == index_name) {
        return "text/html; charset=utf-8";
    }
    const auto found = std::ranges::find_if(
        types, [name](const auto& type) { return name.ends_with(type.first); });
    return found == types.end() ? std::string_view{} : found->second;
}

/// It becomes part of a path as it is.
bool is_plain(std::string_view name) {
    return std::ranges::all_of(name, [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_' || c == '/';
    });
}

std::unexpected<Error> wrong(std::string_view name, std::string_view how) {
    return fail(Errc::invalid_argument, fmt::format("{} {}", name, how));
}

/// index.html with the hash. Its own policy would forbid what is refused here.
Result<std::string> index_of(
    std::string text, std::string_view hash, const std::vector<PageFile>& files) {
    if (text.contains("<style") || text.contains(" style=")) {
        return wrong(index_name, "has inline style");
    }
    for (std::size_t at = 0; (at = text.find("<script", at)) != std::string::npos; ++at) {
        const std::string_view tag = std::string_view{text}.substr(at, text.find('>', at) - at);
        if (!tag.contains(" src=")) {
            return wrong(index_name, "has an inline script");
        }
    }
    for (std::size_t at = 0; (at = text.find(hash_mark, at)) != std::string::npos;) {
        text.replace(at, hash_mark.size(), hash);
        at += hash.size() + 1;
        const std::string name = text.substr(at, text.find('"', at) - at);
        if (std::ranges::find(files, name, &PageFile::name) == files.end()) {
            return wrong(index_name, fmt::format("names '{}', which is not there", name));
        }
    }
    return text;
}

Result<std::string> read_file(const fs::path& file) {
    std::ifstream input{file, std::ios::binary};
    std::string bytes{std::istreambuf_iterator<char>{input}, std::istreambuf_iterator<char>{}};
    if (!input.is_open() || input.bad()) {
        return fail(Errc::io_failed, fmt::format("{} cannot be read", file.string()));
    }
    return bytes;
}

/// "0a1b...  uplot.js" by lines, as sha256sum writes them.
std::map<std::string, std::string> sums_of(const std::string& list) {
    std::map<std::string, std::string> sums;
    std::istringstream lines{list};
    std::string sum;
    std::string name;
    while (lines >> sum >> name) {
        sums[name.starts_with('*') ? name.substr(1) : name] = sum;
    }
    return sums;
}

Result<void> read_folder(
    const fs::path& root, std::string_view folder, std::vector<PageFile>& files) {
    std::error_code code;
    for (fs::recursive_directory_iterator it{root / folder, code}, end; !code && it != end;
         it.increment(code)) {
        const std::string file = it->path().filename().string();
        if (it->is_directory() || file == "SHA256SUMS" || file.ends_with(".md") ||
            file.starts_with('.')) {
            continue;
        }
        auto bytes = read_file(it->path());
        if (!bytes) {
            return std::unexpected{bytes.error()};
        }
        files.push_back(
            {.name = it->path().lexically_relative(root).generic_string(),
             .bytes = std::move(*bytes)});
    }
    if (code) {
        return fail(
            Errc::not_found, fmt::format("{}: {}", (root / folder).string(), code.message()));
    }
    return {};
}

Result<void> check_vendor(const fs::path& root, const std::vector<PageFile>& files) {
    const auto list = read_file(root / vendor / "SHA256SUMS");
    if (!list) {
        return files.empty() ? Result<void>{} : std::unexpected{list.error()};
    }
    std::map<std::string, std::string> sums = sums_of(*list);
    for (const PageFile& file : files) {
        const auto sum = sums.find(file.name.substr(vendor.size()));
        if (sum == sums.end()) {
            return fail(Errc::refused, fmt::format("{} is not in SHA256SUMS", file.name));
        }
        if (const std::string found = sha256_hex(file.bytes); found != sum->second) {
            return fail(
                Errc::refused,
                fmt::format(
                    "{} has SHA-256 {}, SHA256SUMS says {}", file.name, found, sum->second));
        }
        sums.erase(sum);
    }
    if (!sums.empty()) {
        return fail(Errc::refused, fmt::format("vendor/{} is missing", sums.begin()->first));
    }
    return {};
}

}  // namespace

Result<std::vector<PageFile>> read_page(const fs::path& root) {
    std::vector<PageFile> files;
    if (fs::exists(root / vendor)) {
        if (const auto read = read_folder(root, "vendor", files); !read) {
            return std::unexpected{read.error()};
        }
        if (const auto checked = check_vendor(root, files); !checked) {
            return std::unexpected{checked.error()};
        }
    }
    if (const auto read = read_folder(root, "page", files); !read) {
        return std::unexpected{read.error()};
    }
    return files;
}

Result<std::vector<Asset>> make_page(std::vector<PageFile> files) {
    std::ranges::sort(files, {}, &PageFile::name);
    std::string all;
    for (const PageFile& file : files) {
        if (type_of(file.name).empty() || !is_plain(file.name)) {
            return wrong(file.name, "is not index.html, .js, .mjs, .css, .svg or .LICENSE.txt");
        }
        all += fmt::format("{}\n{}\n{}", file.name, file.bytes.size(), file.bytes);
    }
    const auto index = std::ranges::find(files, index_name, &PageFile::name);
    if (index == files.end()) {
        return wrong(index_name, "is missing");
    }
    const std::string hash = sha256_hex(all).substr(0, hash_digits);
    auto page = index_of(index->bytes, hash, files);
    if (!page) {
        return std::unexpected{page.error()};
    }
    index->bytes = std::move(*page);
    std::vector<Asset> assets;
    for (const PageFile& file : files) {
        const bool hashed = file.name != index_name;
        assets.push_back(
            {.path = hashed ? fmt::format("{}{}/{}", assets_path, hash, file.name) : "/",
             .type = std::string{type_of(file.name)},
             .etag = sha256_hex(file.bytes).substr(0, etag_digits),
             .gzip = gzip(file.bytes),
             .hashed = hashed});
    }
    return assets;
}

}  // namespace evenkeel::web
