#include "tests/unit/routing/house.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace evenkeel::routing {
namespace {

using namespace house;

TEST(NameTable, NumbersAreGivenOncePerKindAndText) {
    NameTable names;
    const NameIx model = names.intern(NameKind::model, "x");
    EXPECT_EQ(model.value(), 1);
    const NameIx route = names.intern(NameKind::route, "x");
    EXPECT_NE(route, model);
    EXPECT_EQ(names.intern(NameKind::model, "x"), model);
    EXPECT_EQ(names.size(), 2u);
    EXPECT_EQ(names.text(route), "x");
    EXPECT_EQ(names.entry(route).kind, NameKind::route);
    EXPECT_EQ(names.find(NameKind::route, "x"), route);
    EXPECT_EQ(names.find(NameKind::key, "x"), NameIx{});
    EXPECT_EQ(names.size(), 2u) << "looking makes no names";
}

TEST(NameTable, RestoredRowsKeepTheirNumbers) {
    NameTable names;
    names.restore(NameIx{1}, NameKind::key, "ann");
    names.restore(NameIx{2}, NameKind::model, "qwq");
    EXPECT_EQ(names.intern(NameKind::model, "qwq"), NameIx{2});
    EXPECT_EQ(names.intern(NameKind::model, "new"), NameIx{3});
    EXPECT_THROW(names.restore(NameIx{9}, NameKind::key, "hole"), std::logic_error);
    EXPECT_THROW(names.restore(NameIx{4}, NameKind::key, "ann"), std::logic_error);
    EXPECT_THROW(static_cast<void>(names.entry(NameIx{})), std::out_of_range);
    EXPECT_THROW(static_cast<void>(names.entry(NameIx{77})), std::out_of_range);
}

TEST(NameTable, TellsOfNewNamesOnce) {
    NameTable names;
    std::string told;
    names.on_new([&](NameIx ix, NameKind, std::string_view text) {
        told += std::to_string(ix.value()) + ":" + std::string{text} + " ";
    });
    names.restore(NameIx{1}, NameKind::key, "stored");
    static_cast<void>(names.intern(NameKind::key, "stored"));
    static_cast<void>(names.intern(NameKind::key, "ann"));
    static_cast<void>(names.intern(NameKind::key, "ann"));
    EXPECT_EQ(told, "2:ann ") << "restored names are stored already";
}

TEST(Catalogue, KnowsModelsByNameAndAliasAndApisByOffer) {
    House house;
    const Catalogue& catalogue = *house.catalogue;
    EXPECT_EQ(catalogue.revision, 5);
    const auto* qwq = catalogue.model("qwq-32b");
    ASSERT_NE(qwq, nullptr);
    EXPECT_EQ(catalogue.model("reasoning-small"), qwq);
    EXPECT_EQ(catalogue.model("gpt-5"), nullptr);
    EXPECT_TRUE(qwq->has_own);
    EXPECT_TRUE(qwq->has_workers);
    ASSERT_EQ(qwq->apis.size(), 2u);
    const ApiOffer& nano = qwq->apis[0];
    EXPECT_EQ(house.names.text(nano.source), "nano");
    EXPECT_EQ(house.names.entry(nano.source).kind, NameKind::source);
    EXPECT_EQ(house.names.entry(nano.provider).kind, NameKind::provider);
    EXPECT_EQ(nano.seller_model, "qwq-32b");
    EXPECT_EQ(nano.max_in_flight, 7);
    EXPECT_EQ(nano.context, 32'000);
    const auto* opus = catalogue.model("claude-opus-4");
    EXPECT_FALSE(opus->has_workers);
    EXPECT_EQ(opus->apis[0].seller_model, "claude-opus-5-5");
    EXPECT_EQ(catalogue.api(nano.source), &nano);
    EXPECT_EQ(catalogue.api(NameIx{}), nullptr);
    EXPECT_TRUE(catalogue.notes.empty());
}

TEST(Catalogue, NumbersSurviveAReload) {
    House house;
    const NameIx before = house.catalogue->model("opus")->ix;
    const std::size_t size = house.names.size();
    config::Config config = make_config();
    std::swap(config.models[0], config.models[1]);
    const auto reloaded = compile(config, 6, house.names);
    EXPECT_EQ(reloaded->model("opus")->ix, before);
    EXPECT_EQ(house.names.size(), size);
    EXPECT_EQ(house.catalogue->model("opus")->model->name, "opus") << "the old one still stands";
}

TEST(Catalogue, F98WithoutAPriceOrARateAnApiIsLeftOutAndSaidSo) {
    config::Config config = make_config();
    config.models[0].offers[2].token_price.reset();
    config.models[0].offers[3].token_price = prices("1 EUR/Mtok", "1 EUR/Mtok");
    config.models[1].offers[0].token_price = prices("1 USD/Mtok", "1 AUD/Mtok");
    config.budgets = {{.name = "eur", .limit = Money{1, *Currency::parse("EUR")}}};
    config.routes[0].max_cost = Money{1, *Currency::parse("EUR")};
    const House house{config};
    EXPECT_TRUE(house.catalogue->model("qwq")->apis.empty());
    EXPECT_TRUE(house.catalogue->model("opus")->apis.empty());
    ASSERT_EQ(house.catalogue->notes.size(), 5u);
    EXPECT_NE(house.catalogue->notes[0].find("nano"), std::string::npos);
    EXPECT_NE(house.catalogue->notes[0].find("no price"), std::string::npos);
    EXPECT_NE(house.catalogue->notes[1].find("EUR"), std::string::npos);
    EXPECT_NE(house.catalogue->notes[2].find("more than one currency"), std::string::npos);
    EXPECT_NE(house.catalogue->notes[3].find("budget eur is closed"), std::string::npos);
    EXPECT_NE(house.catalogue->notes[4].find("route default buys nothing"), std::string::npos);
    EXPECT_EQ(gate_policy(*house.catalogue).budgets[0].refuse_at, 0) << "closed, not open";
}

TEST(Catalogue, TiersInAnotherCurrencyAndBrokenPatternsAreSaidSo) {
    config::Config config = make_config();
    config.models[1].offers[0].token_price->tiers = {
        {.over = 1, .in = *parse_price("1 AUD/Mtok"), .out = *parse_price("1 USD/Mtok")}};
    config.routes.insert(config.routes.begin(), {.name = "odd", .match = {.text = "("}});
    House house{config};
    ASSERT_EQ(house.catalogue->notes.size(), 2u);
    EXPECT_NE(house.catalogue->notes[0].find("more than one currency"), std::string::npos);
    EXPECT_TRUE(house.catalogue->notes[1].starts_with("route odd matches nothing: "));
    Ask ask = house.ask();
    ask.text = [](void*) { return std::string_view{"("}; };
    EXPECT_EQ(house.plan(ask)->route->name, "default");
}

TEST(Catalogue, RetirementsAreAnnouncedFromSixtyDaysBefore) {
    config::Config config = make_config();
    const config::Date day{std::chrono::year{2027} / 1 / 1};
    config.models[1].offers[0].retires = day;
    const auto notes = [&](int before) {
        return retirement_notes(config, std::chrono::sys_days{day} - std::chrono::days{before});
    };
    EXPECT_TRUE(notes(61).empty());
    EXPECT_EQ(
        notes(60),
        std::vector<std::string>{"API offer claude of opus retires on 2027-01-01, in 60 days"});
    EXPECT_EQ(
        notes(1),
        std::vector<std::string>{"API offer claude of opus retires on 2027-01-01, in 1 day"});
    EXPECT_EQ(
        notes(0),
        std::vector<std::string>{
            "API offer claude of opus was retired on 2027-01-01 and is not used"});
}

TEST(Catalogue, SaysWhenARouteNamesTooManyModels) {
    config::Config config = make_config();
    for (int i = 0; i < 20; ++i) {
        config.models.push_back({.name = "m" + std::to_string(i)});
        config.routes[0].use.push_back("m" + std::to_string(i));
    }
    const House house{config};
    ASSERT_EQ(house.catalogue->notes.size(), 1u);
    EXPECT_EQ(
        house.catalogue->notes[0],
        "route default names 22 models; those after the first 16 are not used");
}

TEST(ToReport, RoundsOnceInTheDirectionAsked) {
    config::CurrencyRules rules{.report = aud, .rates = {{usd, {.rate_nanos = 1'500'000'000}}}};
    EXPECT_EQ(to_report(rules, Money{7, aud}, Rounding::up), 7);
    EXPECT_EQ(to_report(rules, Money{3, usd}, Rounding::up), 5);
    EXPECT_EQ(to_report(rules, Money{3, usd}, Rounding::down), 4);
    EXPECT_EQ(to_report(rules, Money{3, usd}, Rounding::half_even), 4);
    EXPECT_EQ(to_report(rules, Money{-3, usd}, Rounding::up), -5);
    EXPECT_EQ(to_report(rules, Money{}, Rounding::up), 0);
    const auto no_rate = to_report(rules, Money{1, *Currency::parse("EUR")}, Rounding::up);
    ASSERT_FALSE(no_rate);
    EXPECT_EQ(no_rate.error().code, Errc::not_found);
    EXPECT_EQ(no_rate.error().message, "no rate from EUR to AUD: add it under currency.rates");
    const Money huge{std::numeric_limits<std::int64_t>::max(), usd};
    EXPECT_EQ(to_report(rules, huge, Rounding::up).error().code, Errc::invalid_argument);
}

TEST(GatePolicy, TurnsPercentsIntoAmounts) {
    using enum config::BudgetAction;
    config::Config config = make_config();
    config.budgets = {
        {.name = "all",
         .limit = Money{400, aud},
         .at = {{60, warn}, {90, local_only}, {100, refuse}}},
        {.name = "rent", .limit = Money{60, aud}, .at = {{100, no_new_machines}}},
        {.name = "usd",
         .limit = Money{101, usd},
         .at = {{50, refuse}, {60, local_only}, {99, refuse}}},
        {.name = "plain", .limit = Money{7, aud}}};
    const House house{config};
    const gate::Policy policy = gate_policy(*house.catalogue);
    EXPECT_EQ(policy.revision, 5);
    EXPECT_EQ(policy.queue_limit, 321);
    ASSERT_EQ(policy.budgets.size(), 4u);
    EXPECT_EQ(policy.budgets[0].limit, 400);
    EXPECT_EQ(policy.budgets[0].local_only_at, 360);
    EXPECT_EQ(policy.budgets[0].refuse_at, 400);
    EXPECT_EQ(policy.budgets[1].local_only_at, -1);
    EXPECT_EQ(policy.budgets[1].refuse_at, -1);
    EXPECT_EQ(policy.budgets[2].limit, 151) << "rounded down";
    EXPECT_EQ(policy.budgets[2].refuse_at, 75) << "the lowest percent of an action counts";
    EXPECT_EQ(policy.budgets[2].local_only_at, 90);
    EXPECT_EQ(policy.budgets[3].refuse_at, 7);
    EXPECT_EQ(house.names.text(policy.budgets[3].name), "plain");
}

TEST(GatePolicy, MoreBudgetsThanBitsAreAProgrammersError) {
    config::Config config = make_config();
    for (int i = 0; i < 65; ++i) {
        config.budgets.push_back({.name = "b" + std::to_string(i), .limit = Money{1, aud}});
    }
    NameTable names;
    EXPECT_THROW(static_cast<void>(compile(config, 1, names)), std::length_error);
}

}  // namespace
}  // namespace evenkeel::routing
