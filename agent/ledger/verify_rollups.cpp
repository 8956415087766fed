#include "agent/ledger/verify_rollups.hpp"

#include "agent/ledger/queries.hpp"
#include "agent/ledger/zone.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace evenkeel::ledger {

namespace {

constexpr std::size_t problems_max = 20;
/// Ids are as old as their requests, but for what a clock was set back in between: so close to
/// midnight it is not certain in which day one was booked.
constexpr std::chrono::minutes midnight_slack{10};

/// The sums of a cell.
constexpr std::array<std::string_view, 10> cell_columns{
    "requests",
    "answered",
    "tok_in",
    "tok_cached",
    "tok_cache_write",
    "tok_out",
    "paid",
    "charged",
    "wait_ms",
    "time_ns"};
/// Of those, what the row of a request says (machines have the time), and how.
constexpr std::array<std::string_view, 9> request_columns{
    "1",
    "(outcome = 0)",
    "tok_in",
    "tok_cached",
    "tok_cache_write",
    "tok_out",
    "paid",
    "charged",
    "wait_ms"};
static_assert(static_cast<int>(Outcome::answered) == 0);
/// And what is kept of deleted requests; numbers of cell_columns.
constexpr std::array<std::size_t, 7> deleted_columns{0, 2, 3, 4, 5, 6, 7};

constexpr std::string_view cell_of_request = "source, model, key, route, currency";

template <class Text>
std::string list(std::size_t count, std::string_view between, Text text) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) {
        all += i == 0 ? std::string_view{} : between;
        all += text(i);
    }
    return all;
}

void complain_of_each(
    Statement& source, std::string_view sentence, const SourceNames& sources, Verification& found) {
    while (!is_full(found) && source.next()) {
        add_problem(found, fmt::format(fmt::runtime(sentence), sources.text(source.integer(0))));
    }
    source.reset();
}

void compare_all_days(
    Database& database, const SourceNames& sources, std::int64_t schema, Verification& found) {
    const auto columns = [](auto text) {
        return list(
            deleted_columns.size(), ", ", [&](std::size_t i) { return text(deleted_columns[i]); });
    };
    std::string sql = fmt::format(
        "SELECT DISTINCT source FROM (SELECT {0}, {1} FROM rollup_day WHERE phase = ''"
        " UNION ALL SELECT {0}, {2} FROM request",
        cell_of_request,
        columns([](std::size_t i) { return fmt::format("{} AS c{}", cell_columns[i], i); }),
        columns([](std::size_t i) { return fmt::format("-{}", request_columns[i]); }));
    if (schema >= bills_since_schema) {
        sql += fmt::format(
            " UNION ALL SELECT {}, {} FROM request_deleted",
            cell_of_request,
            columns([](std::size_t i) { return fmt::format("-{}", cell_columns[i]); }));
    }
    sql += fmt::format(
        ") GROUP BY {} HAVING {}",
        cell_of_request,
        list(deleted_columns.size(), " OR ", [](std::size_t i) {
            return fmt::format("sum(c{}) <> 0", deleted_columns[i]);
        }));
    Statement row{database, sql};
    complain_of_each(
        row, "the roll-ups of {} over all days differ from its requests", sources, found);
}

/// Since when each day's requests are all there, and booked by the present zone; none: never.
std::optional<UtcTime> comparable_since(Database& database, std::int64_t schema) {
    const std::string text = meta_value(database, zone_since_key);
    std::int64_t us = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), us).ec != std::errc{}) {
        return std::nullopt;
    }
    UtcTime since = from_us(us) + zones_apart_max;
    if (schema >= bills_since_schema) {
        for (const Deleted& one : read_deleted(database)) {
            since = one.what == "request" ? std::max(since, one.before) : since;
        }
    }
    return since;
}

/// What differs of one day: ?1, whose requests have the ids from ?2 on and below ?3. Where those
/// below ?4 and from ?5 on may be of the days beside it, only what they cannot explain. A request
/// that a crash cut off has neither model nor route, and was booked when its money was held.
std::string one_day_sql() {
    const auto columns = [](std::string_view sign, std::span<const std::string_view> texts) {
        return list(request_columns.size(), ", ", [&](std::size_t i) {
            return fmt::format("{}{} AS c{}", sign, texts[i], i);
        });
    };
    return fmt::format(
        "SELECT DISTINCT source FROM (SELECT {0}, 1 AS sure, {1} FROM rollup_day WHERE day = ?1 AND"
        " phase = '' AND (model <> 0 OR route <> 0) UNION ALL SELECT {0}, id >= ?4 AND id < ?5,"
        " {2} FROM request WHERE id >= ?2 AND id < ?3 AND (model <> 0 OR route <> 0)) GROUP BY {0}"
        " HAVING {3}",
        cell_of_request,
        columns("", cell_columns),
        columns("-", request_columns),
        list(request_columns.size(), " OR ", [](std::size_t i) {
            return fmt::format("sum(c{0}) > 0 OR sum(c{0} * sure) < 0", i);
        }));
}

void compare_each_day(
    Database& database, const SourceNames& sources, std::int64_t schema, Verification& found) {
    const auto since = comparable_since(database, schema);
    const auto zone = Zone::load(meta_value(database, "report_zone"));
    if (!since || !zone) {
        return;
    }
    std::vector<std::int64_t> numbers;
    Statement day{database, "SELECT DISTINCT day FROM rollup_day WHERE day > ?1 ORDER BY day"};
    day.query(day_number(*zone, *since));
    while (day.next()) {
        numbers.push_back(day.integer(0));
    }
    Statement row{database, one_day_sql()};
    for (const std::int64_t number : numbers) {
        const std::chrono::year_month_day date = day_of(number);
        if (!date.ok()) {
            add_problem(found, fmt::format("the roll-ups have a day {} that is none", number));
            continue;
        }
        const auto id_at = [&](std::chrono::days after, std::chrono::minutes more) {
            const std::chrono::local_days local{std::chrono::sys_days{date}.time_since_epoch()};
            return least_id_at(UtcTime{zone->to_utc(local + after)} + more);
        };
        using std::chrono::days;
        row.query(
            number,
            id_at(days{0}, -midnight_slack),
            id_at(days{1}, midnight_slack),
            id_at(days{0}, midnight_slack),
            id_at(days{1}, -midnight_slack));
        complain_of_each(
            row,
            fmt::format("the roll-up of {{}} on {} differs from its requests", day_text(number)),
            sources,
            found);
    }
}

}  // namespace

bool is_full(const Verification& found) noexcept {
    return found.problems.size() >= problems_max;
}

void add_problem(Verification& found, std::string sentence) {
    if (!is_full(found)) {
        found.problems.push_back(std::move(sentence));
    }
}

void compare_hours(Database& database, const SourceNames& sources, Verification& found) {
    constexpr std::string_view cell = "source, model, key, route, phase, currency";
    const auto columns = [](std::string_view sign) {
        return list(cell_columns.size(), ", ", [&](std::size_t i) {
            return fmt::format("{}{} AS c{}", sign, cell_columns[i], i);
        });
    };
    Statement row{
        database,
        fmt::format(
            "SELECT DISTINCT source FROM (SELECT {0}, {1} FROM rollup_day UNION ALL"
            " SELECT {0}, {2} FROM rollup_hour) GROUP BY {0} HAVING {3}",
            cell,
            columns(""),
            columns("-"),
            list(cell_columns.size(), " OR ", [](std::size_t i) {
                return fmt::format("sum(c{}) <> 0", i);
            }))};
    complain_of_each(row, "the daily and hourly roll-ups of {} differ", sources, found);
}

void compare_requests(
    Database& database, const SourceNames& sources, std::int64_t schema, Verification& found) {
    compare_each_day(database, sources, schema, found);
    compare_all_days(database, sources, schema, found);
}

}  // namespace evenkeel::ledger
