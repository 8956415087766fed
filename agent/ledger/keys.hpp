#pragma once

#include "agent/ledger/rows.hpp"
#include "inference/ports.hpp"

#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::ledger {

/// A fresh client key: the text is shown once, the row is stored.
struct NewKey {
    std::string text{};  ///< "ek-" and 32 characters, 160 random bits
    KeyRow row{};
};

/// Makes a key named `name`. Errors: invalid_argument (empty, longer than 64 characters, or
/// anything but letters, digits, '-', '_' and '.'), io_failed (no randomness).
[[nodiscard]] Result<NewKey> make_key(std::string_view name, NameIx ix, UtcTime now);

/// The living client keys; one that is revoked or has expired is not found from then on.
/// Thread-safe; a look-up hashes what was presented and compares all bytes
/// of the hash in constant time.
class StoredKeys final : public inference::KeyRing {
public:
    StoredKeys() = default;
    /// `clock` outlives this; without one no key expires.
    explicit StoredKeys(const std::vector<KeyRow>& rows, const Clock* clock = nullptr)
        : clock_{clock} {
        replace(rows);
    }
    [[nodiscard]] std::optional<inference::ClientKey> find(
        std::string_view presented) const override;
    /// Takes over `rows`; revoked ones are left out.
    void replace(const std::vector<KeyRow>& rows);
    /// Instead of what is known of the key.
    void add(const KeyRow& row);
    /// False when no living key has that name.
    bool remove(std::string_view name);
    [[nodiscard]] std::size_t size() const;

private:
    struct Entry {
        std::string sha256{};
        inference::ClientKey key{};
        std::optional<UtcTime> expires{};
    };
    void put(const KeyRow& row);

    const Clock* clock_{nullptr};
    mutable std::shared_mutex mutex_;
    std::vector<Entry> entries_{};
};

}  // namespace evenkeel::ledger
