#include "agent/report/verification.hpp"

#include "providers/http/rfc3339.hpp"

#include <boost/json.hpp>

#include <utility>

namespace evenkeel::report {

namespace json = boost::json;

std::string verification_json(const ledger::Verification& found) {
    json::array deleted;
    for (const ledger::Deleted& one : found.deleted) {
        deleted.emplace_back(json::object{
            {"what", one.what},
            {"rows", one.rows},
            {"before", providers::format_rfc3339_ms(one.before)}});
    }
    json::array problems;
    for (const std::string& problem : found.problems) {
        problems.emplace_back(problem);
    }
    return json::serialize(json::object{
        {"schema", "evenkeel.ledger-verify/1"},
        {"ok", found.ok()},
        {"transactions", found.transactions},
        {"postings", found.postings},
        {"requests", found.requests},
        {"machines", found.machines},
        {"deleted", std::move(deleted)},
        {"problems", std::move(problems)}});
}

}  // namespace evenkeel::report
