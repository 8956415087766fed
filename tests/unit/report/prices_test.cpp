#include "agent/report/prices.hpp"

#include "policies/config/load.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace evenkeel::report {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

const UtcTime now{std::chrono::sys_days{std::chrono::November / 23 / 2026} + 10h};

config::Config shop() {
    const std::vector<config::SourceFile> files{
        {"evenkeel.yaml", "version: 1\n"},
        {"providers.yaml", R"(version: 1
providers:
  desk: {kind: local, url: "http://127.0.0.1:9"}
  cloud: {kind: sandbox, base_url: "http://127.0.0.1:9"}
  paid: {kind: openai-compatible, url: "http://127.0.0.1:9/v1"}
)"},
        {"models.yaml", R"(version: 1
models:
  m:
    offers:
      - {on: desk}
      - {on: cloud, gpu: H100, price: 4.41 USD/h, seen: 2026-11-20}
      - {on: paid, model: big, price: {in: 4 USD/Mtok, out: 20 USD/Mtok}, seen: 2026-01-02}
)"},
        {"policy.yaml", R"(version: 1
routes:
  - {name: default, match: {}, use: [m]}
scaling:
  - {name: burst, model: m, offers: [cloud], max_price: 5 USD/h, max_life: 6h, max_price_age: 24h}
)"}};
    auto loaded =
        config::load(files, std::chrono::year_month_day{std::chrono::November / 23 / 2026});
    if (!loaded) {
        throw std::runtime_error{config::render_all(loaded.error())};
    }
    return std::move(loaded->config);
}

std::optional<std::pair<Price, UtcTime>> unseen(const config::Offer&) {
    return std::nullopt;
}

TEST(PriceCatalogue, ShowsTheTiersOfAnApi) {
    config::Config config = shop();
    config.models[0].offers[2].token_price->tiers = {
        {.over = 200'000,
         .in = *parse_price("8 USD/Mtok"),
         .out = *parse_price("30 USD/Mtok"),
         .cached = *parse_price("0.40 USD/Mtok")}};
    std::string text;
    const auto rows = price_rows(config, unseen);
    for (const auto& [meter, price] : rows[1].prices) {
        text += meter + " " + to_text(price) + "; ";
    }
    EXPECT_EQ(
        text,
        "in 4.00 USD/Mtok; out 20.00 USD/Mtok; in over 200000 8.00 USD/Mtok; out over 200000 "
        "30.00 USD/Mtok; cached over 200000 0.40 USD/Mtok; ");
}

TEST(PriceCatalogue, TellsWhoSaidAPriceAndHowLongAgo) {
    const auto configured = price_rows(shop(), unseen);
    ASSERT_EQ(configured.size(), 2u) << "own machines have no price";
    EXPECT_EQ(configured[0].offer, "cloud");
    EXPECT_FALSE(configured[0].measured);
    EXPECT_TRUE(configured[0].stale(now)) << "three days old, limit one";
    EXPECT_EQ(configured[1].what, "big");
    EXPECT_EQ(configured[1].prices.size(), 2u);
    EXPECT_FALSE(configured[1].stale(now)) << "no rule limits the age of an API's price";

    const auto seen = price_rows(shop(), [](const config::Offer&) {
        return std::optional{std::pair{Price::per_hour(Money{4'200'000'000, usd}), now - 23h}};
    });
    EXPECT_TRUE(seen[0].measured);
    EXPECT_EQ(to_text(seen[0].prices.at(0).second), "4.20 USD/h");
    EXPECT_FALSE(seen[0].stale(now));
    EXPECT_TRUE(seen[0].stale(now + 2h));

    const json::value root = json::parse(prices_json(seen, now));
    EXPECT_EQ(root.at("schema").as_string(), "evenkeel.prices/1");
    const json::value& first = root.at("prices").at(0);
    EXPECT_EQ(first.at("source").as_string(), "seen");
    EXPECT_EQ(first.at("age_s").as_int64(), 23 * 3600);
    EXPECT_EQ(first.at("age_max_s").as_int64(), 24 * 3600);
    EXPECT_EQ(first.at("prices").at(0).at("amount").as_string(), "4.20");
    EXPECT_TRUE(root.at("prices").at(1).at("age_max_s").is_null());
}

TEST(PriceCatalogue, ARefreshTellsWhatFailed) {
    const json::value root = json::parse(refreshed_json(
        {{.provider = "cloud",
          .offers =
              {{.sku = "h100", .gpu = "H100", .price = Price::per_hour(Money{1, usd})},
               {.sku = "odd"}}},
         {.provider = "far", .error = Error{Errc::timed_out, "no answer"}}}));
    const auto& providers = root.at("providers").as_array();
    EXPECT_TRUE(providers.at(0).at("ok").as_bool());
    EXPECT_EQ(providers.at(0).at("offers").at(0).at("amount").as_string(), "0.000000001");
    EXPECT_TRUE(providers.at(0).at("offers").at(1).at("amount").is_null()) << "unknown, never free";
    EXPECT_FALSE(providers.at(1).at("ok").as_bool());
    EXPECT_EQ(providers.at(1).at("error").as_string(), "no answer");
}

}  // namespace
}  // namespace evenkeel::report
