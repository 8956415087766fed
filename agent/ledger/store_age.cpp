// Bills of providers, and the end of detail that is old enough.
#include "agent/ledger/store.hpp"

#include <algorithm>

namespace evenkeel::ledger {

namespace {

struct Batch {
    std::int64_t last{0};  ///< the newest id in it
    std::int64_t rows{0};
};
/// The oldest at most `rows` ids below `below` that `sql` finds.
Batch oldest_batch(
    Database& database, std::string_view sql, std::int64_t below, std::int64_t rows) {
    Statement found{database, sql};
    found.query(below, rows);
    found.next();
    return {.last = found.integer(0), .rows = found.integer(1)};
}

}  // namespace

void Store::apply_bill(const BillSeen& bill, UtcTime at) {
    Statement known{
        database_,
        "SELECT currency, amount, final, machine FROM bill WHERE provider = ?1 AND remote_id = ?2"};
    Statement machine{database_, "SELECT id FROM machine WHERE provider = ?1 AND remote_id = ?2"};
    machine.query(bill.provider.value(), bill.remote_id);
    const std::int64_t id = machine.next() ? machine.integer(0) : 0;
    machine.reset();
    known.query(bill.provider.value(), bill.remote_id);
    if (known.next() && known.text(0) == bill.amount.currency().text() &&
        known.integer(1) == bill.amount.nanos() && (known.integer(2) != 0) == bill.final &&
        known.integer(3) == id) {
        return;
    }
    known.reset();
    Statement put{
        database_,
        "INSERT INTO bill(provider, remote_id, machine, at_us, currency, amount, final)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET machine = excluded.machine,"
        " at_us = excluded.at_us, currency = excluded.currency, amount = excluded.amount,"
        " final = excluded.final"};
    put.run(
        bill.provider.value(),
        bill.remote_id,
        id,
        to_us(at),
        bill.amount.currency().text(),
        bill.amount.nanos(),
        bill.final ? 1 : 0);
}

void Store::note_deleted(
    std::string_view what, std::int64_t rows, std::int64_t below, UtcTime now) {
    Statement note{
        database_,
        "INSERT INTO detail_deleted(what, deleted, below, at_us) VALUES(?1, ?2, ?3, ?4)"
        " ON CONFLICT DO UPDATE SET deleted = deleted + excluded.deleted,"
        " below = max(below, excluded.below), at_us = excluded.at_us"};
    note.run(what, rows, below, to_us(now));
}

std::int64_t Store::delete_old(UtcTime before, std::int64_t rows, UtcTime now) {
    const std::int64_t below = least_id_at(before);
    const std::int64_t requests = delete_requests(below, rows, now);
    if (requests > 0) {
        return requests;
    }
    const std::int64_t holds = delete_holds(below, rows, now);
    return holds > 0 ? holds : delete_events(before, now);
}

std::int64_t Store::delete_requests(std::int64_t below, std::int64_t rows, UtcTime now) {
    const auto [last, found] = oldest_batch(
        database_,
        "SELECT max(id), count(*) FROM (SELECT id FROM request WHERE id < ?1 ORDER BY id"
        " LIMIT ?2)",
        below,
        rows);
    if (found == 0) {
        return 0;
    }
    Statement keep_sums{
        database_,
        "INSERT INTO request_deleted(source, model, key, route, currency, requests, transactions,"
        " tok_in, tok_cached, tok_cache_write, tok_out, paid, charged) SELECT source, model, key,"
        " route, currency, count(*), count(tx), sum(tok_in), sum(tok_cached),"
        " sum(tok_cache_write), sum(tok_out), sum(paid), sum(charged) FROM request WHERE id <= ?1"
        " GROUP BY source, model, key, route, currency ON CONFLICT DO UPDATE SET"
        " requests = requests + excluded.requests,"
        " transactions = transactions + excluded.transactions, tok_in = tok_in + excluded.tok_in,"
        " tok_cached = tok_cached + excluded.tok_cached,"
        " tok_cache_write = tok_cache_write + excluded.tok_cache_write,"
        " tok_out = tok_out + excluded.tok_out, paid = paid + excluded.paid,"
        " charged = charged + excluded.charged"};
    keep_sums.run(last);
    Statement remove{database_, "DELETE FROM request WHERE id <= ?1"};
    remove.run(last);
    note_deleted("request", found, last + 1, now);
    return found;
}

std::int64_t Store::delete_holds(std::int64_t below, std::int64_t rows, UtcTime now) {
    const auto [last, found] = oldest_batch(
        database_,
        "SELECT max(id), count(*) FROM (SELECT id FROM hold WHERE id < ?1 AND state <> 'open'"
        " ORDER BY id LIMIT ?2)",
        below,
        rows);
    if (found == 0) {
        return 0;
    }
    Statement shares{
        database_,
        "DELETE FROM hold_budget WHERE hold <= ?1 AND hold IN (SELECT id FROM hold WHERE id <= ?1"
        " AND state <> 'open')"};
    shares.run(last);
    Statement remove{database_, "DELETE FROM hold WHERE id <= ?1 AND state <> 'open'"};
    remove.run(last);
    note_deleted("hold", found, last + 1, now);
    return found;
}

/// All events of one machine at once: each is checked against the one before.
std::int64_t Store::delete_events(UtcTime before, UtcTime now) {
    Statement oldest{
        database_,
        "SELECT m.id FROM machine AS m WHERE m.gone_us IS NOT NULL AND m.gone_us < ?1 AND EXISTS"
        " (SELECT 1 FROM machine_event AS e WHERE e.machine = m.id) LIMIT 1"};
    oldest.query(to_us(before));
    if (!oldest.next()) {
        return 0;
    }
    const std::int64_t machine = oldest.integer(0);
    oldest.reset();
    Statement remove{database_, "DELETE FROM machine_event WHERE machine = ?1"};
    const std::int64_t found = remove.run(machine);
    note_deleted("machine_event", found, machine + 1, now);
    return found;
}

}  // namespace evenkeel::ledger
