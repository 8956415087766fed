#include "policies/config/key_tables.hpp"

#include <array>

namespace evenkeel::config {

// clang-format off
namespace {
constexpr std::array policy_rows{
    Key{"version", Type::integer, "Version of the file format; always 1."}
        .required("a later version could mean something else by the same keys").example("1"),

    Key{"routes[]", Type::map, "Which requests go where; the first route that matches wins."}
        .required("no request could be answered").filled().ordered()
        .example("[{name: default, match: {}, use: [qwq-32b]}]"),
    Key{"routes[].name", Type::name, "Name of the route, as in reports."}
        .required("reports and budgets could not name it").example("default"),
    Key{"routes[].match", Type::map, "What a request must have; all of it. Empty or left out: any."}
        .example("{}"),
    Key{"routes[].match.model[]", Type::model_name,
        "Models (or aliases) that the client may ask for."}
        .example("[opus]"),
    Key{"routes[].match.key[]", Type::name, "Names of client keys."}.example("[team-b]"),
    Key{"routes[].match.header.*", Type::text, "Request headers and the exact value of each."}
        .named(Type::header_name).example("{x-evenkeel-class: batch}"),
    Key{"routes[].match.tokens_over", Type::tokens,
        "Prompts of more tokens than this; estimated, four bytes a token."}
        .between("0", "1000M").example("8k"),
    Key{"routes[].match.tokens_under", Type::tokens, "Prompts of fewer tokens than this."}
        .between("1", "1000M").example("1k"),
    Key{"routes[].match.tools", Type::boolean,
        "true: requests that define tools; false: those that do not."}
        .example("true"),
    Key{"routes[].match.images", Type::boolean,
        "true: requests with images; false: those without."}
        .example("true"),
    Key{"routes[].match.text", Type::pattern,
        "What occurs in the messages' text; of long texts the last 32 KiB are looked at."}
        .example("'(?i)\\btranslate\\b'"),
    Key{"routes[].use[]", Type::model_name,
        "Models that may answer, in order; later ones only when earlier ones cannot in time."}
        .required("the route would answer nothing").filled().ordered()
        .example("[qwq-32b, opus]"),
    Key{"routes[].prefer", Type::choice, "How to choose among sources that can answer in time."}
        .one_of("cheapest|fastest|listed").def("cheapest"),
    Key{"routes[].max_wait", Type::duration,
        "Longest wait for a worker, then an API is asked; left out: slo.patience decides."}
        .between("0s", "3d").example("20s"),
    Key{"routes[].max_cost", Type::money,
        "Most that one request may cost; dearer ones are refused."}
        .between("0", "1000000").example("0.50 AUD"),
    Key{"routes[].stay", Type::choice, "own: requests never leave the house."}
        .one_of("own").example("own"),
    Key{"routes[].continue_on_failure", Type::boolean,
        "A streamed chat whose worker dies in mid-answer is finished by another, where its engine "
        "can."}
        .def("false"),
    Key{"routes[].limit", Type::map,
        "What all requests of the route together may be; more are refused with 429."}
        .example("{requests: 60/min, tokens: 200k/min, in_flight: 8}"),
    Key{"routes[].limit.requests", Type::per_minute,
        "Requests a minute; a minute's may come at once."}
        .between("1/min", "1000M/min").example("60/min"),
    Key{"routes[].limit.tokens", Type::per_minute,
        "Tokens a minute, prompts and answers; an answer counts as estimated until it is known."}
        .between("1/min", "1000M/min").example("200k/min"),
    Key{"routes[].limit.in_flight", Type::integer, "Requests at once, those that wait included."}
        .between("1", "1000000").example("8"),

    Key{"slo", Type::map, "What \"in time\" means to the rent rule, replay and reports."},
    Key{"slo.first_token", Type::duration, "Time to the first token of a short prompt."}
        .between("1ms", "1h").def("5s"),
    Key{"slo.first_token_per_1k", Type::duration, "Added for every 1,000 prompt tokens."}
        .between("0ms", "10m").def("1s"),
    Key{"slo.per_output_token", Type::duration, "Time for each further token."}
        .between("1ms", "1m").def("80ms"),
    Key{"slo.patience", Type::ratio,
        "Without max_wait: share of the first-token time, less what the API needs, that a request "
        "is held."}
        .between("0", "10").def("0.8"),
    Key{"slo.miss_costs", Type::integer,
        "Price of a late answer in replay's score, as a multiple of its API price; never booked."}
        .between("0", "1000").def("2"),

    Key{"budgets[]", Type::map, "Limits on what may be spent."}
        .without("nothing limits spending but safety"),
    Key{"budgets[].name", Type::name, "Name of the budget, as in reports."}
        .required("refusals could not say which budget it was").example("all"),
    Key{"budgets[].scope", Type::map, "What it covers, by one key; left out: everything."},
    Key{"budgets[].scope.kind", Type::choice, "One kind of source."}.one_of("own|rental|api"),
    Key{"budgets[].scope.provider", Type::name, "One provider."}.example("runpod"),
    Key{"budgets[].scope.key", Type::name, "One client key, by name."}.example("team-b"),
    Key{"budgets[].scope.team", Type::name, "All client keys of one team (`keys create --team`)."}
        .example("research"),
    Key{"budgets[].scope.model", Type::model_name, "One model."}.example("opus"),
    Key{"budgets[].scope.route", Type::name, "One route."}.example("default"),
    Key{"budgets[].limit", Type::money, "The amount."}
        .required("a budget without a limit limits nothing")
        .between("0", "1000000000").example("400 AUD"),
    Key{"budgets[].per", Type::choice, "Window of the limit, in report_zone."}
        .one_of("hour|day|month").def("month"),
    Key{"budgets[].at.*", Type::choice, "What happens from which share of the limit on."}
        .one_of("warn|local-only|no-new-machines|refuse").named(Type::percent)
        .def("{\"100%\": refuse}"),

    Key{"scaling[]", Type::map, "When to rent for a model, and when to stop."}
        .without("nothing is ever rented"),
    Key{"scaling[].name", Type::name, "Name of the entry, as in decisions."}
        .required("decisions could not name it").example("h100-burst"),
    Key{"scaling[].model", Type::model_name, "The model to rent for."}
        .required("it is not known what to run on the machine").example("qwq-32b"),
    Key{"scaling[].offers[]", Type::name,
        "Offers to rent, tried in this order: a provider's name, or an offer's."}
        .required("it is not known what to rent").filled().ordered()
        .example("[runpod, do]"),
    Key{"scaling[].rule", Type::choice,
        "How renting is decided: level-memory weighs each further machine by itself and remembers "
        "which loads lasted, break-even orders one machine at a time, break-even+k as many as are "
        "needed; never keeps the entry but rents not; auto follows what the nightly "
        "replay recommends, level-memory until it does."}
        .one_of("level-memory|break-even|break-even+k|never|auto").def("level-memory"),
    Key{"scaling[].trust", Type::ratio,
        "Weight against the forecast, in the rules break-even and break-even+k: 1.0 is without "
        "one, lower trusts it more."}
        .between("0.001", "1").def("1.0"),
    Key{"scaling[].efficiency", Type::ratio, "Share of a machine's peak that is really reached."}
        .between("0.01", "1").def("0.6"),
    Key{"scaling[].max_order", Type::integer, "Machines ordered at once."}
        .between("1", "16").def("2"),
    Key{"scaling[].boot", Type::duration_auto,
        "Time from order to serving; auto: measured (80th percentile), 420s until measured."}
        .between("1ms", "6h").def("auto"),
    Key{"scaling[].min_bill", Type::duration_auto,
        "Shortest time the provider bills; auto: what the provider says."}
        .between("0s", "24h").def("auto"),
    Key{"scaling[].keep_warm", Type::ratio,
        "A machine is released when idling has cost this many boots."}
        .between("0", "100").def("1.0"),
    Key{"scaling[].min", Type::integer, "Machines always kept."}.between("0", "64").def("0"),
    Key{"scaling[].max", Type::integer, "Machines at most."}.between("0", "64").def("1"),
    Key{"scaling[].max_price", Type::price_hour, "Dearest hour that may be rented."}
        .required("any price a provider asks would be paid")
        .between("0.000001", "1000000").example("4.50 USD/h"),
    Key{"scaling[].max_price_age", Type::duration, "A price older than this is not rented at."}
        .between("1s", "365d").def("24h"),
    Key{"scaling[].idle_stop", Type::duration,
        "Latest end of an idle machine; keep_warm may end it sooner."}
        .between("0s", "30d").example("5m"),
    Key{"scaling[].max_life", Type::duration, "Latest end of every rented machine."}
        .required("without max_life a rented machine has no latest end")
        .between("1s", "30d").example("6h"),
    Key{"scaling[].drain", Type::duration, "How long a machine may finish its requests at its end."}
        .between("0s", "6h").def("3m"),
    Key{"scaling[].warm_up", Type::duration,
        "Latest time from order to serving; a machine that takes longer is destroyed."}
        .between("10ms", "6h").def("15m"),
    Key{"scaling[].start_when", Type::map,
        "A condition beside the rule: nothing is ordered before it holds, but for `min`."},
    Key{"scaling[].start_when.wait_over", Type::duration,
        "Somebody must have waited longer than this. Whom an API takes sooner never does."}
        .between("0s", "24h").example("10s"),
    Key{"scaling[].start_when.for", Type::duration, "And that without a break for so long."}
        .between("0s", "24h").example("45s"),
    Key{"scaling[].worth_it", Type::map,
        "A condition beside the rule: nothing is ordered for less work, but for `min`."},
    Key{"scaling[].worth_it.against", Type::model_name,
        "What waits must cost as much at this model's cheapest API as a machine commits."}
        .example("opus"),
    Key{"scaling[].worth_it.queue_tokens_at_least", Type::tokens,
        "So many tokens must wait, prompts and expected answers."}
        .between("0", "1000M").example("286k"),

    Key{"breakeven", Type::map, "Assumptions of the break-even report."},
    Key{"breakeven.horizon", Type::months, "How far it looks ahead."}
        .between("1mo", "240mo").def("24mo"),
    Key{"breakeven.window", Type::duration, "How much measured use it looks at."}
        .between("1d", "3650d").def("30d"),
    Key{"breakeven.hours_per_month", Type::integer, "Hours in a month."}
        .between("1", "744").def("730"),
    Key{"breakeven.compare[]", Type::choice, "What is compared."}
        .one_of("buy|rent|reserve|api").def("[buy, rent, reserve, api]"),
    Key{"breakeven.commitments[]", Type::map, "Contracts that are paid whether used or not."},
    Key{"breakeven.commitments[].on", Type::name, "The provider."}
        .required("a contract has a provider").example("do"),
    Key{"breakeven.commitments[].gpu", Type::text, "What is reserved."}
        .required("it is not known what is reserved").example("H100"),
    Key{"breakeven.commitments[].price", Type::price_hour, "Its price."}
        .required("it is not known what it costs").between("0", "100000").example("1.91 USD/h"),
    Key{"breakeven.commitments[].from", Type::date, "First day."}
        .required("it is not known when it begins").example("2026-12-01"),
    Key{"breakeven.commitments[].months", Type::integer, "Length in months."}
        .required("it is not known when it ends").between("1", "120").example("12"),

    Key{"safety", Type::map, "Caps that hold whatever the rest says."},
    Key{"safety.max_machines", Type::integer, "Rented machines of all providers together."}
        .between("0", "64").def("2"),
    Key{"safety.max_rate", Type::price_hour, "Price of all rented machines together."}
        .between("0", "1000000").example("15 USD/h"),
    Key{"safety.max_per_day", Type::money, "What all rented machines may cost in one day."}
        .between("0", "1000000").example("100 USD"),
    Key{"safety.max_creates_per_hour", Type::integer, "Orders to providers in one hour."}
        .between("0", "1000").def("6"),
    Key{"safety.leak_scan", Type::duration,
        "How often the machines at every provider are compared with the ledger."}
        .between("10ms", "1h").def("60s"),
    Key{"safety.proof_gap", Type::duration,
        "A machine is gone when two complete lists this far apart omit it."}
        .between("10ms", "1h").def("60s"),
    Key{"safety.orphan_grace", Type::duration,
        "How long a machine with our mark and no row may live before it is destroyed."}
        .between("10ms", "1h").def("60s"),
    Key{"safety.unknown_machine", Type::choice,
        "What happens to a machine with our mark that the ledger does not know."}
        .one_of("destroy|alert").def("destroy"),
    Key{"safety.on_stop", Type::choice, "What happens to rented machines when the daemon stops."}
        .one_of("destroy|keep").def("destroy"),
    Key{"safety.low_balance", Type::money, "Warn when a prepaid account falls below this."}
        .between("0", "1000000").example("5 USD"),
    Key{"safety.reserve", Type::choice,
        "What budgets set aside for a streamed answer of an API, or of a worker whose model has "
        "an internal price: the most it may cost, or its likely length and more before it passes "
        "that (it ends when a budget is spent)."}
        .one_of("ceiling|learned").def("ceiling"),
};
}  // namespace
// clang-format on

std::span<const Key> policy_keys() noexcept {
    return policy_rows;
}

}  // namespace evenkeel::config
