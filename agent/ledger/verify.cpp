#include "agent/ledger/chain.hpp"
#include "agent/ledger/queries.hpp"
#include "agent/ledger/reader_impl.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <span>
#include <string_view>

/// `evenkeel ledger verify`: everything the ledger claims, computed a second time.
namespace evenkeel::ledger {

namespace {

constexpr std::size_t problems_max = 20;

/// One comparison: every row the query returns is a contradiction; its first column says where.
struct Check {
    std::string_view sql;
    std::string_view sentence;  ///< with one {} for the first column
};

constexpr std::array checks{
    Check{// Money of the day's roll-ups against the postings of the day.
          "SELECT day || ' ' || currency FROM (SELECT day, currency, paid AS amount FROM rollup_day"
          " UNION ALL SELECT t.day, p.currency, -p.amount FROM tx AS t JOIN posting AS p"
          " ON p.tx = t.id WHERE p.account LIKE 'expense:%') GROUP BY day, currency"
          " HAVING sum(amount) <> 0",
          "the roll-up of {} differs from its postings"},
    Check{
        "SELECT source FROM (SELECT source, phase, currency, requests AS n, tok_in AS i,"
        " tok_out AS o, paid AS p FROM rollup_day UNION ALL SELECT source, phase, currency,"
        " -requests, -tok_in, -tok_out, -paid FROM rollup_hour) GROUP BY source, phase, currency"
        " HAVING sum(n) <> 0 OR sum(i) <> 0 OR sum(o) <> 0 OR sum(p) <> 0",
        "the daily and hourly roll-ups of source {} differ"},
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

/// Requests against their roll-up cells, over all days. {}: what was deleted of them.
constexpr std::string_view requests_sql =
    "SELECT source FROM (SELECT source, model, key, route, currency, requests AS n, tok_in AS i,"
    " tok_cached AS k, tok_cache_write AS w, tok_out AS o, paid AS p, charged AS c FROM rollup_day"
    " WHERE phase = '' UNION ALL SELECT source, model, key, route, currency, -1, -tok_in,"
    " -tok_cached, -tok_cache_write, -tok_out, -paid, -charged FROM request{}) GROUP BY source,"
    " model, key, route, currency HAVING sum(n) <> 0 OR sum(i) <> 0 OR sum(k) <> 0 OR sum(w) <> 0"
    " OR sum(o) <> 0 OR sum(p) <> 0 OR sum(c) <> 0";
constexpr std::string_view deleted_requests_sql =
    " UNION ALL SELECT source, model, key, route, currency, -requests, -tok_in, -tok_cached,"
    " -tok_cache_write, -tok_out, -paid, -charged FROM request_deleted";
constexpr std::string_view requests_sentence = "the roll-ups of source {} differ from its requests";

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
        "SELECT p.account FROM posting AS p WHERE p.account LIKE 'wear:%' AND p.tx NOT IN"
        " (SELECT tx FROM energy WHERE tx IS NOT NULL)",
        "a posting to {} has no row of energy"},
};

Verification verify_all(Database& database) {
    Verification found;
    const auto problem = [&](std::string text) {
        if (found.problems.size() < problems_max) {
            found.problems.push_back(std::move(text));
        }
    };
    if (const std::string complaint = quick_check(database); !complaint.empty()) {
        problem(fmt::format("the file is damaged: {}", complaint));
        return found;
    }
    const ChainCheck chain =
        check_chain(database, std::numeric_limits<std::int64_t>::max(), problems_max);
    found.transactions = chain.transactions;
    found.postings = chain.postings;
    found.problems = chain.problems;
    if (database.integer("SELECT count(*) FROM posting") != chain.postings) {
        problem("there are postings without a transaction");
    }
    const auto compare = [&](std::span<const Check> which) {
        for (const Check& check : which) {
            Statement row{database, check.sql};
            while (found.problems.size() < problems_max && row.next()) {
                problem(fmt::format(fmt::runtime(check.sentence), row.text(0)));
            }
        }
    };
    compare(checks);
    const std::int64_t schema = database.integer("PRAGMA user_version");
    const bool ages = schema >= bills_since_schema;
    const std::string requests =
        fmt::format(requests_sql, ages ? deleted_requests_sql : std::string_view{});
    compare(std::array{Check{requests, requests_sentence}});
    if (schema >= energy_since_schema) {
        compare(energy_checks);
    }
    if (ages) {
        compare(age_checks);
        found.deleted = read_deleted(database);
    }
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
