#include "agent/config/policy_text.hpp"

#include "agent/ledger/sha256.hpp"
#include "policies/config/keys.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace evenkeel::agent {

namespace {

constexpr std::string_view mark = "# ---- ";

/// A heading: which file begins behind it, and how long it is where that is said.
struct Heading {
    config::File file{};
    std::optional<std::size_t> bytes{};
};

std::optional<Heading> heading_of(std::string_view line) {
    if (!line.starts_with(mark)) {
        return std::nullopt;
    }
    line.remove_prefix(mark.size());
    for (const config::File file : config::all_files) {
        std::string_view rest = line;
        if (!rest.starts_with(config::file_name(file))) {
            continue;
        }
        rest.remove_prefix(config::file_name(file).size());
        if (rest.empty()) {
            return Heading{.file = file};
        }
        std::size_t bytes = 0;
        if (rest.starts_with(", ") && rest.ends_with(" bytes")) {
            rest = rest.substr(2, rest.size() - 8);
            const auto [end, error] =
                std::from_chars(rest.data(), rest.data() + rest.size(), bytes);
            if (error == std::errc{} && end == rest.data() + rest.size()) {
                return Heading{.file = file, .bytes = bytes};
            }
        }
    }
    return std::nullopt;
}

std::string_view first_line(std::string_view text) {
    return text.substr(0, text.find('\n'));
}

/// Where the file ends whose heading says no length: at the next heading of a later file.
std::size_t end_of(std::string_view text, config::File file) {
    for (std::size_t at = text.find(mark); at != std::string_view::npos;
         at = text.find(mark, at + 1)) {
        const auto next = heading_of(first_line(text.substr(at)));
        if (next && next->file > file && (at == 0 || text[at - 1] == '\n')) {
            return at == 0 ? 0 : at - 1;  // join put a line end in front
        }
    }
    return text.empty() ? 0 : text.size() - 1;
}

}  // namespace

std::string join_policy(std::span<const config::SourceFile> files) {
    std::string text;
    for (const config::SourceFile& file : files) {
        const std::string_view path = file.path;
        text += fmt::format(
            "{}{}, {} bytes\n{}\n",
            mark,
            path.substr(path.find_last_of('/') + 1),
            file.text.size(),
            file.text);
    }
    return text;
}

Result<std::vector<config::SourceFile>> split_policy(std::string_view text) {
    std::vector<config::SourceFile> files;
    while (!text.empty()) {
        const std::string_view line = first_line(text);
        const auto heading = heading_of(line);
        if (!heading || line.size() == text.size()) {
            return fail(
                Errc::corrupt, "the text of this policy in the ledger cannot be taken apart");
        }
        text.remove_prefix(line.size() + 1);
        const std::size_t bytes = heading->bytes.value_or(end_of(text, heading->file));
        if (bytes >= text.size() || text[bytes] != '\n') {
            return fail(Errc::corrupt, "the text of this policy in the ledger is cut");
        }
        files.push_back(
            {.path = std::string{config::file_name(heading->file)},
             .text = std::string{text.substr(0, bytes)}});
        text.remove_prefix(bytes + 1);
    }
    return files;
}

std::string policy_sha256(std::string_view text) {
    return ledger::to_hex(ledger::sha256(text));
}

}  // namespace evenkeel::agent
