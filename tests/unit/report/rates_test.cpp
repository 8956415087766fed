#include "agent/report/rates.hpp"

#include "tests/unit/ledger/ledger_fixture.hpp"

namespace evenkeel::report {
namespace {

constexpr auto june = std::chrono::year{2026} / 6 / std::chrono::day{30};

/// A ledger that reports in USD.
class ReportRates : public ledger::LedgerTest {
protected:
    void SetUp() override { open(); }
    /// What 9.33 USD are in `to`.
    [[nodiscard]] Result<Money> converted(Currency to, const config::CurrencyRules& rules) {
        EXPECT_TRUE(ledger_->flush());
        auto books = reader();
        Rates rates{books, to, rules};
        const auto made = rates.convert(ledger::dollars(9'330'000'000));
        texts_ = rates.texts();
        return made;
    }
    const Currency eur_{*Currency::parse("EUR")};
    std::vector<std::string> texts_{};
};

TEST_F(ReportRates, ServeBothWays) {
    config::CurrencyRules rules{.report = usd};
    rules.rates[aud] = {.rate_nanos = 600'000'000, .as_of = june};
    EXPECT_EQ(converted(aud, rules), (Money{15'550'000'000, aud})) << "9.33 / 0.6";
}

TEST_F(ReportRates, TwoToOneCurrencyMakeOneBetweenTwoOthers) {
    config::CurrencyRules rules{.report = aud};
    rules.rates[usd] = {.rate_nanos = 1'500'000'000, .as_of = june};
    rules.rates[eur_] = {
        .rate_nanos = 2'000'000'000, .as_of = std::chrono::year{2026} / 5 / std::chrono::day{1}};
    EXPECT_EQ(converted(eur_, rules), (Money{6'997'500'000, eur_})) << "9.33 * 1.5 / 2";
    EXPECT_EQ(texts_, std::vector<std::string>{"USD at 0.75 (2026-05-01)"})
        << "as old as the older one";
    ledger_->fx_seen({usd, aud, 16'000'000, 10'000'000, ledger::test_start});
    EXPECT_EQ(converted(eur_, rules), (Money{7'464'000'000, eur_})) << "9.33 * 1.6 / 2";
}

TEST_F(ReportRates, SayWhichOneIsMissing) {
    config::CurrencyRules rules{.report = aud};
    rules.rates[usd] = {.rate_nanos = 1'500'000'000, .as_of = june};
    const auto one = converted(eur_, rules);
    ASSERT_FALSE(one);
    EXPECT_EQ(
        one.error().message,
        "there is no rate from USD to EUR: add currency.rates.EUR to evenkeel.yaml, or report in "
        "AUD with --currency");
    const auto own = converted(eur_, {});
    ASSERT_FALSE(own);
    EXPECT_EQ(
        own.error().message,
        "there is no rate from USD to EUR: add currency.rates.EUR to evenkeel.yaml, or report in "
        "USD with --currency");
}

}  // namespace
}  // namespace evenkeel::report
