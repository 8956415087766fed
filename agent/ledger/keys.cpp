#include "agent/ledger/keys.hpp"

#include "agent/ledger/sha256.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <cctype>
#include <mutex>

namespace evenkeel::ledger {

namespace {

constexpr std::size_t name_max = 64;
constexpr std::size_t key_bytes = 20;
constexpr std::size_t presented_max = 256;
constexpr std::size_t prefix_chars = 6;  ///< "ek-a1f": 15 bits of 160 are shown

std::string base32(std::string_view bytes) {
    constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
    std::string text;
    unsigned bits = 0;
    unsigned held = 0;
    for (const char c : bytes) {
        held = (held << 8 | static_cast<unsigned char>(c)) & 0xFFFFF;
        bits += 8;
        while (bits >= 5) {
            bits -= 5;
            text += alphabet[held >> bits & 31];
        }
    }
    return text;
}

}  // namespace

Result<NewKey> make_key(std::string_view name, NameIx ix, UtcTime now) {
    const bool plain = std::ranges::all_of(name, [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
    });
    if (name.empty() || name.size() > name_max || !plain) {
        return fail(
            Errc::invalid_argument,
            fmt::format("a key's name has 1 to {} letters, digits, '-', '_' or '.'", name_max));
    }
    const std::string random = random_bytes(key_bytes);
    if (random.empty()) {
        return fail(Errc::io_failed, "the operating system gives no random bytes");
    }
    NewKey key{.text = "ek-" + base32(random)};
    key.row = {
        .ix = ix,
        .name = std::string{name},
        .sha256 = sha256(key.text),
        .prefix = key.text.substr(0, prefix_chars),
        .created = now};
    return key;
}

std::optional<inference::ClientKey> StoredKeys::find(std::string_view presented) const {
    if (presented.empty() || presented.size() > presented_max) {
        return std::nullopt;
    }
    const std::string hash = sha256(presented);
    const std::shared_lock lock{mutex_};
    const Entry* found = nullptr;
    for (const Entry& entry : entries_) {  // all of them: the time tells nothing
        if (CRYPTO_memcmp(entry.sha256.data(), hash.data(), hash.size()) == 0) {
            found = &entry;
        }
    }
    const bool expired = found != nullptr && found->expires && clock_ != nullptr &&
                         clock_->read().utc >= *found->expires;
    return found != nullptr && !expired ? std::optional{found->key} : std::nullopt;
}

void StoredKeys::put(const KeyRow& row) {
    std::erase_if(entries_, [&](const Entry& entry) { return entry.key.ix == row.ix; });
    if (!row.revoked && row.sha256.size() == 32) {
        entries_.push_back(
            {.sha256 = row.sha256,
             .key =
                 {.ix = row.ix,
                  .name = row.name,
                  .team = row.terms.team,
                  .routes = row.terms.routes},
             .expires = row.terms.expires});
    }
}

void StoredKeys::replace(const std::vector<KeyRow>& rows) {
    const std::unique_lock lock{mutex_};
    entries_.clear();
    for (const KeyRow& row : rows) {
        put(row);
    }
}

void StoredKeys::add(const KeyRow& row) {
    const std::unique_lock lock{mutex_};
    put(row);
}

bool StoredKeys::remove(std::string_view name) {
    const std::unique_lock lock{mutex_};
    return std::erase_if(entries_, [&](const Entry& entry) { return entry.key.name == name; }) > 0;
}

std::size_t StoredKeys::size() const {
    const std::shared_lock lock{mutex_};
    return entries_.size();
}

}  // namespace evenkeel::ledger
