#include "policies/trial/trial.hpp"

#include "policies/config/cases.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

/// What `policy test` says about cases that hold and cases that do not.
namespace evenkeel::trial {
namespace {

constexpr config::Date today{std::chrono::year{2026}, std::chrono::month{11}, std::chrono::day{25}};

const config::Config& house() {
    static const config::Config config = [] {
        auto loaded = config::load(
            std::vector<config::SourceFile>{
                {.path = "evenkeel.yaml", .text = "version: 1\n"},
                {.path = "providers.yaml",
                 .text = "version: 1\nproviders:\n"
                         "  desk: {kind: local, url: \"http://127.0.0.1:8091\"}\n"
                         "  annex: {kind: local, url: \"http://127.0.0.1:8092\"}\n"
                         "  pod: {kind: runpod, credential: pod.key}\n"
                         "  shop: {kind: openai-compatible, url: \"https://shop.example/v1\"}\n"},
                {.path = "models.yaml",
                 .text = "version: 1\nmodels:\n"
                         "  m:\n    context: 32k\n    aliases: [mm]\n"
                         "    offers:\n      - {on: desk, slots: 2}\n"
                         "      - {on: pod, gpu: H100, slots: 8, price: 3.60 USD/h, seen: "
                         "2026-11-01}\n"
                         "      - {on: shop, price: {in: 5 USD/Mtok, out: 25 USD/Mtok}, seen: "
                         "2026-11-01}\n"
                         "  priced:\n    internal_price: {in: 0.20 USD/Mtok, out: 0.80 USD/Mtok}\n"
                         "    offers: [{on: annex, slots: 2}]\n"},
                {.path = "policy.yaml",
                 .text = "version: 1\nroutes:\n"
                         "  - {name: night, match: {header: {x-class: batch}}, use: [m], stay: "
                         "own, max_wait: 6h}\n"
                         "  - {name: cheap, match: {key: [poor]}, use: [m], max_cost: 0.001 USD, "
                         "max_wait: 5s}\n"
                         "  - {name: tooled, match: {tools: true}, use: [m]}\n"
                         "  - {name: seen, match: {images: true}, use: [m]}\n"
                         "  - {name: worded, match: {text: '(?i)translate'}, use: [m]}\n"
                         "  - {name: inside, match: {model: [priced]}, use: [priced]}\n"
                         "  - {name: default, use: [m], max_wait: 20s}\n"
                         "budgets:\n"
                         "  - {name: all, limit: 400 USD, at: {\"90%\": local-only, \"100%\": "
                         "refuse}}\n"
                         "  - {name: inside, scope: {model: priced}, limit: 5 USD}\n"
                         "scaling:\n"
                         "  - {name: burst, model: m, offers: [pod], max: 4, max_price: 4.50 "
                         "USD/h, max_life: 6h}\n"
                         "safety: {max_machines: 4}\n"}},
            today);
        EXPECT_TRUE(loaded.has_value()) << (loaded ? "" : config::render_all(loaded.error()));
        return loaded ? loaded->config : config::Config{};
    }();
    return config;
}

Verdict verdict(const std::string& text) {
    const auto cases = config::load_cases(
        {.path = "policy.test.yaml", .text = "version: 1\ncases:\n  - {name: x, " + text + "}\n"},
        usd);
    if (!cases) {
        ADD_FAILURE() << config::render_all(cases.error());
        return {};
    }
    return play(house(), cases->front(), today);
}

struct Case {
    const char* name{""};
    std::string text{};
    std::string told{};  ///< empty: it holds
};

class TrialOf : public testing::TestWithParam<Case> {};

TEST_P(TrialOf, HoldsOrSaysWhyNot) {
    const Verdict found = verdict(GetParam().text);
    EXPECT_EQ(found.told, GetParam().told);
    EXPECT_EQ(found.passed, GetParam().told.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Requests,
    TrialOf,
    testing::Values(
        Case{"AnIdleDesk", "request: {model: m}, expect: {source: desk, reason: own_free}"},
        Case{"ByItsAlias", "request: {model: mm}, expect: {source: desk, route: default}"},
        Case{
            "ABusyDeskWaitsForTheApi",
            "request: {model: m}, given: {busy: {desk: 2}}, expect: {source: shop, reason: "
            "api_overflow, after: 20s, before: 20s}"},
        Case{
            "UnlessItIsFreeBefore",
            "request: {model: m}, given: {busy: {desk: 2}, free_after: 10s}, expect: {source: "
            "desk, reason: own_waited, after: 10s, before: 10s}"},
        Case{
            "ARentedMachineHelps",
            "request: {model: m}, given: {busy: {desk: 2}, rented: [pod]}, expect: {source: pod, "
            "reason: rental_free}"},
        Case{
            "TheHeaderKeepsItAtHome",
            "request: {model: m, header: {x-class: batch}}, given: {busy: {desk: 2}, rented: "
            "[pod], free_after: 5h}, expect: {source: desk, route: night, after: 5h}"},
        Case{
            "AndGivesUpInTheEnd",
            "request: {model: m, header: {x-class: batch}}, given: {busy: {desk: 2}}, expect: "
            "{refused: wait_over, after: 6h}"},
        Case{
            "BeyondTheBudget",
            "request: {model: m}, given: {busy: {desk: 2}, spent: {all: 370 USD}}, expect: "
            "{refused: budget_spent}"},
        Case{
            "WithinTheBudgetOfAPricedModel",
            "request: {model: priced}, given: {spent: {inside: 4.90 USD}}, expect: {source: "
            "annex}"},
        Case{
            "BeyondTheBudgetOfAPricedModel",
            "request: {model: priced}, given: {spent: {inside: 5 USD}}, expect: {refused: "
            "budget_spent, before: 0s}"},
        Case{"TheDeskIsDown", "request: {model: m}, given: {down: [desk]}, expect: {source: shop}"},
        Case{
            "TooDearForItsRoute",
            "request: {model: m, key: poor}, given: {busy: {desk: 2}}, expect: {route: cheap, "
            "refused: wait_over}"},
        Case{"WithWords", "request: {model: m, text: Translate this}, expect: {route: worded}"},
        Case{"WithOtherWords", "request: {model: m, text: hello}, expect: {route: default}"},
        Case{"WithTools", "request: {model: m, tools: true}, expect: {route: tooled}"},
        Case{"WithImages", "request: {model: m, images: true}, expect: {route: seen}"},
        Case{
            "TheRequestsOwnDeadline",
            "request: {model: m, header: {x-evenkeel-deadline: 5s}}, given: {busy: {desk: 2}}, "
            "expect: {source: shop, after: 5s, before: 5s}"},
        Case{"NoSuchModel", "request: {model: other}, expect: {refused: not_found}"},
        Case{
            "WrongSource",
            "request: {model: m}, given: {busy: {desk: 2}, rented: [pod]}, expect: {source: desk}",
            "should choose desk, chose pod"},
        Case{
            "RefusedInstead",
            "request: {model: other}, expect: {source: desk}",
            "should choose desk, was refused: not_found"},
        Case{
            "AnsweredInstead",
            "request: {model: m}, expect: {refused: wait_over}",
            "should be refused (wait_over), chose desk"},
        Case{
            "WrongRoute",
            "request: {model: m}, expect: {route: night}",
            "should take route night, took default"},
        Case{
            "WrongReason",
            "request: {model: m}, expect: {source: desk, reason: own_waited}",
            "should have the reason own_waited, has own_free (chose desk)"},
        Case{
            "TooLate",
            "request: {model: m}, given: {busy: {desk: 2}}, expect: {source: shop, before: 10s}",
            "should come after 10 s at the latest, came after 20 s"},
        Case{
            "UnknownSource",
            "request: {model: m}, given: {busy: {desc: 2}}, expect: {source: desk}",
            "given.busy names 'desc', which is no offer"},
        Case{
            "UnknownBudget",
            "request: {model: m}, given: {spent: {al: 1 USD}}, expect: {source: desk}",
            "given.spent names 'al', which is no budget"},
        Case{
            "ExpectsNothing",
            "request: {model: m}, expect: {reason: own_free}",
            "expects nothing: name a source, a route, or why it is refused"},
        Case{
            "ExpectsADecision",
            "request: {model: m}, expect: {decision: order}",
            "a request expects one source, or one reason for being refused"},
        Case{"Neither", "expect: {source: desk}", "a case has either 'request' or 'scaling'"},
        Case{
            "Both",
            "request: {model: m}, scaling: burst, expect: {source: desk}",
            "a case has either 'request' or 'scaling'"}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Renting,
    TrialOf,
    testing::Values(
        Case{"NoTraffic", "scaling: burst, expect: none"},
        Case{
            "OverflowOrders",
            "scaling: burst, traffic: [{for: 5m, overflow: 36 USD/h, overflow_machines: 0.5}], "
            "expect: {decision: order, offer: pod, count: 1, reason: rent_level, after: 30s, "
            "before: 2m}"},
        Case{
            "FrozenHolds",
            "scaling: burst, given: {frozen: true}, traffic: [{for: 5m, overflow: 36 USD/h, "
            "overflow_machines: 0.5}], expect: {decision: hold, reason: hold_frozen}"},
        Case{
            "ThePolicysOwnLimitHolds",
            "scaling: burst, given: {offers: [{name: pod, price: 5 USD/h}]}, traffic: [{for: 5m, "
            "overflow: 36 USD/h, overflow_machines: 0.5}], expect: {decision: hold, reason: "
            "hold_price}"},
        Case{
            "TooEarly",
            "scaling: burst, traffic: [{for: 1s, overflow: 36 USD/h, overflow_machines: 0.5}], "
            "expect: {decision: order}",
            "should make 1 decision, made 0"},
        Case{"UnknownEntry", "scaling: brust, expect: none", "there is no scaling entry 'brust'"},
        Case{
            "UnknownOffer",
            "scaling: burst, given: {sold_out: [do]}, expect: none",
            "'do' is no offer of this case"},
        Case{
            "UnknownProfile",
            "scaling: burst, given: {offers: [{name: pod, gpu_profile: h200}]}, expect: none",
            "there is no GPU profile 'h200'"}),
    [](const auto& info) { return info.param.name; });

TEST(TrialText, SaysWhatRentingDidInstead) {
    const Verdict found = verdict(
        "scaling: burst, traffic: [{for: 5m, overflow: 36 USD/h, overflow_machines: 0.5}], "
        "expect: {decision: hold}");
    EXPECT_FALSE(found.passed);
    EXPECT_TRUE(found.told.starts_with("should hold, did order 1 from pod (rent_level) after "))
        << found.told;
    const Verdict none = verdict(
        "scaling: burst, traffic: [{for: 5m, overflow: 36 USD/h, overflow_machines: 0.5}], "
        "expect: none");
    EXPECT_TRUE(none.told.starts_with("should decide nothing, did order 1")) << none.told;
}

TEST(Trial, AnOfferThatHasRetiredIsNotUsed) {
    config::Config config = house();
    config.models[0].offers[2].retires = today;
    const auto cases = config::load_cases(
        {.path = "policy.test.yaml",
         .text = "version: 1\ncases:\n  - {name: x, request: {model: m}, given: {busy: {desk: 2}}, "
                 "expect: {source: shop}}\n"},
        usd);
    ASSERT_TRUE(cases);
    const std::chrono::sys_days day{today};
    EXPECT_TRUE(play(config, cases->front(), day - std::chrono::days{1}).passed);
    EXPECT_FALSE(play(config, cases->front(), day).passed);
}

}  // namespace
}  // namespace evenkeel::trial
