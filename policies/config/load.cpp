#include "policies/config/load.hpp"

#include "policies/config/build.hpp"
#include "policies/config/check.hpp"
#include "policies/config/flatten.hpp"
#include "policies/config/text.hpp"
#include "policies/config/walk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace evenkeel::config {
namespace {

std::string_view base_name(std::string_view path) noexcept {
    return path.substr(path.find_last_of('/') + 1);
}

std::optional<File> role_of(std::string_view path) noexcept {
    for (const File file : all_files) {
        if (base_name(path) == file_name(file)) {
            return file;
        }
    }
    return std::nullopt;
}

/// A finding about a file as a whole.
Diagnostic whole_file(std::string path, std::string_view code, std::string message) {
    Diagnostic out;
    out.file = std::move(path);
    out.end_col = 2;
    out.code = code;
    out.severity = code.starts_with("EK-W") ? Severity::warning : Severity::error;
    out.message = std::move(message);
    return out;
}

struct Reading {
    std::array<std::unique_ptr<Document>, 4> documents{};

    [[nodiscard]] Documents all() const {
        return {documents[0].get(), documents[1].get(), documents[2].get(), documents[3].get()};
    }
};

void read_all(std::span<const SourceFile> files, Reading& reading, Findings& findings) {
    std::array<std::string_view, 4> names{};
    std::ranges::transform(all_files, names.begin(), file_name);
    for (const SourceFile& file : files) {
        const auto role = role_of(file.path);
        if (!role) {
            const std::string_view near = closest(base_name(file.path), names);
            if (base_name(file.path) != "policy.test.yaml") {
                Diagnostic& found = findings.add(whole_file(
                    file.path,
                    "EK-W040",
                    near.empty() ? "this file is not read"
                                 : fmt::format("this file is not read; did you mean {}?", near)));
                found.notes.push_back("files that are read: " + list_text(names));
            }
            continue;
        }
        auto& place = reading.documents[static_cast<std::size_t>(*role)];
        if (place != nullptr) {
            findings.add(
                whole_file(file.path, "EK-C040", fmt::format("a second {}", file_name(*role))));
            continue;
        }
        place = std::make_unique<Document>(file, findings);
    }
}

void report_missing(std::span<const SourceFile> files, const Reading& reading, Findings& findings) {
    std::string folder;
    if (!files.empty()) {
        folder = files.front().path.substr(0, files.front().path.find_last_of('/') + 1);
    }
    for (const File file : all_files) {
        if (reading.documents[static_cast<std::size_t>(file)] != nullptr) {
            continue;
        }
        const bool is_needed = file != File::evenkeel;
        Diagnostic& found = findings.add(whole_file(
            folder + std::string{file_name(file)},
            is_needed ? "EK-C010" : "EK-W041",
            fmt::format("the file is missing; it {}", file_purpose(file))));
        found.notes.emplace_back(
            is_needed ? "examples/desk-5090 holds a complete set to start from"
                      : "its defaults apply: API on 127.0.0.1:8080, reports in USD");
    }
}

/// The report currency, read before anything is checked, for suggestions.
std::string guess_currency(const Document* daemon) {
    const Node* report = daemon == nullptr
                             ? nullptr
                             : child(child(std::as_const(*daemon).root(), "currency"), "report");
    return report != nullptr && Currency::parse(report->text) ? report->text : "USD";
}

void check_version(const Document& document, File file, Findings& findings) {
    const Node* node = child(document.root(), "version");
    const Value* version = value(node);
    if (version != nullptr && version->number != 1) {
        Diagnostic& found = findings.add(document.finding(
            node->spot,
            "EK-C011",
            fmt::format(
                "{} has version {}; this program reads version 1",
                file_name(file),
                version->text)));
        found.path = "version";
        found.hint = "write 1";
        found.suggestion = "1";
    }
}

}  // namespace

std::expected<Loaded, std::vector<Diagnostic>> load(std::span<const SourceFile> files, Date today) {
    Findings findings;
    Reading reading;
    read_all(files, reading, findings);
    report_missing(files, reading, findings);
    const std::string currency = guess_currency(reading.documents[0].get());
    for (const File file : all_files) {
        Document* document = reading.documents[static_cast<std::size_t>(file)].get();
        if (document != nullptr && document->root() != nullptr) {
            walk(*document, file, currency, findings);
            check_version(*document, file, findings);
        }
    }
    const Documents documents = reading.all();
    const Index index = make_index(documents);
    Checker checker{documents, index, today, findings};
    checker.check_daemon();
    checker.check_providers();
    checker.check_models();
    checker.check_policy();
    if (findings.has_errors()) {
        return std::unexpected{findings.take()};
    }
    return Loaded{
        .config = build(documents, index),
        .warnings = findings.take(),
        .settings = flatten(documents, index)};
}

}  // namespace evenkeel::config
