#include "agent/report/reconcile.hpp"

#include "agent/report/days.hpp"
#include "policies/lifecycle/bill_cause.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

namespace evenkeel::report {

namespace {

using lifecycle::BillCause;

constexpr std::int64_t cent_nanos = 10'000'000;
constexpr std::string_view tax_cause = "tax";
constexpr std::string_view unbilled_cause = "not_billed_yet";

/// One machine's month, with what is known of its whole life.
struct Life {
    const ledger::MachineView* view{nullptr};
    ledger::MachineSums month{};
    std::optional<Money> bill{};  ///< final, of its whole life
    Money seen_beyond{};          ///< of the bill, what is not booked yet
    std::vector<Price> prices{};
    bool adopted{false};
};

struct Key {
    std::string provider{};
    Currency currency{};
    friend auto operator<=>(const Key&, const Key&) = default;
};

/// Everything of one provider and currency.
struct Books {
    std::vector<Life> lives{};
    Money paid{};  ///< for tokens and power, which have no machine
    Money strangers{};
    int stranger_count{0};
    bool has_bill{false};
};

/// Gathers steps of the same cause.
class Waterfall {
public:
    void add(std::string_view cause, Money amount, int machines) {
        if (amount.is_zero() && machines == 0) {
            return;
        }
        auto found = std::ranges::find(steps_, cause, &ReconcileStep::cause);
        if (found == steps_.end()) {
            steps_.push_back({.cause = std::string{cause}});
            found = std::prev(steps_.end());
        }
        found->amount += amount;
        found->machines += machines;
    }
    /// In the order in which people ask.
    [[nodiscard]] std::vector<ReconcileStep> steps() && {
        constexpr std::array<std::string_view, 8> order{
            "rounding",
            "not_metered",
            "price_change",
            "unknown_machine",
            "credit",
            "tax",
            "other",
            "not_billed_yet"};
        std::ranges::sort(steps_, {}, [&](const ReconcileStep& step) {
            return std::ranges::find(order, step.cause) - order.begin();
        });
        return std::move(steps_);
    }

private:
    std::vector<ReconcileStep> steps_{};
};

lifecycle::BillFacts facts_of(const Life& life, Money bill, Money metered) {
    Money boot{0, metered.currency()};
    for (const ledger::PhaseRow& phase : life.view->phases) {
        const bool before = phase.phase == Phase::boot || phase.phase == Phase::warm;
        boot += before ? phase.billed : Money{};
    }
    return {
        .bill = bill,
        .metered = metered,
        .boot = boot,
        .price = life.view->row.price,
        .other_prices = life.prices,
        .adopted = life.adopted};
}

std::string_view cause_text(const Life& life, Money bill, Money metered) {
    const auto cause = lifecycle::cause_of(facts_of(life, bill, metered));
    return to_text(cause.value_or(BillCause::rounding));
}

ReconcileMachine machine_of(
    const Life& life, std::optional<Money> bill, Money difference, std::string_view cause) {
    return {
        .name = life.view->row.name,
        .remote_id = life.view->row.remote_id,
        .metered = life.month.metered,
        .bill = bill,
        .difference = difference,
        .cause = std::string{cause}};
}

Money whole_life(const Life& life) {
    Money metered{0, life.month.metered.currency()};
    for (const ledger::PhaseRow& phase : life.view->phases) {
        metered += phase.billed;
    }
    return metered;
}

/// Against what the provider's own books said.
void against_bills(const Books& books, ReconcileProvider& out) {
    Waterfall waterfall;
    for (const Life& life : books.lives) {
        const Money here = life.month.metered + life.month.adjusted;
        if (!life.bill && life.month.adjusted.is_zero()) {
            waterfall.add(unbilled_cause, -here, 1);
            out.machines.push_back(machine_of(life, std::nullopt, -here, unbilled_cause));
            continue;
        }
        const Money difference = life.month.adjusted + life.seen_beyond;
        if (difference.is_zero()) {
            continue;
        }
        const std::string_view cause =
            cause_text(life, life.view->paid + life.seen_beyond, whole_life(life));
        waterfall.add(cause, difference, 1);
        out.machines.push_back(machine_of(life, here + life.seen_beyond, difference, cause));
    }
    waterfall.add(to_text(BillCause::unknown_machine), books.strangers, books.stranger_count);
    out.steps = std::move(waterfall).steps();
    Money bill = out.metered;
    for (const ReconcileStep& step : out.steps) {
        bill += step.amount;
    }
    out.bill = bill;
}

std::string_view unexplained(Money amount) {
    const std::int64_t size = amount.nanos() < 0 ? -amount.nanos() : amount.nanos();
    return to_text(size <= cent_nanos ? BillCause::rounding : BillCause::other);
}

/// Against an invoice of this month: line by line where lines name machines.
void against_invoice(const Books& books, const Invoice& invoice, ReconcileProvider& out) {
    out.by_invoice = true;
    Money total{0, out.currency};
    if (invoice.amount) {
        if (!books.lives.empty() && books.has_bill) {
            against_bills(books, out);
        }
        const Money rest = *invoice.amount - out.bill.value_or(out.metered);
        if (!rest.is_zero()) {
            const auto known =
                std::ranges::find(out.steps, unexplained(rest), &ReconcileStep::cause);
            if (known != out.steps.end()) {
                known->amount += rest;
            } else {
                out.steps.push_back({.cause = std::string{unexplained(rest)}, .amount = rest});
            }
        }
        out.bill = *invoice.amount;
        return;
    }
    std::unordered_map<std::string, std::size_t> by_id;
    for (std::size_t i = 0; i < books.lives.size(); ++i) {
        by_id[books.lives[i].view->row.name] = i;
        if (!books.lives[i].view->row.remote_id.empty()) {
            by_id[books.lives[i].view->row.remote_id] = i;
        }
    }
    Waterfall waterfall;
    std::map<std::size_t, Money> billed;
    std::set<std::string> strangers;
    Money rest{0, out.currency};
    for (const InvoiceLine& line : invoice.lines) {
        total += line.amount;
        const auto machine = by_id.find(line.id);
        if (line.tax) {
            waterfall.add(tax_cause, line.amount, 0);
        } else if (machine != by_id.end()) {
            billed[machine->second] += line.amount;
        } else if (!books.lives.empty() && !line.id.empty()) {
            const bool is_new = strangers.insert(line.id).second;
            waterfall.add(to_text(BillCause::unknown_machine), line.amount, is_new ? 1 : 0);
        } else {
            rest += line.amount;
        }
    }
    for (std::size_t i = 0; i < books.lives.size(); ++i) {
        const Life& life = books.lives[i];
        const auto line = billed.find(i);
        if (line == billed.end()) {
            waterfall.add(unbilled_cause, -life.month.metered, 1);
            out.machines.push_back(
                machine_of(life, std::nullopt, -life.month.metered, unbilled_cause));
            continue;
        }
        const Money difference = line->second - life.month.metered;
        if (!difference.is_zero()) {
            const std::string_view cause = cause_text(life, line->second, life.month.metered);
            waterfall.add(cause, difference, 1);
            out.machines.push_back(machine_of(life, line->second, difference, cause));
        }
    }
    const Money apart = rest - books.paid;
    waterfall.add(unexplained(apart), apart, 0);
    out.steps = std::move(waterfall).steps();
    out.bill = total;
}

Result<std::map<Key, Books>> gather(
    ledger::Reader& reader,
    const Days& days,
    std::pair<UtcTime, UtcTime> time,
    const std::vector<ledger::MachineView>& machines) {
    const std::int64_t first = ledger::day_number(days.first);
    const std::int64_t last = ledger::day_number(days.last);
    const auto sums = reader.machine_sums(first, last);
    const auto bills = reader.bills();
    const auto names = reader.names();
    const auto spent = reader.spend(first, last);
    const auto prices = reader.hour_prices();
    if (!sums || !bills || !names || !spent || !prices) {
        return std::unexpected{
            !sums    ? sums.error()
            : !bills ? bills.error()
            : !names ? names.error()
            : !spent ? spent.error()
                     : prices.error()};
    }
    std::unordered_map<NameIx, std::string> text;
    for (const ledger::NameRow& name : *names) {
        text.emplace(name.ix, name.text);
    }
    std::unordered_map<MachineId, const ledger::MachineView*> views;
    for (const ledger::MachineView& machine : machines) {
        views.emplace(machine.row.id, &machine);
    }
    std::unordered_map<MachineId, const ledger::BillSeen*> final_bills;
    std::map<Key, Books> all;
    for (const ledger::BillSeen& bill : *bills) {
        if (bill.machine != MachineId{} && bill.final) {
            final_bills.emplace(bill.machine, &bill);
        } else if (bill.machine == MachineId{} && bill.at >= time.first && bill.at < time.second) {
            Books& books = all[{text[bill.provider], bill.amount.currency()}];
            books.strangers += bill.amount;
            ++books.stranger_count;
            books.has_bill = true;
        }
    }
    for (const ledger::MachineSums& sum : *sums) {
        const auto view = views.find(sum.machine);
        if (view == views.end()) {
            continue;
        }
        Life life{.view = view->second, .month = sum};
        const auto bill = final_bills.find(sum.machine);
        const bool fits = bill != final_bills.end() &&
                          bill->second->amount.currency() == life.view->paid.currency();
        if (fits) {
            life.bill = bill->second->amount;
            const bool this_month =
                bill->second->at >= time.first && bill->second->at < time.second;
            life.seen_beyond =
                this_month ? bill->second->amount - life.view->paid : life.seen_beyond;
        }
        if (life.bill || !sum.adjusted.is_zero()) {
            const auto order = reader.order_decision(sum.machine);
            if (!order) {
                return std::unexpected{order.error()};
            }
            life.adopted = !order->has_value();
            const auto known = prices->find(life.view->row.offer);
            life.prices = known == prices->end() ? std::vector<Price>{} : known->second;
        }
        Books& books = all[{life.view->provider, sum.metered.currency()}];
        books.has_bill |= life.bill.has_value() || !sum.adjusted.is_zero();
        books.lives.push_back(std::move(life));
    }
    for (const ledger::SpendRow& row : *spent) {
        const bool by_machine = row.kind == SourceKind::rental;
        if (row.paid.is_zero() || by_machine) {
            continue;
        }
        const std::string provider = row.phase == "power"       ? "electricity"
                                     : row.provider != NameIx{} ? text[row.provider]
                                                                : row.label;
        all[{provider, row.currency}].paid += row.paid;
    }
    return all;
}

}  // namespace

Result<Reconciliation> reconcile(ledger::Reader& reader, const ReconcileAsked& asked) {
    const auto month = month_from(asked.month, asked.now, asked.zone);
    if (!month) {
        return std::unexpected{month.error()};
    }
    const Days days{
        .first = *month / 1, .last = std::chrono::year_month_day{*month / std::chrono::last}};
    const auto machines = reader.machines(UtcTime{});
    if (!machines) {
        return std::unexpected{machines.error()};
    }
    auto all = gather(reader, days, instants(days, asked.zone), *machines);
    if (!all) {
        return std::unexpected{all.error()};
    }
    std::erase_if(*all, [&](const auto& entry) {
        return !asked.provider.empty() && entry.first.provider != asked.provider;
    });
    if (!asked.provider.empty() && all->empty()) {
        return fail(
            Errc::not_found, fmt::format("nothing was paid to '{}' in this month", asked.provider));
    }
    if (asked.invoice && all->size() != 1) {
        return fail(
            Errc::invalid_argument,
            "say whose invoice it is, with --provider: several were paid in this month, or none");
    }
    Reconciliation found{.month = *month};
    for (const auto& [key, books] : *all) {
        ReconcileProvider out{.provider = key.provider, .currency = key.currency};
        out.metered = Money{0, key.currency} + books.paid;
        out.ledger = out.metered;
        for (const Life& life : books.lives) {
            out.metered += life.month.metered;
            out.ledger += life.month.metered + life.month.adjusted;
        }
        if (asked.invoice) {
            const bool foreign =
                (asked.invoice->amount && asked.invoice->amount->currency() != key.currency) ||
                std::ranges::any_of(asked.invoice->lines, [&](const InvoiceLine& line) {
                    return line.amount.currency() != key.currency;
                });
            if (foreign) {
                return fail(
                    Errc::invalid_argument,
                    fmt::format(
                        "{} is booked in {}: the invoice has another currency",
                        key.provider,
                        key.currency.text()));
            }
            against_invoice(books, *asked.invoice, out);
        } else if (books.has_bill || !books.lives.empty()) {
            against_bills(books, out);
        }
        found.providers.push_back(std::move(out));
    }
    return found;
}

Result<std::string> reconcile_json(ledger::Reader& reader, const ReconcileAsked& asked) {
    const auto found = reconcile(reader, asked);
    return found ? Result<std::string>{reconcile_json(*found)} : std::unexpected{found.error()};
}

}  // namespace evenkeel::report
