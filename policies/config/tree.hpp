#pragma once

#include "policies/config/diagnostic.hpp"
#include "policies/config/load.hpp"
#include "policies/domain/money.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// One YAML file as a tree of text with positions, after the checks that need no knowledge of keys.
/// Internal to policies/config.
namespace evenkeel::config {

/// Where a token stands: from 1, in characters, the end one past the last.
struct Spot {
    int line{1};
    int col{1};
    int end_col{2};
};

/// A scalar after its type was checked. What `number` counts follows from the key's type:
/// milliseconds, milliwatts, bytes, thousandths, nano-units, days since 1970, 0 or 1.
struct Value {
    std::int64_t number{0};
    Currency currency{};
    std::string text{};  ///< as written
};

enum class NodeKind {
    null,  ///< nothing, ~ or null
    scalar,
    list,
    map,
    broken,  ///< an error was reported already (alias, tag, open quote): skip it
};

struct Entry;

struct Node {
    NodeKind kind{NodeKind::null};
    bool is_quoted{false};
    Spot spot{};
    std::string text{};            ///< scalars: the decoded text
    std::vector<Node> items{};     ///< lists
    std::vector<Entry> entries;    ///< maps, in order, without duplicates
    std::optional<Value> value{};  ///< set by the walker when the text is right for its key
};

struct Entry {
    std::string key{};
    Spot spot{};
    Node node{};
    bool is_ignored{false};  ///< a duplicate or a merge: reported, dropped when the map ends
};

/// The node under `key`, or nothing. `map` may be null or no map at all.
[[nodiscard]] const Node* child(const Node* map, std::string_view key) noexcept;
[[nodiscard]] Node* child(Node* map, std::string_view key) noexcept;
[[nodiscard]] const Entry* entry(const Node* map, std::string_view key) noexcept;
/// What a list or map holds; nothing when `node` is null or of another kind.
[[nodiscard]] std::span<const Node> items_of(const Node* node) noexcept;
[[nodiscard]] std::span<const Entry> entries_of(const Node* node) noexcept;
/// The checked value, if `node` exists and its value was right.
[[nodiscard]] const Value* value(const Node* node) noexcept;

/// Findings of all files. Keeps the first `collected_diagnostics_max` and drops the rest.
class Findings {
public:
    /// A reference that is good until the next add(); beyond the cap to a scratch entry.
    Diagnostic& add(Diagnostic diagnostic);
    [[nodiscard]] bool has_errors() const noexcept { return errors_ > 0; }
    /// Nothing that is added now will be shown; no need to think of a hint.
    [[nodiscard]] bool is_full() const noexcept { return all_.size() >= collected_diagnostics_max; }
    /// Sorted by file, line and column.
    [[nodiscard]] std::vector<Diagnostic> take();

private:
    std::vector<Diagnostic> all_{};
    Diagnostic scratch_{};
    std::size_t errors_{0};
};

/// The lines of one text, for positions and excerpts. Keeps a reference to the text.
class Lines {
public:
    /// `shifts` (one per line, or none) is added to the columns that spot() gives.
    explicit Lines(std::string_view text, std::vector<int> shifts = {});
    /// The place of the bytes [begin, end), cut at the end of begin's line.
    [[nodiscard]] Spot spot(std::size_t begin, std::size_t end) const noexcept;
    /// Line `number` (from 1) without its line end; empty beyond the last.
    [[nodiscard]] std::string_view line(int number) const noexcept;
    /// Where in line(number) its character `chars` (from 0) begins, or the line's end.
    [[nodiscard]] std::size_t byte_of(int number, std::size_t chars) const noexcept;
    [[nodiscard]] std::string_view text() const noexcept { return text_; }

private:
    [[nodiscard]] std::size_t chars_before(std::size_t pos) const noexcept;

    std::string_view text_;
    std::vector<int> shifts_;
    std::vector<std::size_t> starts_{};
    std::vector<std::size_t> block_chars_{};  ///< code points before each block of 64 bytes
};

/// A file that has been looked at; `root` is there when the text is YAML of the strict kind. The
/// file's text must outlive it.
class Document {
public:
    /// Checks bytes, size, depth and form, and builds the tree; findings go to `findings`.
    Document(const SourceFile& file, Findings& findings);
    Document(const Document&) = delete;
    Document& operator=(const Document&) = delete;

    [[nodiscard]] Node* root() noexcept { return root_ ? &*root_ : nullptr; }
    [[nodiscard]] const Node* root() const noexcept { return root_ ? &*root_ : nullptr; }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

    /// An error (or a warning, for codes that begin with EK-W) at `spot`, with the line; without
    /// it when nobody will see it.
    [[nodiscard]] Diagnostic finding(
        const Spot& spot, std::string_view code, std::string message, bool is_seen = true) const;

private:
    void parse(const Lines& lines, bool is_guess, Findings& findings);

    std::string path_;
    Lines lines_;
    std::optional<Node> root_{};
};

}  // namespace evenkeel::config
