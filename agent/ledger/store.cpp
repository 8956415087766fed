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
          "INSERT INTO request(id, policy, key, route, model, source, machine, tag, wait_ms,"
          " ttft_ms, total_ms, tok_in, tok_cached, tok_cache_write, tok_out, currency, paid,"
          " charged, outcome, flags, reason, reason_a, reason_b, reason_c, tx)"
          " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,"
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
        names_.emplace(NameIx{static_cast<std::int32_t>(names.integer(0))}, names.text(1));
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
        held.hold.source = NameIx{static_cast<std::int32_t>(holds.integer(3))};
        const auto currency = Currency::parse(holds.text(4));
        held.hold.amount = Money{holds.integer(5), currency.value_or(report_)};
        shares.query(id.value());
        while (shares.next()) {
            held.hold.budgets.push_back(
                {.budget = NameIx{static_cast<std::int32_t>(shares.integer(0))},
                 .window = from_us(shares.integer(1)),
                 .amount_report = shares.integer(2)});
        }
        holds_.emplace(id, std::move(held));
    }
}

void Store::begin() {
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

// ---- holds and requests ---------------------------------------------------------------------

void Store::apply_hold(HoldOp& op, UtcTime at, std::vector<Completion>& completions) {
    const auto answer = [&](Result<HoldId> result) {
        if (op.done) {
            completions.push_back(
                [done = &op.done, result = std::move(result)] { (*done)(result); });
        }
    };
    const Hold& hold = op.hold;
    if (op.id != HoldId{} && holds_.contains(op.id)) {
        return answer(op.id);
    }
    const bool one_owner = (hold.request == RequestId{}) != (hold.machine == MachineId{});
    if (hold.amount.nanos() <= 0 || hold.amount.currency().is_none() || !one_owner) {
        return answer(fail(
            Errc::invalid_argument,
            "a hold needs an amount above zero, a currency, and one request or machine"));
    }
    if (op.id == HoldId{}) {
        op.id = HoldId{fresh_id(at)};
    }
    insert_hold_.run(
        op.id.value(),
        hold.request.value(),
        hold.machine.value(),
        hold.source.value(),
        hold.amount.currency().text(),
        hold.amount.nanos(),
        to_us(at));
    for (const BudgetShare& share : hold.budgets) {
        insert_hold_budget_.run(
            op.id.value(), share.budget.value(), to_us(share.window), share.amount_report);
        windows_[{share.budget.value(), to_us(share.window)}].held += share.amount_report;
    }
    holds_.emplace(op.id, Held{.at = at, .hold = hold});
    answer(op.id);
}

void Store::apply_top_up(TopUpOp& op, std::vector<Completion>& completions) {
    const auto answer = [&](Result<void> result) {
        if (op.done) {
            completions.push_back(
                [done = &op.done, result = std::move(result)] { (*done)(result); });
        }
    };
    const auto found = holds_.find(op.hold);
    if (found == holds_.end()) {
        return answer(fail(Errc::not_found, "the hold is not open any more"));
    }
    Hold& hold = found->second.hold;
    if (op.more.nanos() <= 0 || op.more.currency() != hold.amount.currency() ||
        op.more_report < 0) {
        return answer(fail(
            Errc::invalid_argument,
            "what is added to a hold must be above zero and in the hold's currency"));
    }
    if (op.target.is_zero()) {
        op.target = Money{hold.amount.nanos() + op.more.nanos(), hold.amount.currency()};
    } else if (hold.amount.nanos() >= op.target.nanos()) {
        return answer({});
    }
    hold.amount = op.target;
    top_up_hold_.run(op.hold.value(), hold.amount.nanos());
    for (BudgetShare& share : hold.budgets) {
        share.amount_report += op.more_report;
        top_up_hold_budget_.run(op.hold.value(), share.budget.value(), share.amount_report);
        windows_[{share.budget.value(), to_us(share.window)}].held += op.more_report;
    }
    answer({});
}

void Store::end_hold(HoldId id, const Held& held, std::string_view state, std::int64_t tx) {
    end_hold_.run(id.value(), state, tx);
    for (const BudgetShare& share : held.hold.budgets) {
        windows_[{share.budget.value(), to_us(share.window)}].held -= share.amount_report;
    }
}

void Store::apply_release(HoldId id) {
    const auto found = holds_.find(id);
    if (found == holds_.end()) {
        return;
    }
    end_hold(id, found->second, "released", 0);
    holds_.erase(found);
}

int Store::insert_request(const Request& request, std::int64_t tx, std::int64_t flags) {
    const Currency currency = request.paid.currency().is_none() ? report_ : request.paid.currency();
    return insert_request_.run(
        request.id.value(),
        request.policy,
        request.key.value(),
        request.route.value(),
        request.model.value(),
        request.source.value(),
        request.machine.value(),
        request.tag.value(),
        request.wait_ms,
        request.ttft_ms,
        request.total_ms,
        request.usage.prompt,
        request.usage.cached,
        request.usage.cache_write,
        request.usage.completion,
        currency.text(),
        request.paid.nanos(),
        request.charged.nanos(),
        static_cast<int>(request.outcome),
        flags,
        static_cast<int>(request.reason.code),
        request.reason.args[0],
        request.reason.args[1],
        request.reason.args[2],
        tx == 0 ? std::optional<std::int64_t>{} : tx);
}

/// Row, transaction and roll-ups of one request; false when the request is in the ledger already.
bool Store::book_request(const Request& request, UtcTime at, BookAs as, std::int64_t& tx) {
    tx = request.paid.nanos() > 0 ? fresh_id(at) : 0;
    const std::int64_t flags =
        (request.usage.estimated ? flag_estimated : 0) | (as == BookAs::lapsed ? flag_lapsed : 0);
    if (insert_request(request, tx, flags) == 0) {
        return false;
    }
    ensure_source(request.source, request.kind, request.provider, false);
    if (tx != 0) {
        const std::string source = name_text(request.source);
        const std::string payable =
            request.provider == NameIx{} ? source : name_text(request.provider);
        const std::int64_t tokens = request.usage.prompt + request.usage.completion;
        static_cast<void>(post(
            {.id = tx,
             .at_us = to_us(at),
             .kind = as == BookAs::lapsed ? "lapse" : "request",
             .ref = request.id.value(),
             .idem = fmt::format("request:{}", request.id.value()),
             .postings =
                 {{.account = fmt::format("expense:{}:{}", to_text(request.kind), source),
                   .amount = request.paid,
                   .quantity = tokens,
                   .unit = "token"},
                  {.account = fmt::format("payable:{}", payable), .amount = -request.paid}}},
            request.at));
    }
    const Currency currency = request.paid.currency().is_none() ? report_ : request.paid.currency();
    roll_up(
        request.at,
        {.source = request.source.value(),
         .model = request.model.value(),
         .key = request.key.value(),
         .route = request.route.value(),
         .currency = currency},
        {.requests = 1,
         .answered = request.outcome == Outcome::answered ? 1 : 0,
         .tok_in = request.usage.prompt,
         .tok_cached = request.usage.cached,
         .tok_cache_write = request.usage.cache_write,
         .tok_out = request.usage.completion,
         .paid = request.paid.nanos(),
         .charged = request.charged.nanos(),
         .wait_ms = request.wait_ms});
    return true;
}

void Store::apply_record(const Request& request, UtcTime at) {
    if (request.id == RequestId{} || request.paid.nanos() < 0) {
        throw std::invalid_argument{"a request needs an id and a payment not below zero"};
    }
    std::int64_t tx = 0;
    if (!book_request(request, at, BookAs::recorded, tx)) {
        return;
    }
    const auto found = request.hold ? holds_.find(*request.hold) : holds_.end();
    if (found == holds_.end()) {
        settle_windows(request.budgets);
        return;
    }
    end_hold(found->first, found->second, "settled", tx);
    for (const BudgetShare& share : found->second.hold.budgets) {
        windows_[{share.budget.value(), to_us(share.window)}].settled += request.paid_report;
    }
    holds_.erase(found);
}

std::vector<OpenHold> Store::lapse_requests(UtcTime now) {
    std::vector<OpenHold> lapsed;
    for (auto it = holds_.begin(); it != holds_.end();) {
        const auto& [id, held] = *it;
        if (held.hold.request == RequestId{}) {
            ++it;
            continue;
        }
        std::int64_t tx = 0;
        const bool booked = book_request(
            {.id = held.hold.request,
             .at = held.at,
             .source = held.hold.source,
             .kind = SourceKind::api,
             .paid = held.hold.amount,
             .charged = held.hold.amount,
             .outcome = Outcome::cut},
            now,
            BookAs::lapsed,
            tx);
        end_hold(id, held, booked ? "lapsed" : "released", booked ? tx : 0);
        if (booked) {
            settle_windows(held.hold.budgets);
            lapsed.push_back({.id = id, .at = held.at, .hold = held.hold});
        }
        it = holds_.erase(it);
    }
    return lapsed;
}

std::vector<OpenHold> Store::open_holds() const {
    std::vector<OpenHold> open;
    for (const auto& [id, held] : holds_) {
        open.push_back({.id = id, .at = held.at, .hold = held.hold});
    }
    std::ranges::sort(open, {}, &OpenHold::id);
    return open;
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
