#include "policies/config/key_tables.hpp"

#include <array>

namespace evenkeel::config {

// clang-format off
namespace {
constexpr std::array case_rows{
    Key{"version", Type::integer, "Version of the file format; always 1."}
        .required("a later version could mean something else by the same keys").example("1"),

    Key{"cases[]", Type::map, "What the policy is expected to do; each is tried by itself."}
        .required("there is nothing to try").filled(),
    Key{"cases[].name", Type::text, "What the case shows, in words."}
        .required("a failure could not name it").example("a burst waits before renting"),

    Key{"cases[].request", Type::map, "Tries the routes: what a client asks for."}
        .example("{model: qwq-32b}"),
    Key{"cases[].request.model", Type::model_name, "The model, as the client writes it."}
        .required("a request names a model").example("qwq-32b"),
    Key{"cases[].request.key", Type::name, "Name of the client key."}.example("team-b"),
    Key{"cases[].request.header.*", Type::text, "Request headers."}
        .named(Type::header_name).example("{x-evenkeel-class: batch}"),
    Key{"cases[].request.tokens_in", Type::tokens, "Tokens of the prompt."}
        .between("0", "100M").def("1k"),
    Key{"cases[].request.tokens_out", Type::tokens, "Tokens that such answers have on average."}
        .between("0", "100M").def("256"),
    Key{"cases[].request.max_tokens", Type::tokens, "The client's own limit; 0: none stated."}
        .between("0", "100M").def("0"),
    Key{"cases[].request.tools", Type::boolean, "Whether it defines tools."}.def("false"),
    Key{"cases[].request.images", Type::boolean, "Whether it holds images."}.def("false"),
    Key{"cases[].request.text", Type::text, "The text of its messages, for match.text."}
        .example("Please translate this"),

    Key{"cases[].scaling", Type::name, "Tries renting: which entry of scaling."}
        .example("h100-burst"),

    Key{"cases[].given", Type::map,
        "The world; what is left out is idle, fresh and without limit."},
    Key{"cases[].given.busy.*", Type::integer, "Requests that each source answers already."}
        .between("0", "100000").example("{desk: 4}"),
    Key{"cases[].given.free_after", Type::duration,
        "When those requests are answered; left out: never."}
        .between("0s", "3d").example("10s"),
    Key{"cases[].given.down[]", Type::name, "Sources that do not answer."}.example("[desk]"),
    Key{"cases[].given.rented[]", Type::name, "Offers of which one machine serves."}
        .example("[runpod]"),
    Key{"cases[].given.spent.*", Type::money, "What budgets have used of their window."}
        .between("0", "1000000000").example("{all: 370 AUD}"),
    Key{"cases[].given.api", Type::boolean, "Whether a priced API may serve the model."}
        .def("true"),
    Key{"cases[].given.boot", Type::duration, "Measured time from order to serving."}
        .between("1ms", "6h").def("420s"),
    Key{"cases[].given.patience", Type::duration,
        "How long a short prompt waits before it goes to an API."}
        .between("0s", "1h").def("4s"),
    Key{"cases[].given.own_rate", Type::ratio,
        "Rented-engine-seconds that the own workers finish in a second."}
        .between("0", "1000").def("0"),
    Key{"cases[].given.offers[]", Type::map,
        "What could be ordered, in order; left out: the entry's offers at their prices."},
    Key{"cases[].given.offers[].name", Type::name, "Name of the offer."}
        .required("a decision could not name it").example("runpod"),
    Key{"cases[].given.offers[].price", Type::price_hour,
        "Its price; left out: that of models.yaml."}
        .between("0.000001", "1000000").example("3.60 USD/h"),
    Key{"cases[].given.offers[].min_bill", Type::duration, "Shortest time its provider bills."}
        .between("0s", "24h").def("60s"),
    Key{"cases[].given.offers[].price_age", Type::duration, "How old the price is."}
        .between("0s", "3650d").def("1m"),
    Key{"cases[].given.offers[].in_stock", Type::boolean, "Whether there is one."}.def("true"),
    Key{"cases[].given.offers[].room", Type::integer, "Machines that its provider may still have."}
        .between("0", "64").def("8"),
    Key{"cases[].given.offers[].closed", Type::choice, "Why nothing may be ordered there."}
        .one_of("hold_provider|hold_undeleted|hold_balance").example("hold_provider"),
    Key{"cases[].given.offers[].gpu_profile", Type::name, "How fast its engine is."}
        .def("h100-32b-fp8"),
    Key{"cases[].given.machines[]", Type::map, "Rented machines that exist."},
    Key{"cases[].given.machines[].id", Type::integer, "Its number; left out: its place."}
        .between("1", "1000").example("1"),
    Key{"cases[].given.machines[].state", Type::choice, "A word of evenkeel nodes."}
        .one_of("wanted|creating|unknown|booting|warming|serving|draining|deleting|verifying")
        .def("serving"),
    Key{"cases[].given.machines[].ordered", Type::duration, "How long ago it was ordered."}
        .between("0s", "30d").def("0s"),
    Key{"cases[].given.machines[].serving_for", Type::duration, "How long it has served."}
        .between("0s", "30d").example("10m"),
    Key{"cases[].given.machines[].price", Type::price_hour,
        "Its price; left out: that of the first offer."}
        .between("0.000001", "1000000").example("3.60 USD/h"),
    Key{"cases[].given.machines[].in_flight", Type::integer, "Requests that it answers."}
        .between("0", "4096").def("0"),
    Key{"cases[].given.machines[].idle_for", Type::duration, "Since its last request ended."}
        .between("0s", "30d").def("0s"),
    Key{"cases[].given.machines[].ending", Type::boolean, "Whether its end was asked for."}
        .def("false"),
    Key{"cases[].given.machines[].failed", Type::boolean, "Whether it ends for being of no use."}
        .def("false"),
    Key{"cases[].given.budget_left", Type::money, "What the budgets leave for machines."}
        .between("0", "1000000000").example("20 AUD"),
    Key{"cases[].given.day_left", Type::money, "What safety.max_per_day leaves."}
        .between("0", "1000000").example("20 USD"),
    Key{"cases[].given.rate_left", Type::price_hour, "What safety.max_rate leaves."}
        .between("0", "1000000").example("3 USD/h"),
    Key{"cases[].given.creates_last_hour", Type::integer, "Orders sent in the last hour."}
        .between("0", "1000").def("0"),
    Key{"cases[].given.machines_total", Type::integer,
        "Machines of all entries; left out: those of this one."}
        .between("0", "64").example("2"),
    Key{"cases[].given.frozen", Type::boolean, "Whether spending is frozen."}.def("false"),
    Key{"cases[].given.budget_blocks", Type::boolean, "Whether a budget says no new machines."}
        .def("false"),
    Key{"cases[].given.ledger_ok", Type::boolean, "Whether the ledger can be written."}
        .def("true"),
    Key{"cases[].given.failed_orders", Type::integer, "Orders that failed just now."}
        .between("0", "100").def("0"),
    Key{"cases[].given.sold_out[]", Type::name, "Offers that had none just now."}
        .example("[runpod]"),
    Key{"cases[].given.failed_machines.*", Type::integer,
        "Machines of each offer that failed in a row."}
        .between("0", "100").example("{runpod: 3}"),

    Key{"cases[].traffic[]", Type::map, "What happens, one phase after the other."},
    Key{"cases[].traffic[].for", Type::duration, "Length of the phase."}
        .required("a phase has a length").between("1s", "30d").example("2m"),
    Key{"cases[].traffic[].overflow", Type::price_hour,
        "API price of what went to an API for lack of own capacity."}
        .between("0", "1000000").example("36 USD/h"),
    Key{"cases[].traffic[].overflow_machines", Type::ratio,
        "Rented machines that this work would have kept busy."}
        .between("0", "1000").def("0"),
    Key{"cases[].traffic[].refused", Type::price_hour, "The same for what was refused."}
        .between("0", "1000000").example("36 USD/h"),
    Key{"cases[].traffic[].refused_machines", Type::ratio, "Machines for what was refused."}
        .between("0", "1000").def("0"),
    Key{"cases[].traffic[].rented", Type::price_hour, "The same for what rented machines served."}
        .between("0", "1000000").example("36 USD/h"),
    Key{"cases[].traffic[].rented_machines", Type::ratio, "Machines for what they served."}
        .between("0", "1000").def("0"),
    Key{"cases[].traffic[].own_machines", Type::ratio,
        "Rented machines that the work of the own workers would have kept busy."}
        .between("0", "1000").def("0"),
    Key{"cases[].traffic[].waiting", Type::integer, "Requests that wait all the time."}
        .between("0", "1000000").def("0"),
    Key{"cases[].traffic[].waiting_tokens_in", Type::tokens, "Prompt tokens of those."}
        .between("0", "1000M").def("0"),
    Key{"cases[].traffic[].waiting_tokens_out", Type::tokens, "Answer tokens of those."}
        .between("0", "1000M").def("0"),

    Key{"cases[].expect", Type::choice, "What is to come of it; none: no decision."}
        .one_of("none").repeated()
        .required("the case would show nothing").example("{source: desk}"),
    Key{"cases[].expect.source", Type::name, "Who answers the request."}.example("desk"),
    Key{"cases[].expect.refused", Type::name, "Why the request is refused."}
        .example("wait_over"),
    Key{"cases[].expect.route", Type::name, "Which route it takes."}.example("default"),
    Key{"cases[].expect.decision", Type::choice, "What the rent rule does."}
        .one_of("order|release|hold").example("order"),
    Key{"cases[].expect.offer", Type::name, "From whom it orders."}.example("runpod"),
    Key{"cases[].expect.count", Type::integer, "How many."}.between("1", "64").example("1"),
    Key{"cases[].expect.machine", Type::integer, "Which machine is given back."}
        .between("1", "1000").example("1"),
    Key{"cases[].expect.reason", Type::name, "The name of its reason."}.example("rent_debt"),
    Key{"cases[].expect.after", Type::duration, "Not earlier than this."}
        .between("0s", "30d").example("45s"),
    Key{"cases[].expect.before", Type::duration, "Not later than this."}
        .between("0s", "30d").example("60s"),
};
}  // namespace
// clang-format on

std::span<const Key> case_keys() noexcept {
    return case_rows;
}

}  // namespace evenkeel::config
