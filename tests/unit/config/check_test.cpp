#include "tests/unit/config/files.hpp"
#include "tests/unit/config/support.hpp"

namespace evenkeel::config::test {
namespace {

class CrossCheck : public testing::TestWithParam<Case> {};

TEST_P(CrossCheck, FindsItAtItsPlace) {
    expect_one_finding(GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Keys,
    CrossCheck,
    testing::Values(
        Case{"NoVersion", ek, "speed: 1\n", "EK-C011", "has no 'version'", "version: 1"},
        Case{"Version2", ek, "version: «2»\n", "EK-C011", "reads version 1", "write 1"},
        Case{
            "Unknown", ek, daemon("«spede»: 30"), "EK-C012", "'spede' in evenkeel.yaml", "'speed'"},
        Case{"OtherFile", ek, daemon("«routes»: []"), "EK-C012", "", "belongs into policy.yaml"},
        Case{"UnknownFar", ek, daemon("«telemetry»: true"), "EK-C012", "in evenkeel.yaml", ""},
        Case{
            "Missing",
            po,
            scaling("«{»name: b, model: m, offers: [cloud], max_price: 5 USD/h}"),
            "EK-C013",
            "",
            "max_life"},
        Case{"NoUse", po, routes("{name: a}"), "EK-C013", "routes[0] 'a' has no 'use'"},
        Case{"EmptyUse", po, routes("{name: a, use: «[»]}"), "EK-C013", "at least one entry"},
        Case{
            "NoRoutes",
            po,
            scaling("{name: burst, model: m, offers: [cloud], max_price: 5 USD/h, "
                    "max_life: 6h}]\nx: ["),
            "EK-C012",
            "unknown key 'x'"}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Daemon,
    CrossCheck,
    testing::Values(
        Case{
            "AdminEverywhere",
            ek,
            daemon("listen: {admin: «\"0.0.0.0:8081\"»}"),
            "EK-C024",
            "no login"},
        Case{"ApiEverywhere", ek, daemon("listen: {api: «\"0.0.0.0:8080\"»}"), "EK-W039", "TLS"},
        Case{"SameAddress", ek, daemon("listen: {admin: «\"127.0.0.1:8080\"»}"), "EK-C040", "same"},
        Case{
            "RateToItself",
            ek,
            daemon("currency: {rates: {«USD»: {rate: 1, as_of: 2026-11-24}}}"),
            "EK-C051",
            "USD is the report currency"},
        Case{
            "StaleRate",
            ek,
            daemon("currency: {rates: {AUD: {rate: 0.7, as_of: «2026-11-17»}}}"),
            "EK-W030",
            "AUD rate is 8 days old"},
        Case{
            "FutureRate",
            ek,
            daemon("currency: {rates: {AUD: {rate: 0.7, as_of: «2027-11-17»}}}"),
            "EK-W033",
            "future"},
        Case{
            "TariffNever",
            ek,
            daemon("energy:\n  tariff:\n    - {price: 1 USD/kWh}\n    - «{»price: 2 USD/kWh}"),
            "EK-W038",
            "line 4 before it"},
        Case{
            "TariffGap",
            ek,
            daemon("energy: {tariff: [«{»price: 1 USD/kWh, when: 10:00-15:00}]}"),
            "EK-C055",
            "at all times"},
        Case{
            "TariffCurrency",
            ek,
            daemon("energy: {tariff: [{price: «1 AUD/kWh»}]}"),
            "EK-C050",
            "no exchange rate for AUD"},
        Case{"HardwareTwice", ek, daemon("hardware: [{name: a}, {name: «a»}]"), "EK-C040", "2:19"},
        Case{
            "GpuTwice",
            ek,
            daemon("hardware: [{name: a, gpus: [0]}, {name: b, gpus: [1, «0»]}]"),
            "EK-C040",
            "GPU 0 belongs to 'a'"},
        Case{
            "BoughtTomorrow",
            ek,
            daemon("hardware: [{name: a, bought: «2027-01-01»}]"),
            "EK-W033",
            "future"},
        Case{
            "MachinePriceWithoutRate",
            ek,
            daemon("hardware: [{name: a, price: «6800 AUD»}]"),
            "EK-C050",
            "no exchange rate for AUD"},
        Case{
            "IdleAboveBusy",
            ek,
            daemon("hardware: [{name: a, power: {busy: 90 W, idle: «0.1 kW»}}]"),
            "EK-C054",
            "idle"},
        Case{
            "Connections",
            ek,
            daemon("limits: {connections: 10, connections_per_address: «11»}"),
            "EK-C054"}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Providers,
    CrossCheck,
    testing::Values(
        Case{"LocalNoUrl", pr, providers("  «x»: {kind: local}"), "EK-C031", "no 'url'"},
        Case{"CloudNoAddress", pr, providers("  «x»: {kind: sandbox}"), "EK-C031", "no 'base_url'"},
        Case{"NoCredential", pr, providers("  «x»: {kind: runpod}"), "EK-C031", "no 'credential'"},
        Case{
            "WrongUrl",
            pr,
            providers("  x: {kind: anthropic, credential: a, «url»: \"https://x.example\"}"),
            "EK-C031",
            "no meaning",
            "'base_url'"},
        Case{
            "CloudOfLocal",
            pr,
            providers("  x: {kind: local, url: \"http://127.0.0.1:9\", «cloud»: secure}"),
            "EK-C031",
            "'cloud' has no meaning"},
        Case{
            "StartOfApi",
            pr,
            providers("  x: {kind: anthropic, credential: a, "
                      "«start»: {command: [vllm]}}"),
            "EK-C031",
            "'start' has no meaning"},
        Case{
            "StartNothing",
            pr,
            providers("  x: {kind: local, url: \"http://127.0.0.1:9\", start: «{»memory: 1 GB}}"),
            "EK-C013",
            "no 'command'"},
        Case{
            "StartElsewhere",
            pr,
            providers(
                "  x: {kind: local, url: «\"https://gpu.example\"», start: {command: [vllm]}}"),
            "EK-C063",
            "on loopback"},
        Case{
            "StartWithASecret",
            pr,
            providers("  x: {kind: local, url: \"http://127.0.0.1:9\", "
                      "start: {command: [vllm], env: {«Hf_Token»: hf_1}}}"),
            "EK-C064",
            "'Hf_Token' looks like a secret"},
        Case{
            "StartWithAKey",
            pr,
            providers("  x: {kind: local, url: \"http://127.0.0.1:9\", "
                      "start: {command: [vllm, «\"--api-key=k\"»]}}"),
            "EK-C064",
            "command line"},
        Case{
            "SleepOfLlama",
            pr,
            providers("  x: {kind: local, engine: llama.cpp, url: \"http://127.0.0.1:9\", "
                      "start: {command: [llama-server], sleep: «true»}}"),
            "EK-C065",
            "llama.cpp cannot be put to sleep"},
        Case{
            "TwoOnOnePort",
            pr,
            providers(
                "  x: {kind: local, url: \"http://127.0.0.1:9\", start: {command: [a]}}\n"
                "  y: {kind: local, url: «\"http://127.0.0.1:9/v1\"», start: {command: [b]}}"),
            "EK-C063",
            "port 9 is that of 'x'"},
        Case{
            "Kind",
            pr,
            providers("  x: {kind: «runpood», credential: a}"),
            "EK-C015",
            "",
            "'runpod'"},
        Case{"NoKind", pr, providers("  x: «{»credential: a}"), "EK-C013", "no 'kind'"},
        Case{
            "Hardware",
            pr,
            providers("  x: {kind: local, url: \"http://127.0.0.1:9\", hardware: «desc»}"),
            "EK-C044",
            "no hardware 'desc'"},
        Case{
            "PlainHttp",
            pr,
            providers("  x: {kind: local, url: «\"http://10.0.0.2:80\"»}"),
            "EK-C024",
            "in the clear"},
        Case{"Scheme", pr, providers("  x: {kind: local, url: «\"ftp://127.0.0.1\"»}"), "EK-C024"},
        Case{
            "Query",
            pr,
            providers("  x: {kind: local, url: «\"https://a.example/?k=1\"»}"),
            "EK-C024",
            "no query"},
        Case{
            "Port",
            pr,
            providers("  x: {kind: local, url: «\"https://a.example:0/\"»}"),
            "EK-C024",
            "port"},
        Case{
            "NoHost",
            pr,
            providers("  x: {kind: local, url: «\"https:///v1\"»}"),
            "EK-C024",
            "host"},
        Case{
            "LooksLikeLoopback",
            pr,
            providers("  x: {kind: local, url: «\"http://127.0.0.1.evil.example\"»}"),
            "EK-C024",
            "in the clear"}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Models,
    CrossCheck,
    testing::Values(
        Case{
            "UnknownProvider",
            mo,
            models("  n: {offers: [{on: «dekc», slots: 2}]}"),
            "EK-C042",
            "no provider 'dekc'",
            "'desk'"},
        Case{
            "HourOnApi",
            mo,
            models("  n: {offers: [{name: a, on: shop, price: «4 USD/h», seen: 2026-11-01}]}"),
            "EK-C027",
            "sells tokens",
            "USD/Mtok"},
        Case{
            "OneTokenPrice",
            mo,
            models("  n: {offers: [{name: a, on: shop, price: «4 USD/Mtok», seen: 2026-11-01}]}"),
            "EK-C021",
            "one price for tokens",
            "{in: 4 USD/Mtok"},
        Case{
            "TokensOnRental",
            mo,
            models("  n: {offers: [{name: cloud2, on: cloud, price: «{»in: 1 USD/Mtok, "
                   "out: 1 USD/Mtok}, seen: 2026-11-01}]}\n#"),
            "EK-C027",
            "rents by the hour"},
        Case{
            "PriceOnOwn",
            mo,
            "version: 1\nmodels:\n  m:\n    offers:\n      - {on: desk, price: «1 USD/h», "
            "seen: 2026-11-01}\n      - {on: cloud, price: 4 USD/h, seen: 2026-11-01}\n",
            "EK-C027",
            "own machine"},
        Case{
            "NoSeen",
            mo,
            models("  n: {offers: [{name: a, on: shop, «price»: {in: 1 USD/Mtok, "
                   "out: 2 USD/Mtok}}]}"),
            "EK-C028",
            "the day it was seen"},
        Case{
            "FutureSeen",
            mo,
            models("  n: {offers: [{name: a, on: shop, price: {in: 1 USD/Mtok, "
                   "out: 2 USD/Mtok}, seen: «2026-11-27»}]}"),
            "EK-W033",
            "future"},
        Case{
            "NoPrice",
            mo,
            models("  n: {offers: [{name: a, on: «shop»}]}"),
            "EK-C029",
            "without a price",
            "USD/Mtok"},
        Case{
            "HalfAPrice",
            mo,
            models("  n: {offers: [{name: a, on: shop, price: «{»in: 1 USD/Mtok}, "
                   "seen: 2026-11-01}]}"),
            "EK-C013",
            "no 'out'"},
        Case{"NoOffers", mo, models("  n: {offers: «[»]}"), "EK-C013", "at least one"},
        Case{
            "SecondUnnamed",
            mo,
            models("  n: {offers: [{on: «shop», price: {in: 1 USD/Mtok, out: 2 USD/Mtok}, "
                   "seen: 2026-11-01}]}"),
            "EK-C046",
            "second offer of 'shop'",
            "name: shop-n"},
        Case{
            "NamedTwice",
            mo,
            models("  n: {offers: [{name: «cloud», on: shop, price: {in: 1 USD/Mtok, "
                   "out: 2 USD/Mtok}, seen: 2026-11-01}]}"),
            "EK-C040",
            "'cloud' exists"},
        Case{
            "OneWorkerTwoModels",
            mo,
            models("  n: {offers: [{name: d2, on: «desk»}]}"),
            "EK-C048",
            "serves 'm' already"},
        Case{
            "AliasIsModel",
            mo,
            models("  n: {aliases: [«m»], offers: [{name: a, on: shop, price: {in: 1 USD/Mtok, "
                   "out: 2 USD/Mtok}, seen: 2026-11-01}]}"),
            "EK-C045",
            "is the name of a model"},
        Case{
            "AliasTwice",
            mo,
            models("  n: {aliases: [x, «x»], offers: [{name: a, on: shop, price: {in: 1 USD/Mtok, "
                   "out: 2 USD/Mtok}, seen: 2026-11-01}]}"),
            "EK-C045",
            "one of model 'n' already"},
        Case{
            "UnusedRental",
            mo,
            models("  n: {offers: [«{»name: c2, on: cloud, price: 1 USD/h, seen: 2026-11-01}]}"),
            "EK-W035",
            "'c2'"}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Policy,
    CrossCheck,
    testing::Values(
        Case{
            "RouteModel", po, routes("{name: a, use: [«mm»]}"), "EK-C041", "route 'a' uses", "'m'"},
        Case{
            "MatchModel",
            po,
            routes("{name: a, match: {model: [«x»]}, use: [m]}"),
            "EK-C041",
            "matches"},
        Case{
            "RouteTwice",
            po,
            routes("{name: a, match: {key: [k]}, use: [m]}, {name: «a», "
                   "use: [m]}"),
            "EK-C040",
            "used before"},
        Case{"ModelTwice", po, routes("{name: a, use: [m, «m»]}"), "EK-C040", "twice"},
        Case{
            "Unreachable",
            po,
            routes("{name: a, use: [m]}, «{»name: b, use: [m]}"),
            "EK-W037",
            "never reached"},
        Case{"MaxCost", po, routes("{name: a, use: [m], max_cost: «1 EUR»}"), "EK-C050", "EUR"},
        Case{"BudgetRate", po, policy("budgets: [{name: a, limit: «1 EUR»}]"), "EK-C050", "EUR"},
        Case{
            "BudgetTwice",
            po,
            policy("budgets: [{name: a, limit: 1 USD}, {name: «a», limit: 1 USD}]"),
            "EK-C040"},
        Case{
            "ScopeTwo",
            po,
            policy("budgets: [{name: a, limit: 1 USD, scope: {kind: rental, «key»: k}}]"),
            "EK-C047",
            "names two"},
        Case{
            "ScopeProvider",
            po,
            policy("budgets: [{name: a, limit: 1 USD, scope: {provider: «clod»}}]"),
            "EK-C047",
            "no provider 'clod'",
            "'cloud'"},
        Case{
            "ScopeRoute",
            po,
            policy("budgets: [{name: a, limit: 1 USD, scope: {route: «x»}}]"),
            "EK-C047",
            "no route 'x'"},
        Case{
            "ScopeModel",
            po,
            policy("budgets: [{name: a, limit: 1 USD, scope: {model: «x»}}]"),
            "EK-C041",
            "this budget covers"},
        Case{
            "SmallBudget",
            po,
            policy("budgets: [{name: a, limit: «0.06 USD»}]"),
            "EK-W036",
            "smallest bill of offer 'cloud'"},
        Case{"SafetyRate", po, policy("safety: {max_rate: «15 EUR/h»}"), "EK-C050", "EUR"},
        Case{"SafetyDay", po, policy("safety: {max_per_day: «15 EUR»}"), "EK-C050", "EUR"},
        Case{
            "ScalingModel",
            po,
            scaling("{name: b, model: «x», offers: [cloud], max_price: 5 USD/h, max_life: 6h}"),
            "EK-C041",
            "rents for"},
        Case{
            "ScalingOffer",
            po,
            policy("").replace(policy("").find("[cloud]"), 7, "[cloud, «clowd»]"),
            "EK-C043",
            "no offer 'clowd'",
            "'cloud'"},
        Case{
            "ScalingOwn",
            po,
            policy("").replace(policy("").find("[cloud]"), 7, "[cloud, «desk»]"),
            "EK-C043",
            "can be rented"},
        Case{
            "ScalingTwice",
            po,
            policy("").replace(policy("").find("[cloud]"), 7, "[cloud, «cloud»]"),
            "EK-C040",
            "listed twice"},
        Case{
            "ScalingSameModel",
            po,
            scaling("{name: b, model: m, offers: [cloud], max_price: 5 USD/h, max_life: 6h}, "
                    "{name: c, model: «m», offers: [cloud], max_price: 5 USD/h, max_life: 6h}"),
            "EK-C040",
            "'m' was used before"},
        Case{
            "TooDear",
            po,
            scaling("{name: b, model: m, offers: [«cloud»], max_price: 3 USD/h, max_life: 6h}"),
            "EK-W034",
            "costs 4 USD/h and max_price is 3 USD/h"},
        Case{
            "MaxPriceRate",
            po,
            scaling("{name: b, model: m, offers: [cloud], max_price: «5 EUR/h», max_life: 6h}"),
            "EK-C050",
            "EUR"},
        Case{
            "IdleStop",
            po,
            scaling("{name: b, model: m, offers: [cloud], max_price: 5 USD/h, max_life: 6h, "
                    "idle_stop: «7h»}"),
            "EK-C052",
            "longer than max_life"},
        Case{
            "WarmUp",
            po,
            scaling("{name: b, model: m, offers: [cloud], max_price: 5 USD/h, max_life: 5m, "
                    "warm_up: «6m»}"),
            "EK-C052",
            "before it serves"},
        Case{
            "Boot",
            po,
            scaling("{name: b, model: m, offers: [cloud], max_price: 5 USD/h, max_life: 5m, "
                    "boot: «6m»}"),
            "EK-C052",
            "before it serves"},
        Case{
            "MinMax",
            po,
            scaling("{name: b, model: m, offers: [cloud], max_price: 5 USD/h, max_life: 5m, "
                    "min: «2»}"),
            "EK-C054",
            "min is above max"}),
    case_name);

}  // namespace
}  // namespace evenkeel::config::test
