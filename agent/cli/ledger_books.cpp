#include "agent/cli/ledger_books.hpp"

#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/report_books.hpp"
#include "agent/cli/text.hpp"
#include "agent/report/days.hpp"
#include "agent/report/focus.hpp"
#include "agent/report/ledger_rows.hpp"
#include "agent/report/reconcile.hpp"
#include "agent/service/clock.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <utility>

namespace evenkeel::cli {

namespace {

constexpr std::int64_t shown_as_text = 50;

std::string quantity_text(const ledger::PostingView& posting) {
    if (posting.unit == "ns") {
        return duration_text(std::chrono::round<std::chrono::milliseconds>(
            std::chrono::nanoseconds{posting.quantity}));
    }
    if (posting.unit == "uJ") {
        const auto watt_hours =
            mul_div(posting.quantity, 1'000, 3'600'000'000'000, Rounding::half_even);
        return fmt::format("{} kWh", format_decimal(watt_hours.value_or(0), 3, 3));
    }
    return posting.unit.empty() ? "" : count_text(posting.quantity) + " tokens";
}

/// An amount, or the file of that name.
Result<report::Invoice> read_invoice(const std::string& text, Currency currency) {
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(text, ignored)) {
        auto amount = report::parse_invoice_amount(text, currency);
        return amount ? std::move(amount)
                      : fail(
                            Errc::invalid_argument,
                            fmt::format(
                                "'{}' is neither a file nor an amount such as '123.45 USD'", text));
    }
    std::ifstream file{text, std::ios::binary};
    std::ostringstream bytes;
    bytes << file.rdbuf();
    return file ? report::parse_invoice_csv(bytes.str(), currency)
                : fail(Errc::io_failed, fmt::format("{} cannot be read", text));
}

/// A transaction's rows: what it is in the first, each of its postings in one.
void add_rows(const Globals& globals, const report::LedgerLine& line, Table& table) {
    bool is_first = true;
    for (const ledger::PostingView& posting : line.tx.postings) {
        const bool named = std::exchange(is_first, false);
        table.add(
            {named ? moment_text(line.tx.at, globals.utc) : "",
             named ? id_to_text(line.tx.id.value()) : "",
             named ? line.tx.kind : "",
             named ? line.ref : "",
             posting.account,
             to_text(posting.amount),
             quantity_text(posting),
             posting.price ? to_text(*posting.price) : ""});
    }
}

}  // namespace

int ledger_show(const Globals& globals, const LedgerArguments& arguments) {
    auto books = open_books(globals);
    if (!books) {
        return books.error();
    }
    if (!check_days(globals, books->zone)) {
        return Exit::usage;
    }
    const report::LedgerAsked asked{
        .now = agent::SystemClock{}.read().utc,
        .zone = books->zone,
        .since = given(globals.since),
        .until = given(globals.until),
        .account = arguments.account,
        .kind = arguments.kind,
        .ref = arguments.ref};
    const bool as_text = !globals.json && !globals.csv;
    using enum Table::Align;
    Table table{
        {{"AT", left},
         {"TRANSACTION", left},
         {"KIND", left},
         {"ABOUT", left},
         {"ACCOUNT", left},
         {"AMOUNT", right},
         {"QUANTITY", right},
         {"PRICE", right}}};
    std::string before = std::string{
        globals.json  ? report::ledger_json_head
        : globals.csv ? report::ledger_csv_head
                      : std::string_view{}};
    const auto visit = [&](const report::LedgerLine& line) {
        if (as_text) {
            return add_rows(globals, line, table);
        }
        std::cout << std::exchange(before, globals.json ? "," : "")
                  << (globals.json ? report::transaction_json(line)
                                   : report::transaction_csv(line));
    };
    const std::int64_t most = arguments.limit > 0 ? arguments.limit : as_text ? shown_as_text : 0;
    const auto next = report::each_transaction(books->reader, asked, most, visit);
    if (!next) {
        return report(next.error());  // and what was begun stays visibly unfinished
    }
    if (as_text) {
        std::cout << (table.empty() ? "no such transaction\n" : table.text());
        if (*next) {
            std::cout << fmt::format(
                "the newest {}; more with --limit, --since and --until\n", count_text(most));
        }
        return Exit::done;
    }
    std::cout << (before == "," ? "" : before);
    if (globals.json) {
        const std::string id = *next ? fmt::format("\"{}\"", id_to_text((*next)->value())) : "null";
        std::cout << fmt::format(R"(],"next":{}}})", id) << '\n';
    }
    return Exit::done;
}

int ledger_export(const Globals& globals, const LedgerArguments& arguments) {
    if (arguments.format != "focus") {
        std::cerr << fmt::format("evenkeel: --format takes focus, not '{}'\n", arguments.format);
        return Exit::usage;
    }
    auto books = open_books(globals);
    if (!books) {
        return books.error();
    }
    if (!check_days(globals, books->zone)) {
        return Exit::usage;
    }
    const UtcTime now = agent::SystemClock{}.read().utc;
    report::FocusOptions options{
        .now = now,
        .since = given(globals.since),
        .until = given(globals.until),
        .zone = books->zone,
        .currency = books->meta.report};
    // Who the sellers are stands in the configuration; without it they go by their names.
    if (books->config) {
        report::describe_sellers(*books->config, options);
    }
    std::string before =
        globals.json ? R"({"schema":"evenkeel.focus/1","rows":[)" : report::focus_csv_head();
    const auto read =
        report::each_focus_row(books->reader, options, [&](const report::FocusRow& row) {
            std::cout << std::exchange(before, globals.json ? "," : "")
                      << (globals.json ? report::focus_json(row) : report::focus_csv(row));
        });
    if (!read) {
        return report(read.error());  // and what was begun stays visibly unfinished
    }
    std::cout << (before == "," ? "" : before) << (globals.json ? "]}\n" : "");
    return Exit::done;
}

int ledger_reconcile(const Globals& globals, const LedgerArguments& arguments) {
    if (!check_currency("--invoice-currency", arguments.currency)) {
        return Exit::usage;
    }
    auto books = open_books(globals);
    if (!books) {
        return books.error();
    }
    const UtcTime now = agent::SystemClock{}.read().utc;
    const auto month = report::month_from(arguments.month, now, books->zone);
    if (!month) {
        return wrong_flag(month.error());
    }
    report::ReconcileAsked asked{
        .now = now,
        .zone = books->zone,
        .month = arguments.month,
        .provider = arguments.provider};
    if (!arguments.invoice.empty()) {
        const Currency named = Currency::parse(arguments.currency).value_or(books->meta.report);
        auto invoice = read_invoice(arguments.invoice, named);
        if (!invoice) {
            return report(invoice.error());
        }
        asked.invoice = *std::move(invoice);
    }
    const auto found = report::reconcile(books->reader, asked);
    if (!found) {
        return report(found.error());
    }
    std::cout
        << (globals.json  ? report::reconcile_json(*found) + "\n"
            : globals.csv ? report::reconcile_csv(*found)
                          : report::reconcile_text(*found));
    return Exit::done;
}

}  // namespace evenkeel::cli
