// Money of the roll-ups, cell by cell, against postings.
#include "agent/ledger/queries.hpp"
#include "agent/ledger/verify_rollups.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <compare>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace evenkeel::ledger {

namespace {

/// Money of a day that should be the same in two places.
struct MoneyKey {
    std::int64_t day{0};
    std::string phase{};  ///< as in the roll-ups: empty of requests
    std::string currency{};
    std::int64_t source{SourceNames::all};
    friend auto operator<=>(const MoneyKey&, const MoneyKey&) = default;

    [[nodiscard]] MoneyKey of_all_sources() const {
        return {day, phase, currency, SourceNames::all};
    }
};
/// Modulo 2^64, so that no forged amount overflows: sums are compared, not shown.
using Sums = std::map<MoneyKey, std::uint64_t>;

void add(Sums& sums, MoneyKey key, std::int64_t amount) {
    sums[std::move(key)] += static_cast<std::uint64_t>(amount);
}

/// By source of requests, of all sources else.
Sums posted_money(Database& database, const SourceNames& sources) {
    // The rows of one account follow each other by day: a small map of small maps.
    std::map<std::array<std::string, 3>, std::map<std::int64_t, std::uint64_t>> accounts;
    Statement row{
        database,
        "SELECT t.day, t.kind, p.account, p.currency, p.amount FROM tx AS t JOIN posting AS p"
        " ON p.tx = t.id WHERE p.account LIKE 'expense:%'"};
    while (row.next()) {
        accounts[{row.text(1), row.text(2), row.text(3)}][row.integer(0)] +=
            static_cast<std::uint64_t>(row.integer(4));
    }
    Sums sums;
    for (const auto& [account, days] : accounts) {
        const auto& [kind, name, currency] = account;
        const bool request = kind == "request" || kind == "lapse";
        MoneyKey key{
            .phase = request           ? ""
                     : kind == "phase" ? name.substr(name.rfind(':') + 1)
                                       : kind,
            .currency = currency,
            .source = request ? sources.of_account(name) : SourceNames::all};
        for (const auto& [day, amount] : days) {
            key.day = day;
            sums[key] += amount;
        }
    }
    return sums;
}

/// Money of time by source, as far as it is known; what is not, goes into `unclear`.
Sums money_by_source(
    Database& database, std::int64_t schema, const Sums& posted, std::set<MoneyKey>& unclear) {
    Sums sums;
    Statement machine{
        database,
        "SELECT t.day, t.kind, p.account, p.currency, p.amount, m.source, EXISTS (SELECT 1 FROM"
        " machine_event AS e WHERE e.machine = m.id AND e.step = 0) AND NOT EXISTS (SELECT 1 FROM"
        " machine_event AS e WHERE e.machine = m.id AND e.from_state = 'gone' AND"
        " e.to_state <> 'gone') FROM tx AS t JOIN posting AS p ON p.tx = t.id LEFT JOIN machine AS"
        " m ON m.id = t.ref WHERE t.kind IN ('phase', 'adjust') AND p.account LIKE 'expense:%'"};
    while (machine.next()) {
        const std::string account = machine.text(2);
        const std::string kind = machine.text(1);
        MoneyKey key{
            .day = machine.integer(0),
            .phase = kind == "phase" ? account.substr(account.rfind(':') + 1) : kind,
            .currency = machine.text(3)};
        if (machine.integer(6) == 0) {
            unclear.insert(std::move(key));
        } else {
            key.source = machine.integer(5);
            add(sums, std::move(key), machine.integer(4));
        }
    }
    if (schema < energy_since_schema) {
        for (const auto& [key, amount] : posted) {
            if (key.phase == "power") {
                unclear.insert(key);
            }
        }
        return sums;
    }
    Sums of_days;
    Statement energy{
        database,
        "SELECT day, source, currency, sum(idle + work + host) FROM energy WHERE currency <> ''"
        " GROUP BY day, source, currency"};
    while (energy.next()) {
        MoneyKey key{.day = energy.integer(0), .phase = "power", .currency = energy.text(2)};
        add(of_days, key, energy.integer(3));
        key.source = energy.integer(1);
        add(sums, std::move(key), energy.integer(3));
    }
    // Power of before there were rows of energy.
    for (const auto& [key, amount] : posted) {
        const auto measured = of_days.find(key);
        if (key.phase == "power" && (measured == of_days.end() || measured->second != amount)) {
            unclear.insert(key);
        }
    }
    return sums;
}

/// Where the two say different things.
std::vector<MoneyKey> differences(const Sums& one, const Sums& other) {
    std::vector<MoneyKey> keys;
    for (const auto& [key, amount] : one) {
        const auto at = other.find(key);
        if (amount != (at == other.end() ? 0 : at->second)) {
            keys.push_back(key);
        }
    }
    for (const auto& [key, amount] : other) {
        if (amount != 0 && !one.contains(key)) {
            keys.push_back(key);
        }
    }
    return keys;
}

}  // namespace

SourceNames::SourceNames(Database& database) {
    Statement row{database, "SELECT ix, text FROM name WHERE kind = 'source'"};
    while (row.next()) {
        texts_[row.integer(0)] = row.text(1);
        numbers_[row.text(1)] = row.integer(0);
    }
}

std::string SourceNames::text(std::int64_t source) const {
    const auto found = texts_.find(source);
    return source == all           ? "all sources"
           : source == 0           ? "no source"
           : found == texts_.end() ? fmt::format("#{}", source)
                                   : found->second;
}

std::int64_t SourceNames::of_account(std::string_view account) const {
    const std::size_t colon = account.find(':', account.find(':') + 1);
    const std::string name{account.substr(colon == std::string_view::npos ? 0 : colon + 1)};
    if (const auto found = numbers_.find(name); found != numbers_.end()) {
        return found->second;
    }
    std::int64_t number = all;
    if (name.starts_with('#')) {
        static_cast<void>(std::from_chars(name.data() + 1, name.data() + name.size(), number));
    }
    return number;
}

std::string day_text(std::int64_t day) {
    return fmt::format("{:04}-{:02}-{:02}", day / 10'000, day / 100 % 100, day % 100);
}

void compare_money(
    Database& database, const SourceNames& sources, std::int64_t schema, Verification& found) {
    const Sums posted = posted_money(database, sources);
    std::set<MoneyKey> unclear;
    const Sums posted_by_source = money_by_source(database, schema, posted, unclear);
    Sums rolled;
    Sums rolled_by_source;
    Statement row{
        database, "SELECT day, phase, currency, source, paid FROM rollup_day WHERE paid <> 0"};
    while (row.next()) {
        MoneyKey key{
            .day = row.integer(0),
            .phase = row.text(1),
            .currency = row.text(2),
            .source = row.integer(3)};
        add(rolled, key.phase.empty() ? key : key.of_all_sources(), row.integer(4));
        if (!key.phase.empty()) {
            add(rolled_by_source, std::move(key), row.integer(4));
        }
    }
    const auto complain = [&](const MoneyKey& key) {
        add_problem(
            found,
            fmt::format(
                "the roll-up of {} on {} ({}, {}) differs from its postings",
                sources.text(key.source),
                day_text(key.day),
                key.phase.empty() ? "requests" : key.phase,
                key.currency));
    };
    std::set<MoneyKey> told;
    for (const MoneyKey& key : differences(rolled_by_source, posted_by_source)) {
        if (!unclear.contains(key.of_all_sources())) {
            complain(key);
            told.insert(key.of_all_sources());
        }
    }
    for (const MoneyKey& key : differences(rolled, posted)) {
        if (!told.contains(key)) {
            complain(key);
        }
    }
}

}  // namespace evenkeel::ledger
