#include "agent/ledger/chain.hpp"

#include "agent/ledger/sha256.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

namespace evenkeel::ledger {

namespace {

const std::string no_hash(32, '\0');

/// The entry a row of `tx` describes, postings included.
Entry read_entry(Statement& tx, Statement& postings) {
    Entry entry{
        .id = tx.integer(0),
        .at_us = tx.integer(3),
        .day = tx.integer(4),
        .kind = tx.text(5),
        .ref = tx.integer(6),
        .idem = tx.text(7),
        .corrects = tx.optional_integer(8)};
    postings.query(entry.id);
    while (postings.next()) {
        const auto currency = Currency::parse(postings.text(1));
        entry.postings.push_back(
            {.account = postings.text(0),
             .amount = Money{postings.integer(2), currency.value_or(Currency{})},
             .quantity = postings.integer(3),
             .unit = postings.text(4),
             .price = postings.optional_integer(5)});
    }
    return entry;
}

bool balances(const Entry& entry) {
    std::map<Currency, __int128> sums;
    for (const Posting& posting : entry.postings) {
        sums[posting.amount.currency()] += posting.amount.nanos();
    }
    for (const auto& [currency, sum] : sums) {
        if (sum != 0) {
            return false;
        }
    }
    return !entry.postings.empty();
}

}  // namespace

std::string entry_hash(
    std::string_view prev_hash, std::int64_t gateway, std::int64_t seq, const Entry& entry) {
    Canonical canonical;
    canonical.add("evenkeel.tx/1").add(prev_hash);
    canonical.add(entry.id).add(gateway).add(seq).add(entry.at_us).add(entry.day);
    canonical.add(entry.kind).add(entry.ref).add(entry.idem).add(entry.corrects.value_or(0));
    canonical.add(static_cast<std::int64_t>(entry.postings.size()));
    for (const Posting& posting : entry.postings) {
        canonical.add(posting.account).add(posting.amount.currency().text());
        canonical.add(posting.amount.nanos()).add(posting.quantity);
        canonical.add(posting.unit).add(posting.price.value_or(0));
    }
    return sha256(canonical.bytes());
}

Chain::Chain(Database& database, std::uint8_t gateway)
    : gateway_{gateway},
      tail_{database, "SELECT seq, hash FROM tx WHERE gateway = ?1 ORDER BY seq DESC LIMIT 1"},
      find_{database, "SELECT 1 FROM tx WHERE idem = ?1"},
      insert_posting_{
          database,
          "INSERT INTO posting(tx, line, account, currency, amount, quantity, unit, price)"
          " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
      insert_tx_{
          database,
          "INSERT INTO tx(id, gateway, seq, at_us, day, kind, ref, idem, corrects, prev_hash, hash)"
          " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"} {}

void Chain::load() {
    seq_ = 0;
    hash_ = no_hash;
    tail_.query(gateway_);
    while (tail_.next()) {
        seq_ = tail_.integer(0);
        hash_ = tail_.text(1);
    }
}

bool Chain::contains(std::string_view idem) {
    const bool found = find_.query(idem).next();
    find_.reset();
    return found;
}

void Chain::append(const Entry& entry) {
    std::int64_t line = 0;
    for (const Posting& posting : entry.postings) {
        insert_posting_.run(
            entry.id,
            line++,
            posting.account,
            posting.amount.currency().text(),
            posting.amount.nanos(),
            posting.quantity,
            posting.unit,
            posting.price);
    }
    const std::string hash = entry_hash(hash_, gateway_, seq_ + 1, entry);
    insert_tx_.run(
        entry.id,
        gateway_,
        seq_ + 1,
        entry.at_us,
        entry.day,
        entry.kind,
        entry.ref,
        entry.idem,
        entry.corrects,
        Blob{hash_},
        Blob{hash});
    ++seq_;
    hash_ = hash;
}

namespace {

/// A walk along chains that notes what is wrong.
class Walk {
public:
    Walk(Database& database, std::size_t limit)
        : limit_{limit},
          next_gateway_{database, "SELECT min(gateway) FROM tx WHERE gateway > ?1"},
          newest_{database, "SELECT max(seq) FROM tx WHERE gateway = ?1"},
          hash_{database, "SELECT hash FROM tx WHERE gateway = ?1 AND seq = ?2"},
          transactions_{
              database,
              "SELECT id, gateway, seq, at_us, day, kind, ref, idem, corrects, prev_hash, hash"
              " FROM tx WHERE gateway = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq"},
          postings_{
              database,
              "SELECT account, currency, amount, quantity, unit, price FROM posting WHERE tx = ?1"
              " ORDER BY line"} {}

    [[nodiscard]] std::optional<std::int64_t> gateway_after(std::int64_t gateway) {
        return number(next_gateway_, gateway);
    }
    [[nodiscard]] std::int64_t newest_of(std::int64_t gateway) {
        return number(newest_, gateway).value_or(0);
    }
    /// Checks the transactions above `seq` up to `last`. `link`: the hash that the first of them
    /// continues; nothing: it cannot be compared.
    void check(
        std::int64_t gateway,
        std::int64_t seq,
        std::int64_t last,
        std::optional<std::string> link) {
        transactions_.query(gateway, seq, last);
        while (transactions_.next()) {
            const std::int64_t found = transactions_.integer(2);
            const std::string prev_hash = transactions_.text(9);
            const std::string hash = transactions_.text(10);
            const Entry entry = read_entry(transactions_, postings_);
            ++check_.transactions;
            check_.postings += static_cast<std::int64_t>(entry.postings.size());
            if (found != seq + 1) {
                problem(fmt::format("transaction {} of gateway {} is missing", seq + 1, gateway));
            } else if (link && prev_hash != *link) {
                problem(fmt::format("transaction {} does not continue the hash chain", found));
            }
            if (hash != entry_hash(prev_hash, gateway, found, entry)) {
                problem(fmt::format("transaction {} was changed: its hash does not match", found));
            }
            if (!balances(entry)) {
                problem(fmt::format("transaction {} does not sum to zero", found));
            }
            seq = found;
            link = hash;
        }
        if (seq < last) {
            problem(fmt::format("transaction {} of gateway {} is missing", seq + 1, gateway));
        }
    }
    /// The hash of a transaction; of the one before the first, zeros.
    [[nodiscard]] std::optional<std::string> hash_of(std::int64_t gateway, std::int64_t seq) {
        if (seq == 0) {
            return no_hash;
        }
        hash_.query(gateway, seq);
        const auto found = hash_.next() ? std::optional{hash_.text(0)} : std::nullopt;
        hash_.reset();
        return found;
    }
    [[nodiscard]] ChainCheck take() { return std::move(check_); }

private:
    static std::optional<std::int64_t> number(Statement& statement, std::int64_t argument) {
        statement.query(argument);
        const auto value = statement.next() ? statement.optional_integer(0) : std::nullopt;
        statement.reset();
        return value;
    }
    void problem(std::string text) {
        if (check_.problems.size() < limit_) {
            check_.problems.push_back(std::move(text));
        }
    }

    std::size_t limit_;
    Statement next_gateway_;
    Statement newest_;
    Statement hash_;
    Statement transactions_;
    Statement postings_;
    ChainCheck check_{};
};

}  // namespace

ChainCheck check_chain(Database& database, std::int64_t newest_only, std::size_t limit) {
    Walk walk{database, limit};
    std::optional<std::int64_t> gateway = walk.gateway_after(-1);
    for (; gateway; gateway = walk.gateway_after(*gateway)) {
        const std::int64_t last = walk.newest_of(*gateway);
        const std::int64_t seq = newest_only < last ? last - newest_only : 0;
        // Of a tail the first link cannot be compared.
        walk.check(*gateway, seq, last, seq == 0 ? std::optional{no_hash} : std::nullopt);
    }
    return walk.take();
}

ChainCheck check_chain_part(
    Database& database, ChainPosition& at, std::int64_t count, std::size_t limit) {
    Walk walk{database, limit};
    const std::int64_t last = walk.newest_of(at.gateway);
    const std::int64_t until = std::min(last, at.seq + count);
    walk.check(at.gateway, at.seq, until, walk.hash_of(at.gateway, at.seq));
    at.seq = until;
    if (at.seq >= last) {
        at = {.gateway = walk.gateway_after(at.gateway).value_or(0), .seq = 0};
    }
    return walk.take();
}

}  // namespace evenkeel::ledger
