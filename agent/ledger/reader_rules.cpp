// What the nightly replays found.
#include "agent/ledger/queries.hpp"
#include "agent/ledger/reader_impl.hpp"

namespace evenkeel::ledger {

namespace {

/// A ledger that no agent of this version has opened yet has no such table.
constexpr std::int64_t since_schema = 2;

void add_outcomes(Database& database, RuleReplay& replay) {
    const std::string currency{replay.currency.text()};
    Statement row{
        database,
        "SELECT rule, own, rental, api, total, j, requests, within_limit, machine_starts"
        " FROM rule_replay_outcome WHERE scaling = ?1 AND at_us = ?2 ORDER BY place"};
    row.query(replay.scaling, to_us(replay.at));
    while (row.next()) {
        replay.outcomes.push_back(
            {.rule = row.text(0),
             .own = money_of(row.integer(1), currency),
             .rental = money_of(row.integer(2), currency),
             .api = money_of(row.integer(3), currency),
             .total = money_of(row.integer(4), currency),
             .j = money_of(row.integer(5), currency),
             .requests = row.integer(6),
             .within_limit = row.integer(7),
             .machine_starts = static_cast<int>(row.integer(8))});
    }
}

}  // namespace

Result<std::vector<RuleReplay>> Reader::rule_replays() {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::vector<RuleReplay> replays;
        if (database.integer("PRAGMA user_version") < since_schema) {
            return replays;
        }
        Statement row{
            database,
            "SELECT scaling, max(at_us), policy, since_us, until_us, requests, currency, rule,"
            " recommended, follows, note FROM rule_replay GROUP BY scaling ORDER BY scaling"};
        while (row.next()) {
            replays.push_back(
                {.at = from_us(row.integer(1)),
                 .scaling = row.text(0),
                 .policy = row.integer(2),
                 .since = from_us(row.integer(3)),
                 .until = from_us(row.integer(4)),
                 .requests = row.integer(5),
                 .currency = Currency::parse(row.text(6)).value_or(Currency{}),
                 .rule = row.text(7),
                 .recommended = row.text(8),
                 .follows = row.text(9),
                 .note = row.text(10)});
        }
        for (RuleReplay& replay : replays) {
            add_outcomes(database, replay);
        }
        return replays;
    });
}

Result<std::vector<std::pair<UtcTime, std::int64_t>>> Reader::requests_by_hour(UtcTime since) {
    Database& database = *impl_->database;
    return reading(database, [&] {
        std::vector<std::pair<UtcTime, std::int64_t>> hours;
        Statement row{
            database, "SELECT hour, sum(requests) FROM rollup_hour WHERE hour >= ?1 GROUP BY hour"};
        row.query(std::chrono::floor<std::chrono::hours>(since.time_since_epoch()).count());
        while (row.next()) {
            hours.emplace_back(UtcTime{std::chrono::hours{row.integer(0)}}, row.integer(1));
        }
        return hours;
    });
}

}  // namespace evenkeel::ledger
