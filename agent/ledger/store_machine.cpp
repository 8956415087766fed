#include "agent/ledger/queries.hpp"
#include "agent/ledger/store.hpp"

#include <fmt/format.h>

#include <stdexcept>

/// What the store does about rented machines.
namespace evenkeel::ledger {

namespace {

constexpr std::size_t adjust_text_max = 120;

/// Printable text that needs no escaping in JSON.
std::string plain(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, adjust_text_max)) {
        const bool harmless = c >= ' ' && c != '"' && c != '\\' && c != '\x7F';
        out += harmless ? c : '_';
    }
    return out;
}

std::optional<std::int64_t> optional_us(const std::optional<UtcTime>& time) {
    return time ? std::optional{to_us(*time)} : std::nullopt;
}

}  // namespace

Result<bool> Store::check_step(const MachineStep& step) {
    const MachineRow& machine = step.machine;
    if (machine.step != step.expected_step + 1) {
        return fail(Errc::invalid_argument, "a machine's step must follow the expected one");
    }
    if (machine.price.currency().is_none()) {
        return fail(
            Errc::invalid_argument,
            fmt::format("machine {} has no price: it is never free", machine.name));
    }
    for (const PhaseChange& change : step.phases) {
        if (!change.amount.is_zero() && change.amount.currency() != machine.price.currency()) {
            return fail(
                Errc::invalid_argument,
                fmt::format("machine {} is billed in one currency only", machine.name));
        }
    }
    Statement row{database_, "SELECT step, name FROM machine WHERE id = ?1"};
    row.query(machine.id.value());
    std::int64_t stored = -1;
    if (row.next()) {
        stored = row.integer(0);
        if (row.text(1) != machine.name) {
            return fail(
                Errc::conflict,
                fmt::format("machine {} is named {}", machine.id.value(), row.text(1)));
        }
    }
    if (stored != step.expected_step) {
        Statement event{
            database_,
            "SELECT 1 FROM machine_event WHERE machine = ?1 AND step = ?2 AND at_us = ?3"
            " AND event = ?4 AND to_state = ?5"};
        event.query(
            machine.id.value(),
            machine.step,
            to_us(step.now.utc),
            step.event,
            to_text(machine.state));
        if (stored == machine.step && event.next()) {
            return true;
        }
        return fail(
            Errc::conflict,
            fmt::format(
                "machine {} is at step {}, not {}: another step got there first",
                machine.name,
                stored,
                step.expected_step));
    }
    Statement taken{
        database_,
        "SELECT name FROM machine WHERE id <> ?1 AND (name = ?2 OR"
        " (provider = ?3 AND remote_id = nullif(?4, '')))"};
    taken.query(machine.id.value(), machine.name, machine.provider.value(), machine.remote_id);
    if (taken.next()) {
        return fail(
            Errc::conflict,
            fmt::format("{} is the machine {} already", machine.name, taken.text(0)));
    }
    return false;
}

std::int64_t Store::post_phase(const MachineStep& step, const PhaseChange& change) {
    const MachineRow& machine = step.machine;
    std::int64_t tx = 0;
    if (!change.amount.is_zero()) {
        const std::string provider = name_text(machine.provider);
        const std::int64_t price = price_id(machine.offer, "hour", machine.price, step.now.utc);
        tx = post(
            {.id = fresh_id(step.now.utc),
             .at_us = to_us(step.now.utc),
             .kind = "phase",
             .ref = machine.id.value(),
             .idem = fmt::format("phase:{}:{}:{}", machine.id.value(), machine.step, change.no),
             .postings =
                 {{.account = fmt::format("expense:rental:{}:{}", provider, to_text(change.phase)),
                   .amount = change.amount,
                   .quantity = change.paid_for.count(),
                   .unit = "ns",
                   .price = price},
                  {.account = fmt::format("payable:{}", provider), .amount = -change.amount}}},
            step.now.utc);
        roll_up(
            step.now.utc,
            {.source = machine.source.value(),
             .model = machine.model.value(),
             .phase = std::string{to_text(change.phase)},
             .currency = change.amount.currency()},
            {.paid = change.amount.nanos(),
             .charged = change.amount.nanos(),
             .time_ns = change.paid_for.count()});
        booked_.money.push_back(
            {.source = machine.source,
             .kind = SourceKind::rental,
             .phase = std::string{to_text(change.phase)},
             .amount = change.amount,
             .provider = machine.provider,
             .time = change.paid_for});
        settle_windows(change.budgets);
    }
    upsert_phase_.run(
        machine.id.value(),
        change.no,
        to_text(change.phase),
        to_us(change.from),
        optional_us(change.to),
        change.amount.nanos(),
        tx);
    return change.amount.nanos();
}

void Store::write_machine(const MachineStep& step, std::int64_t paid_more) {
    const MachineRow& machine = step.machine;
    const std::int64_t price = price_id(machine.offer, "hour", machine.price, step.now.utc);
    Statement put{
        database_,
        "INSERT INTO machine(id, gateway, provider, name, remote_id, offer, model, source, gpu,"
        " price, currency, paid, state, step, expires_us, created_us, gone_us, gone_how, reason,"
        " reason_a, reason_b, reason_c, synthetic, detail)"
        " VALUES(?1, ?2, ?3, ?4, nullif(?5, ''), ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,"
        " ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24) ON CONFLICT(id) DO UPDATE SET"
        " remote_id = excluded.remote_id, offer = excluded.offer, model = excluded.model,"
        " source = excluded.source, gpu = excluded.gpu, price = excluded.price,"
        " paid = paid + excluded.paid, state = excluded.state, step = excluded.step,"
        " expires_us = excluded.expires_us, created_us = excluded.created_us,"
        " gone_us = excluded.gone_us, gone_how = excluded.gone_how, reason = excluded.reason,"
        " reason_a = excluded.reason_a, reason_b = excluded.reason_b,"
        " reason_c = excluded.reason_c, synthetic = excluded.synthetic, detail = excluded.detail"
        " WHERE step = ?25"};
    const int changed = put.run(
        machine.id.value(),
        gateway_,
        machine.provider.value(),
        machine.name,
        machine.remote_id,
        machine.offer.value(),
        machine.model.value(),
        machine.source.value(),
        machine.gpu,
        price,
        machine.price.currency().text(),
        paid_more,
        to_text(machine.state),
        machine.step,
        to_us(machine.expires),
        to_us(machine.created),
        optional_us(machine.gone),
        machine.gone_how ? std::optional{to_text(*machine.gone_how)} : std::nullopt,
        static_cast<int>(machine.reason.code),
        machine.reason.args[0],
        machine.reason.args[1],
        machine.reason.args[2],
        machine.synthetic ? 1 : 0,
        machine.detail,
        step.expected_step);
    if (changed != 1) {
        throw std::logic_error{"a machine's row changed between its check and its step"};
    }
}

void Store::apply_machine(MachineOp& op, std::vector<Completion>& completions) {
    const auto answer = [&](Result<void> result) {
        if (op.done) {
            completions.push_back(
                [done = &op.done, result = std::move(result)] { (*done)(result); });
        }
    };
    const MachineStep& step = op.step;
    const auto already = check_step(step);
    if (!already) {
        return answer(std::unexpected{already.error()});
    }
    if (*already) {
        return answer({});
    }
    const MachineRow& machine = step.machine;
    ensure_source(machine.source, SourceKind::rental, machine.provider, machine.synthetic);
    std::int64_t paid = 0;
    for (const PhaseChange& change : step.phases) {
        paid += post_phase(step, change);
    }
    write_machine(step, paid);
    insert_event_.run(
        machine.id.value(),
        machine.step,
        to_us(step.now.utc),
        step.boot_id,
        step.now.boot.time_since_epoch().count(),
        step.event,
        to_text(step.from),
        to_text(machine.state));
    if (step.decision) {
        std::int64_t id = 0;
        apply_decision(*step.decision, id, step.now.utc);
    }
    answer({});
}

void Store::apply_adjust(AdjustOp& op, UtcTime at, std::vector<Completion>& completions) {
    const auto answer = [&](Result<void> result) {
        if (op.done) {
            completions.push_back(
                [done = &op.done, result = std::move(result)] { (*done)(result); });
        }
    };
    const Adjustment& adjustment = op.adjustment;
    const std::int64_t id = adjustment.machine.value();
    Statement row{
        database_, "SELECT provider, source, model, currency, paid FROM machine WHERE id = ?1"};
    row.query(id);
    if (!row.next()) {
        return answer(fail(Errc::not_found, fmt::format("there is no machine {} to adjust", id)));
    }
    const NameIx provider = name_ix(row.integer(0));
    const auto source = static_cast<std::int32_t>(row.integer(1));
    const auto model = static_cast<std::int32_t>(row.integer(2));
    const std::string currency = row.text(3);
    const std::int64_t booked = row.integer(4);
    row.reset();
    if (adjustment.amount.is_zero()) {
        return answer({});
    }
    if (adjustment.amount.currency().text() != currency) {
        return answer(
            fail(Errc::invalid_argument, fmt::format("machine {} is billed in {}", id, currency)));
    }
    const std::int64_t before = adjustment.paid_before.nanos();
    if (booked == before + adjustment.amount.nanos()) {
        return answer({});
    }
    if (booked != before) {
        return answer(fail(
            Errc::conflict,
            fmt::format("machine {} has {} nano-units booked, not {}", id, booked, before)));
    }
    const std::string seller = name_text(provider);
    const std::int64_t tx = fresh_id(at);
    static_cast<void>(post(
        {.id = tx,
         .at_us = to_us(at),
         .kind = "adjust",
         .ref = id,
         .idem = fmt::format("adjust:{}:{}", id, tx),
         .postings =
             {{.account = fmt::format("expense:rental:{}:adjust", seller),
               .amount = adjustment.amount},
              {.account = fmt::format("payable:{}", seller), .amount = -adjustment.amount}}},
        at));
    roll_up(
        at,
        {.source = source,
         .model = model,
         .phase = "adjust",
         .currency = adjustment.amount.currency()},
        {.paid = adjustment.amount.nanos(), .charged = adjustment.amount.nanos()});
    booked_.money.push_back(
        {.source = NameIx{source},
         .kind = SourceKind::rental,
         .phase = "adjust",
         .amount = adjustment.amount,
         .provider = provider});
    settle_windows(adjustment.budgets);
    Statement paid{database_, "UPDATE machine SET paid = paid + ?2 WHERE id = ?1"};
    paid.run(id, adjustment.amount.nanos());
    insert_decision_.run(
        fresh_id(at),
        to_us(at),
        0,
        "adjust",
        model,
        id,
        0,
        fmt::format("[{},0,0,\"{}\"]", adjustment.amount.nanos(), plain(adjustment.reason)));
    answer({});
}

}  // namespace evenkeel::ledger
