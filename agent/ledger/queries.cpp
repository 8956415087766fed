#include "agent/ledger/queries.hpp"

#include "agent/ledger/names.hpp"

#include <algorithm>

namespace evenkeel::ledger {

namespace {

std::optional<UtcTime> optional_time(const Statement& row, int column) {
    const auto us = row.optional_integer(column);
    return us ? std::optional{from_us(*us)} : std::nullopt;
}

MachineState state_of(const std::string& text) {
    return machine_state_from(text).value_or(MachineState::unknown);
}

std::optional<GoneHow> gone_how_of(const std::string& text) {
    for (const GoneHow how : {GoneHow::destroyed, GoneHow::never_created, GoneHow::lost}) {
        if (to_text(how) == text) {
            return how;
        }
    }
    return std::nullopt;
}

Phase phase_of(const std::string& text) {
    for (const Phase phase :
         {Phase::boot,
          Phase::warm,
          Phase::serve,
          Phase::idle,
          Phase::drain,
          Phase::del,
          Phase::minimum}) {
        if (to_text(phase) == text) {
            return phase;
        }
    }
    return Phase::minimum;
}

MachineView machine_of(const Statement& row) {
    MachineView view;
    MachineRow& machine = view.row;
    machine.id = MachineId{row.integer(0)};
    machine.provider = name_ix(row.integer(1));
    machine.name = row.text(2);
    machine.remote_id = row.text(3);
    machine.offer = name_ix(row.integer(4));
    machine.model = name_ix(row.integer(5));
    machine.source = name_ix(row.integer(6));
    machine.gpu = row.text(7);
    const std::string currency = row.text(8);
    view.paid = money_of(row.integer(9), currency);
    machine.state = state_of(row.text(10));
    machine.step = row.integer(11);
    machine.expires = from_us(row.integer(12));
    machine.created = from_us(row.integer(13));
    machine.gone = optional_time(row, 14);
    machine.gone_how = gone_how_of(row.text(15));
    machine.reason.code = static_cast<ReasonCode>(row.integer(16));
    machine.reason.args = {row.integer(17), row.integer(18), row.integer(19)};
    machine.synthetic = row.integer(20) != 0;
    machine.detail = row.text(21);
    const auto code = Currency::parse(currency).value_or(Currency{});
    machine.price =
        Price{row.integer(22), std::max<std::int64_t>(row.integer(23), 1), code, Unit::nanosecond};
    view.provider = row.text(24);
    view.model = row.text(25);
    view.offer = row.text(26);
    return view;
}

}  // namespace

Money money_of(std::int64_t nanos, const std::string& currency) {
    return Money{nanos, Currency::parse(currency).value_or(Currency{})};
}

std::string meta_value(Database& database, std::string_view key) {
    Statement statement{database, "SELECT value FROM meta WHERE key = ?1"};
    statement.query(key);
    return statement.next() ? statement.text(0) : std::string{};
}

std::vector<NameRow> read_names(Database& database) {
    std::vector<NameRow> names;
    Statement row{database, "SELECT ix, kind, text FROM name ORDER BY ix"};
    while (row.next()) {
        if (const auto kind = name_kind_from(row.text(1))) {
            names.push_back({.ix = name_ix(row.integer(0)), .kind = *kind, .text = row.text(2)});
        }
    }
    return names;
}

std::string_view to_text(config::BudgetPer per) noexcept {
    return per == config::BudgetPer::hour  ? "hour"
           : per == config::BudgetPer::day ? "day"
                                           : "month";
}

namespace {

KeyTerms terms_of(Statement& row, int first) {
    KeyTerms terms{
        .rate =
            {.requests_min = row.integer(first + 6),
             .tokens_min = row.integer(first + 7),
             .in_flight = row.integer(first + 8)},
        .team = row.text(first),
        .expires = optional_time(row, first + 2)};
    std::string routes = row.text(first + 1);
    for (std::size_t at = 0; !routes.empty() && at != std::string::npos;) {
        const std::size_t comma = routes.find(',', at);
        terms.routes.push_back(routes.substr(at, comma - at));
        at = comma == std::string::npos ? comma : comma + 1;
    }
    const auto currency = Currency::parse(row.text(first + 4));
    if (currency) {
        const std::string per = row.text(first + 5);
        terms.money = KeyMoney{
            .amount = Money{row.integer(first + 3), *currency},
            .per = per == "hour"  ? config::BudgetPer::hour
                   : per == "day" ? config::BudgetPer::day
                                  : config::BudgetPer::month};
    }
    return terms;
}

/// A ledger that no agent of this version has opened yet has no columns of terms.
constexpr int terms_since_schema = 3;

}  // namespace

std::vector<KeyRow> read_keys(Database& database) {
    std::vector<KeyRow> keys;
    const bool has_terms = database.integer("PRAGMA user_version") >= terms_since_schema;
    Statement row{
        database,
        has_terms
            ? "SELECT ix, name, sha256, prefix, created_us, revoked_us, team, routes, expires_us,"
              " limit_amount, limit_currency, limit_per, requests_min, tokens_min, in_flight"
              " FROM client_key ORDER BY ix"
            : "SELECT ix, name, sha256, prefix, created_us, revoked_us FROM client_key"
              " ORDER BY ix"};
    while (row.next()) {
        keys.push_back(
            {.ix = name_ix(row.integer(0)),
             .name = row.text(1),
             .sha256 = row.text(2),
             .prefix = row.text(3),
             .created = from_us(row.integer(4)),
             .revoked = optional_time(row, 5),
             .terms = has_terms ? terms_of(row, 6) : KeyTerms{}});
    }
    return keys;
}

std::vector<BudgetWindow> read_windows(Database& database, UtcTime since) {
    std::vector<BudgetWindow> windows;
    Statement row{
        database,
        "SELECT budget, window_us, settled, held FROM budget_window"
        " WHERE window_us >= ?1 OR held <> 0 ORDER BY budget, window_us"};
    row.query(to_us(since));
    while (row.next()) {
        windows.push_back(
            {.budget = name_ix(row.integer(0)),
             .window = from_us(row.integer(1)),
             .settled = row.integer(2),
             .held = row.integer(3)});
    }
    return windows;
}

namespace {

MachineEvent event_of(Statement& row) {
    return {
        .step = row.integer(0),
        .at = from_us(row.integer(1)),
        .boot_id = row.text(2),
        .boot_ns = row.integer(3),
        .event = row.text(4),
        .from = state_of(row.text(5)),
        .to = state_of(row.text(6))};
}

}  // namespace

std::vector<MachineEvent> read_events(Database& database, MachineId machine) {
    Statement row{
        database,
        "SELECT step, at_us, boot_id, boot_ns, event, from_state, to_state FROM machine_event"
        " WHERE machine = ?1 ORDER BY step"};
    row.query(machine.value());
    std::vector<MachineEvent> events;
    while (row.next()) {
        events.push_back(event_of(row));
    }
    return events;
}

std::vector<MachineView> read_machines(Database& database, UtcTime gone_since) {
    std::vector<MachineView> machines;
    Statement row{
        database,
        "SELECT m.id, m.provider, m.name, m.remote_id, m.offer, m.model, m.source, m.gpu,"
        " m.currency, m.paid, m.state, m.step, m.expires_us, m.created_us, m.gone_us, m.gone_how,"
        " m.reason, m.reason_a, m.reason_b, m.reason_c, m.synthetic, m.detail, p.num, p.den,"
        " np.text, nm.text, no.text FROM machine AS m JOIN price AS p ON p.id = m.price"
        " LEFT JOIN name AS np ON np.ix = m.provider LEFT JOIN name AS nm ON nm.ix = m.model"
        " LEFT JOIN name AS no ON no.ix = m.offer"
        " WHERE m.gone_us IS NULL OR m.gone_us >= ?1 ORDER BY m.id"};
    Statement phase{
        database,
        "SELECT no, phase, from_us, to_us, billed FROM machine_phase WHERE machine = ?1"
        " ORDER BY no"};
    Statement event{
        database,
        "SELECT step, at_us, boot_id, boot_ns, event, from_state, to_state FROM machine_event"
        " WHERE machine = ?1 ORDER BY step DESC LIMIT 1"};
    row.query(to_us(gone_since));
    while (row.next()) {
        MachineView view = machine_of(row);
        const std::int64_t id = view.row.id.value();
        phase.query(id);
        while (phase.next()) {
            view.phases.push_back(
                {.no = phase.integer(0),
                 .phase = phase_of(phase.text(1)),
                 .from = from_us(phase.integer(2)),
                 .to = optional_time(phase, 3),
                 .billed = Money{phase.integer(4), view.paid.currency()}});
        }
        event.query(id);
        while (event.next()) {
            view.last = event_of(event);
        }
        machines.push_back(std::move(view));
    }
    return machines;
}

std::vector<Deleted> read_deleted(Database& database) {
    std::vector<Deleted> all;
    Statement row{database, "SELECT what, deleted, below FROM detail_deleted ORDER BY what"};
    while (row.next()) {
        all.push_back(
            {.what = row.text(0), .rows = row.integer(1), .before = id_time(row.integer(2))});
    }
    return all;
}

std::int64_t newest_policy(Database& database) {
    return database.integer("SELECT coalesce(max(no), 0) FROM policy");
}

std::int64_t largest_id(Database& database) {
    return database.integer(
        "SELECT max(coalesce((SELECT max(id) FROM tx), 0),"
        " coalesce((SELECT max(id) FROM hold), 0), coalesce((SELECT max(id) FROM decision), 0),"
        " coalesce((SELECT max(id) FROM request), 0), coalesce((SELECT max(id) FROM machine), 0))");
}

}  // namespace evenkeel::ledger
