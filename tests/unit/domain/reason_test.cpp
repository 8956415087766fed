#include "policies/domain/reason.hpp"

#include "policies/domain/error.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace evenkeel {
namespace {

TEST(Reason, EveryCodeHasItsOwnName) {
    std::set<std::string> names;
    for (std::uint16_t code = 1; code < 100; ++code) {
        const auto name = to_text(static_cast<ReasonCode>(code));
        if (name != "none") {
            EXPECT_TRUE(names.emplace(name).second) << name;
        }
    }
    EXPECT_GE(names.size(), 30u);
}

TEST(Errors, CodesAreReadAsTheyAreWritten) {
    for (int i = 0; i <= static_cast<int>(Errc::cancelled); ++i) {
        EXPECT_EQ(errc_from_text(to_text(static_cast<Errc>(i))), static_cast<Errc>(i));
    }
    EXPECT_EQ(to_text(static_cast<Errc>(static_cast<int>(Errc::cancelled) + 1)), "unknown")
        << "a code after the last one that errc_from_text knows";
    EXPECT_FALSE(errc_from_text("Refused"));
}

TEST(Reason, SentencesCarryTheirNumbers) {
    EXPECT_EQ(
        sentence({ReasonCode::rent_debt, {514'500'000, 588'000'000, 1}}, "USD"),
        "overflow has cost 0.5145 USD, a rental commits 0.5880 USD; orders 1");
    EXPECT_EQ(
        sentence({ReasonCode::own_waited, {250}}, ""), "an own worker became free after 250 ms");
    EXPECT_EQ(sentence({ReasonCode::wait_over, {20'000}}, ""), "no source became free within 20 s");
}

}  // namespace
}  // namespace evenkeel
