#include "policies/config/cases.hpp"

#include "policies/config/keys.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

/// Reading policy.test.yaml.
namespace evenkeel::config {
namespace {

SourceFile cases_file(std::string text) {
    return {.path = "policy.test.yaml", .text = std::move(text)};
}

TEST(Cases, EveryKeyIsRead) {
    const auto cases = load_cases(
        cases_file(R"(version: 1
cases:
  - name: all of a request
    request: {model: m, key: k, header: {x-a: b}, tokens_in: 2k, tokens_out: 10, max_tokens: 20}
    given: {busy: {desk: 4}, free_after: 10s, down: [a], rented: [b], spent: {all: 5 AUD}}
    expect: {source: desk, refused: x, route: r, reason: own_free, after: 1s, before: 2s}
  - name: all of renting
    scaling: burst
    given:
      api: false
      boot: 60s
      patience: 2s
      own_rate: 0.5
      offers: [{name: o, price: 2 USD/h, min_bill: 1s, price_age: 2s, in_stock: false, room: 3,
                closed: hold_provider, gpu_profile: p}]
      machines: [{id: 7, state: booting, ordered: 9s, serving_for: 8s, price: 3 USD/h, in_flight: 2,
                  idle_for: 4s, ending: true, failed: true}]
      budget_left: 1 USD
      day_left: 2 USD
      rate_left: 3 USD/h
      creates_last_hour: 4
      machines_total: 5
      frozen: true
      budget_blocks: true
      ledger_ok: false
      failed_orders: 6
      sold_out: [o]
      failed_machines: {o: 2}
    traffic:
      - {for: 2m, overflow: 36 USD/h, overflow_machines: 0.5, refused: 1 USD/h,
         refused_machines: 0.25, rented: 2 USD/h, rented_machines: 0.75, own_machines: 1.5,
         waiting: 3, waiting_tokens_in: 4k, waiting_tokens_out: 5k}
    expect:
      - {decision: order, offer: o, count: 2, reason: rent_debt}
      - {decision: release, machine: 7}
  - name: nothing happens
    scaling: burst
    expect: none
)"),
        usd);
    ASSERT_TRUE(cases.has_value()) << render_all(cases.error());
    ASSERT_EQ(cases->size(), 3u);
    const PolicyCase& first = (*cases)[0];
    EXPECT_EQ(first.line, 6);
    EXPECT_EQ(first.request->headers.at("x-a"), "b");
    EXPECT_EQ(first.request->tokens_in, 2'000);
    EXPECT_EQ(first.request->tokens_out, 10);
    EXPECT_EQ(first.request->max_tokens, 20);
    EXPECT_EQ(first.world.busy.at("desk"), 4);
    EXPECT_EQ(first.world.free_after, Milliseconds{10'000});
    EXPECT_EQ(first.world.spent.at("all"), parse_money("5 AUD").value());
    ASSERT_EQ(first.expected.size(), 1u);
    EXPECT_EQ(first.expected[0].before, Milliseconds{2'000});
    const CaseWorld& world = (*cases)[1].world;
    EXPECT_FALSE(world.api || world.ledger_ok);
    EXPECT_TRUE(world.frozen && world.budget_blocks);
    EXPECT_EQ(world.own_rate_millis, 500);
    ASSERT_EQ(world.offers.size(), 1u);
    EXPECT_EQ(world.offers[0].closed, "hold_provider");
    EXPECT_EQ(world.offers[0].price, Price::per_hour(parse_money("2 USD").value()));
    ASSERT_EQ(world.machines.size(), 1u);
    EXPECT_EQ(world.machines[0].id, 7);
    EXPECT_TRUE(world.machines[0].ending && world.machines[0].failed);
    EXPECT_EQ(world.failed_machines.at("o"), 2);
    ASSERT_EQ((*cases)[1].traffic.size(), 1u);
    EXPECT_EQ((*cases)[1].traffic[0].own_machines_millis, 1'500);
    EXPECT_EQ((*cases)[1].traffic[0].waiting_tokens_out, 5'000);
    ASSERT_EQ((*cases)[1].expected.size(), 2u);
    EXPECT_EQ((*cases)[1].expected[1].machine, 7);
    EXPECT_TRUE((*cases)[2].expected.empty());
}

TEST(Cases, MistakesAreFoundAsInTheConfiguration) {
    const auto cases = load_cases(
        cases_file("version: 1\ncases:\n  - name: a\n    requst: {model: m}\n    expect: nothing\n"
                   "  - {name: b, request: {model: m}, given: {spent: {all: 5}}}\n"),
        *Currency::parse("AUD"));
    ASSERT_FALSE(cases.has_value());
    const std::string said = render_all(cases.error());
    for (const char* part :
         {"policy.test.yaml:4:5: error: unknown key 'requst' in cases[0]",
          "did you mean 'request'?",
          "policy.test.yaml:5:13: error: unknown value 'nothing'",
          "cases[1] 'b' has no 'expect'",
          "write '5 AUD' or '5 USD'"}) {
        EXPECT_NE(said.find(part), std::string::npos) << part << "\n" << said;
    }
    EXPECT_FALSE(load_cases(cases_file(""), usd).has_value());
    EXPECT_FALSE(load_cases(cases_file("version: 1\ncases: []\n"), usd).has_value());
}

TEST(Cases, TheirKeysAreWhole) {
    for (const Key& key : keys(File::cases)) {
        EXPECT_TRUE(key.help_text.ends_with('.')) << key.path;
        EXPECT_EQ(key.type == Type::choice, !key.choices.empty()) << key.path;
        EXPECT_EQ(key.least.empty(), key.most.empty()) << key.path;
        EXPECT_FALSE(key.is_required && key.without_text.empty()) << key.path;
    }
}

}  // namespace
}  // namespace evenkeel::config
