#include "tests/unit/routing/house.hpp"

#include <gtest/gtest.h>

namespace evenkeel::routing {
namespace {

using namespace house;

TEST(Plan, LaysOutOneRequest) {
    House house;
    const auto plan = house.plan(house.ask("qwq"));
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->route->name, "default");
    EXPECT_EQ(plan->model, house.catalogue->model("qwq-32b"));
    const gate::Arrival& arrival = plan->arrival;
    EXPECT_EQ(arrival.model, plan->model->ix);
    EXPECT_EQ(arrival.key, house.names.find(NameKind::key, "ann"));
    EXPECT_EQ(arrival.route, house.names.find(NameKind::route, "default"));
    EXPECT_EQ(arrival.revision, 5);
    EXPECT_EQ(arrival.tokens_in, 1'000);
    EXPECT_EQ(arrival.tokens_out, 300);
    EXPECT_EQ(house.apis(*plan), "micro nano claude") << "cheapest of the first model first";
    EXPECT_EQ(arrival.apis_first, 0);
    EXPECT_FALSE(arrival.own_only);
    // micro: 1,000 x 0.20 + 500 x 0.30 USD/Mtok = 350,000 nano-USD; guess 300: 290,000.
    EXPECT_EQ(arrival.apis[0].hold, Money(350'000, usd));
    EXPECT_EQ(arrival.apis[0].hold_report, 525'000);
    EXPECT_EQ(arrival.apis[0].expected_report, 435'000);
}

struct Prices {
    const char* name;
    std::int64_t tokens_in;
    std::int64_t max_tokens;
    std::int64_t guess;
    std::int64_t context;
    std::int64_t hold;      ///< nano-USD at 1 USD/Mtok in, 2 USD/Mtok out
    std::int64_t expected;  ///< likewise; the report currency is USD here
    std::int64_t answers{1};
};

class PlanPrices : public testing::TestWithParam<Prices> {};

TEST_P(PlanPrices, HoldsTheCeilingAndExpectsTheGuess) {
    config::Config config = make_config();
    config.currency.report = usd;
    config.models[1].context = GetParam().context;
    config.models[1].offers[0].token_price = prices("1 USD/Mtok", "2 USD/Mtok");
    config.routes[0].use = {"opus"};
    House house{config};
    Ask ask = house.ask("opus");
    ask.tokens_in = GetParam().tokens_in;
    ask.max_tokens = GetParam().max_tokens;
    ask.tokens_out_guess = GetParam().guess;
    ask.answers = GetParam().answers;
    const auto plan = house.plan(ask);
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->arrival.apis[0].hold_report, GetParam().hold);
    EXPECT_EQ(plan->arrival.apis[0].expected_report, GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    PlanPrices,
    testing::Values(
        Prices{"StatedCeiling", 1'000, 500, 300, 0, 2'000'000, 1'600'000},
        Prices{"GuessNeverAboveTheCeiling", 1'000, 100, 300, 0, 1'200'000, 1'200'000},
        Prices{"RestOfTheContext", 1'000, 0, 300, 4'000, 7'000'000, 1'600'000},
        Prices{"AtLeastOneToken", 5'000, 0, 1, 4'000, 5'002'000, 5'002'000},
        Prices{"EveryAnswerMayFillTheContext", 1'000, 0, 300, 4'000, 19'000'000, 1'600'000, 3},
        Prices{"AStatedCeilingIsForAll", 1'000, 500, 300, 0, 2'000'000, 1'600'000, 3},
        Prices{"AbsurdlyManyAnswers", 0, 0, 0, 0, 200'000'000'000, 0, std::int64_t{1} << 62},
        Prices{"NothingKnown", 0, 0, 0, 0, 16'384'000, 0},
        Prices{
            "AbsurdCeilingIsCapped", 0, 9'000'000'000'000'000'000, 1, 0, 200'000'000'000, 2'000}),
    [](const auto& each) { return std::string{each.param.name}; });

TEST(Plan, HoldsRoundUpPerMeterAndTakeTheDearestInput) {
    config::Config config = make_config();
    config.currency.report = usd;
    auto& price = *config.models[1].offers[0].token_price;
    price = {.in = Price{1, 3, usd, Unit::token}, .out = Price{1, 3, usd, Unit::token}};
    House house{config};
    Ask ask = house.ask("opus");
    ask.tokens_in = 1;
    ask.max_tokens = 1;
    EXPECT_EQ(house.plan(ask)->arrival.apis[0].hold_report, 2) << "a third each, rounded up each";
    price.cache_write = Price{5, 1, usd, Unit::token};
    House dearer{config};
    EXPECT_EQ(dearer.plan(ask)->arrival.apis[0].hold_report, 6);
}

TEST(Plan, UnknownModelsGetANearNameAndTheList) {
    House house;
    const auto plan = house.plan(house.ask("gpt\r\n5"));
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().code, Errc::not_found);
    EXPECT_EQ(plan.error().message, "no model 'gpt\?\?5'; models here: qwq-32b, opus");
    EXPECT_EQ(
        house.plan(house.ask("qwq-32")).error().message,
        "no model 'qwq-32', did you mean 'qwq-32b'? Models here: qwq-32b, opus");
    config::Config many = make_config();
    for (int i = 0; i < 30; ++i) {
        many.models.push_back({.name = "m" + std::to_string(i)});
    }
    House large{many};
    EXPECT_TRUE(large.plan(large.ask("none")).error().message.ends_with(" m17 and 12 more"));
    House empty{config::Config{}};
    EXPECT_EQ(empty.plan(empty.ask("x")).error().message, "no model 'x'; models here: none");
}

struct Matching {
    const char* name;
    config::Match match;
    const char* model;
    const char* key;
    bool batch_header;
    bool matches;
};

class PlanMatches : public testing::TestWithParam<Matching> {};

TEST_P(PlanMatches, FirstRouteWhoseEveryConditionHolds) {
    config::Config config = make_config();
    config.routes = {
        {.name = "special", .match = GetParam().match}, {.name = "rest"}, {.name = "never"}};
    House house{config};
    if (GetParam().batch_header) {
        house.headers["x-evenkeel-class"] = "batch";
    }
    const auto plan = house.plan(house.ask(GetParam().model, GetParam().key));
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->route->name, GetParam().matches ? "special" : "rest");
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    PlanMatches,
    testing::Values(
        Matching{"NothingAskedMatchesAll", {}, "opus", "ann", false, true},
        Matching{"Model", {.models = {"opus"}}, "opus", "ann", false, true},
        Matching{"ModelByAliasOfTheClient", {.models = {"qwq-32b"}}, "qwq", "ann", false, true},
        Matching{"ModelByAliasInTheRoute", {.models = {"qwq"}}, "qwq-32b", "ann", false, true},
        Matching{"OtherModel", {.models = {"opus"}}, "qwq", "ann", false, false},
        Matching{"Key", {.keys = {"ben", "ann"}}, "qwq", "ann", false, true},
        Matching{"OtherKey", {.keys = {"ben"}}, "qwq", "ann", false, false},
        Matching{"Header", {.headers = {{"x-evenkeel-class", "batch"}}}, "qwq", "ann", true, true},
        Matching{
            "NoHeader", {.headers = {{"x-evenkeel-class", "batch"}}}, "qwq", "ann", false, false},
        Matching{
            "OtherValue", {.headers = {{"x-evenkeel-class", "live"}}}, "qwq", "ann", true, false},
        Matching{
            "AllMustHold",
            {.models = {"qwq"}, .keys = {"ben"}, .headers = {{"x-evenkeel-class", "batch"}}},
            "qwq",
            "ann",
            true,
            false}),
    [](const auto& each) { return std::string{each.param.name}; });

TEST(Plan, RoutesBySizeToolsAndImages) {
    struct Case {
        config::Match match;
        std::int64_t tokens;
        bool tools;
        bool images;
        bool taken;
    };
    for (const Case& c :
         {Case{{.tokens_over = 1'000}, 1'000, false, false, false},
          Case{{.tokens_over = 1'000}, 1'001, false, false, true},
          Case{{.tokens_under = 1'000}, 1'000, false, false, false},
          Case{{.tokens_under = 1'000}, 999, false, false, true},
          Case{{.tools = true}, 10, true, false, true},
          Case{{.tools = true}, 10, false, false, false},
          Case{{.tools = false}, 10, true, false, false},
          Case{{.tools = false}, 10, false, false, true},
          Case{{.images = true}, 10, false, true, true},
          Case{{.images = true}, 10, true, false, false},
          Case{{.images = false}, 10, false, true, false},
          Case{{.tokens_over = 5, .tools = true}, 10, false, false, false}}) {
        config::Config config = make_config();
        config.routes = {{.name = "special", .match = c.match}, {.name = "rest"}};
        House house{config};
        Ask ask = house.ask();
        ask.tokens_in = c.tokens;
        ask.tools = c.tools;
        ask.images = c.images;
        EXPECT_EQ(house.plan(ask)->route->name, c.taken ? "special" : "rest")
            << c.tokens << c.tools << c.images;
    }
}

TEST(Plan, RoutesByTextAndReadsItOnlyWhenItMatters) {
    config::Config config = make_config();
    config.routes = {
        {.name = "code", .match = {.tools = true, .text = R"((?i)\bc\+\+)"}}, {.name = "rest"}};
    House house{config};
    struct Text {
        std::string text{};
        int reads{0};
    } text;
    Ask ask = house.ask();
    ask.text_context = &text;
    ask.text = [](void* context) -> std::string_view {
        auto& given = *static_cast<Text*>(context);
        ++given.reads;
        return given.text;
    };
    const auto route = [&](std::string words, bool tools) {
        text = {.text = std::move(words)};
        ask.tools = tools;
        return house.plan(ask)->route->name;
    };
    EXPECT_EQ(route("some C++ please", false), "rest");
    EXPECT_EQ(text.reads, 0) << "another condition failed before";
    EXPECT_EQ(route("some C++ please", true), "code");
    EXPECT_EQ(text.reads, 1);
    EXPECT_EQ(route("some rust please", true), "rest");
    EXPECT_EQ(route("C++" + std::string(match_text_bytes_max - 3, ' '), true), "code");
    EXPECT_EQ(route("C++" + std::string(match_text_bytes_max - 2, ' '), true), "rest")
        << "only the end is looked at";
    ask.text = nullptr;
    EXPECT_EQ(house.plan(ask)->route->name, "rest") << "a text that is not known matches nothing";
}

/// in 4, out 20; over 200k 8 and 30; over 500k 3 and 90 USD/Mtok.
config::Config with_tiers() {
    config::Config config = make_config();
    config.currency.report = usd;
    auto& price = *config.models[1].offers[0].token_price;
    price.tiers = {
        {.over = 200'000,
         .in = *parse_price("8 USD/Mtok"),
         .out = *parse_price("30 USD/Mtok"),
         .cache_write = *parse_price("10 USD/Mtok")},
        {.over = 500'000, .in = *parse_price("3 USD/Mtok"), .out = *parse_price("90 USD/Mtok")}};
    return config;
}

TEST(Plan, TiersAreHeldByTheDearestThatMayBeReached) {
    struct Case {
        std::int64_t in;
        std::int64_t out;
        bool images;
        std::int64_t context;
        std::int64_t hold;      ///< micro-dollars
        std::int64_t expected;  ///< the same, with the guess of 300
    };
    for (const Case& c :
         {Case{50'000, 500, false, 0, 210'000, 206'000},          // 200k at most: not over
          Case{50'001, 500, false, 0, 515'010, 206'004},          // may be 200,004
          Case{50'001, 500, false, 200'000, 210'004, 206'004},    // the context forbids it
          Case{1'000, 500, true, 0, 48'000, 10'000},              // an image may be anything
          Case{125'000, 500, false, 0, 1'265'000, 506'000},       // 500k at most: not over
          Case{200'000, 500, false, 0, 2'015'000, 806'000},       // the middle one is the dearest
          Case{200'001, 500, false, 0, 2'015'010, 2'009'010},     // expected: over 200k
          Case{200'001, 50'000, false, 0, 5'100'003, 2'009'010},  // long answers: the last one
          Case{500'001, 500, false, 0, 5'015'010, 1'527'003}}) {
        config::Config config = with_tiers();
        config.models[1].context = c.context;
        House house{config};
        Ask ask = house.ask("opus");
        ask.tokens_in = c.in;
        ask.max_tokens = c.out;
        ask.images = c.images;
        const auto plan = house.plan(ask);
        ASSERT_TRUE(plan) << plan.error().message;
        EXPECT_EQ(plan->arrival.apis[0].hold_report, c.hold * 1'000) << c.in << ' ' << c.out;
        EXPECT_EQ(plan->arrival.apis[0].expected_report, c.expected * 1'000) << c.in;
    }
}

TEST(Plan, ARetiredOfferIsNotUsed) {
    using std::chrono::sys_days;
    config::Config config = make_config();
    const config::Date day{std::chrono::year{2027} / 1 / 1};
    config.models[1].offers[0].retires = day;
    House house{config};
    Ask ask = house.ask("opus");
    ask.today = sys_days{day} - std::chrono::days{1};
    EXPECT_EQ(house.apis(*house.plan(ask)), "claude micro nano");
    ask.today = sys_days{day};
    EXPECT_EQ(house.apis(*house.plan(ask)), "micro nano");
    config.routes[0].use = {"opus"};
    House alone{config};
    const auto none = alone.plan(ask);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, Errc::unavailable);
    EXPECT_EQ(
        none.error().message,
        "model 'opus' has no usable offer: 'claude-opus-5-5' was retired on 2027-01-01");
}

TEST(Plan, ARequestMayAskForLessThanItsRouteAllowsNeverForMore) {
    config::Config config = make_config();
    config.routes[0].max_cost = Money{500'000, usd};  // micro's hold is 350,000, nano's 500,000
    config.routes[0].max_wait = 20s;
    House house{config};
    const auto with = [&](const char* cost, const char* deadline) {
        house.headers.clear();
        if (*cost != '\0') {
            house.headers["x-evenkeel-max-cost"] = cost;
        }
        if (*deadline != '\0') {
            house.headers["x-evenkeel-deadline"] = deadline;
        }
        return house.plan(house.ask());
    };
    EXPECT_EQ(house.apis(*with("", "")), "micro nano");
    EXPECT_EQ(house.apis(*with("0.0005 USD", "")), "micro nano");
    EXPECT_EQ(house.apis(*with("0.000499999 USD", "")), "micro");
    EXPECT_EQ(house.apis(*with("0.000525 AUD", "")), "micro") << "converted";
    EXPECT_EQ(house.apis(*with("0 USD", "")), "");
    EXPECT_EQ(house.apis(*with("100 USD", "")), "micro nano") << "the route's limit stays";
    EXPECT_EQ(with("", "")->arrival.overflow_at, BootTime{100s} + 20s);
    EXPECT_EQ(with("", "1500ms")->arrival.overflow_at, BootTime{100s} + 1'500ms);
    EXPECT_EQ(with("", "1500ms")->arrival.give_up_at, BootTime{100s} + 1'500ms + api_full_grace);
    EXPECT_EQ(with("", "1h")->arrival.overflow_at, BootTime{100s} + 20s);
    for (const auto& [cost, deadline] :
         {std::pair{"5", ""},
          std::pair{"-1 USD", ""},
          std::pair{"1 XXX", ""},
          std::pair{"", "20"},
          std::pair{"", "-1s"},
          std::pair{"", "soon"}}) {
        const auto plan = with(cost, deadline);
        ASSERT_FALSE(plan) << cost << deadline;
        EXPECT_EQ(plan.error().code, Errc::invalid_argument);
        EXPECT_NE(plan.error().message.find("x-evenkeel-"), std::string::npos);
    }
    config.routes[0].max_wait.reset();
    House patient{config};
    const auto plain = patient.plan(patient.ask());
    patient.headers["x-evenkeel-deadline"] = "400d";
    const auto longer = patient.plan(patient.ask());
    EXPECT_EQ(longer->arrival.overflow_at, plain->arrival.overflow_at);
    EXPECT_EQ(longer->arrival.first_token_by, plain->arrival.first_token_by);
    EXPECT_EQ(longer->arrival.give_up_at, plain->arrival.give_up_at);
    config.routes[0].use = {"opus"};
    House opus{config};
    opus.headers["x-evenkeel-max-cost"] = "0.001 AUD";
    config.routes[0].max_cost.reset();
    const auto over = opus.plan(opus.ask());
    ASSERT_FALSE(over);
    EXPECT_NE(over.error().message.find("route 'default' allows 0.00075 AUD"), std::string::npos)
        << over.error().message;
    House free{config};
    free.headers["x-evenkeel-max-cost"] = "0.001 AUD";
    EXPECT_NE(
        free.plan(free.ask()).error().message.find("x-evenkeel-max-cost allows 0.001 AUD"),
        std::string::npos);
}

TEST(Plan, NoRouteIsRefused) {
    config::Config config = make_config();
    config.routes[0].match.keys = {"ben"};
    House house{config};
    Ask ask = house.ask();
    ask.header = nullptr;
    EXPECT_EQ(house.plan(ask).error().code, Errc::refused);
    config.routes[0].match = {.headers = {{"a", "b"}}};
    House by_header{config};
    EXPECT_EQ(by_header.plan(ask).error().code, Errc::refused) << "no headers to look at";
}

TEST(Plan, NegativeTokensAreRefused) {
    House house;
    for (std::int64_t Ask::* count : {&Ask::tokens_in, &Ask::max_tokens, &Ask::tokens_out_guess}) {
        Ask ask = house.ask();
        ask.*count = -1;
        EXPECT_EQ(house.plan(ask).error().code, Errc::invalid_argument);
    }
}

TEST(Plan, StayOwnKeepsEverythingInTheHouse) {
    config::Config config = make_config();
    config.routes[0].stay_own = true;
    House house{config};
    const auto plan = house.plan(house.ask("opus"));
    ASSERT_TRUE(plan) << "qwq is in use and runs in the house";
    EXPECT_TRUE(plan->arrival.own_only);
    EXPECT_EQ(plan->arrival.api_count, 0);
    EXPECT_EQ(plan->arrival.overflow_at, BootTime::max());
    config.models[0].offers.erase(config.models[0].offers.begin());  // only rented ones are left
    House rented{config};
    const auto none = rented.plan(rented.ask());
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, Errc::refused);
    EXPECT_NE(none.error().message.find("no own GPU"), std::string::npos);
}

TEST(Plan, MaxCostDropsDearApisAndRefusesOnlyWhenNothingIsLeft) {
    config::Config config = make_config();
    config.routes[0].max_cost = Money{600'000, aud};  // micro 525,000; nano 750,000; claude 21 m
    House house{config};
    EXPECT_EQ(house.apis(*house.plan(house.ask())), "micro");
    config.routes[0].max_cost = Money{350'000, usd};
    House exact{config};
    EXPECT_EQ(exact.apis(*exact.plan(exact.ask())), "micro") << "to the last unit, converted";
    config.routes[0].max_cost = Money{349'999, usd};
    House none{config};
    const auto waits = none.plan(none.ask());
    ASSERT_TRUE(waits) << "own workers may still answer";
    EXPECT_EQ(waits->arrival.api_count, 0);
    config.routes[0].use = {"opus"};
    House refused{config};
    const auto over = refused.plan(refused.ask());
    ASSERT_FALSE(over);
    EXPECT_EQ(over.error().code, Errc::refused);
    EXPECT_EQ(
        over.error().message,
        "the cheapest source may cost 0.021 AUD, route 'default' allows 0.000524998 AUD a "
        "request; ask for fewer tokens (max_tokens)");
}

TEST(Plan, AModelWithoutAnyUsableOfferIsUnavailable) {
    config::Config config = make_config();
    config.models[1].offers[0].token_price.reset();
    config.routes[0].use = {};
    House house{config};
    EXPECT_EQ(house.plan(house.ask("opus")).error().code, Errc::unavailable);
}

TEST(Plan, BudgetsCountByTheirScope) {
    config::Config config = make_config();
    config.budgets = {
        {.name = "all"},
        {.name = "api", .scope = {.kind = "api"}},
        {.name = "rental", .scope = {.kind = "rental"}},
        {.name = "ann", .scope = {.key = "ann"}},
        {.name = "ben", .scope = {.key = "ben"}},
        {.name = "route", .scope = {.route = "default"}},
        {.name = "claude", .scope = {.provider = "claude"}},
        {.name = "qwq", .scope = {.model = "qwq-32b"}}};
    for (config::Budget& budget : config.budgets) {
        budget.limit = Money{1'000'000'000, aud};
    }
    House house{config};
    const auto plan = house.plan(house.ask());
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->arrival.budgets, 0b0010'1011u);
    EXPECT_EQ(house.apis(*plan), "micro nano claude");
    EXPECT_EQ(plan->arrival.apis[0].budgets, 0b1000'0000u) << "counted when qwq is bought";
    EXPECT_EQ(plan->arrival.apis[2].budgets, 0b0100'0000u);
}

}  // namespace
}  // namespace evenkeel::routing
