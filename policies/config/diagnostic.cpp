#include "policies/config/diagnostic.hpp"

#include "policies/config/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::config {

std::string_view to_text(Severity severity) noexcept {
    return severity == Severity::error ? "error" : "warning";
}

std::string render(const Diagnostic& d) {
    std::string out =
        fmt::format("{}:{}:{}: {}: {}", d.file, d.line, d.col, to_text(d.severity), d.message);
    if (!d.source.empty()) {
        const auto shown = static_cast<int>(char_count(d.source));
        const int width = std::clamp(d.end_col - d.col, 1, std::max(1, shown - d.source_col + 1));
        out += fmt::format("\n{:>5} | {}", d.line, d.source);
        out += fmt::format(
            "\n      | {}^{}",
            std::string(static_cast<std::size_t>(std::max(d.source_col - 1, 0)), ' '),
            std::string(static_cast<std::size_t>(width - 1), '~'));
        out += d.hint.empty() ? "" : " " + d.hint;
    } else if (!d.hint.empty()) {
        out += fmt::format("\n      = {}", d.hint);
    }
    for (const std::string& note : d.notes) {
        out += fmt::format("\n      = {}", note);
    }
    return out + fmt::format("   [{}]\n", d.code);
}

std::string render_all(std::span<const Diagnostic> diagnostics) {
    std::string out;
    for (const Diagnostic& diagnostic :
         diagnostics.first(std::min(diagnostics.size(), shown_diagnostics_max))) {
        out += render(diagnostic);
    }
    if (diagnostics.size() > shown_diagnostics_max) {
        out += fmt::format("... and {} more\n", diagnostics.size() - shown_diagnostics_max);
    }
    return out;
}

std::string summary(std::size_t files, std::span<const Diagnostic> diagnostics) {
    const auto errors = static_cast<std::size_t>(
        std::ranges::count(diagnostics, Severity::error, &Diagnostic::severity));
    const std::size_t warnings = diagnostics.size() - errors;
    const auto counted = [](std::size_t n, std::string_view noun) {
        return fmt::format("{} {}{}", n, noun, n == 1 ? "" : "s");
    };
    std::string out = fmt::format("{}, {}", counted(files, "file"), counted(errors, "error"));
    return warnings == 0 ? out : out + ", " + counted(warnings, "warning");
}

}  // namespace evenkeel::config
