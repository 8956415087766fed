#include "agent/report/csv.hpp"
#include "agent/report/reconcile.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace evenkeel::report {

namespace json = boost::json;

namespace {

constexpr std::size_t machines_shown_max = 20;

std::string month_text(std::chrono::year_month month) {
    return fmt::format(
        "{:04}-{:02}", static_cast<int>(month.year()), static_cast<unsigned>(month.month()));
}

std::string signed_text(Money amount) {
    return (amount.nanos() > 0 ? "+" : "") + amount_text(amount);
}

std::string machine_count(int count) {
    return count == 0 ? "" : fmt::format("{} machine{}", count, count == 1 ? "" : "s");
}

std::string line(std::string_view what, std::string_view machines, std::string_view amount) {
    std::string text = fmt::format("  {:<52} {:>12} {:>18}", what, machines, amount);
    text.erase(text.find_last_not_of(' ') + 1);
    return text + "\n";
}

std::string provider_text(const ReconcileProvider& one) {
    std::string text =
        fmt::format("\n{}, {}\n", one.provider, one.currency.text()) +
        line("reckoned: time and tokens at the prices seen", "", amount_text(one.metered));
    for (const ReconcileStep& step : one.steps) {
        text +=
            line(cause_words(step.cause), machine_count(step.machines), signed_text(step.amount));
    }
    text += one.bill ? line(
                           one.by_invoice ? "= the invoice" : "= what the provider's books say",
                           "",
                           amount_text(*one.bill))
                     : line("no bill is known; compare an invoice with --invoice", "", "");
    if (one.ledger != one.metered) {
        text += line("in the ledger, with what was booked of bills", "", amount_text(one.ledger));
    }
    const std::size_t shown = std::min(one.machines.size(), machines_shown_max);
    for (std::size_t i = 0; i < shown; ++i) {
        const ReconcileMachine& machine = one.machines[i];
        text += fmt::format(
            "    {} {}: reckoned {}, {}\n",
            machine.name,
            machine.remote_id.empty() ? "without id" : machine.remote_id,
            amount_text(machine.metered),
            machine.bill ? fmt::format(
                               "billed {} ({}, {})",
                               amount_text(*machine.bill),
                               signed_text(machine.difference),
                               machine.cause)
                         : std::string{"no bill seen"});
    }
    if (shown < one.machines.size()) {
        text +=
            fmt::format("    and {} more; all of them with --json\n", one.machines.size() - shown);
    }
    return text;
}

}  // namespace

std::string cause_words(std::string_view cause) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 8> words{
        {{"rounding", "rounding, and what two clocks differ in"},
         {"not_metered", "boot or other time that only one side counted"},
         {"price_change", "another price than was reckoned with"},
         {"unknown_machine", "machines that were adopted or are in no row"},
         {"credit", "credits and refunds"},
         {"tax", "tax"},
         {"not_billed_yet", "not billed yet"},
         {"other", "not explained"}}};
    const auto* const found = std::ranges::find(words, cause, &decltype(words)::value_type::first);
    return std::string{found == words.end() ? cause : found->second};
}

std::string reconcile_text(const Reconciliation& found) {
    std::string text = fmt::format(
        "{}          source: ledger, and what providers said of their bills\n",
        month_text(found.month));
    for (const ReconcileProvider& one : found.providers) {
        text += provider_text(one);
    }
    return found.providers.empty() ? text + "\nnobody was paid in this month\n" : text;
}

std::string reconcile_csv(const Reconciliation& found) {
    std::string text = "month,provider,currency,step,amount,machines\r\n";
    const std::string month = month_text(found.month);
    for (const ReconcileProvider& one : found.providers) {
        const auto add = [&](std::string_view step, Money amount, int machines) {
            text += fmt::format(
                "{},{},{},{},{},{}\r\n",
                month,
                csv_field(one.provider),
                one.currency.text(),
                step,
                amount_text(amount),
                machines);
        };
        add("metered", one.metered, 0);
        for (const ReconcileStep& step : one.steps) {
            add(step.cause, step.amount, step.machines);
        }
        if (one.bill) {
            add(one.by_invoice ? "invoice" : "bill", *one.bill, 0);
        }
    }
    return text;
}

std::string reconcile_json(const Reconciliation& found) {
    json::array providers;
    for (const ReconcileProvider& one : found.providers) {
        json::array steps;
        for (const ReconcileStep& step : one.steps) {
            steps.emplace_back(json::object{
                {"cause", step.cause},
                {"text", cause_words(step.cause)},
                {"amount", amount_text(step.amount)},
                {"machines", step.machines}});
        }
        json::array machines;
        for (const ReconcileMachine& machine : one.machines) {
            machines.emplace_back(json::object{
                {"name", machine.name},
                {"remote_id", machine.remote_id},
                {"metered", amount_text(machine.metered)},
                {"bill", machine.bill ? json::value(amount_text(*machine.bill)) : nullptr},
                {"difference", amount_text(machine.difference)},
                {"cause", machine.cause}});
        }
        providers.emplace_back(json::object{
            {"provider", one.provider},
            {"currency", one.currency.text()},
            {"metered", amount_text(one.metered)},
            {"ledger", amount_text(one.ledger)},
            {"steps", std::move(steps)},
            {"bill", one.bill ? json::value(amount_text(*one.bill)) : nullptr},
            {"by_invoice", one.by_invoice},
            {"machines", std::move(machines)}});
    }
    return json::serialize(json::object{
        {"schema", "evenkeel.reconcile/1"},
        {"month", month_text(found.month)},
        {"providers", std::move(providers)}});
}

}  // namespace evenkeel::report
