// What reports ask beyond sums of a period: one moment, what is set aside, days, hours, machines,
// prices of the past.
#include "agent/ledger/queries.hpp"
#include "agent/ledger/reader_impl.hpp"

#include <charconv>
#include <string_view>
#include <utility>

namespace evenkeel::ledger {

namespace {

/// The number after the last colon: the phase in "phase:<machine>:<step>:<no>".
std::int64_t last_number(std::string_view text) {
    const std::string_view digits = text.substr(text.rfind(':') + 1);
    std::int64_t number = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return number;
}

EnergyPost energy_post(const Statement& row) {
    const std::string currency = row.text(11);
    const std::string wear_currency = row.text(15);
    return {
        .at = from_us(row.integer(0)),
        .day = row.integer(1),
        .row = {
            .hardware = row.text(2),
            .source = name_ix(row.integer(3)),
            .idle_microjoules = row.integer(4),
            .work_microjoules = row.integer(5),
            .host_microjoules = row.integer(6),
            .estimated_microjoules = row.integer(7),
            .on = std::chrono::nanoseconds{row.integer(8)},
            .worked = std::chrono::nanoseconds{row.integer(9)},
            .idle = money_of(row.integer(12), currency),
            .work = money_of(row.integer(13), currency),
            .host = money_of(row.integer(14), currency),
            .wear = money_of(row.integer(16), wear_currency),
            .wear_worked = money_of(row.integer(17), wear_currency)}};
}

}  // namespace

Reader::Snapshot::~Snapshot() {
    if (database_ != nullptr) {
        database_->rollback_quietly();  // nothing was written
    }
}

Result<Reader::Snapshot> Reader::snapshot() {
    Database& database = *impl_->database;
    if (database.in_transaction()) {
        return Snapshot{nullptr};
    }
    try {
        database.exec("BEGIN");
    } catch (const SqlError& error) {
        return std::unexpected{to_error(error)};
    }
    return Snapshot{&database};
}

Result<std::vector<OpenHold>> Reader::machine_holds() {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::vector<OpenHold> holds;
        Statement row{
            database,
            "SELECT id, at_us, machine, source, currency, amount FROM hold"
            " WHERE state = 'open' AND machine IS NOT NULL ORDER BY id"};
        Statement share{
            database, "SELECT budget, window_us, amount FROM hold_budget WHERE hold = ?1"};
        while (row.next()) {
            OpenHold open{
                .id = HoldId{row.integer(0)},
                .at = from_us(row.integer(1)),
                .hold = {
                    .machine = MachineId{row.integer(2)},
                    .source = NameIx{static_cast<std::int32_t>(row.integer(3))},
                    .amount = money_of(row.integer(5), row.text(4))}};
            share.query(row.integer(0));
            while (share.next()) {
                open.hold.budgets.push_back(
                    {.budget = NameIx{static_cast<std::int32_t>(share.integer(0))},
                     .window = from_us(share.integer(1)),
                     .amount_report = share.integer(2)});
            }
            holds.push_back(std::move(open));
        }
        return holds;
    });
}

Result<BooksMeta> Reader::meta() {
    Database& database = *impl_->database;
    return reading(database, [&] {
        return BooksMeta{
            .zone = meta_value(database, "report_zone"),
            .report = Currency::parse(meta_value(database, "report_currency")).value_or(Currency{}),
            .first_day = database.integer("SELECT coalesce(min(day), 0) FROM rollup_day")};
    });
}

Result<std::vector<SpendHourRow>> Reader::spend_by_hour(UtcTime since, UtcTime until) {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::vector<SpendHourRow> rows;
        Statement row{
            database,
            "SELECT r.hour, coalesce(s.kind, 0) AS kind, r.phase, r.currency, sum(r.paid)"
            " FROM rollup_hour AS r LEFT JOIN source AS s ON s.ix = r.source"
            " WHERE r.hour >= ?1 AND r.hour < ?2 GROUP BY r.hour, kind, r.phase, r.currency"
            " ORDER BY r.hour, kind, r.phase, r.currency"};
        using std::chrono::hours;
        row.query(
            std::chrono::floor<hours>(since.time_since_epoch()).count(),
            std::chrono::ceil<hours>(until.time_since_epoch()).count());
        while (row.next()) {
            rows.push_back(
                {.at = UtcTime{hours{row.integer(0)}},
                 .kind = static_cast<SourceKind>(row.integer(1)),
                 .phase = row.text(2),
                 .paid = money_of(row.integer(4), row.text(3))});
        }
        return rows;
    });
}

Result<std::vector<MachineMoneyRow>> Reader::machine_money(
    std::int64_t first_day, std::int64_t last_day) {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::vector<MachineMoneyRow> rows;
        // By the index of idem: there are some ten of these to a machine, and none to a request.
        Statement row{
            database,
            "SELECT t.ref, t.idem, t.kind, t.day, t.at_us, p.account, p.currency, p.amount,"
            " p.quantity FROM (SELECT id FROM tx WHERE idem >= 'phase:' AND idem < 'phase;'"
            " UNION ALL SELECT id FROM tx WHERE idem >= 'adjust:' AND idem < 'adjust;') AS i"
            " JOIN tx AS t ON t.id = i.id JOIN posting AS p ON p.tx = t.id"
            " WHERE t.day BETWEEN ?1 AND ?2 AND p.account >= 'expense:rental:'"
            " AND p.account < 'expense:rental;' ORDER BY t.id, p.line"};
        row.query(first_day, last_day);
        while (row.next()) {
            const std::string account = row.text(5);
            rows.push_back(
                {.machine = MachineId{row.integer(0)},
                 .no = row.text(2) == "phase" ? last_number(row.text(1)) : 0,
                 .phase = account.substr(account.rfind(':') + 1),
                 .day = row.integer(3),
                 .at = from_us(row.integer(4)),
                 .amount = money_of(row.integer(7), row.text(6)),
                 .time = std::chrono::nanoseconds{row.integer(8)}});
        }
        return rows;
    });
}

Result<std::vector<EnergyPost>> Reader::energy_posts(
    std::int64_t first_day, std::int64_t last_day) {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::vector<EnergyPost> posts;
        if (database.integer("PRAGMA user_version") < energy_since_schema) {
            return posts;
        }
        Statement row{
            database,
            "SELECT at_us, day, hardware, source, idle_uj, work_uj, host_uj, estimated_uj, on_ns,"
            " worked_ns, tx, currency, idle, work, host, wear_currency, wear, wear_worked"
            " FROM energy WHERE day BETWEEN ?1 AND ?2 ORDER BY at_us, hardware"};
        row.query(first_day, last_day);
        while (row.next()) {
            posts.push_back(energy_post(row));
        }
        return posts;
    });
}

Result<std::vector<PriceSeen>> Reader::price_history() {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::vector<PriceSeen> prices;
        Statement row{
            database,
            "SELECT offer, meter, currency, num, den, seen_us, from_us FROM price"
            " ORDER BY offer, meter, id"};
        while (row.next()) {
            prices.push_back(price_row(row));
        }
        return prices;
    });
}

}  // namespace evenkeel::ledger
