#pragma once

#include "policies/config/keys.hpp"
#include "policies/config/load.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// A small complete configuration, and a way to say what should be underlined in a broken one.
namespace evenkeel::config::test {

inline constexpr Date today{std::chrono::year{2026}, std::chrono::month{11}, std::chrono::day{25}};

/// The smallest set with one source of each kind; loads without a finding.
inline const std::array<std::string, 4> base_texts{
    "version: 1\n",
    R"(version: 1
providers:
  desk: {kind: local, url: "http://127.0.0.1:8091"}
  cloud: {kind: sandbox, base_url: "http://127.0.0.1:8092"}
  shop: {kind: openai-compatible, url: "https://shop.example/v1"}
)",
    R"(version: 1
models:
  m:
    offers:
      - {on: desk}
      - {on: cloud, price: 4 USD/h, seen: 2026-11-01}
      - {on: shop, price: {in: 1 USD/Mtok, out: 2 USD/Mtok}, seen: 2026-11-01}
)",
    R"(version: 1
routes: [{name: all, use: [m]}]
scaling:
  - {name: burst, model: m, offers: [cloud], max_price: 5 USD/h, max_life: 6h}
)"};

inline std::vector<SourceFile> base_files() {
    std::vector<SourceFile> files;
    for (const File file : all_files) {
        files.push_back(
            {.path = "etc/" + std::string{file_name(file)},
             .text = base_texts[static_cast<std::size_t>(file)]});
    }
    return files;
}

/// The base with one file replaced.
inline std::vector<SourceFile> base_with(File file, std::string_view text) {
    std::vector<SourceFile> files = base_files();
    files[static_cast<std::size_t>(file)].text = text;
    return files;
}

/// All findings, whether it loaded or not.
inline std::vector<Diagnostic> findings(const std::vector<SourceFile>& files) {
    auto loaded = load(files, today);
    return loaded ? std::move(loaded->warnings) : std::move(loaded.error());
}

/// A text in which «guillemets» say which token is to be underlined.
struct Marked {
    std::string text{};
    int line{0};
    int col{0};
    int end_col{0};
};

inline Marked unmark(std::string_view marked) {
    Marked out;
    int line = 1;
    int col = 1;
    while (!marked.empty()) {
        if (marked.starts_with("«")) {
            out.line = line;
            out.col = col;
            marked.remove_prefix(std::string_view{"«"}.size());
            continue;
        }
        if (marked.starts_with("»")) {
            out.end_col = col;
            marked.remove_prefix(std::string_view{"»"}.size());
            continue;
        }
        const char c = marked.front();
        line += c == '\n' ? 1 : 0;
        col = c == '\n' ? 1 : col + ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0);
        out.text += c;
        marked.remove_prefix(1);
    }
    return out;
}

/// One broken (or doubtful) file in an otherwise good set, and the one error it must give (or,
/// where the code is a warning's, the one finding).
struct Case {
    const char* name{""};
    File file{};
    std::string marked{};
    const char* code{""};
    const char* message{""};  ///< a part of the message
    const char* hint{""};     ///< a part of the hint
};

inline std::string case_name(const testing::TestParamInfo<Case>& info) {
    return info.param.name;
}

inline void expect_one_finding(const Case& c) {
    const Marked marked = unmark(c.marked);
    std::vector<Diagnostic> found = findings(base_with(c.file, marked.text));
    if (std::string_view{c.code}.starts_with("EK-C")) {
        std::erase_if(found, [](const Diagnostic& d) { return d.severity == Severity::warning; });
    }
    ASSERT_EQ(found.size(), 1u) << render_all(found);
    const Diagnostic& only = found.front();
    EXPECT_EQ(only.code, c.code) << render(only);
    EXPECT_EQ(only.file, "etc/" + std::string{file_name(c.file)});
    EXPECT_NE(only.message.find(c.message), std::string::npos) << render(only);
    EXPECT_NE(only.hint.find(c.hint), std::string::npos) << render(only);
    if (marked.line > 0) {
        EXPECT_EQ(only.line, marked.line) << render(only);
        EXPECT_EQ(only.col, marked.col) << render(only);
        EXPECT_EQ(only.end_col, marked.end_col) << render(only);
    }
}

}  // namespace evenkeel::config::test
