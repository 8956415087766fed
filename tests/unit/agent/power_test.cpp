#include "agent/control/power.hpp"

#include <gtest/gtest.h>

namespace evenkeel::agent {
namespace {

using namespace std::chrono_literals;

const UtcTime noon = std::chrono::sys_days{std::chrono::November / 25 / 2026} + 12h;

TEST(Tariff, TheFirstWhoseHoursHoldTheTimeWins) {
    config::Energy energy;
    energy.tariff = {
        {.price = *parse_price("0.08 AUD/kWh"), .when = "10:00-15:00"},
        {.price = *parse_price("0.20 AUD/kWh"), .when = "22:00-06:00"},
        {.price = *parse_price("0.33 AUD/kWh"), .when = {}}};
    const ledger::Zone utc;
    EXPECT_EQ(tariff_at(energy, utc, noon), *parse_price("0.08 AUD/kWh"));
    EXPECT_EQ(tariff_at(energy, utc, noon + 3h), *parse_price("0.33 AUD/kWh"));
    EXPECT_EQ(tariff_at(energy, utc, noon + 11h), *parse_price("0.20 AUD/kWh"));
    EXPECT_EQ(tariff_at(energy, utc, noon + 17h), *parse_price("0.20 AUD/kWh")) << "past midnight";
    EXPECT_EQ(tariff_at({}, utc, noon), std::nullopt);
}

}  // namespace
}  // namespace evenkeel::agent
