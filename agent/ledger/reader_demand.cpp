// What was asked for, as replays read it.
#include "agent/ledger/queries.hpp"
#include "agent/ledger/reader_impl.hpp"
#include "agent/ledger/schema.hpp"

#include <algorithm>

namespace evenkeel::ledger {

namespace {

/// A request that was wrong itself would have been answered by nobody.
constexpr const char* is_demand = " AND r.outcome <> ?3";
constexpr int invalid = static_cast<int>(Outcome::invalid);

}  // namespace

Result<std::vector<DemandRow>> Reader::demand(UtcTime since, UtcTime until) {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::vector<DemandRow> rows;
        Statement row{
            database,
            std::string{"SELECT r.model, r.route, coalesce(s.kind, 0) AS kind, r.reason,"
                        " (r.tok_in > 0 OR r.tok_out > 0) AS sized, count(*),"
                        " sum(r.tok_in), sum(r.tok_cached), sum(r.tok_out), min(r.id), max(r.id)"
                        " FROM request AS r LEFT JOIN source AS s ON s.ix = r.source"
                        " WHERE r.id >= ?1 AND r.id < ?2"} +
                is_demand + " GROUP BY r.model, r.route, kind, r.reason, sized"};
        row.query(least_id_at(since), least_id_at(until), invalid);
        while (row.next()) {
            rows.push_back(
                {.model = name_ix(row.integer(0)),
                 .route = name_ix(row.integer(1)),
                 .kind = static_cast<SourceKind>(row.integer(2)),
                 .reason = static_cast<ReasonCode>(row.integer(3)),
                 .sized = row.integer(4) != 0,
                 .requests = row.integer(5),
                 .tokens_in = row.integer(6),
                 .tokens_cached = row.integer(7),
                 .tokens_out = row.integer(8),
                 .first = id_time(row.integer(9)),
                 .last = id_time(row.integer(10))});
        }
        return rows;
    });
}

Result<std::vector<std::int64_t>> Reader::requests_by_day(UtcTime until, int days) {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::vector<std::int64_t> counts(static_cast<std::size_t>(std::max(days, 0)));
        Statement row{
            database, "SELECT count(*) FROM request WHERE id >= ?1 AND id < ?2 AND outcome <> ?3"};
        for (int day = 0; day < days; ++day) {
            const UtcTime end = until - std::chrono::days{day};
            row.query(least_id_at(end - std::chrono::days{1}), least_id_at(end), invalid);
            counts[static_cast<std::size_t>(day)] = row.next() ? row.integer(0) : 0;
            row.reset();
        }
        return counts;
    });
}

Result<void> Reader::arrivals(
    RequestId after, UtcTime until, int limit, std::vector<ArrivalRow>& rows) {
    Database& database = *impl_->database;
    const auto read = reading(database, [&] {
        rows.clear();
        Statement row{
            database,
            std::string{"SELECT r.id, r.model, r.route, coalesce(s.kind, 0), r.reason, r.tok_in,"
                        " r.tok_out FROM request AS r LEFT JOIN source AS s ON s.ix = r.source"
                        " WHERE r.id > ?1 AND r.id < ?2"} +
                is_demand + " AND r.model <> 0 ORDER BY r.id LIMIT ?4"};
        row.query(after.value(), least_id_at(until), invalid, limit);
        while (row.next()) {
            rows.push_back(
                {.id = RequestId{row.integer(0)},
                 .model = name_ix(row.integer(1)),
                 .route = name_ix(row.integer(2)),
                 .kind = static_cast<SourceKind>(row.integer(3)),
                 .reason = static_cast<ReasonCode>(row.integer(4)),
                 .tokens_in = row.integer(5),
                 .tokens_out = row.integer(6)});
        }
        return true;
    });
    return read ? Result<void>{} : std::unexpected{read.error()};
}

}  // namespace evenkeel::ledger
