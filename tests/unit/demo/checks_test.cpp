#include "lab/demo/checks.hpp"

#include <gtest/gtest.h>

namespace evenkeel::lab::demo {
namespace {

json::object parsed(std::string_view text) {
    const Result<json::object> object = parse_object(text, "test");
    EXPECT_TRUE(object) << text;
    return object.value_or(json::object{});
}

player::PlayerReport good_report() {
    player::PlayerReport report;
    report.planned = 10;
    report.sent = 10;
    report.answered = 9;
    report.errors = 1;
    return report;
}

const std::string good_status =
    R"({"requests":{"total":10,"answered":9},"rented":{"now":0,"max":1},"queues":[{"depth":0}],)"
    R"("machines":[{"name":"m","state":"gone"}]})";
const std::string good_spend = R"({"schema":"evenkeel.spend/1","currency":"USD","lines":[
    {"kind":"own","requests":4,"cost":"0.02"},
    {"kind":"rental","requests":3,"cost":"0.514500001"},
    {"kind":"rental","requests":0,"cost":"1.000000000"},
    {"kind":"api","requests":3,"cost":"0.75"}],
    "total":{"requests":10,"cost":"2.284500001"}})";
const std::string good_bill = R"({"currency":"USD","lines":[
    {"id":"m-1","amount":"0.514500001","final":true},
    {"id":"m-2","amount":"1.000000000","final":true}],"total":"1.514500001"})";

TEST(DemoChecks, RequestsMustAllEndWellAndBeCountedAlike) {
    EXPECT_TRUE(check_requests(good_report(), parsed(good_status)).ok);

    struct Case {
        const char* what;
        void (*spoil)(player::PlayerReport&);
    };
    for (const Case& c : {
             Case{"a malformed one", [](auto& r) { --r.answered, ++r.malformed; }},
             Case{"one not sent", [](auto& r) { --r.answered, ++r.shed; }},
             Case{"one without an end", [](auto& r) { --r.errors; }},
             Case{"one ended twice", [](auto& r) { ++r.errors; }},
             Case{"the daemon saw more answers", [](auto& r) { --r.answered, ++r.errors; }},
         }) {
        player::PlayerReport report = good_report();
        c.spoil(report);
        const Check check = check_requests(report, parsed(good_status));
        EXPECT_FALSE(check.ok) << c.what;
        EXPECT_FALSE(check.detail.empty());
    }
    for (const char* status : {
             "{}",
             R"({"requests":{"total":11,"answered":9}})",
             R"({"requests":{"total":10,"answered":8}})",
             R"({"requests":{"total":10}})",
         }) {
        EXPECT_FALSE(check_requests(good_report(), parsed(status)).ok) << status;
    }
}

TEST(DemoChecks, LedgerMustVerify) {
    EXPECT_TRUE(check_ledger(0, parsed(R"({"ok":true,"transactions":12})")).ok);
    EXPECT_FALSE(check_ledger(1, parsed(R"({"ok":true})")).ok);
    EXPECT_FALSE(check_ledger(0, parsed("{}")).ok);
    const Check check = check_ledger(1, parsed(R"({"ok":false,"problems":["sum of tx 7"]})"));
    EXPECT_FALSE(check.ok);
    EXPECT_NE(check.detail.find("sum of tx 7"), std::string::npos);
}

TEST(DemoChecks, BillMustAgreeToTheLastUnit) {
    const Check good = check_bill(parsed(good_spend), parsed(good_bill));
    EXPECT_TRUE(good.ok) << good.detail;
    struct Case {
        const char* what;
        const char* bill;
    };
    for (const Case& c : {
             Case{"one nano less", R"({"currency":"USD","lines":[],"total":"1.514500000"})"},
             Case{"another currency", R"({"currency":"AUD","lines":[],"total":"1.514500001"})"},
             Case{
                 "not final",
                 R"({"currency":"USD","lines":[{"final":false}],"total":"1.514500001"})"},
             Case{"a number, not text", R"({"currency":"USD","lines":[],"total":1.514500001})"},
             Case{"no currency", R"({"lines":[],"total":"1.514500001"})"},
             Case{"nothing", "{}"},
         }) {
        EXPECT_FALSE(check_bill(parsed(good_spend), parsed(c.bill)).ok) << c.what;
    }
    EXPECT_FALSE(check_bill(parsed("{}"), parsed(good_bill)).ok);
    EXPECT_FALSE(check_bill(parsed(R"({"currency":"USD"})"), parsed(good_bill)).ok);
    // Nothing rented, nothing billed.
    EXPECT_TRUE(check_bill(
                    parsed(R"({"currency":"USD","lines":[]})"),
                    parsed(R"({"currency":"USD","lines":[],"total":"0"})"))
                    .ok);
}

TEST(DemoChecks, LedgerMustHaveEveryRequest) {
    EXPECT_TRUE(check_ledger_requests(good_report(), parsed(good_spend)).ok);
    player::PlayerReport more = good_report();
    ++more.sent;
    EXPECT_FALSE(check_ledger_requests(more, parsed(good_spend)).ok);
    EXPECT_FALSE(check_ledger_requests(good_report(), parsed("{}")).ok);
}

TEST(DemoChecks, NoMachineMayBeLeft) {
    const std::string nodes = R"({"machines":[{"state":"gone"},{"state":"gone"}]})";
    EXPECT_TRUE(check_machines(parsed(R"({"machines":[],"total":0})"), parsed(nodes)).ok);
    EXPECT_FALSE(check_machines(parsed(R"({"machines":[{}],"total":1})"), parsed(nodes)).ok);
    EXPECT_FALSE(check_machines(parsed("{}"), parsed(nodes)).ok);
    EXPECT_FALSE(check_machines(parsed(R"({"total":0})"), parsed("{}")).ok);
    EXPECT_FALSE(
        check_machines(parsed(R"({"total":0})"), parsed(R"({"machines":[{"state":"verifying"}]})"))
            .ok);
}

TEST(DemoChecks, QuietMeansNobodyWaitsAndAllIsGone) {
    EXPECT_TRUE(is_quiet(parsed(good_status)));
    for (const char* status : {
             "{}",
             R"({"rented":{"now":1}})",
             R"({"rented":{"now":0},"queues":[{"depth":2}]})",
             R"({"rented":{"now":0},"machines":[{"state":"draining"}]})",
         }) {
        EXPECT_FALSE(is_quiet(parsed(status))) << status;
    }
}

TEST(DemoChecks, SumsCostsByKindExactly) {
    const Result<KindCost> rental = cost_of_kind(parsed(good_spend), "rental");
    ASSERT_TRUE(rental);
    EXPECT_EQ(rental->requests, 3);
    EXPECT_EQ(to_text(rental->cost), "1.514500001 USD");
    EXPECT_EQ(to_text(total_of(parsed(good_spend)).value()), "2.284500001 USD");
    EXPECT_FALSE(
        cost_of_kind(parsed(R"({"currency":"USD","lines":[{"kind":"own","cost":"1e3"}]})"), "own"));
}

}  // namespace
}  // namespace evenkeel::lab::demo
