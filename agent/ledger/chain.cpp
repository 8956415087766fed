#include "agent/ledger/chain.hpp"

#include "agent/ledger/sha256.hpp"

#include <fmt/format.h>

#include <map>
#include <string_view>

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

ChainCheck check_chain(Database& database, std::int64_t newest_only, std::size_t limit) {
    ChainCheck check;
    const auto problem = [&](std::string text) {
        if (check.problems.size() < limit) {
            check.problems.push_back(std::move(text));
        }
    };
    Statement next_gateway{database, "SELECT min(gateway) FROM tx WHERE gateway > ?1"};
    Statement newest{database, "SELECT max(seq) FROM tx WHERE gateway = ?1"};
    Statement transactions{
        database,
        "SELECT id, gateway, seq, at_us, day, kind, ref, idem, corrects, prev_hash, hash FROM tx"
        " WHERE gateway = ?1 AND seq > ?2 ORDER BY seq"};
    Statement postings{
        database,
        "SELECT account, currency, amount, quantity, unit, price FROM posting WHERE tx = ?1"
        " ORDER BY line"};
    const auto number = [](Statement& statement, std::int64_t argument) {
        statement.query(argument);
        const auto value = statement.next() ? statement.optional_integer(0) : std::nullopt;
        statement.reset();
        return value;
    };
    std::optional<std::int64_t> gateway = number(next_gateway, -1);
    for (; gateway; gateway = number(next_gateway, *gateway)) {
        const std::int64_t last = number(newest, *gateway).value_or(0);
        std::int64_t seq = newest_only < last ? last - newest_only : 0;
        std::optional<std::string> link;  // of a tail the first link cannot be compared
        if (seq == 0) {
            link = no_hash;
        }
        transactions.query(*gateway, seq);
        while (transactions.next()) {
            const std::int64_t found = transactions.integer(2);
            const std::string prev_hash = transactions.text(9);
            const std::string hash = transactions.text(10);
            const Entry entry = read_entry(transactions, postings);
            ++check.transactions;
            check.postings += static_cast<std::int64_t>(entry.postings.size());
            if (found != seq + 1) {
                problem(fmt::format("transaction {} of gateway {} is missing", seq + 1, *gateway));
            } else if (link && prev_hash != *link) {
                problem(fmt::format("transaction {} does not continue the hash chain", found));
            }
            if (hash != entry_hash(prev_hash, *gateway, found, entry)) {
                problem(fmt::format("transaction {} was changed: its hash does not match", found));
            }
            if (!balances(entry)) {
                problem(fmt::format("transaction {} does not sum to zero", found));
            }
            seq = found;
            link = hash;
        }
    }
    return check;
}

}  // namespace evenkeel::ledger
