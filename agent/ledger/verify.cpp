#include "agent/ledger/chain.hpp"
#include "agent/ledger/queries.hpp"
#include "agent/ledger/reader_impl.hpp"
#include "agent/ledger/verify_rollups.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <span>
#include <string_view>

/// `evenkeel ledger verify`: everything the ledger claims, computed a second time.
namespace evenkeel::ledger {

namespace {

constexpr std::size_t chain_problems_max = 20;

/// One comparison: every row the query returns is a contradiction; its first column says where.
struct Check {
    std::string_view sql;
    std::string_view sentence;  ///< with one {} for the first column
};

constexpr std::array checks{
    Check{
        "SELECT r.id FROM request AS r LEFT JOIN tx AS t ON t.id = r.tx AND t.ref = r.id WHERE"
        " (r.paid > 0) <> (t.id IS NOT NULL) OR r.paid <> (SELECT coalesce(sum(p.amount), 0)"
        " FROM posting AS p WHERE p.tx = r.tx AND p.account LIKE 'expense:%')",
        "request {} was paid differently than it was posted"},
    Check{
        "SELECT coalesce(m.name, s.machine) FROM (SELECT id AS machine, paid AS amount FROM machine"
        " UNION ALL SELECT t.ref, -p.amount FROM tx AS t JOIN posting AS p ON p.tx = t.id WHERE"
        " t.kind IN ('phase', 'adjust') AND p.account LIKE 'expense:%') AS s LEFT JOIN machine AS m"
        " ON m.id = s.machine GROUP BY s.machine HAVING sum(s.amount) <> 0",
        "machine {} was paid differently than it was posted"},
    Check{
        "SELECT machine FROM (SELECT machine, billed AS amount FROM machine_phase UNION ALL SELECT"
        " t.ref, -p.amount FROM tx AS t JOIN posting AS p ON p.tx = t.id WHERE t.kind = 'phase' AND"
        " p.account LIKE 'expense:%') GROUP BY machine HAVING sum(amount) <> 0",
        "the phases of machine {} differ from its postings"},
    Check{
        "SELECT budget FROM (SELECT budget, window_us, held AS amount FROM budget_window UNION ALL"
        " SELECT b.budget, b.window_us, -b.amount FROM hold_budget AS b JOIN hold AS h"
        " ON h.id = b.hold WHERE h.state = 'open') GROUP BY budget, window_us"
        " HAVING sum(amount) <> 0",
        "budget {} counts other holds than those that are open"},
    Check{
        "SELECT h.id FROM hold AS h LEFT JOIN tx AS t ON t.id = h.tx WHERE (h.state = 'lapsed' AND"
        " (t.id IS NULL OR t.kind <> 'lapse')) OR (h.state IN ('open', 'released') AND h.tx IS NOT"
        " NULL) OR (h.tx IS NOT NULL AND t.id IS NULL)",
        "hold {} ended in another way than its transaction says"},
    Check{
        "SELECT machine FROM machine_event AS e WHERE e.step > 0 AND NOT EXISTS (SELECT 1 FROM"
        " machine_event AS b WHERE b.machine = e.machine AND b.step = e.step - 1 AND"
        " b.to_state = e.from_state)",
        "machine {} has a step that does not follow the one before"},
};

/// Since schema 6.
constexpr std::array age_checks{
    Check{
        "SELECT requests FROM (SELECT (SELECT count(tx) FROM request) + (SELECT"
        " coalesce(sum(transactions), 0) FROM request_deleted) AS requests, (SELECT count(*) FROM"
        " tx WHERE kind IN ('request', 'lapse')) AS posted) WHERE requests <> posted",
        "{} requests were paid for, and another number was posted"},
    Check{
        "SELECT b.remote_id FROM bill AS b WHERE b.machine <> 0 AND NOT EXISTS (SELECT 1 FROM"
        " machine AS m WHERE m.id = b.machine AND m.provider = b.provider)",
        "the bill of {} names a machine that is none"},
};

/// Since schema 5.
constexpr std::array energy_checks{
    Check{
        "SELECT e.hardware || ' from ' || e.at_us FROM energy AS e WHERE e.idle + e.work + e.host"
        " <> coalesce((SELECT sum(p.amount) FROM posting AS p WHERE p.tx = e.tx AND"
        " p.account = 'expense:power:' || e.hardware), 0) OR e.wear <> coalesce((SELECT"
        " sum(p.amount) FROM posting AS p WHERE p.tx = e.tx AND p.account = 'wear:' ||"
        " e.hardware), 0)",
        "energy or wear of {} was posted differently than measured"},
    Check{
        "SELECT e.hardware || ' from ' || e.at_us FROM energy AS e JOIN tx AS t ON t.id = e.tx"
        " WHERE t.day <> e.day",
        "energy or wear of {} was posted in another day than it is kept for"},
    Check{
        "SELECT p.account FROM posting AS p WHERE p.account LIKE 'wear:%' AND p.tx NOT IN"
        " (SELECT tx FROM energy WHERE tx IS NOT NULL)",
        "a posting to {} has no row of energy"},
};

Verification verify_all(Database& database) {
    Verification found;
    if (const std::string complaint = quick_check(database); !complaint.empty()) {
        add_problem(found, fmt::format("the file is damaged: {}", complaint));
        return found;
    }
    const ChainCheck chain =
        check_chain(database, std::numeric_limits<std::int64_t>::max(), chain_problems_max);
    found.transactions = chain.transactions;
    found.postings = chain.postings;
    found.problems = chain.problems;
    if (database.integer("SELECT count(*) FROM posting") != chain.postings) {
        add_problem(found, "there are postings without a transaction");
    }
    const auto compare = [&](std::span<const Check> which) {
        for (const Check& check : which) {
            Statement row{database, check.sql};
            while (!is_full(found) && row.next()) {
                add_problem(found, fmt::format(fmt::runtime(check.sentence), row.text(0)));
            }
        }
    };
    const std::int64_t schema = database.integer("PRAGMA user_version");
    compare(checks);
    if (schema >= energy_since_schema) {
        compare(energy_checks);
    }
    if (schema >= bills_since_schema) {
        compare(age_checks);
        found.deleted = read_deleted(database);
    }
    const SourceNames sources{database};
    compare_money(database, sources, schema, found);
    compare_hours(database, sources, found);
    compare_requests(database, sources, schema, found);
    found.requests = database.integer("SELECT count(*) FROM request");
    found.machines = database.integer("SELECT count(*) FROM machine");
    return found;
}

}  // namespace

Result<Verification> Reader::verify() {
    Database& database = *impl_->database;
    try {
        database.exec("BEGIN");
        Verification found = verify_all(database);
        database.exec("COMMIT");
        return found;
    } catch (const SqlError& error) {
        database.rollback_quietly();
        return std::unexpected{to_error(error)};
    }
}

}  // namespace evenkeel::ledger
