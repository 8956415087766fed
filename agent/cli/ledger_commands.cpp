// The words and flags of `evenkeel ledger`.
#include "agent/cli/actions.hpp"
#include "agent/cli/command_groups.hpp"

namespace evenkeel::cli {

void add_ledger(CommandList& to, Arguments& a) {
    Globals& g = a.globals;
    LedgerArguments& l = a.ledger;
    CLI::App& ledger = to.group("ledger", "the books");
    CLI::App& show =
        to.command(ledger, "show", "transactions with their postings, the newest first", [&a] {
            return ledger_show(a.globals, a.ledger);
        });
    show.add_option("--account", l.account, "only of this account or below it: expense:rental");
    show.add_option("--kind", l.kind, "only request, lapse, phase, adjust or power");
    show.add_option("--ref", l.ref, "only about this request (req_...) or machine");
    show.add_option("--limit", l.limit, "at most so many (50; --json and --csv: all)")
        ->check(count_of_something());
    CLI::App& focus = to.command(
        ledger, "export", "all charges of this month or --since, as a FOCUS 1.2 file", [&a] {
            return ledger_export(a.globals, a.ledger);
        });
    focus.add_option("--format", l.format, "focus: CSV; with --json the same rows as JSON");
    CLI::App& compare = to.command(
        ledger, "reconcile", "from what was reckoned to the providers' bills, by cause", [&a] {
            return ledger_reconcile(a.globals, a.ledger);
        });
    compare.add_option("--month", l.month, "2026-11 (this month)");
    compare.add_option("--provider", l.provider, "only this one");
    compare.add_option("--invoice", l.invoice, "compare with it: a CSV file, or '123.45 USD'");
    compare.add_option("--invoice-currency", l.currency, "of amounts that name none");
    to.command(ledger, "verify", "hash chain, sums, roll-ups", [&g] { return ledger_verify(g); });
    CLI::App& backup = to.command(ledger, "backup", "copy the ledger while it is in use", [&a] {
        return ledger_backup(a.globals, a.backup_target);
    });
    backup.add_option("file", a.backup_target, "where to write it")->required();
}

}  // namespace evenkeel::cli
