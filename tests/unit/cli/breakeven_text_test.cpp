#include "agent/cli/breakeven_text.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace evenkeel::cli {
namespace {

using breakeven::Exact;

Exact number(const char* text) {
    return *breakeven::parse_exact(text);
}

report::BreakevenInput desk() {
    report::BreakevenInput input{.use_from = "as asked", .wear_monthly = number("122.78")};
    breakeven::Situation& s = input.situation;
    s.own = breakeven::OwnHardware{
        .name = "desk",
        .price = number("6800"),
        .currency = aud,
        .residual = number("0.35"),
        .active_w = 725,
        .idle_w = 90};
    s.use = number("0.3");
    s.tokens = breakeven::Tokens{.in_mtok = number("75.9"), .out_mtok = number("28.6")};
    input.tokens_from = "as asked";
    s.tariff = number("0.33");
    s.tariff_currency = s.report = aud;
    s.rates[{usd, aud}] = number("1.4235");
    const UtcTime day = std::chrono::sys_days{std::chrono::November / 9 / 2026};
    s.rentals = {
        {.what = "H100 PCIe on runpod",
         .gpu = "H100 PCIe",
         .rate = number("2.89"),
         .currency = usd,
         .seen = day,
         .capacity_tps = 1'000},
        {.what = "RTX 5090 on runpod",
         .gpu = "RTX 5090",
         .rate = number("0.09"),
         .currency = usd,
         .seen = day - std::chrono::days{200},
         .stale = true}};
    s.apis = {
        {.what = "qwq on hosted", .in = number("0.40"), .out = number("0.40"), .currency = usd}};
    s.reservations = {
        {.what = "H100 on do",
         .rate = number("1.91"),
         .against = "gpu-h100x1-80gb on do",
         .list_rate = number("4.41"),
         .currency = usd}};
    input.notes = {"a note"};
    return input;
}

const UtcTime now = std::chrono::sys_days{std::chrono::November / 25 / 2026};

/// The whole report, as a person sees it.
TEST(BreakevenText, IsTheGoldenOne) {
    const auto input = desk();
    const auto comparison = breakeven::compare(input.situation);
    ASSERT_TRUE(comparison) << comparison.error().message;
    const std::string text = breakeven_text(input, {}, *comparison, now);
    const std::string path = std::string{EVENKEEL_SOURCE_DIR} + "/tests/data/breakeven/report.txt";
    if (std::getenv("EVENKEEL_UPDATE_GOLDEN") != nullptr) {
        std::ofstream{path} << text;
    }
    std::ifstream file{path};
    EXPECT_EQ(text, (std::string{std::istreambuf_iterator<char>{file}, {}}));
}

TEST(BreakevenText, CsvIsForPrograms) {
    const auto input = desk();
    const auto comparison = breakeven::compare(input.situation);
    ASSERT_TRUE(comparison);
    EXPECT_EQ(
        breakeven_csv(*comparison, now),
        "instead_of,per_month,status,months,price_seen,age_days,stale\n"
        "renting H100 PCIe on runpod,900.95,ok,5.30,2026-11-09,16,false\n"
        "renting RTX 5090 on runpod,28.06,never,,2026-04-23,216,true\n"
        "\"the same tokens, qwq on hosted\",59.50,never,,,,false\n");
}

}  // namespace
}  // namespace evenkeel::cli
