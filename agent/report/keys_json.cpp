#include "agent/report/keys.hpp"
#include "agent/report/text.hpp"

#include <boost/json.hpp>

#include <utility>

namespace evenkeel::report {

namespace json = boost::json;

namespace {

json::value limit_json(const KeyUse& use) {
    const auto& money = use.row.terms.money;
    if (!money) {
        return nullptr;
    }
    return json::object{
        {"amount", amount_text(money->amount)},
        {"currency", money->amount.currency().text()},
        {"per", window_text(money->per)},
        {"used", amount_text(*use.used)},
        {"used_currency", use.used->currency().text()},
        {"resets", time_text(*use.resets, true)},
        {"from_us", to_us(*use.since)},
        {"until_us", to_us(*use.resets)}};
}

json::object key_json(const KeyUse& use) {
    const ledger::KeyTerms& terms = use.row.terms;
    const auto time = [](const std::optional<UtcTime>& at) {
        return at ? json::value(time_text(*at, true)) : json::value(nullptr);
    };
    const auto count = [](std::int64_t number) {
        return number > 0 ? json::value(number) : json::value(nullptr);
    };
    return {
        {"name", use.row.name},
        {"prefix", use.row.prefix},
        {"created", time_text(use.row.created, true)},
        {"last_used", time(use.last_used)},
        {"month", amount_text(use.month)},
        {"currency", use.month.currency().text()},
        {"limit", limit_json(use)},
        {"requests_per_minute", count(terms.rate.requests_min)},
        {"tokens_per_minute", count(terms.rate.tokens_min)},
        {"in_flight", count(terms.rate.in_flight)},
        {"routes", json::array(terms.routes.begin(), terms.routes.end())},
        {"team", terms.team.empty() ? json::value(nullptr) : json::value(terms.team)},
        {"expires", time(terms.expires)}};
}

}  // namespace

std::string_view window_text(config::BudgetPer per) noexcept {
    return per == config::BudgetPer::hour  ? "hour"
           : per == config::BudgetPer::day ? "day"
                                           : "month";
}

std::string keys_json(const std::vector<KeyUse>& uses) {
    json::array list;
    for (const KeyUse& use : uses) {
        list.emplace_back(key_json(use));
    }
    return json::serialize(json::object{{"schema", "evenkeel.keys/1"}, {"keys", std::move(list)}});
}

}  // namespace evenkeel::report
