#pragma once

#include "agent/ledger/chain_check.hpp"
#include "agent/ledger/sqlite.hpp"
#include "policies/domain/money.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// The double entry and its hash chain.
namespace evenkeel::ledger {

/// One line of a transaction.
struct Posting {
    std::string account{};
    Money amount{};
    std::int64_t quantity{0};
    std::string unit{};  ///< "token", "ns", "uJ" or "" where nothing is counted
    std::optional<std::int64_t> price{};
};

/// A transaction without its place in the chain.
struct Entry {
    std::int64_t id{0};
    std::int64_t at_us{0};
    std::int64_t day{0};
    std::string kind{};   ///< "request", "lapse", "phase", "adjust", "power"
    std::int64_t ref{0};  ///< the request or machine it is about; 0 = neither
    std::string idem{};   ///< what must happen only once
    std::optional<std::int64_t> corrects{};
    std::vector<Posting> postings{};
};

/// SHA-256(previous hash, canonical bytes of the entry): docs/ledger.md gives the bytes.
[[nodiscard]] std::string entry_hash(
    std::string_view prev_hash, std::int64_t gateway, std::int64_t seq, const Entry& entry);

/// The end of one gateway's chain, and the only writer of tx and posting rows.
class Chain {
public:
    Chain(Database& database, std::uint8_t gateway);
    /// Finds the end. Throws SqlError.
    void load();
    /// Appends `entry`. Throws SqlError; the database refuses sums that are not zero, a second
    /// entry with the same `idem`, and a broken chain.
    void append(const Entry& entry);
    [[nodiscard]] bool contains(std::string_view idem);
    [[nodiscard]] std::int64_t count() const noexcept { return seq_; }

private:
    std::uint8_t gateway_;
    std::int64_t seq_{0};
    std::string hash_{};
    Statement tail_;
    Statement find_;
    Statement insert_posting_;
    Statement insert_tx_;
};

/// Checks hashes, sums and links of the newest `newest_only` transactions of each gateway (all of
/// them: the largest number), oldest first. At most `limit` problems. Throws SqlError.
[[nodiscard]] ChainCheck check_chain(
    Database& database, std::int64_t newest_only, std::size_t limit);
/// Checks the next at most `count` transactions after `at` and moves it there; past the last of a
/// gateway it goes on with the next one, and after all of them from the beginning. Throws SqlError.
[[nodiscard]] ChainCheck check_chain_part(
    Database& database, ChainPosition& at, std::int64_t count, std::size_t limit);

}  // namespace evenkeel::ledger
