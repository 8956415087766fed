// Client keys and when they were last used.
#include "agent/ledger/queries.hpp"
#include "agent/ledger/reader_impl.hpp"
#include "agent/ledger/zone.hpp"

namespace evenkeel::ledger {

namespace {

/// A booking day is local: its first moment and its last, in UTC, are so far from that of UTC's.
constexpr std::chrono::hours zone_offset_max{15};
constexpr std::chrono::hours day_length_max{24 + 15};

}  // namespace

Result<std::vector<KeyRow>> Reader::keys() {
    return reading(*impl_->database, [&] { return read_keys(*impl_->database); });
}

Result<std::map<NameIx, UtcTime>> Reader::keys_last_used() {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::map<NameIx, UtcTime> last;
        // The roll-ups tell the day, and only rows about that day are looked at.
        Statement row{
            database, "SELECT key, max(day) FROM rollup_day WHERE phase = '' GROUP BY key"};
        Statement newest{
            database,
            "SELECT id FROM request WHERE id >= ?2 AND id < ?3 AND key = ?1 ORDER BY id DESC"
            " LIMIT 1"};
        while (row.next()) {
            const std::int64_t key = row.integer(0);
            const UtcTime day{std::chrono::sys_days{day_of(row.integer(1))}};
            newest.query(
                key, least_id_at(day - zone_offset_max), least_id_at(day + day_length_max));
            last.emplace(
                NameIx{static_cast<std::int32_t>(key)},
                newest.next() ? id_time(newest.integer(0)) : day);
            newest.reset();
        }
        return last;
    });
}

}  // namespace evenkeel::ledger
