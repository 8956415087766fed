#include "lab/demo/view.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace evenkeel::lab::demo {
namespace {

using namespace std::chrono_literals;

json::object status_with(std::string_view machine_state) {
    const std::string text =
        R"j({"schema":"evenkeel.status/1","speed":30,"rented":{"now":1,"max":1},
        "cost_rate":{"amount":"132.49","currency":"USD"},
        "spend":{"today":"1.31","month":"1.31","currency":"USD"},
        "sources":[
          {"name":"desk","kind":"own","what":"RTX 5090 (own)","synthetic":true,"state":"serving",
           "busy":16,"slots":16,"queue":212,"tokens_per_s":16231,"granted":1234,"cost_rate":"0.19"},
          {"name":"api-standin","kind":"api","what":"API","synthetic":true,"state":"ready",
           "busy":2,"slots":512,"queue":0,"tokens_per_s":96,"granted":50,"cost_rate":null}],
        "queues":[{"model":"qwq-32b","depth":212,"oldest_ms":2100,"tokens":300000}],
        "machines":[{"id":7,"name":"ek-1","gpu":"H100 80GB (synthetic)","state":")j" +
        std::string{machine_state} +
        R"(","state_for_s":3.25,"age_s":12.5,"paid":"0.31","currency":"USD"}],
        "decisions":[{"at":"2026-11-25T10:00:01Z","what":"rent","sentence":"overflow has cost"},
                     {"at":"2026-11-25T10:00:00Z","what":"hold","sentence":"nothing yet"}],
        "warnings":["something is old"]})";
    const Result<json::object> object = parse_object(text, "status");
    EXPECT_TRUE(object);
    return object.value_or(json::object{});
}

Progress progress_at(std::chrono::milliseconds played) {
    return {
        .trace = "azure2023_conv",
        .from = 38min,
        .to = 58min,
        .played = played,
        .elapsed = played / 30,
        .speed = 30,
        .act = "The trace plays."};
}

player::PlayerReport report() {
    player::PlayerReport counts;
    counts.planned = 6'012;
    counts.sent = 3'000;
    counts.answered = 2'800;
    counts.in_flight = 200;
    return counts;
}

bool has(const std::vector<std::string>& lines, std::string_view piece) {
    return std::ranges::any_of(
        lines, [&](const std::string& line) { return line.find(piece) != std::string::npos; });
}

TEST(DemoView, FrameShowsSourcesQueueMachinesMoneyAndTheLastDecision) {
    const auto lines = make_frame(status_with("booting"), progress_at(10min), report(), 200);
    for (const char* piece :
         {"azure2023_conv at 48m00s",
          "[############............]",
          "3,000 of 6,012 requests sent, 2,800 answered, 200 in flight",
          "Spending 132.49 USD/h",
          "today 1.31 USD",
          "rented 1 of 1",
          "212 wait, the oldest for 2100 ms",
          "RTX 5090 (own) (synthetic)",
          "16/16",
          "16,231",
          "0.1900/h",
          "per token",
          "booting",
          "3.2s",
          "12.5s",
          "0.3100 USD",
          "Last decision: rent: overflow has cost",
          "hourly prices x 30"}) {
        EXPECT_TRUE(has(lines, piece)) << piece;
    }
    EXPECT_FALSE(has(lines, "BROKEN"));
}

TEST(DemoView, FrameFitsItsWidthAndTakesAnyDocument) {
    for (const std::size_t width : {60UL, 80UL, 120UL}) {
        for (const std::string& line :
             make_frame(status_with("serving"), progress_at(1min), report(), width)) {
            EXPECT_LE(line.size(), width) << line;
        }
    }
    EXPECT_FALSE(make_frame(json::object{}, Progress{}, player::PlayerReport{}, 80).empty());
}

TEST(DemoView, RedrawGoesBackOverTheOldFrame) {
    EXPECT_EQ(redraw({"a", "b"}, 0, false), "\ra\x1b[K\nb\x1b[K\n\x1b[J");
    EXPECT_EQ(redraw({"a"}, 2, false), "\x1b[2A\ra\x1b[K\n\x1b[J");
    EXPECT_NE(redraw({"SOURCE x"}, 0, true).find("\x1b[1mSOURCE x\x1b[0m"), std::string::npos);
}

TEST(DemoView, ChangesAreToldOnce) {
    ChangeLog log;
    const auto first = log.update(status_with("creating"), progress_at(1min), report());
    EXPECT_TRUE(has(first, "source desk (RTX 5090 (own), synthetic): serving"));
    EXPECT_TRUE(has(first, "machine ek-1: creating, paid 0.3100 USD"));
    EXPECT_TRUE(has(first, "decision: rent: overflow has cost"));
    EXPECT_TRUE(has(first, "warning: something is old"));
    EXPECT_TRUE(has(first, "The trace plays."));
    EXPECT_TRUE(has(first, "trace at 39m00s"));
    EXPECT_TRUE(log.update(status_with("creating"), progress_at(1min), report()).empty());

    const auto second = log.update(status_with("booting"), progress_at(119s), report());
    ASSERT_EQ(second.size(), 1u);
    EXPECT_EQ(second.front(), "  4.0s  machine ek-1: booting, paid 0.3100 USD");
    const auto third = log.update(status_with("booting"), progress_at(2min), report());
    ASSERT_EQ(third.size(), 1u);
    EXPECT_NE(third.front().find("trace at 40m00s"), std::string::npos);
}

TEST(DemoView, Texts) {
    EXPECT_EQ(amount_for_people("17.084391605"), "17.08");
    EXPECT_EQ(amount_for_people("0.764427605"), "0.7644");
    EXPECT_EQ(amount_for_people("0"), "0.00");
    EXPECT_EQ(amount_for_people("n/a"), "n/a");
    EXPECT_EQ(clock_text(2'300s), "38m20s");
    EXPECT_EQ(clock_text(3'725s), "1h02m05s");
    EXPECT_EQ(count_text(0), "0");
    EXPECT_EQ(count_text(999), "999");
    EXPECT_EQ(count_text(1'000), "1,000");
    EXPECT_EQ(count_text(-1'234'567), "-1,234,567");
    EXPECT_EQ(count_text(-123), "-123");
}

}  // namespace
}  // namespace evenkeel::lab::demo
