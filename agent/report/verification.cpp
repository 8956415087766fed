#include "agent/report/verification.hpp"

#include <boost/json.hpp>

#include <utility>

namespace evenkeel::report {

namespace json = boost::json;

std::string verification_json(const ledger::Verification& found) {
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
        {"problems", std::move(problems)}});
}

}  // namespace evenkeel::report
