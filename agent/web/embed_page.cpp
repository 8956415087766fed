// Run by the build: embed_page ROOT OUT writes the files of ROOT/page and ROOT/vendor as constant
// arrays into OUT.
#include "agent/web/page_files.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <string>

namespace {

constexpr std::size_t bytes_a_line = 24;

std::string array_of(std::string_view bytes) {
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        text += fmt::format(
            "{}{},", i % bytes_a_line == 0 ? "\n    " : "", static_cast<unsigned char>(bytes[i]));
    }
    return text;
}

std::string source_of(const std::vector<evenkeel::web::Asset>& assets) {
    std::string arrays;
    std::string table;
    for (std::size_t i = 0; i < assets.size(); ++i) {
        const evenkeel::web::Asset& asset = assets[i];
        arrays += fmt::format(
            "// {}\nconst unsigned char bytes_{}[] = {{{}\n}};\n",
            asset.path,
            i,
            array_of(asset.gzip));
        table += fmt::format(
            "    {{\"{}\", \"{}\", \"{}\", text(bytes_{}, sizeof bytes_{}), {}}},\n",
            asset.path,
            asset.type,
            asset.etag,
            i,
            i,
            asset.hashed);
    }
    return fmt::format(
        "// Generated from agent/web by agent/web/embed_page.cpp.\n"
        "#include \"agent/web/assets.hpp\"\n\n"
        "namespace evenkeel::web {{\n\nnamespace {{\n\n"
        "std::string_view text(const unsigned char* bytes, std::size_t size) {{\n"
        "    return {{reinterpret_cast<const char*>(bytes), size}};\n}}\n\n{}\n}}  // namespace\n\n"
        "std::span<const AssetView> embedded_page() noexcept {{\n"
        "    static const AssetView assets[] = {{\n{}    }};\n    return assets;\n}}\n\n"
        "}}  // namespace evenkeel::web\n",
        arrays,
        table);
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 3) {
        fmt::print(stderr, "usage: embed_page ROOT OUT\n");
        return 2;
    }
    auto files = evenkeel::web::read_page(arguments[1]);
    if (!files) {
        fmt::print(stderr, "embed_page: {}\n", files.error().message);
        return 1;
    }
    const auto assets = evenkeel::web::make_page(std::move(*files));
    if (!assets) {
        fmt::print(stderr, "embed_page: {}\n", assets.error().message);
        return 1;
    }
    std::ofstream out{arguments[2]};
    out << source_of(*assets);
    out.close();
    if (!out) {
        fmt::print(stderr, "embed_page: {} cannot be written\n", arguments[2]);
        return 1;
    }
    return 0;
}
