#include "agent/ledger/store.hpp"

#include "agent/ledger/names.hpp"
#include "agent/ledger/queries.hpp"
#include "agent/ledger/sha256.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace evenkeel::ledger {

namespace {

template <class... Fs>
struct Overloaded : Fs... {
    using Fs::operator()...;
};

std::string upsert_cell(const char* table) {
    return fmt::format(
        "INSERT INTO rollup_{0}({0}, source, model, key, route, phase, currency, requests,"
        " answered, tok_in, tok_cached, tok_cache_write, tok_out, paid, charged, wait_ms,"
        " time_ns) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,"
        " ?16, ?17) ON CONFLICT DO UPDATE SET requests = requests + excluded.requests,"
        " answered = answered + excluded.answered, tok_in = tok_in + excluded.tok_in,"
        " tok_cached = tok_cached + excluded.tok_cached,"
        " tok_cache_write = tok_cache_write + excluded.tok_cache_write,"
        " tok_out = tok_out + excluded.tok_out, paid = paid + excluded.paid,"
        " charged = charged + excluded.charged, wait_ms = wait_ms + excluded.wait_ms,"
        " time_ns = time_ns + excluded.time_ns",
        table);
}

}  // namespace

void Store::Cell::add(const Cell& other) {
    requests += other.requests;
    answered += other.answered;
    tok_in += other.tok_in;
    tok_cached += other.tok_cached;
    tok_cache_write += other.tok_cache_write;
    tok_out += other.tok_out;
    paid += other.paid;
    charged += other.charged;
    wait_ms += other.wait_ms;
    time_ns += other.time_ns;
}

Store::Store(Database& database, const Zone& zone, std::uint8_t gateway, Currency report)
    : database_{database},
      zone_{zone},
      gateway_{gateway},
      report_{report},
      chain_{database, gateway},
      ids_{gateway},
      insert_request_{
          database,
          "INSERT INTO request(id, policy, key, route, model, source, machine, tag, tags,"
          " wait_ms, ttft_ms, total_ms, tok_in, tok_cached, tok_cache_write, tok_out, currency,"
          " paid, charged, outcome, flags, reason, reason_a, reason_b, reason_c, tx)"
          " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,"
          " ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25) ON CONFLICT(id) DO NOTHING"},
      insert_hold_{
          database,
          "INSERT INTO hold(id, request, machine, source, currency, amount, at_us, state)"
          " VALUES(?1, nullif(?2, 0), nullif(?3, 0), ?4, ?5, ?6, ?7, 'open')"},
      insert_hold_budget_{
          database,
          "INSERT INTO hold_budget(hold, budget, window_us, amount) VALUES(?1, ?2, ?3, ?4)"},
      top_up_hold_{database, "UPDATE hold SET amount = ?2 WHERE id = ?1"},
      top_up_hold_budget_{
          database, "UPDATE hold_budget SET amount = ?3 WHERE hold = ?1 AND budget = ?2"},
      end_hold_{database, "UPDATE hold SET state = ?2, tx = nullif(?3, 0) WHERE id = ?1"},
      add_window_{
          database,
          "INSERT INTO budget_window(budget, window_us, settled, held) VALUES(?1, ?2, 0, 0)"
          " ON CONFLICT DO NOTHING"},
      insert_decision_{
          database,
          "INSERT INTO decision(id, at_us, policy, kind, model, machine, reason, args)"
          " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(id) DO NOTHING"},
      insert_source_{
          database,
          "INSERT INTO source(ix, kind, provider, label, synthetic) VALUES(?1, ?2, ?3, ?4, ?5)"
          " ON CONFLICT(ix) DO NOTHING"},
      insert_event_{
          database,
          "INSERT INTO machine_event(machine, step, at_us, boot_id, boot_ns, event, from_state,"
          " to_state) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
      upsert_phase_{
          database,
          "INSERT INTO machine_phase(machine, no, phase, from_us, to_us, billed, tx)"
          " VALUES(?1, ?2, ?3, ?4, ?5, ?6, nullif(?7, 0)) ON CONFLICT(machine, no) DO UPDATE SET"
          " to_us = excluded.to_us, billed = billed + excluded.billed,"
          " tx = coalesce(excluded.tx, tx)"},
      newest_price_{
          database,
          "SELECT id, currency, num, den, seen_us FROM price WHERE offer = ?1 AND meter = ?2"
          " ORDER BY id DESC LIMIT 1"},
      insert_price_{
          database,
          "INSERT INTO price(offer, meter, currency, num, den, seen_us, from_us)"
          " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING id"},
      put_rent_{
          database,
          "INSERT INTO rent_state(model, version, bytes) VALUES(?1, ?2, ?3) ON CONFLICT(model)"
          " DO UPDATE SET version = excluded.version, bytes = excluded.bytes"},
      upsert_day_{database, upsert_cell("day")},
      upsert_hour_{database, upsert_cell("hour")},
      update_window_{
          database,
          "UPDATE budget_window SET settled = settled + ?3, held = held + ?4"
          " WHERE budget = ?1 AND window_us = ?2"} {}

void Store::load() {
    days_.clear();
    hours_.clear();
    windows_.clear();
    chain_.load();
    last_id_ = std::max(last_id_, largest_id(database_));
    ids_ = IdGenerator{gateway_, last_id_};
    names_.clear();
    Statement names{database_, "SELECT ix, text FROM name"};
    while (names.next()) {
        names_.emplace(name_ix(names.integer(0)), names.text(1));
    }
    sources_.clear();
    Statement sources{database_, "SELECT ix FROM source"};
    while (sources.next()) {
        sources_.insert(static_cast<std::int32_t>(sources.integer(0)));
    }
    holds_.clear();
    Statement holds{
        database_,
        "SELECT id, coalesce(request, 0), coalesce(machine, 0), source, currency, amount, at_us"
        " FROM hold WHERE state = 'open'"};
    Statement shares{
        database_, "SELECT budget, window_us, amount FROM hold_budget WHERE hold = ?1"};
    while (holds.next()) {
        const HoldId id{holds.integer(0)};
        Held held{.at = from_us(holds.integer(6))};
        held.hold.request = RequestId{holds.integer(1)};
        held.hold.machine = MachineId{holds.integer(2)};
        held.hold.source = name_ix(holds.integer(3));
        const auto currency = Currency::parse(holds.text(4));
        held.hold.amount = Money{holds.integer(5), currency.value_or(report_)};
        shares.query(id.value());
        while (shares.next()) {
            held.hold.budgets.push_back(
                {.budget = name_ix(shares.integer(0)),
                 .window = from_us(shares.integer(1)),
                 .amount_report = shares.integer(2)});
        }
        holds_.emplace(id, std::move(held));
    }
}

void Store::begin() {
    booked_ = {};
    database_.exec("BEGIN IMMEDIATE");
}

void Store::commit() {
    write_cells(upsert_day_, days_);
    write_cells(upsert_hour_, hours_);
    for (const auto& [key, sums] : windows_) {
        add_window_.run(key.first, key.second);
        update_window_.run(key.first, key.second, sums.settled, sums.held);
    }
    days_.clear();
    hours_.clear();
    windows_.clear();
    database_.exec("COMMIT");
}

void Store::rollback() noexcept {
    database_.rollback_quietly();
}

void Store::write_cells(Statement& upsert, const std::map<CellKey, Cell>& cells) {
    for (const auto& [key, cell] : cells) {
        upsert.run(
            key.at,
            key.source,
            key.model,
            key.key,
            key.route,
            key.phase,
            key.currency.text(),
            cell.requests,
            cell.answered,
            cell.tok_in,
            cell.tok_cached,
            cell.tok_cache_write,
            cell.tok_out,
            cell.paid,
            cell.charged,
            cell.wait_ms,
            cell.time_ns);
    }
}

void Store::roll_up(UtcTime at, CellKey key, const Cell& cell) {
    key.at = day_number(zone_, at);
    days_[key].add(cell);
    key.at = std::chrono::floor<std::chrono::hours>(at).time_since_epoch().count();
    hours_[key].add(cell);
}

void Store::settle_windows(const std::vector<BudgetShare>& shares) {
    for (const BudgetShare& share : shares) {
        windows_[{share.budget.value(), to_us(share.window)}].settled += share.amount_report;
    }
}

std::int64_t Store::fresh_id(UtcTime now) {
    last_id_ = ids_.next(now);
    return last_id_;
}

std::string Store::name_text(NameIx ix) const {
    const auto found = names_.find(ix);
    return found != names_.end() ? found->second : fmt::format("#{}", ix.value());
}

/// `at`: the moment whose day the entry is booked in.
std::int64_t Store::post(Entry entry, UtcTime at) {
    entry.day = day_number(zone_, at);
    chain_.append(entry);
    return entry.id;
}

void Store::ensure_source(NameIx source, SourceKind kind, NameIx provider, bool synthetic) {
    if (source == NameIx{} || !sources_.insert(source.value()).second) {
        return;
    }
    insert_source_.run(
        source.value(),
        static_cast<int>(kind),
        provider.value(),
        name_text(source),
        synthetic ? 1 : 0);
}

// ---- state, names, prices, keys -------------------------------------------------------------

void Store::apply(Op& op, std::vector<Completion>& completions) {
    std::visit(
        Overloaded{
            [&](HoldOp& hold) { apply_hold(hold, op.at, completions); },
            [&](TopUpOp& more) { apply_top_up(more, completions); },
            [&](ReleaseOp& release) { apply_release(release.hold); },
            [&](RecordOp& record) { apply_record(record.request, op.at); },
            [&](MachineOp& step) { apply_machine(step, completions); },
            [&](AdjustOp& adjust) { apply_adjust(adjust, op.at, completions); },
            [&](DecisionOp& decision) { apply_decision(decision.decision, decision.id, op.at); },
            [&](RentOp& rent) {
                put_rent_.run(rent.state.model.value(), rent.state.version, Blob{rent.state.bytes});
            },
            [&](RuleReplayOp& replay) { apply_rule_replay(replay.replay); },
            [&](PowerOp& power) { apply_power(power.post, op.at); },
            [&](GpuMinuteOp& gpu) { apply_gpu_minute(gpu.minute); },
            [&](BillOp& bill) { apply_bill(bill.bill, op.at); },
            [&](NameOp& name) { apply_name(name.name); },
            [&](SourceOp& source) { apply_source(source.source); },
            [&](PriceOp& price) { apply_price(price.seen); },
            [&](FxOp& fx) { apply_fx(fx.rate); },
            [&](PolicyOp& policy) { apply_policy(policy, op.at, completions); },
            [&](AddKeyOp& key) { apply_add_key(key, completions); },
            [&](KeyTermsOp& key) { apply_key_terms(key, completions); },
            [&](RevokeKeyOp& key) { apply_revoke(key, op.at, completions); },
            // The writer starts backups after the commit.
            [&](BackupOp&) {},
            [&](BarrierOp& barrier) {
                if (barrier.done) {
                    completions.push_back([done = &barrier.done] { (*done)({}); });
                }
            }},
        op.what);
}

}  // namespace evenkeel::ledger
