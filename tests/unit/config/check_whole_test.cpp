#include "tests/unit/config/files.hpp"
#include "tests/unit/config/support.hpp"

/// Checks that need more than one line of one file to be seen.
namespace evenkeel::config::test {
namespace {

TEST(CrossCheckRoute, MustHaveAnOwnOfferToStayAtHome) {
    auto files = base_files();
    files[2].text +=
        "  n: {offers: [{name: a, on: shop, price: {in: 1 USD/Mtok, out: 2 USD/Mtok}, "
        "seen: 2026-11-01}]}\n";
    files[3].text = routes(
        "{name: a, match: {key: [k]}, use: [n], stay: own}, "
        "{name: b, use: [n, m], stay: own}");
    const auto found = findings(files);
    ASSERT_EQ(found.size(), 1u) << render_all(found);
    EXPECT_EQ(found[0].code, "EK-C053");
    EXPECT_EQ(found[0].path, "routes[0].stay");
}

TEST(CrossCheckOffer, OfAnotherModelCannotBeRented) {
    auto files = base_files();
    files[2].text += "  n: {offers: [{name: c2, on: cloud, price: 1 USD/h, seen: 2026-11-01}]}\n";
    files[3].text = scaling(
        "{name: b, model: m, offers: [cloud, c2], max_price: 5 USD/h, max_life: 6h}, "
        "{name: c, model: n, offers: [cloud], max_price: 5 USD/h, max_life: 6h}");
    const auto found = findings(files);
    ASSERT_EQ(found.size(), 2u) << render_all(found);
    EXPECT_EQ(found[0].code, "EK-C043");
    EXPECT_EQ(found[0].message, "offer 'c2' is one of model 'n', not of 'm'");
    EXPECT_EQ(found[1].message, "offer 'cloud' is one of model 'm', not of 'n'");
}

TEST(CrossCheckOffer, RetiredModelIsWarnedAbout) {
    auto files = base_files();
    files[1].text += "  claude: {kind: anthropic, credential: a}\n";
    files[2].text +=
        "  opus:\n    aliases: [claude-opus-4]\n    offers:\n      - {on: claude, model: "
        "claude-opus-4-1, price: {in: 15 USD/Mtok, out: 75 USD/Mtok}, "
        "seen: 2026-06-01}\n";
    const auto found = findings(files);
    ASSERT_EQ(found.size(), 1u) << render_all(found);
    EXPECT_EQ(found[0].code, "EK-W031");
    EXPECT_EQ(found[0].severity, Severity::warning);
    EXPECT_EQ(found[0].col, 29);
}

TEST(CrossCheckOffer, RetirementIsWarnedAboutFromSixtyDaysBefore) {
    const auto told = [](const std::string& day) {
        auto files = base_files();
        files[2].text += "  n: {offers: [{name: a, on: shop, model: big, retires: " + day +
                         ", price: {in: 1 USD/Mtok, out: 2 USD/Mtok}, seen: 2026-11-01}]}\n";
        const auto found = findings(files);
        return found.empty() ? "" : found[0].code + " " + found[0].message;
    };
    EXPECT_EQ(told("2027-01-25"), "") << "61 days";
    EXPECT_EQ(
        told("2027-01-24"),
        "EK-W042 'big' retires on 2027-01-24, in 60 days; from then on it is not used");
    EXPECT_EQ(
        told("2026-11-26"),
        "EK-W042 'big' retires on 2026-11-26, in 1 day; from then on it is not used");
    EXPECT_EQ(told("2026-11-25"), "EK-W031 'big' was retired on 2026-11-25; it is not used");
}

TEST(CrossCheckOffer, OnlyAnApiRetires) {
    auto files = base_files();
    files[2].text =
        "version: 1\nmodels:\n  m:\n    offers:\n      - {on: desk}\n"
        "      - {on: cloud, price: 4 USD/h, seen: 2026-11-01, retires: 2027-06-01}\n";
    const auto found = findings(files);
    ASSERT_EQ(found.size(), 1u) << render_all(found);
    EXPECT_EQ(found[0].code, "EK-C058");
    EXPECT_EQ(found[0].path, "models.m.offers[1].retires");
}

TEST(CrossCheckOffer, HasAtMostEightTiersOfItsOwnCurrencyInAscendingOrder) {
    const auto told = [](const std::string& tiers) {
        auto files = base_files();
        files[0].text += "currency: {rates: {AUD: {rate: 0.7, as_of: 2026-11-24}}}\n";
        files[2].text +=
            "  n: {offers: [{name: a, on: shop, price: {in: 1 USD/Mtok, out: 2 USD/Mtok, tiers: [" +
            tiers + "]}, seen: 2026-11-01}]}\n";
        const auto found = findings(files);
        std::string text;
        for (const Diagnostic& each : found) {
            text += (text.empty() ? "" : "; ") + each.code + " " + each.path;
        }
        return text;
    };
    const auto tier = [](int k, const char* currency) {
        return "{over: " + std::to_string(k) + "k, in: 1 USD/Mtok, out: 2 " + currency + "/Mtok},";
    };
    std::string eight;
    for (int k = 1; k <= 8; ++k) {
        eight += tier(k, "USD");
    }
    EXPECT_EQ(told(eight), "");
    EXPECT_EQ(told(eight + tier(9, "USD")), "EK-C018 models.n.offers[0].price.tiers[8]");
    EXPECT_EQ(
        told(tier(2, "USD") + tier(2, "USD")), "EK-C054 models.n.offers[0].price.tiers[1].over");
    EXPECT_EQ(told(tier(2, "AUD")), "EK-C027 models.n.offers[0].price.tiers[0].out");
    EXPECT_EQ(
        told(tier(2, "EUR")),
        "EK-C027 models.n.offers[0].price.tiers[0].out; "
        "EK-C050 models.n.offers[0].price.tiers[0].out");
}

TEST(CrossCheckRoutes, ABrokenPatternIsUnderlined) {
    const auto found = findings(base_with(
        File::policy,
        "version: 1\nroutes:\n  - {name: r, match: {text: 'a(b'}, use: [m]}\n" +
            base_texts[3].substr(base_texts[3].find("scaling"))));
    ASSERT_EQ(found.size(), 1u) << render_all(found);
    EXPECT_EQ(found[0].code, "EK-C056");
    EXPECT_EQ(found[0].message, "'a(b' is not a pattern: missing )");
    EXPECT_EQ(found[0].line, 3);
    EXPECT_EQ(found[0].col, 29);
    EXPECT_EQ(found[0].path, "routes[0].match.text");
}

TEST(CrossCheckRoutes, AtMostThirtyTwoMatchOnText) {
    const auto policy = [](int count) {
        std::string text = "version: 1\nroutes:\n";
        for (int i = 0; i < count; ++i) {
            text += "  - {name: r" + std::to_string(i) + ", match: {text: a}, use: [m]}\n";
        }
        return text + base_texts[3].substr(base_texts[3].find("scaling"));
    };
    EXPECT_TRUE(findings(base_with(File::policy, policy(32))).empty());
    const auto found = findings(base_with(File::policy, policy(33)));
    ASSERT_EQ(found.size(), 1u) << render_all(found);
    EXPECT_EQ(found[0].code, "EK-C057");
    EXPECT_EQ(found[0].path, "routes[32].match.text");
}

TEST(CrossCheckOffer, PricesInTwoCurrenciesAreRefusedEvenWithARate) {
    auto files = base_files();
    files[0].text += "currency: {rates: {AUD: {rate: 0.7, as_of: 2026-11-24}}}\n";
    files[2].text +=
        "  n: {offers: [{name: a, on: shop, price: {in: 1 USD/Mtok, out: 2 AUD/Mtok}, "
        "seen: 2026-11-01}]}\n";
    const auto found = findings(files);
    ASSERT_EQ(found.size(), 1u) << render_all(found);
    EXPECT_EQ(found[0].code, "EK-C027");
    EXPECT_EQ(found[0].path, "models.n.offers[0].price.out");
}

TEST(CrossCheckBudgets, MoreThanAdmissionCanCountAreRefused) {
    std::string policy = base_texts[3] + "budgets:\n";
    for (int i = 0; i < 65; ++i) {
        policy += "  - {name: b" + std::to_string(i) + ", limit: 400 USD, per: month}\n";
    }
    const auto found = findings(base_with(File::policy, policy));
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(found.back().code, "EK-C018");
    EXPECT_EQ(found.back().message, "more than 64 budgets");
}

}  // namespace
}  // namespace evenkeel::config::test
