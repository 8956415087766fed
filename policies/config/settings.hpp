#pragma once

#include "policies/config/keys.hpp"

#include <span>
#include <string>
#include <vector>

/// What a configuration says, key by key, apart from how it is written down.
namespace evenkeel::config {

/// One key with what it means. Comments, the order of keys, quotes and the choice of unit are gone:
/// `5m` and `300s` mean the same, and so do a default that is left out and one that is written.
struct Setting {
    File file{};
    const Key* key{nullptr};  ///< its row in the table; never null
    std::string group{};      ///< where it stands: "scaling.h100-burst"; empty at the top
    std::string name{};       ///< its last part: "max"
    std::string text{};       ///< as written, or the default: "5m"; of an entry a short form
    std::string meaning{};    ///< equal for equal meaning
    bool is_written{false};   ///< false: the default
    bool is_entry{false};     ///< an entry of a list or map that has a name: "h100-burst" itself

    /// "scaling.h100-burst.max"
    [[nodiscard]] std::string path() const;
    friend bool operator==(const Setting&, const Setting&) = default;
};

enum class ChangeKind { added, removed, changed };

/// One difference in meaning. Where a whole entry comes or goes, that is one change.
struct Change {
    ChangeKind kind{};
    File file{};
    const Key* key{nullptr};
    std::string group{};
    std::string name{};
    std::string before{};  ///< empty when added
    std::string after{};   ///< empty when removed
    bool is_entry{false};

    [[nodiscard]] std::string path() const;
    friend bool operator==(const Change&, const Change&) = default;
};

/// What `after` says otherwise than `before`, in the order of the files and of the table of keys.
/// Nothing when they mean the same.
[[nodiscard]] std::vector<Change> changes(
    std::span<const Setting> before, std::span<const Setting> after);

/// "added", "removed" or "changed".
[[nodiscard]] std::string_view to_text(ChangeKind kind) noexcept;

}  // namespace evenkeel::config
