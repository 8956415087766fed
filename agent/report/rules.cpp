#include "agent/report/rules.hpp"

#include "providers/http/rfc3339.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::report {

namespace json = boost::json;

namespace {

const ledger::RuleOutcome* outcome_of(const ledger::RuleReplay& replay, const std::string& rule) {
    const auto found = std::ranges::find(replay.outcomes, rule, &ledger::RuleOutcome::rule);
    return found == replay.outcomes.end() ? nullptr : &*found;
}

std::string amount(const ledger::RuleReplay& replay, Money money) {
    return fmt::format("{} {}", rounded_text(money), replay.currency.text());
}

std::string when(const ledger::RuleReplay& replay, const ledger::Zone& zone) {
    return fmt::format(
        "replay of {} days, {}",
        std::chrono::round<std::chrono::days>(replay.until - replay.since).count(),
        config::to_text(zone.day(replay.at)));
}

}  // namespace

json::object rule_replay_json(const ledger::RuleReplay& replay) {
    json::array outcomes;
    for (const ledger::RuleOutcome& one : replay.outcomes) {
        outcomes.emplace_back(json::object{
            {"rule", one.rule},
            {"cost",
             json::object{
                 {"own", amount_text(one.own)},
                 {"rental", amount_text(one.rental)},
                 {"api", amount_text(one.api)},
                 {"total", amount_text(one.total)}}},
            {"j", amount_text(one.j)},
            {"requests", one.requests},
            {"within_limit", one.within_limit},
            {"machine_starts", one.machine_starts}});
    }
    return {
        {"at", providers::format_rfc3339(replay.at)},
        {"scaling", replay.scaling},
        {"since", providers::format_rfc3339(replay.since)},
        {"until", providers::format_rfc3339(replay.until)},
        {"requests", replay.requests},
        {"currency", replay.currency.text()},
        {"rule", replay.rule},
        {"recommended",
         replay.recommended.empty() ? json::value(nullptr) : json::value(replay.recommended)},
        {"note", replay.note.empty() ? json::value(nullptr) : json::value(replay.note)},
        {"outcomes", std::move(outcomes)}};
}

std::string rule_replay_text(const ledger::RuleReplay& replay, const ledger::Zone& zone) {
    const std::string head = fmt::format("rule of {}: ", replay.scaling);
    const ledger::RuleOutcome* now = outcome_of(replay, replay.rule);
    const ledger::RuleOutcome* best = outcome_of(replay, replay.recommended);
    if (now == nullptr || best == nullptr) {
        return fmt::format(
            "{}none is recommended: {} ({} is in force)\n", head, replay.note, replay.rule);
    }
    if (now == best) {
        return fmt::format(
            "{}{} is recommended, and was in force: J {} ({})\n",
            head,
            best->rule,
            amount(replay, best->j),
            when(replay, zone));
    }
    const double saved = now->j.nanos() == 0
                             ? 0
                             : 100 * static_cast<double>(now->j.nanos() - best->j.nanos()) /
                                   static_cast<double>(now->j.nanos());
    return fmt::format(
        "{}{} is recommended: J {}, {:.0f} % less than {}, which was in force ({})\n",
        head,
        best->rule,
        amount(replay, best->j),
        saved,
        replay.rule,
        when(replay, zone));
}

}  // namespace evenkeel::report
