// Where requests went, what that cost, and how long they waited.
#include "agent/report/nodes.hpp"
#include "agent/report/rates.hpp"
#include "agent/web/documents.hpp"
#include "agent/web/waits.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

namespace evenkeel::web {

namespace json = boost::json;

namespace {

constexpr std::chrono::hours shown_by_default{7 * 24};
constexpr int rows_at_once = 20'000;  ///< one transaction each: the ledger's WAL may shrink between

struct Cell {
    std::int64_t requests{0};
    Money cost{};
    bool synthetic{false};
};
using Cells = std::map<std::tuple<std::string, std::string, std::string>, Cell>;

/// By route, kind and source, turned over row by row as `report spend` does: both have one sum.
/// Money of time (machines, power) is of no route.
Result<Cells> cells_of(
    const std::vector<ledger::SpendRow>& rows,
    const std::vector<ledger::NameRow>& names,
    report::Rates& rates) {
    Cells cells;
    for (const ledger::SpendRow& row : rows) {
        const auto cost = rates.convert(row.paid);
        if (!cost) {
            return std::unexpected{cost.error()};
        }
        const bool served = row.source != NameIx{};
        Cell& cell = cells[{
            report::name_text(names, row.route),
            served ? std::string{to_text(row.kind)} : std::string{},
            served ? row.label : std::string{}}];
        cell.requests += row.requests;
        cell.cost += *cost;
        cell.synthetic = cell.synthetic || row.synthetic;
    }
    return cells;
}

struct Waits {
    std::vector<WaitHour> hours{};  ///< the newest first
    UtcTime since{};                ///< of the oldest that was counted
    bool complete{true};
};

Result<Waits> read_waits(ledger::Reader& reader, UtcTime since) {
    Waits waits{.since = since};
    WaitCounter counter;
    std::vector<ledger::WaitRow> rows;
    RequestId before{std::numeric_limits<std::int64_t>::max()};
    for (std::int64_t looked_at = 0;; looked_at += rows_at_once) {
        if (looked_at >= waits_rows_max) {
            waits.complete = false;
            waits.since = id_time(before.value());
            break;
        }
        rows.clear();
        const auto next = reader.waits(since, before, rows_at_once, rows);
        if (!next) {
            return std::unexpected{next.error()};
        }
        for (const ledger::WaitRow& row : rows) {
            counter.add(row.at, row.wait);
        }
        if (!*next) {
            break;
        }
        before = **next;
    }
    waits.hours = counter.finish();
    return waits;
}

json::array hours_json(const std::vector<WaitHour>& hours) {
    json::array array;
    for (auto hour = hours.rbegin(); hour != hours.rend(); ++hour) {
        array.emplace_back(json::object{
            {"hour_us", to_us(hour->hour)},
            {"requests", hour->requests},
            {"p50_ms", hour->p50_ms},
            {"p95_ms", hour->p95_ms},
            {"p99_ms", hour->p99_ms},
            {"buckets", json::array(hour->buckets.begin(), hour->buckets.end())}});
    }
    return array;
}

/// The shortest wait that a route allows; nothing where none says.
json::value target_ms(const agent::View& view) {
    std::optional<std::int64_t> least;
    for (const config::Route& route :
         view.config ? view.config->routes : std::vector<config::Route>{}) {
        if (route.max_wait) {
            const std::int64_t wait = route.max_wait->count();
            least = std::min(least.value_or(wait), wait);
        }
    }
    return least ? json::value(*least) : json::value(nullptr);
}

}  // namespace

Result<std::string> routing_document(const Desk& desk, const Query& query) {
    const auto since = query.instant("since", desk.now, shown_by_default, desk.zone);
    if (!since) {
        return std::unexpected{since.error()};
    }
    auto reader = desk.reader();
    if (!reader) {
        return std::unexpected{reader.error()};
    }
    const std::int64_t first = ledger::day_number(desk.zone, *since);
    const std::int64_t last = ledger::day_number(desk.zone, desk.now);
    const auto rows = reader->spend(first, last);
    const auto names = reader->names();
    if (!rows || !names) {
        return std::unexpected{!rows ? rows.error() : names.error()};
    }
    const Currency currency = desk.view->currency.report;
    report::Rates rates{*reader, currency, desk.view->currency};
    const auto cells = cells_of(*rows, *names, rates);
    if (!cells) {
        return std::unexpected{cells.error()};
    }
    const auto waits = read_waits(*reader, std::max(*since, desk.now - waits_back_max));
    if (!waits) {
        return std::unexpected{waits.error()};
    }
    json::array matrix;
    for (const auto& [key, cell] : *cells) {
        const auto& [route, kind, source] = key;
        matrix.emplace_back(json::object{
            {"route", route},
            {"source", source},
            {"kind", kind},
            {"synthetic", cell.synthetic},
            {"requests", cell.requests},
            {"cost", amount_text(cell.cost)}});
    }
    return json::serialize(json::object{
        {"schema", "evenkeel.routing/1"},
        {"currency", currency.text()},
        {"first_day", config::to_text(ledger::day_of(first))},
        {"last_day", config::to_text(ledger::day_of(last))},
        {"cells", std::move(matrix)},
        {"waits_since_us", to_us(waits->since)},
        {"waits_complete", waits->complete},
        {"waits", hours_json(waits->hours)},
        {"bucket_limits_ms", json::array(wait_limits_ms.begin(), wait_limits_ms.end())},
        {"target_ms", target_ms(*desk.view)}});
}

}  // namespace evenkeel::web
