#include "lab/demo/story.hpp"

#include <gtest/gtest.h>

#include <algorithm>

/// The last lines of the demo, and that no check can be forgotten.
namespace evenkeel::lab::demo {
namespace {

using namespace std::chrono_literals;

json::object parsed(std::string_view text) {
    const Result<json::object> object = parse_object(text, "test");
    EXPECT_TRUE(object) << text;
    return object.value_or(json::object{});
}

Books good_books() {
    Books books;
    books.status =
        parsed(R"({"requests":{"total":3,"answered":3},"rented":{"now":0},"machines":[]})");
    books.nodes = parsed(R"({"machines":[{"state":"gone"}]})");
    books.spend = parsed(R"({"currency":"USD","lines":[
        {"kind":"own","requests":1,"cost":"0.063512"},
        {"kind":"rental","requests":1,"cost":"1.5"},
        {"kind":"api","requests":1,"cost":"2.25"}],"total":{"requests":3,"cost":"3.813512"}})");
    books.bill = parsed(R"({"currency":"USD","lines":[{"final":true}],"total":"1.500000000"})");
    books.cloud_list = parsed(R"({"machines":[],"total":0})");
    books.verification = parsed(R"({"ok":true,"transactions":7,"requests":3})");
    books.verify_status = 0;
    return books;
}

player::PlayerReport good_report() {
    player::PlayerReport report;
    report.planned = report.sent = report.answered = 3;
    report.sources["desk"].answered = 1;
    report.sources["api-standin"].answered = 2;
    report.first_token_ms = {100, 200, 300};
    return report;
}

Progress progress() {
    return {.trace = "azure2023_conv", .from = 38min, .to = 58min, .speed = 30};
}

bool all_hold(const std::vector<Check>& checks) {
    return std::ranges::all_of(checks, &Check::ok);
}

TEST(DemoEnding, EveryBookIsJudged) {
    EXPECT_TRUE(all_hold(judge(good_report(), good_books())));
    const std::vector<void (*)(Books&)> spoilers{
        [](Books& books) { books.status = {}; },
        [](Books& books) { books.nodes = {}; },
        [](Books& books) { books.spend = {}; },
        [](Books& books) { books.bill = {}; },
        [](Books& books) { books.cloud_list = {}; },
        [](Books& books) { books.verification = {}; },
        [](Books& books) { books.verify_status = 1; }};
    for (std::size_t i = 0; i < spoilers.size(); ++i) {
        Books books = good_books();
        spoilers[i](books);
        EXPECT_FALSE(all_hold(judge(good_report(), books))) << i;
    }
    EXPECT_FALSE(all_hold(judge(player::PlayerReport{.planned = 1}, good_books())));
}

TEST(DemoEnding, LastLinesNameTraceRequestsCostLedgerAndMachines) {
    const auto checks = judge(good_report(), good_books());
    const auto lines = summary(progress(), good_report(), good_books(), checks);
    ASSERT_EQ(lines.size(), 5u);
    EXPECT_EQ(lines[0], "trace     azure2023_conv, 38m00s to 58m00s, played at speed 30");
    EXPECT_NE(lines[1].find("3 sent, 3 answered (api-standin 2, desk 1)"), std::string::npos);
    EXPECT_NE(lines[1].find("p50 6.0 s, p95 9.0 s of trace time"), std::string::npos) << lines[1];
    EXPECT_EQ(
        lines[2], "cost      own 0.0635 + rented 1.5000 + API 2.2500 = 3.8135 USD (all synthetic)");
    EXPECT_NE(lines[3].find("equal to the sandbox cloud's own bill"), std::string::npos);
    EXPECT_EQ(lines[4], "machines left: 0");
}

TEST(DemoEnding, AFailedCheckIsNotCalledSound) {
    Books books = good_books();
    books.bill = parsed(R"({"currency":"USD","lines":[],"total":"1.500000001"})");
    books.cloud_list = {};
    const auto lines = summary(progress(), good_report(), books, judge(good_report(), books));
    EXPECT_NE(lines[3].find("FAILED"), std::string::npos);
    EXPECT_EQ(lines[4], "machines left: unknown");
}

TEST(DemoEnding, ComparisonNamesItsCurrencyAndHowEachFigureCame) {
    const Comparison comparison{
        .api_only = Money{51'555'200'000, usd},
        .always_on = Money{4'652'800'000, usd},
        .own_api = Money{37'565'400'000, usd}};
    const auto lines =
        comparison_lines(comparison, World{}.machine_price, Money{17'672'700'000, usd});
    EXPECT_EQ(lines.at(0), "The same traffic would have cost, in USD:");
    EXPECT_NE(lines.at(1).find("51.5552   exact"), std::string::npos);
    EXPECT_NE(lines.at(2).find("4.6528   simulated"), std::string::npos);
    EXPECT_NE(lines.at(2).find("105.84 a day"), std::string::npos);
    EXPECT_NE(lines.at(3).find("37.5654   simulated"), std::string::npos);
    EXPECT_NE(lines.at(4).find("17.6727   from the ledger"), std::string::npos);
    EXPECT_NE(
        comparison_lines(comparison, World{}.machine_price, fail(Errc::corrupt, "x"))
            .at(4)
            .find("unknown"),
        std::string::npos);
}

}  // namespace
}  // namespace evenkeel::lab::demo
