// What an export of the ledger needs beside its transactions.
#include "agent/ledger/queries.hpp"
#include "agent/ledger/reader_impl.hpp"

#include <algorithm>

namespace evenkeel::ledger {

Result<std::vector<SourceInfo>> Reader::sources() {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::vector<SourceInfo> found;
        Statement row{
            database, "SELECT ix, kind, provider, label, synthetic FROM source ORDER BY ix"};
        while (row.next()) {
            found.push_back(
                {.ix = name_ix(row.integer(0)),
                 .kind = static_cast<SourceKind>(row.integer(1)),
                 .provider = name_ix(row.integer(2)),
                 .label = row.text(3),
                 .synthetic = row.integer(4) != 0});
        }
        return found;
    });
}

Result<std::vector<RequestView>> Reader::requests_by_id(const std::vector<RequestId>& ids) {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::vector<RequestView> found;
        Statement row{database, select_requests(database, "WHERE r.id = ?1")};
        for (const RequestId id : ids) {
            row.query(id.value());
            while (row.next()) {
                found.push_back(request_of(row));
            }
        }
        return found;
    });
}

Result<std::vector<RequestView>> Reader::unpaid_requests(
    RequestId after, RequestId until, int limit) {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::vector<RequestView> found;
        Statement row{
            database,
            select_requests(
                database,
                "WHERE r.id > ?1 AND r.id < ?2 AND r.paid = 0 AND r.source <> 0 ORDER BY r.id"
                " LIMIT ?3")};
        row.query(after.value(), until.value(), limit);
        while (row.next()) {
            found.push_back(request_of(row));
        }
        return found;
    });
}

Result<std::vector<MachineTokens>> Reader::machine_tokens(UtcTime since, UtcTime split) {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::vector<MachineTokens> found;
        Statement row{
            database,
            "SELECT machine, sum(CASE WHEN id < ?2 THEN tok_in + tok_out ELSE 0 END),"
            " sum(tok_in + tok_out) FROM request WHERE id >= ?1 AND machine <> 0 GROUP BY machine"};
        row.query(least_id_at(since), least_id_at(split));
        while (row.next()) {
            found.push_back(
                {.machine = MachineId{row.integer(0)},
                 .earlier = row.integer(1),
                 .all = row.integer(2)});
        }
        return found;
    });
}

Result<std::vector<OwnHour>> Reader::own_hours(std::int64_t first_day, std::int64_t last_day) {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::vector<OwnHour> found;
        if (database.integer("PRAGMA user_version") < energy_since_schema) {
            return found;
        }
        Statement row{
            database,
            "SELECT source, at_us / 3600000000 AS hour, currency, sum(idle + work + host),"
            " wear_currency, sum(wear) FROM energy WHERE day BETWEEN ?1 AND ?2"
            " GROUP BY source, hour, currency, wear_currency"};
        row.query(first_day, last_day);
        while (row.next()) {
            found.push_back(
                {.source = name_ix(row.integer(0)),
                 .hour = UtcTime{std::chrono::hours{row.integer(1)}},
                 .power = money_of(row.integer(3), row.text(2)),
                 .wear = money_of(row.integer(5), row.text(4))});
        }
        return found;
    });
}

Result<std::map<NameIx, std::vector<Price>>> Reader::hour_prices() {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::map<NameIx, std::vector<Price>> prices;
        Statement row{
            database,
            "SELECT DISTINCT offer, currency, num, den FROM price WHERE meter = 'hour'"
            " ORDER BY offer, num, den"};
        while (row.next()) {
            prices[name_ix(row.integer(0))].emplace_back(
                row.integer(2),
                std::max<std::int64_t>(row.integer(3), 1),
                Currency::parse(row.text(1)).value_or(Currency{}),
                Unit::nanosecond);
        }
        return prices;
    });
}

Result<std::vector<PriceSeen>> Reader::token_prices() {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::vector<PriceSeen> prices;
        Statement row{
            database,
            "SELECT offer, meter, currency, num, den, seen_us, from_us FROM price"
            " WHERE meter NOT IN ('hour', 'power') ORDER BY id"};
        while (row.next()) {
            prices.push_back(
                {.offer = name_ix(row.integer(0)),
                 .meter = row.text(1),
                 .price =
                     Price{
                         row.integer(3),
                         std::max<std::int64_t>(row.integer(4), 1),
                         Currency::parse(row.text(2)).value_or(Currency{}),
                         Unit::token},
                 .seen = from_us(row.integer(5)),
                 .from = from_us(row.integer(6))});
        }
        return prices;
    });
}

}  // namespace evenkeel::ledger
