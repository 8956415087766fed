#include "policies/routing/quote.hpp"

#include "tests/unit/routing/house.hpp"

#include <gtest/gtest.h>

namespace evenkeel::routing {
namespace {

using namespace house;
using enum QuoteVerdict;

struct Row {
    std::string offer;
    QuoteVerdict verdict;
    int place;
    friend bool operator==(const Row&, const Row&) = default;
};
std::ostream& operator<<(std::ostream& out, const Row& row) {
    return out << row.offer << ' ' << to_text(row.verdict) << ' ' << row.place;
}

std::vector<Row> rows(const Result<Explanation>& explained) {
    std::vector<Row> rows;
    for (const Quote& quote : explained->quotes) {
        rows.push_back({quote.offer, quote.verdict, quote.place});
    }
    return rows;
}

TEST(Quotes, EverySourceWithItsPlaceAndCost) {
    House house;
    const auto explained = quote(*house.catalogue, house.ask());
    ASSERT_TRUE(explained) << explained.error().message;
    EXPECT_EQ(explained->route->name, "default");
    EXPECT_EQ(explained->route_number, 0u);
    EXPECT_EQ(
        rows(explained),
        (std::vector<Row>{
            {"desk", worker, 0},
            {"runpod", worker, 0},
            {"nano", api, 2},
            {"micro", api, 1},
            {"claude", api, 3}}));
    EXPECT_EQ(explained->quotes[0].slots, 4);
    EXPECT_EQ(explained->quotes[3].hold_report, 525'000);
    EXPECT_EQ(explained->quotes[3].expected_report, 435'000);
    EXPECT_FALSE(explained->quotes[0].hold_report) << "a slot that is paid already";
    ASSERT_TRUE(explained->api_after);
    EXPECT_LT(*explained->api_after, explained->gives_up_after);
}

TEST(Quotes, SayWhyASourceMayNotAnswer) {
    config::Config config = make_config();
    config.routes[0].max_cost = Money{400'000, usd};
    House dear{config};
    EXPECT_EQ(
        rows(quote(*dear.catalogue, dear.ask())),
        (std::vector<Row>{
            {"desk", worker, 0},
            {"runpod", worker, 0},
            {"nano", too_dear, 0},
            {"micro", api, 1},
            {"claude", too_dear, 0}}));
    config.routes[0].max_cost.reset();
    config.routes[0].stay_own = true;
    config.models[0].offers[2].token_price.reset();
    House home{config};
    const auto explained = quote(*home.catalogue, home.ask());
    EXPECT_EQ(
        rows(explained),
        (std::vector<Row>{
            {"desk", worker, 0},
            {"runpod", at_home, 0},
            {"nano", no_price, 0},
            {"micro", at_home, 0},
            {"claude", at_home, 0}}));
    EXPECT_FALSE(explained->api_after) << "never";
}

TEST(Quotes, SayThatAnOfferIsRetired) {
    config::Config config = make_config();
    const config::Date day{std::chrono::year{2027} / 1 / 1};
    config.models[1].offers[0].retires = day;
    House house{config};
    Ask ask = house.ask("opus");
    ask.today = std::chrono::sys_days{day};
    const auto explained = quote(*house.catalogue, ask);
    EXPECT_EQ(rows(explained)[0], (Row{"claude", retired, 0}));
    EXPECT_EQ(explained->quotes[0].retires, day);
    EXPECT_FALSE(explained->quotes[0].hold_report);
}

/// The plan refuses it; the quotes are what the owner then needs.
TEST(Quotes, AreThereWhenNothingIsLeft) {
    config::Config config = make_config();
    config.routes[0].use = {"opus"};
    config.routes[0].max_cost = Money{1, usd};
    House house{config};
    ASSERT_FALSE(house.plan(house.ask("opus")));
    EXPECT_EQ(
        rows(quote(*house.catalogue, house.ask("opus"))),
        (std::vector<Row>{{"claude", too_dear, 0}}));
    EXPECT_EQ(quote(*house.catalogue, house.ask("opsu")).error().code, Errc::not_found);
}

}  // namespace
}  // namespace evenkeel::routing
