#include "providers/http/wire_tools.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace evenkeel::providers {
namespace {

std::optional<Money> amount(std::string_view json) {
    const auto value = exact_json::parse(json);
    return value ? amount_of(&*value, usd) : std::nullopt;
}

struct AmountCase {
    const char* json;
    std::optional<std::int64_t> nanos;
};
class AmountOf : public ::testing::TestWithParam<AmountCase> {};
TEST_P(AmountOf, ReadsDecimalTextOnce) {
    const auto read = amount(GetParam().json);
    ASSERT_EQ(read.has_value(), GetParam().nanos.has_value()) << GetParam().json;
    if (read) {
        EXPECT_EQ(read->nanos(), *GetParam().nanos) << GetParam().json;
    }
}
INSTANTIATE_TEST_SUITE_P(
    Table,
    AmountOf,
    ::testing::Values(
        AmountCase{"4.41", 4'410'000'000},
        AmountCase{"\"12.34\"", 12'340'000'000},
        AmountCase{"3", 3'000'000'000},
        AmountCase{"-0.5", -500'000'000},
        AmountCase{"0", 0},
        AmountCase{"0.0", 0},
        AmountCase{"12.340000000000002", 12'340'000'000},
        AmountCase{"0.00743999984115362", 7'440'000},
        AmountCase{"8.3e-07", 830},
        AmountCase{"1E+2", 100'000'000'000},
        AmountCase{"1e-12", 0},
        AmountCase{"0.0000000005", 0},
        AmountCase{"0.0000000015", 2},
        AmountCase{"0.0000000025", 2},
        AmountCase{"0.00000000250001", 3},
        AmountCase{"0.0000000006", 1},
        AmountCase{"9223372036854775807", std::nullopt},
        AmountCase{"1e39", std::nullopt},
        AmountCase{"1e999", std::nullopt},
        AmountCase{"\"4.41 USD\"", std::nullopt},
        AmountCase{"\"\"", std::nullopt},
        AmountCase{"\"1.2.3\"", std::nullopt},
        AmountCase{"\"--1\"", std::nullopt},
        AmountCase{"\"NaN\"", std::nullopt},
        AmountCase{"null", std::nullopt},
        AmountCase{"true", std::nullopt},
        AmountCase{"[1]", std::nullopt}));

TEST(WireTools, APriceOfNothingIsUnknown) {
    const auto price = [](std::string_view json) {
        const auto value = exact_json::parse(json);
        return hourly_price_of(&*value, usd);
    };
    EXPECT_EQ(price("3.99"), Price::per_hour(Money{3'990'000'000, usd}));
    EXPECT_EQ(price("0.0"), std::nullopt);
    EXPECT_EQ(price("-1"), std::nullopt);
    EXPECT_EQ(hourly_price_of(nullptr, usd), std::nullopt);
}

TEST(WireTools, IdsThatCanStandInAPath) {
    EXPECT_TRUE(is_path_id("m-7f3a-000001"));
    for (const char* bad : {"", ".", "..", "a/b", "a b", "a?b", "a%2f", "\xc3\xa9", "a\n"}) {
        EXPECT_FALSE(is_path_id(bad)) << bad;
    }
    EXPECT_FALSE(is_path_id(std::string(129, 'a')));
    EXPECT_EQ(url_encode("a b/c&d=\xc3\xa9~"), "a%20b%2Fc%26d%3D%C3%A9~");
}

TEST(WireTools, F26AMarkIsAnExactThing) {
    EXPECT_TRUE(is_owner_mark("ek-1a2b3c4d"));
    for (const char* bad :
         {"", "ek-", "ek-1a2b3c4", "ek-1a2b3c4d5", "ek-1A2B3C4D", "ek-1a2b3c4g", "xk-1a2b3c4d"}) {
        EXPECT_FALSE(is_owner_mark(bad)) << bad;
    }
    EXPECT_EQ(owner_mark_of_name("ek-1a2b3c4d-01jd9z"), "ek-1a2b3c4d");
    for (const char* bad :
         {"ek-1a2b3c4d",
          "ek-1a2b3c4d-",
          "ek-1a2b3c4d-copy of",
          "my-ek-1a2b3c4d-01",
          "ek-1a2b3c4d_01",
          "ek-expires1-01",
          "EK-1A2B3C4D-01"}) {
        EXPECT_EQ(owner_mark_of_name(bad), "") << bad;
    }
}

TEST(WireTools, F106WhatAProviderWroteIsCleaned) {
    const std::vector<std::string> secrets{"tok-5e94-marked", "pw", ""};
    EXPECT_EQ(
        public_detail("Size is not available in this region.", secrets),
        "Size is not available in this region.");
    EXPECT_EQ(
        public_detail("bad value 'tok-5e94-marked' in env", secrets), "bad value '***' in env");
    EXPECT_EQ(public_detail("key LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t failed"), "key *** failed");
    EXPECT_EQ(public_detail("line\r\ninjected \x1b[31mred"), "*** ***");
    EXPECT_LE(public_detail(std::string(10'000, 'a') + " b").size(), 160u);
    std::string words;
    for (int i = 0; i < 100; ++i) {
        words += "word ";
    }
    EXPECT_LE(public_detail(words).size(), 160u);
    EXPECT_EQ(public_detail(""), "");
}

TEST(WireTools, EveryStatusHasItsClass) {
    const auto of = [](int status, Errc lost) {
        return general_error("X", HttpResponse{.status = status}, "", lost).code;
    };
    for (const Errc lost : {Errc::outcome_unknown, Errc::unavailable}) {
        EXPECT_EQ(of(401, lost), Errc::unauthorized);
        EXPECT_EQ(of(403, lost), Errc::unauthorized);
        EXPECT_EQ(of(404, lost), Errc::invalid_response);
        EXPECT_EQ(of(408, lost), lost);
        EXPECT_EQ(of(409, lost), Errc::conflict);
        EXPECT_EQ(of(423, lost), Errc::conflict);
        EXPECT_EQ(of(429, lost), Errc::rate_limited);
        EXPECT_EQ(of(400, lost), Errc::rejected);
        EXPECT_EQ(of(422, lost), Errc::rejected);
        EXPECT_EQ(of(302, lost), Errc::rejected);
        EXPECT_EQ(of(500, lost), lost);
        EXPECT_EQ(of(503, lost), lost);
        EXPECT_EQ(of(524, lost), lost);
    }
    EXPECT_EQ(of(204, Errc::unavailable), Errc::invalid_response);
    EXPECT_EQ(of(101, Errc::outcome_unknown), Errc::outcome_unknown);
}

TEST(WireTools, ASpecIsCheckedBeforeItIsSent) {
    const MachineSpec good{
        .name = "ek-1a2b3c4d-01jd",
        .owner_mark = "ek-1a2b3c4d",
        .user_data = "#cloud-config\n\truncmd: []\r\n"};
    EXPECT_TRUE(check_spec(good, 64));
    const auto refused = [&](auto change) {
        MachineSpec spec = good;
        change(spec);
        const auto fit = check_spec(spec, 64);
        return !fit && fit.error().code == Errc::rejected;
    };
    EXPECT_TRUE(refused([](MachineSpec& s) { s.name = ""; }));
    EXPECT_TRUE(refused([](MachineSpec& s) { s.name = "ek-1a2b3c4d-01JD"; }));
    EXPECT_TRUE(refused([](MachineSpec& s) { s.name = "ek-1a2b3c4d-"; }));
    EXPECT_TRUE(refused([](MachineSpec& s) { s.name = "ek-1a2b3c4d-" + std::string(60, 'a'); }));
    EXPECT_TRUE(refused([](MachineSpec& s) { s.name = "ek-99999999-01jd"; }));
    EXPECT_TRUE(refused([](MachineSpec& s) { s.owner_mark = ""; }));
    EXPECT_TRUE(refused([](MachineSpec& s) { s.user_data = std::string(65, 'a'); }));
    EXPECT_TRUE(refused([](MachineSpec& s) { s.user_data = "caf\xc3\xa9"; }));
    EXPECT_TRUE(refused([](MachineSpec& s) { s.user_data = std::string(1, '\0'); }));
}

}  // namespace
}  // namespace evenkeel::providers
