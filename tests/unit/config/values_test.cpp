#include "tests/unit/config/support.hpp"

namespace evenkeel::config::test {
namespace {

constexpr File ek = File::evenkeel;
constexpr File pr = File::providers;
constexpr File mo = File::models;
constexpr File po = File::policy;

/// policy.yaml with one more line.
std::string policy(std::string_view line) {
    return base_texts[3] + std::string{line} + "\n";
}
std::string daemon(std::string_view line) {
    return "version: 1\n" + std::string{line} + "\n";
}
std::string budget(std::string_view rest) {
    return policy("budgets: [{name: all, " + std::string{rest} + "}]");
}
/// models.yaml with another offer of the own provider.
std::string first_offer(std::string_view offer) {
    std::string text = base_texts[2];
    return text.replace(text.find("{on: desk}"), 10, offer);
}
std::string scaling(std::string_view rest) {
    return "version: 1\nroutes: [{name: all, use: [m]}]\nscaling:\n  - name: burst\n    model: m\n"
           "    offers: [cloud]\n" +
           std::string{rest} + "\n";
}

class BadValue : public testing::TestWithParam<Case> {};

TEST_P(BadValue, IsRefusedWithPlaceAndCode) {
    expect_one_finding(GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Numbers,
    BadValue,
    testing::Values(
        Case{"Octal", po, policy("safety: {max_machines: «010»}"), "EK-C016", "zero", "'10'"},
        Case{"Nan", po, policy("slo: {patience: «.nan»}"), "EK-C016", "not a number"},
        Case{"Inf", po, policy("slo: {patience: «.inf»}"), "EK-C016", "not a number"},
        Case{"MinusInf", po, policy("slo: {patience: «-.INF»}"), "EK-C016", "not a number"},
        Case{"Word", po, policy("safety: {max_machines: «two»}"), "EK-C016", "whole number"},
        Case{"Hex", po, policy("safety: {max_machines: «0x2»}"), "EK-C016", "whole number"},
        Case{"Exponent", po, policy("safety: {max_machines: «1e1»}"), "EK-C016", "whole number"},
        Case{"Underscore", po, policy("safety: {max_machines: «1_0»}"), "EK-C016"},
        Case{"Plus", po, policy("safety: {max_machines: «+1»}"), "EK-C016"},
        Case{"Fraction", po, policy("safety: {max_machines: «1.5»}"), "EK-C016", "decimals"},
        Case{"Huge", po, policy("safety: {max_machines: «99999999999999999999»}"), "EK-C016"},
        Case{"Negative", po, policy("safety: {max_machines: «-1»}"), "EK-C018", "below zero"},
        Case{"TooMany", po, policy("safety: {max_machines: «65»}"), "EK-C018", "", "0 to 64"},
        Case{"Quoted", po, policy("safety: {max_machines: «\"2\"»}"), "EK-C014", "", "quotes"},
        Case{"ListForNumber", po, policy("safety: {max_machines: «[»2]}"), "EK-C014", "a list"},
        Case{"MapForNumber", po, policy("safety: {max_machines: «{»}}"), "EK-C014", "a map"},
        Case{"Decimals", po, policy("slo: {patience: «0.12345»}"), "EK-C016", "decimals"},
        Case{
            "Yes",
            pr,
            "version: 1\nproviders:\n  desk: {kind: local, url: \"http://[::1]:1\"}\n"
            "  cloud: {kind: sandbox, base_url: \"http://localhost:2\", synthetic: «yes»}\n"
            "  shop: {kind: openai-compatible, url: \"https://shop.example\"}\n",
            "EK-C017",
            "neither true nor false",
            "'true'"},
        Case{
            "RateZero",
            ek,
            daemon("currency: {rates: {AUD: {rate: «0», as_of: 2026-11-24}}}"),
            "EK-C018"},
        Case{"BadCurrency", ek, daemon("currency: {report: «aud»}"), "EK-C025", "three capital"},
        Case{
            "BadRateName",
            ek,
            daemon("currency: {rates: {«Aud»: {rate: 1, as_of: 2026-11-24}}}"),
            "EK-C025"}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Units,
    BadValue,
    testing::Values(
        Case{
            "NoUnit",
            po,
            scaling("    max_price: 5 USD/h\n    max_life: «6»"),
            "EK-C019",
            "without a unit",
            "'6s'"},
        Case{"WrongUnit", po, policy("safety: {leak_scan: «60 sec»}"), "EK-C019", "a duration"},
        Case{"Space", po, policy("safety: {leak_scan: «60 s»}"), "EK-C019", "a duration"},
        Case{"Compound", po, policy("safety: {leak_scan: «1m30s»}"), "EK-C019", "a duration"},
        Case{"HalfMinute", po, policy("safety: {leak_scan: «0.5m»}"), "EK-C016", "decimals"},
        Case{"OctalTime", po, policy("safety: {leak_scan: «060s»}"), "EK-C016", "leading zero"},
        Case{"Month", po, policy("safety: {leak_scan: «1mo»}"), "EK-C019", "no fixed length"},
        Case{"Negative", po, policy("safety: {leak_scan: «-5s»}"), "EK-C019"},
        Case{"TooLong", po, policy("safety: {leak_scan: «2d»}"), "EK-C018", "", "10ms to 1h"},
        Case{
            "Overflow", po, policy("safety: {leak_scan: «9000000000000000d»}"), "EK-C018", "large"},
        Case{"AutoElsewhere", po, policy("safety: {leak_scan: «auto»}"), "EK-C019"},
        Case{"Days", po, policy("breakeven: {horizon: «24»}\n#"), "EK-C019", "without a unit"},
        Case{"BarePower", ek, daemon("energy: {host_overhead: «150»}"), "EK-C022", "", "'150 W'"},
        Case{"Horsepower", ek, daemon("energy: {host_overhead: «1 hp»}"), "EK-C022", "a power"},
        Case{"BareBytes", ek, daemon("limits: {body_bytes: «1048576»}"), "EK-C022", "without"},
        Case{"Megabytes", ek, daemon("limits: {body_bytes: «1 MB»}"), "EK-C022", "MiB"},
        Case{"TooManyBytes", ek, daemon("limits: {body_bytes: «1000 MiB»}"), "EK-C018", "range"},
        Case{"Percent", po, budget("limit: 4 USD, at: {«60»: warn}"), "EK-C022", "without a unit"},
        Case{"PercentOver", po, budget("limit: 4 USD, at: {«\"101%\"»: warn}"), "EK-C018", "range"},
        Case{"PercentZero", po, budget("limit: 4 USD, at: {«0%»: warn}"), "EK-C018", "range"}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    MoneyAndPrices,
    BadValue,
    testing::Values(
        Case{
            "NoCurrency",
            po,
            budget("limit: «400»"),
            "EK-C020",
            "without a currency",
            "write '400 USD'"},
        Case{"Dollar", po, budget("limit: «$400»"), "EK-C020", "not an amount"},
        Case{"LowerCase", po, budget("limit: «400 usd»"), "EK-C020", "not an amount"},
        Case{"Glued", po, budget("limit: «400USD»"), "EK-C020", "not an amount"},
        Case{"CommaAmount", po, budget("limit: «\"1,000 USD\"»"), "EK-C020", "not an amount"},
        Case{"NanMoney", po, budget("limit: «.nan USD»"), "EK-C020", "not an amount"},
        Case{"TooFine", po, budget("limit: «0.0000000001 USD»"), "EK-C020"},
        Case{"TooMuch", po, budget("limit: «99999999999 USD»"), "EK-C020"},
        Case{"Minus", po, budget("limit: «-4 USD»"), "EK-C018", "below zero"},
        Case{"PriceForMoney", po, budget("limit: «4 USD/h»"), "EK-C020", "is a price"},
        Case{
            "NoUnitPrice",
            po,
            scaling("    max_life: 6h\n    max_price: «5 USD»"),
            "EK-C021",
            "without a unit",
            "'5 USD/h'"},
        Case{
            "BarePrice",
            po,
            scaling("    max_life: 6h\n    max_price: «5»"),
            "EK-C021",
            "currency and unit",
            "'5 USD/h'"},
        Case{
            "TokenPrice",
            po,
            scaling("    max_life: 6h\n    max_price: «5 USD/Mtok»"),
            "EK-C021",
            "another unit",
            "4.41 USD/h"},
        Case{
            "Spelling",
            po,
            scaling("    max_life: 6h\n    max_price: «5 USD/hour»"),
            "EK-C021",
            "another unit",
            "'5 USD/h'"},
        Case{
            "TokensInBytes",
            mo,
            base_texts[2] + "  x: {context: «32KiB», offers: [{on: shop, name: y, price: {in: 1 "
                            "USD/Mtok, out: 1 USD/Mtok}, seen: 2026-11-01}]}\n",
            "EK-C022"},
        Case{
            "PerDay",
            po,
            scaling("    max_life: 6h\n    max_price: «5 USD/day»"),
            "EK-C021",
            "another unit"},
        Case{"FreeRent", po, scaling("    max_life: 6h\n    max_price: «0 USD/h»"), "EK-C018"},
        Case{
            "NegativePrice", po, scaling("    max_life: 6h\n    max_price: «-1 USD/h»"), "EK-C018"},
        Case{"NotAPrice", po, scaling("    max_life: 6h\n    max_price: «cheap/h»"), "EK-C021"}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Texts,
    BadValue,
    testing::Values(
        Case{
            "Choice",
            po,
            policy("safety: {on_stop: «destory»}"),
            "EK-C015",
            "unknown value",
            "did you mean 'destroy'?"},
        Case{
            "ChoiceFar",
            po,
            policy("safety: {on_stop: «explode»}"),
            "EK-C015",
            "",
            "one of: destroy, keep"},
        Case{
            "RuleOfLater",
            po,
            scaling("    max_life: 6h\n    max_price: 5 USD/h\n    rule: «forecast»"),
            "EK-C015"},
        Case{"BadName", po, policy("budgets: [{name: «a b», limit: 1 USD}]"), "EK-C025", "a name"},
        Case{
            "LongName",
            po,
            policy("budgets: [{name: «" + std::string(65, 'a') + "», limit: 1 USD}]"),
            "EK-C025"},
        Case{
            "EscapedControl",
            mo,
            first_offer("{on: desk, gpu: «\"a\\x1b[2J\"»}"),
            "EK-C025",
            "\\x1b"},
        Case{
            "FolderInFile",
            pr,
            base_texts[1] + "  rp: {kind: runpod, credential: «../key»}\n",
            "EK-C025",
            "name of a file"},
        Case{
            "HeaderCase",
            po,
            "version: 1\nroutes: [{name: a, use: [m], match: {header: "
            "{«X-Class»: b}}}]\n",
            "EK-C025",
            "small letters"},
        Case{"Calendar", mo, first_offer("{on: desk, seen: «2026-02-29»}"), "EK-C023", "calendar"},
        Case{"DateForm", mo, first_offer("{on: desk, seen: «9.11.2026»}"), "EK-C023", "not a date"},
        Case{
            "Window",
            ek,
            daemon("energy: {tariff: [{price: 1 USD/kWh, when: «10-15»}, "
                   "{price: 1 USD/kWh}]}"),
            "EK-C024",
            "time of day"},
        Case{
            "WindowHour",
            ek,
            daemon("energy: {tariff: [{price: 1 USD/kWh, when: «24:00-01:00»}, "
                   "{price: 1 USD/kWh}]}"),
            "EK-C024"},
        Case{
            "WindowEmpty",
            ek,
            daemon("energy: {tariff: [{price: 1 USD/kWh, when: «10:00-10:00»},"
                   " {price: 1 USD/kWh}]}"),
            "EK-C024"},
        Case{"Zone", ek, daemon("report_zone: «../etc»"), "EK-C025", "time zone"},
        Case{"Address", ek, daemon("listen: {api: «localhost»}"), "EK-C024", "with a port"},
        Case{"AddressPort", ek, daemon("listen: {api: «\"127.0.0.1:70000\"»}"), "EK-C024"},
        Case{"AddressName", ek, daemon("listen: {api: «\"my.host:80\"»}"), "EK-C024"},
        Case{"AddressV4", ek, daemon("listen: {api: «\"127.0.0.256:80\"»}"), "EK-C024"},
        Case{"NoValue", ek, daemon("«report_zone»:"), "EK-C014", "has no value"},
        Case{"Tilde", ek, daemon("«report_zone»: ~"), "EK-C014", "has no value"},
        Case{"NoMapValue", ek, daemon("«listen»:\n#"), "EK-C014", "has no value"},
        Case{"NoListValue", po, policy("«budgets»:"), "EK-C014", "", "[]"},
        Case{
            "ScalarForList",
            po,
            "version: 1\nroutes: [{name: a, use: «m»}]\n",
            "EK-C014",
            "a list",
            "write [m]"},
        Case{"MapForList", po, policy("budgets: «{»}"), "EK-C014", "a list, not a map"},
        Case{"ListForMap", ek, daemon("listen: «[»]"), "EK-C014", "a map of keys, not a list"},
        Case{
            "NullInList",
            po,
            "version: 1\nroutes:\n  «-»\n  - {name: a, use: [m]}\n",
            "EK-C014",
            "'routes[0]' has no value"}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Secrets,
    BadValue,
    testing::Values(
        Case{
            "Credential",
            pr,
            base_texts[1] + "  rp: {kind: runpod, credential: «rpa_0123456789ABCDEFabcdef»}\n",
            "EK-C026",
            "looks like a secret",
            "credentials/"},
        Case{
            "Weights",
            mo,
            first_offer("{on: desk, weights: «hf_abcdefghijklmnop0123456789abcdef»}"),
            "EK-C026"},
        Case{
            "UnknownToken",
            pr,
            base_texts[1] + "  rp: {kind: runpod, credential: a, «token»: hunter2}\n",
            "EK-C012",
            "unknown key 'token'"},
        Case{
            "UrlPassword",
            pr,
            "version: 1\nproviders:\n  desk: {kind: local, url: "
            "«\"http://me:hunter2@127.0.0.1:1\"»}\n  cloud: {kind: sandbox, base_url: "
            "\"http://127.0.0.1:2\"}\n  shop: {kind: openai-compatible, url: "
            "\"https://shop.example\"}\n",
            "EK-C024",
            "password"}),
    case_name);

TEST(SecretValues, AreNowhereInWhatIsPrinted) {
    const std::string key = std::string{"sk-"} + "desk-0123456789abcdef";
    for (const std::string& text :
         {base_texts[1] + "  x: {kind: runpod, credential: " + key + "}\n",
          base_texts[1] + "  x: {kind: " + key + "}\n",
          base_texts[1] + "  x: {kind: local, url: \"" + key + "\"}\n",
          base_texts[1] + "  x: {kind: runpod, credential: a, max_machines: " + key + "}\n",
          base_texts[1] + "  x: {kind: runpod, token: " + key + "}\n",
          base_texts[1] + "  x: {kind: runpod, tokem: " + key + ", cloud: nowhere}\n",
          base_texts[1] + "  x: {kind: runpod, " + key + ": 1}\n",
          base_texts[1] + "  " + key + ": {kind: runpod}\n",
          base_texts[1] + "  x: {kind: runpod, credential: " + key + " @}\n  y: @" + key + "\n",
          base_texts[1] + "  x: [" + key + "\n",
          base_texts[1] + "  x: {kind: runpod, password: hunter2-4-2, nothing: 1}\n"}) {
        const auto found = findings(base_with(pr, text));
        EXPECT_FALSE(found.empty()) << text;
        for (const Diagnostic& each : found) {
            const std::string shown = render(each) + each.path + each.suggestion;
            EXPECT_EQ(shown.find("0123456789abcdef"), std::string::npos) << shown;
            EXPECT_EQ(shown.find("hunter2"), std::string::npos) << shown;
        }
    }
}

}  // namespace
}  // namespace evenkeel::config::test
