#include "agent/control/renter.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

/// Which rule an entry follows that leaves it to the nightly replay.
namespace evenkeel::agent {

namespace {

/// What the change saves in J, in nano-units.
std::int64_t saving(const ledger::RuleReplay& replay, config::RentRule from, config::RentRule to) {
    const auto j = [&](config::RentRule rule) {
        const auto found =
            std::ranges::find(replay.outcomes, to_text(rule), &ledger::RuleOutcome::rule);
        return found == replay.outcomes.end() ? std::int64_t{0} : found->j.nanos();
    };
    return j(from) - j(to);
}

}  // namespace

void Renter::recover_rules(const std::vector<ledger::RuleReplay>& replays) {
    for (const ledger::RuleReplay& replay : replays) {
        if (const auto rule = config::rent_rule_from(replay.follows)) {
            followed_[replay.scaling] = {.rule = *rule, .since = replay.at};
        }
    }
}

std::map<std::string, config::RentRule> Renter::rules() const {
    std::map<std::string, config::RentRule> rules;
    for (const auto& [name, rule] : rules_) {
        rules.emplace(name, rule.scaling.rule);
    }
    return rules;
}

void Renter::follow(ledger::RuleReplay& replay) {
    const auto known = rules_.find(replay.scaling);
    const auto follows = followed_.find(replay.scaling);
    const bool has_one = follows != followed_.end();
    if (has_one) {
        replay.follows = to_text(follows->second.rule);
    }
    const auto to = config::rent_rule_from(replay.recommended);
    if (known == rules_.end() || !to) {
        return;
    }
    Rule& rule = known->second;
    const config::RentRule from = rule.scaling.rule;
    const bool changes = rule.scaling.rule_auto && from != *to;
    if (changes && has_one && replay.at - follows->second.since < follow_every) {
        return;
    }
    if (!has_one || follows->second.rule != *to) {
        followed_[replay.scaling] = {.rule = *to, .since = replay.at};
    }
    replay.follows = replay.recommended;
    if (!changes) {
        return;
    }
    rule.scaling.rule = *to;
    const Reason reason{
        ReasonCode::rule_followed,
        {static_cast<std::int64_t>(from),
         static_cast<std::int64_t>(*to),
         saving(replay, from, *to)}};
    note("rule", replay.scaling, reason);
    spdlog::info("rule={} {}", replay.scaling, decisions_.front().sentence);
    parts_.ledger.decision(
        {.policy = catalogue_->revision, .kind = "rule", .model = rule.model, .reason = reason});
}

std::optional<std::chrono::milliseconds> Renter::boot_measured() const {
    if (boots_.empty()) {
        return std::nullopt;
    }
    std::vector<std::chrono::milliseconds> sorted{boots_.begin(), boots_.end()};
    std::ranges::sort(sorted);
    return sorted[sorted.size() * 4 / 5];
}

std::chrono::milliseconds Renter::boot_time(const lifecycle::Machine& machine) const {
    const auto orders = [&machine](const auto& entry) {
        const config::Scaling& scaling = entry.second.scaling;
        return scaling.model == machine.model &&
               std::ranges::find(scaling.offers, machine.offer) != scaling.offers.end();
    };
    const auto rule = std::ranges::find_if(rules_, orders);
    return scaling::boot_time(
        rule == rules_.end() ? config::Scaling{} : rule->second.scaling,
        boot_measured(),
        constants_);
}

}  // namespace evenkeel::agent
