// Energy and wear of own hardware, and what its GPUs did.
#include "agent/ledger/queries.hpp"
#include "agent/ledger/reader_impl.hpp"

#include <fmt/format.h>

namespace evenkeel::ledger {

namespace {

template <class Unit>
Result<std::vector<GpuRollup>> rollups(
    Database& database, std::string_view table, std::string_view column, UtcTime since) {
    return reading(database, [&] {
        std::vector<GpuRollup> found;
        if (database.integer("PRAGMA user_version") < energy_since_schema) {
            return found;
        }
        Statement row{
            database,
            fmt::format(
                "SELECT gpu, {0}, samples, power_mw, energy_mj, utilisation, temperature, memory,"
                " throttle, xids, sick FROM {1} WHERE {0} >= ?1 ORDER BY {0}, gpu",
                column,
                table)};
        row.query(std::chrono::floor<Unit>(since.time_since_epoch()).count());
        while (row.next()) {
            found.push_back(
                {.gpu = row.text(0),
                 .at = UtcTime{Unit{row.integer(1)}},
                 .samples = row.integer(2),
                 .power_milliwatts = row.integer(3),
                 .energy_millijoules = row.integer(4),
                 .utilisation = row.integer(5),
                 .temperature_c = row.integer(6),
                 .memory_bytes = row.integer(7),
                 .throttle = row.integer(8),
                 .xids = row.integer(9),
                 .sick = row.integer(10)});
        }
        return found;
    });
}

}  // namespace

Result<std::vector<EnergyRow>> Reader::energy(std::int64_t first_day, std::int64_t last_day) {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::vector<EnergyRow> found;
        if (database.integer("PRAGMA user_version") < energy_since_schema) {
            return found;
        }
        Statement row{
            database,
            "SELECT hardware, max(source), sum(idle_uj), sum(work_uj), sum(host_uj),"
            " sum(estimated_uj), sum(on_ns), sum(worked_ns), currency, sum(idle), sum(work),"
            " sum(host), wear_currency, sum(wear), sum(wear_worked) FROM energy"
            " WHERE day BETWEEN ?1 AND ?2 GROUP BY hardware, currency, wear_currency"
            " ORDER BY hardware, currency, wear_currency"};
        row.query(first_day, last_day);
        while (row.next()) {
            const std::string currency = row.text(8);
            const std::string wear_currency = row.text(12);
            found.push_back(
                {.hardware = row.text(0),
                 .source = name_ix(row.integer(1)),
                 .idle_microjoules = row.integer(2),
                 .work_microjoules = row.integer(3),
                 .host_microjoules = row.integer(4),
                 .estimated_microjoules = row.integer(5),
                 .on = std::chrono::nanoseconds{row.integer(6)},
                 .worked = std::chrono::nanoseconds{row.integer(7)},
                 .idle = money_of(row.integer(9), currency),
                 .work = money_of(row.integer(10), currency),
                 .host = money_of(row.integer(11), currency),
                 .wear = money_of(row.integer(13), wear_currency),
                 .wear_worked = money_of(row.integer(14), wear_currency)});
        }
        return found;
    });
}

Result<std::vector<GpuRollup>> Reader::gpu_minutes(UtcTime since) {
    return rollups<std::chrono::minutes>(*impl_->database, "gpu_minute", "minute", since);
}

Result<std::vector<GpuRollup>> Reader::gpu_hours(UtcTime since) {
    return rollups<std::chrono::hours>(*impl_->database, "gpu_hour", "hour", since);
}

}  // namespace evenkeel::ledger
