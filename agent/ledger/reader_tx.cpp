// Transactions with their postings.
#include "agent/ledger/queries.hpp"
#include "agent/ledger/reader_impl.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::ledger {

namespace {

constexpr std::int64_t rows_looked_at_max = 20'000;  ///< in one transaction

Unit unit_of(std::string_view text) {
    return text == "ns" ? Unit::nanosecond : text == "uJ" ? Unit::microjoule : Unit::token;
}

TxView tx_of(const Statement& row) {
    const auto corrects = row.optional_integer(8);
    return {
        .id = TxId{row.integer(0)},
        .gateway = row.integer(1),
        .seq = row.integer(2),
        .at = from_us(row.integer(3)),
        .day = row.integer(4),
        .kind = row.text(5),
        .ref = row.integer(6),
        .idem = row.text(7),
        .corrects = corrects ? std::optional{TxId{*corrects}} : std::nullopt,
        .hash = row.text(9)};
}

constexpr std::string_view tx_columns =
    "t.id, t.gateway, t.seq, t.at_us, t.day, t.kind, t.ref, t.idem, t.corrects, t.hash";

/// Reads the postings of one transaction after another.
class Postings {
public:
    explicit Postings(Database& database)
        : row_{
              database,
              "SELECT p.account, p.currency, p.amount, p.quantity, p.unit, r.num, r.den, "
              "r.currency,"
              " r.seen_us FROM posting AS p LEFT JOIN price AS r ON r.id = p.price WHERE p.tx = ?1"
              " ORDER BY p.line"} {}

    void read(TxView& tx) {
        row_.query(tx.id.value());
        while (row_.next()) {
            PostingView& posting = tx.postings.emplace_back();
            posting.account = row_.text(0);
            posting.amount = money_of(row_.integer(2), row_.text(1));
            posting.quantity = row_.integer(3);
            posting.unit = row_.text(4);
            if (const auto num = row_.optional_integer(5)) {
                posting.price = Price{
                    *num,
                    std::max<std::int64_t>(row_.integer(6), 1),
                    Currency::parse(row_.text(7)).value_or(Currency{}),
                    unit_of(posting.unit)};
                posting.price_seen = from_us(row_.integer(8));
            }
        }
    }

private:
    Statement row_;
};

}  // namespace

Result<TxPage> Reader::transactions(const TxFilter& filter, TxId before, int limit) {
    Database& database = *impl_->database;
    return reading(database, [&] {
        TxPage page;
        const std::int64_t oldest = least_id_at(filter.not_before);
        const bool one = filter.request != RequestId{} || filter.machine != MachineId{};
        std::int64_t lowest = oldest;
        std::int64_t looked_at = 0;
        if (!one) {
            Statement floor{
                database,
                "SELECT min(id), count(*) FROM (SELECT id FROM tx WHERE id >= ?1 AND id < ?2"
                " ORDER BY id DESC LIMIT ?3)"};
            floor.query(oldest, before.value(), rows_looked_at_max);
            floor.next();
            lowest = floor.integer(0);
            looked_at = floor.integer(1);
        }
        const std::string_view about =
            filter.request != RequestId{}   ? "t.idem = 'request:' || ?6 AND"
            : filter.machine != MachineId{} ? "t.kind IN ('phase', 'adjust') AND t.ref = ?6 AND"
                                            : "?6 = 0 AND";
        Statement row{
            database,
            fmt::format(
                "SELECT {} FROM tx AS t WHERE {} t.id >= ?1 AND t.id < ?2 AND t.day BETWEEN ?3 AND"
                " ?4 AND (?5 = '' OR t.kind = ?5) AND (?7 = '' OR EXISTS (SELECT 1 FROM posting AS"
                " p WHERE p.tx = t.id AND (p.account = ?7 OR substr(p.account, 1, length(?7) + 1) ="
                " ?7 || ':'))) ORDER BY t.id DESC LIMIT ?8",
                tx_columns,
                about)};
        row.query(
            lowest,
            before.value(),
            filter.first_day,
            filter.last_day,
            filter.kind,
            filter.request != RequestId{} ? filter.request.value() : filter.machine.value(),
            filter.account,
            limit);
        Postings postings{database};
        while ((one || looked_at > 0) && row.next()) {
            postings.read(page.rows.emplace_back(tx_of(row)));
        }
        if (std::ssize(page.rows) == limit) {
            page.next = page.rows.back().id;
        } else if (looked_at == rows_looked_at_max) {
            page.next = TxId{lowest};
        }
        return page;
    });
}

Result<std::vector<TxView>> Reader::transactions_from(
    const TxFilter& filter, TxId after, int limit) {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::vector<TxView> rows;
        Statement row{
            database,
            fmt::format(
                "SELECT {} FROM tx AS t WHERE t.id > ?1 AND +t.day BETWEEN ?2 AND ?3"
                " ORDER BY t.id LIMIT ?4",
                tx_columns)};
        row.query(
            std::max(after.value(), least_id_at(filter.not_before) - 1),
            filter.first_day,
            filter.last_day,
            limit);
        Postings postings{database};
        while (row.next()) {
            postings.read(rows.emplace_back(tx_of(row)));
        }
        return rows;
    });
}

Result<std::vector<MachineName>> Reader::machine_names() {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::vector<MachineName> names;
        Statement row{
            database,
            "SELECT m.id, m.name, coalesce(m.remote_id, ''), m.provider, coalesce(n.text, '')"
            " FROM machine AS m LEFT JOIN name AS n ON n.ix = m.source ORDER BY m.id"};
        while (row.next()) {
            names.push_back(
                {.id = MachineId{row.integer(0)},
                 .name = row.text(1),
                 .remote_id = row.text(2),
                 .source = row.text(4),
                 .provider = name_ix(row.integer(3))});
        }
        return names;
    });
}

Result<std::vector<MachineSums>> Reader::machine_sums(
    std::int64_t first_day, std::int64_t last_day) {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::vector<MachineSums> sums;
        Statement row{
            database,
            "SELECT t.ref, p.currency, sum(CASE t.kind WHEN 'phase' THEN p.amount ELSE 0 END),"
            " sum(CASE t.kind WHEN 'adjust' THEN p.amount ELSE 0 END),"
            " count(DISTINCT r.num || '/' || r.den) FROM tx AS t JOIN posting AS p ON p.tx = t.id"
            " LEFT JOIN price AS r ON r.id = p.price WHERE t.kind IN ('phase', 'adjust')"
            " AND t.day BETWEEN ?1 AND ?2 AND p.account LIKE 'expense:%'"
            " GROUP BY t.ref, p.currency ORDER BY t.ref, p.currency"};
        row.query(first_day, last_day);
        while (row.next()) {
            const std::string currency = row.text(1);
            sums.push_back(
                {.machine = MachineId{row.integer(0)},
                 .metered = money_of(row.integer(2), currency),
                 .adjusted = money_of(row.integer(3), currency),
                 .prices = static_cast<int>(row.integer(4))});
        }
        return sums;
    });
}

Result<std::vector<BillSeen>> Reader::bills() {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::vector<BillSeen> bills;
        if (database.integer("PRAGMA user_version") < bills_since_schema) {
            return bills;
        }
        Statement row{
            database,
            "SELECT provider, remote_id, machine, at_us, currency, amount, final FROM bill"
            " ORDER BY provider, remote_id"};
        while (row.next()) {
            bills.push_back(
                {.provider = name_ix(row.integer(0)),
                 .remote_id = row.text(1),
                 .machine = MachineId{row.integer(2)},
                 .at = from_us(row.integer(3)),
                 .amount = money_of(row.integer(5), row.text(4)),
                 .final = row.integer(6) != 0});
        }
        return bills;
    });
}

Result<std::vector<Deleted>> Reader::deleted() {
    Database& database = *impl_->database;
    return reading(database, [&] {
        return database.integer("PRAGMA user_version") < bills_since_schema
                   ? std::vector<Deleted>{}
                   : read_deleted(database);
    });
}

}  // namespace evenkeel::ledger
