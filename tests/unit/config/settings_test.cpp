#include "policies/config/settings.hpp"

#include "policies/config/explain_key.hpp"
#include "tests/unit/config/files.hpp"
#include "tests/unit/config/support.hpp"

#include <fmt/format.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

namespace evenkeel::config::test {
namespace {

std::vector<Setting> settings_of(const std::vector<SourceFile>& files) {
    const auto loaded = load(files, today);
    EXPECT_TRUE(loaded.has_value()) << (loaded ? "" : render_all(loaded.error()));
    return loaded ? loaded->settings : std::vector<Setting>{};
}

/// "~ scaling.burst.max: 1 -> 2", one line a change.
std::string text_of(const std::vector<Change>& found) {
    std::string out;
    for (const Change& change : found) {
        const char* sign = change.kind == ChangeKind::added     ? "+"
                           : change.kind == ChangeKind::removed ? "-"
                                                                : "~";
        out += fmt::format("{} {}: {} -> {}\n", sign, change.path(), change.before, change.after);
    }
    return out;
}

std::string diff(File file, std::string_view before, std::string_view after) {
    return text_of(
        changes(settings_of(base_with(file, before)), settings_of(base_with(file, after))));
}

constexpr std::string_view one_scaling =
    "version: 1\nroutes: [{name: all, use: [m]}]\nscaling:\n"
    "  - {name: burst, model: m, offers: [cloud], max_price: 5 USD/h, max_life: 6h}\n";

struct DiffCase {
    const char* name{""};
    File file{};
    std::string before{};
    std::string after{};
    std::string expected{};
};

class Difference : public testing::TestWithParam<DiffCase> {};

TEST_P(Difference, IsOfMeaning) {
    const DiffCase& c = GetParam();
    EXPECT_EQ(diff(c.file, c.before, c.after), c.expected);
    EXPECT_EQ(diff(c.file, c.before, c.before), "");
    EXPECT_EQ(diff(c.file, c.after, c.after), "");
}

INSTANTIATE_TEST_SUITE_P(
    SameMeaning,
    Difference,
    testing::Values(
        DiffCase{
            "CommentsAndOrder",
            po,
            std::string{one_scaling},
            "# a comment\nscaling:\n  - max_life: 6h   # six hours\n    offers: [cloud]\n"
            "    max_price: 5 USD/h\n    model: m\n    name: burst\n"
            "routes: [{use: [m], name: all}]\nversion: 1\n",
            ""},
        DiffCase{
            "Units",
            po,
            std::string{one_scaling},
            "version: 1\nroutes: [{name: all, use: [m]}]\nscaling:\n  - {name: burst, model: m, "
            "offers: [cloud], max_price: 5.00 USD/h, max_life: 360m}\n",
            ""},
        DiffCase{
            "DefaultsWritten",
            po,
            std::string{one_scaling},
            std::string{one_scaling} +
                "slo: {patience: 0.80, first_token: 5000ms}\nsafety: {max_machines: 2}\n"
                "breakeven: {compare: [api, buy, rent, reserve]}\nbudgets: []\n",
            ""},
        DiffCase{
            "BudgetDefaultAction",
            po,
            policy("budgets: [{name: a, limit: 400 USD}]"),
            policy("budgets: [{name: a, limit: 400 USD, at: {\"100%\": refuse}, per: month}]"),
            ""},
        DiffCase{
            "OrderOfBudgets",
            po,
            policy("budgets: [{name: a, limit: 4 USD}, {name: b, limit: 5 USD}]"),
            policy("budgets: [{name: b, limit: 5 USD}, {name: a, limit: 4 USD}]"),
            ""},
        DiffCase{
            "AliasOfTheModel",
            mo,
            "version: 1\nmodels:\n  m:\n    aliases: [a, b]\n    offers: [{on: desk}, {on: cloud, "
            "price: 4 USD/h, seen: 2026-11-01}]\n",
            "version: 1\nmodels:\n  m:\n    aliases: [b, a]\n    offers: [{on: desk, model: m, "
            "slots: 1}, {on: cloud, price: 4 USD/h, seen: 2026-11-01}]\n",
            "+ models.m.offers.desk.model:  -> m\n"}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    OtherMeaning,
    Difference,
    testing::Values(
        DiffCase{
            "DefaultChanged",
            po,
            std::string{one_scaling},
            "version: 1\nroutes: [{name: all, use: [m]}]\nscaling:\n  - {name: burst, model: m, "
            "offers: [cloud], max_price: 5 USD/h, max_life: 6h, max: 2, idle_stop: 15m}\n",
            "~ scaling.burst.max: 1 -> 2\n+ scaling.burst.idle_stop:  -> 15m\n"},
        DiffCase{
            "EntryGone",
            po,
            policy("budgets: [{name: day, scope: {kind: rental}, limit: 60 USD, per: day, at: "
                   "{\"100%\": no-new-machines}}]"),
            policy(""),
            "- budgets.day: {scope.kind: rental, limit: 60 USD, per: day, at: {100%: "
            "no-new-machines}} -> \n"},
        DiffCase{
            "ActionChanged",
            po,
            policy("budgets: [{name: a, limit: 4 USD, at: {\"60%\": warn, \"100%\": refuse}}]"),
            policy("budgets: [{name: a, limit: 4 USD, at: {\"60%\": warn}}]"),
            "~ budgets.a.at: {60%: warn, 100%: refuse} -> {60%: warn}\n"},
        DiffCase{
            "InternalPrice",
            mo,
            "version: 1\nmodels:\n  m:\n    internal_price: {out: 0.80 USD/Mtok, in: 0.2 "
            "USD/Mtok}\n"
            "    offers: [{on: desk}, {on: cloud, price: 4 USD/h, seen: 2026-11-01}]\n",
            "version: 1\nmodels:\n  m:\n    internal_price: {in: 0.20 USD/Mtok, out: 1 USD/Mtok}\n"
            "    offers: [{on: desk}, {on: cloud, price: 4 USD/h, seen: 2026-11-01}]\n",
            "~ models.m.internal_price.out: 0.80 USD/Mtok -> 1 USD/Mtok\n"},
        DiffCase{
            "Currency",
            po,
            policy("safety: {max_per_day: 4 USD}"),
            policy("safety: {max_per_day: 5 USD}"),
            "~ safety.max_per_day: 4 USD -> 5 USD\n"},
        DiffCase{
            "OrderOfRoutes",
            po,
            routes("{name: a, match: {key: [k]}, use: [m]}, {name: b, use: [m]}"),
            routes("{name: b, match: {key: [l]}, use: [m]}, {name: a, use: [m]}"),
            "~ routes: [a, b] -> [b, a]\n- routes.a.match.key: [k] -> \n"
            "+ routes.b.match.key:  -> [l]\n"},
        DiffCase{
            "RouteInFront",
            po,
            routes("{name: a, match: {key: [k]}, use: [m]}, {name: b, use: [m]}"),
            routes("{name: x, match: {key: [x]}, use: [m]}, {name: a, match: {key: [k]}, use: "
                   "[m]}, {name: b, use: [m]}"),
            "+ routes.x:  -> {match.key: [x], use: [m]}\n"},
        DiffCase{
            "Tariff",
            ek,
            daemon("energy: {tariff: [{price: 0.3 USD/kWh}]}"),
            daemon("energy: {tariff: [{price: 0.1 USD/kWh, when: \"10:00-15:00\"}, {price: 0.3 "
                   "USD/kWh}]}"),
            "~ energy.tariff.1.price: 0.3 USD/kWh -> 0.1 USD/kWh\n"
            "+ energy.tariff.1.when:  -> 10:00-15:00\n"
            "+ energy.tariff.2:  -> {price: 0.3 USD/kWh}\n"},
        DiffCase{
            "TokenPrice",
            mo,
            base_texts[2],
            "version: 1\nmodels:\n  m:\n    offers:\n      - {on: desk}\n      - {on: cloud, "
            "price: 4 USD/h, seen: 2026-11-01}\n      - {on: shop, price: {in: 1 USD/Mtok, out: 3 "
            "USD/Mtok}, seen: 2026-11-01}\n",
            "~ models.m.offers.shop.price.out: 2 USD/Mtok -> 3 USD/Mtok\n"},
        DiffCase{
            "InertKeysCount",
            po,
            policy("breakeven: {horizon: 24mo}"),
            policy("breakeven: {horizon: 36mo}"),
            "~ breakeven.horizon: 24mo -> 36mo\n"}),
    [](const auto& info) { return info.param.name; });

TEST(Settings, AnAliasMeansItsModelAndAProviderItsOffer) {
    auto files = base_files();
    files[2].text =
        "version: 1\nmodels:\n  m:\n    aliases: [other]\n    offers:\n      - {on: desk}\n"
        "      - {on: cloud, name: big, price: 4 USD/h, seen: 2026-11-01}\n";
    auto renamed = files;
    files[3].text =
        "version: 1\nroutes: [{name: all, use: [m]}]\nscaling: [{name: b, model: m, "
        "offers: [big], max_price: 5 USD/h, max_life: 6h}]\n"
        "budgets: [{name: x, limit: 4 USD, scope: {model: m}}]\n";
    renamed[3].text =
        "version: 1\nroutes: [{name: all, use: [other]}]\nscaling: [{name: b, model: other, "
        "offers: [cloud], max_price: 5 USD/h, max_life: 6h}]\n"
        "budgets: [{name: x, limit: 4 USD, scope: {model: other}}]\n";
    EXPECT_EQ(text_of(changes(settings_of(files), settings_of(renamed))), "");
}

/// Two configurations differ for the daemon only where changes() says so.
TEST(Settings, EqualMeaningGivesAnEqualConfiguration) {
    const std::vector<std::string> policies{
        std::string{one_scaling},
        policy("budgets: [{name: a, limit: 400 USD}]"),
        policy("safety: {max_per_day: 4 USD, on_stop: keep}"),
        policy("slo: {first_token: 6s}"),
        policy("slo: {first_token: 6000ms}"),
        routes("{name: a, use: [m], stay: own}"),
        routes("{name: a, use: [m], prefer: fastest, max_wait: 20s}"),
    };
    for (const std::string& a : policies) {
        for (const std::string& b : policies) {
            const auto one = load(base_with(po, a), today);
            const auto two = load(base_with(po, b), today);
            ASSERT_TRUE(one && two);
            EXPECT_EQ(changes(one->settings, two->settings).empty(), one->config == two->config)
                << a << b;
        }
    }
}

TEST(Settings, EveryKeyOfTheTableCanBeSeenToChange) {
    std::set<std::string_view> seen;
    auto files = base_files();
    files[0].text =
        "version: 1\nlisten: {api: \"127.0.0.1:1\"}\ndashboard: {control: true}\ncurrency: "
        "{report: "
        "USD, rates: {AUD: {rate: 1, as_of: 2026-11-24}}}\nreport_zone: UTC\nenergy: {tariff: "
        "[{price: 1 USD/kWh, when: 10:00-11:00}, {price: 1 USD/kWh}], host_overhead: 1 W}\n"
        "hardware: [{name: desk, gpus: [0], gpu: RTX 5090, vram: 31.84 GiB, power: {busy: 2 W, "
        "idle: 1 W}, bought: 2025-01-01, "
        "price: 1 USD, residual: 0.1, wear_over: 36mo}]\n";
    for (const Setting& setting : settings_of(files)) {
        ASSERT_NE(setting.key, nullptr);
        EXPECT_FALSE(setting.name.empty());
        seen.insert(setting.key->path);
    }
    for (const Key& key : keys(File::evenkeel)) {
        if (key.type != Type::map && key.path != "version") {
            EXPECT_TRUE(seen.contains(key.path)) << key.path;
        }
    }
}

struct FindCase {
    const char* asked{""};
    std::vector<std::string_view> found{};
};

class FindKey : public testing::TestWithParam<FindCase> {};

TEST_P(FindKey, AsPeopleWriteIt) {
    std::vector<std::string_view> paths;
    for (const KeyRef& each : find_keys(GetParam().asked)) {
        paths.push_back(each.key->path);
        EXPECT_TRUE(explain_key(each).starts_with(each.key->path));
        EXPECT_NE(explain_key(each).find(each.key->help_text), std::string::npos);
    }
    EXPECT_EQ(paths, GetParam().found);
}

INSTANTIATE_TEST_SUITE_P(
    All,
    FindKey,
    testing::Values(
        FindCase{"scaling[].max", {"scaling[].max"}},
        FindCase{"scaling[0].max", {"scaling[].max"}},
        FindCase{"scaling.max", {"scaling[].max"}},
        FindCase{"scaling.h100-burst.max", {"scaling[].max"}},
        FindCase{"max_life", {"scaling[].max_life"}},
        FindCase{"budgets.limit", {"budgets[].limit"}},
        FindCase{"budgets.rentals-per-day", {"budgets[]"}},
        FindCase{"models.qwq-32b.context", {"models.*.context"}},
        FindCase{"models.context", {"models.*.context"}},
        FindCase{"models.qwq-32b.offers.runpod.price.in", {"models.*.offers[].price.in"}},
        FindCase{"currency.rates.AUD.rate", {"currency.rates.*.rate"}},
        FindCase{"budgets[0].at.60%", {"budgets[].at.*"}},
        FindCase{"safety", {"safety"}},
        FindCase{"stay", {"routes[].stay"}},
        FindCase{"residual", {"hardware[].residual"}},
        FindCase{"scaling.h100.burst.max", {}},
        FindCase{"max_lifetime", {}},
        FindCase{"", {}}));

TEST(FindKey, OneNameMayBeAKeyOfSeveralPlaces) {
    EXPECT_GT(find_keys("name").size(), 4u);
    EXPECT_EQ(find_keys("version").size(), 4u);
}

TEST(FindKey, ATypingErrorFindsNearNames) {
    EXPECT_EQ(near_keys("max_lifetime").front(), "scaling[].max_life");
    EXPECT_EQ(near_keys("scaling.idel_stop").front(), "scaling[].idle_stop");
    EXPECT_TRUE(near_keys("zzzzzzzzzzzzzzzzzzzzz").empty());
    EXPECT_LE(near_keys(std::string(100'000, 'x')).size(), 3u);
}

TEST(FindKey, EveryRowIsFoundByItsOwnPath) {
    for (const File file : all_files) {
        for (const Key& key : keys(file)) {
            const auto found = find_keys(key.path);
            EXPECT_TRUE(std::ranges::any_of(found, [&](const KeyRef& each) {
                return each.key == &key;
            })) << key.path;
        }
    }
}

}  // namespace
}  // namespace evenkeel::config::test
