#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::config {

enum class Severity { error, warning };

/// "error" or "warning".
[[nodiscard]] std::string_view to_text(Severity severity) noexcept;

/// One finding in a configuration file: where it is, what is wrong, how to mend it. All text is fit
/// for a terminal: control characters are escaped, long lines are cut to the part around the
/// finding, and whatever looks like a secret is masked.
struct Diagnostic {
    std::string file{};  ///< path as given to load()
    int line{1};         ///< from 1
    int col{1};          ///< from 1, in characters (code points)
    int end_col{1};      ///< one past the last character of the token
    std::string code{};  ///< stable, "EK-C012" (errors) or "EK-W031" (warnings); see explain()
    Severity severity{Severity::error};
    std::string message{};
    std::string hint{};                ///< shown behind the caret: "did you mean 'max_life'?"
    std::string suggestion{};          ///< text to put in place of the token; empty = none
    std::vector<std::string> notes{};  ///< consequences, known names; one line each
    std::string path{};                ///< where in the document: "scaling[0].max_life"
    std::string source{};  ///< the line, or the part of it around the token; empty = not shown
    int source_col{1};     ///< where the token starts within `source`, from 1

    friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

/// How many findings render_all() prints before it only counts the rest.
inline constexpr std::size_t shown_diagnostics_max = 20;
/// How many findings load() collects; a file that is wrong everywhere need not be listed whole.
inline constexpr std::size_t collected_diagnostics_max = 200;

/// The finding as people read it: `file:line:col: error: message`, the source line with a caret
/// under the token, hint, notes, and the code at the end of the last line. Ends with a newline.
[[nodiscard]] std::string render(const Diagnostic& diagnostic);

/// The first `shown_diagnostics_max` findings in the given order, then "... and 3 more".
[[nodiscard]] std::string render_all(std::span<const Diagnostic> diagnostics);

/// "4 files, 6 errors" or "4 files, 0 errors, 1 warning".
[[nodiscard]] std::string summary(std::size_t files, std::span<const Diagnostic> diagnostics);

/// A paragraph about a code ("EK-C012", case and the "EK-" do not matter) for `evenkeel help`;
/// empty when there is no such code.
[[nodiscard]] std::string explain(std::string_view code);

/// Every code that load() can give out, in order.
[[nodiscard]] std::vector<std::string_view> all_codes();

}  // namespace evenkeel::config
