#include "providers/runpod/bill.hpp"

#include "providers/http/rfc3339.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace evenkeel::providers::runpod {
namespace {

using namespace std::chrono_literals;

const UtcTime noon = std::chrono::sys_days{2026y / 11 / 23} + 12h;

std::string record(std::string_view pod, UtcTime start, std::string_view amount) {
    return fmt::format(
        R"({{"startTime":"{}","endTime":"{}","podId":"{}","totalAmount":{},"gpuAmount":0,)"
        R"("cpuAmount":0,"diskAmount":0}})",
        format_rfc3339(start),
        format_rfc3339(start + 1h),
        pod,
        amount);
}
Result<std::vector<BillLine>> lines(
    std::initializer_list<std::string> records, UtcTime now, int count = -1) {
    return parse_bill(
        {200,
         fmt::format(
             R"({{"records":[{}],"metadata":{{"recordCount":{}}}}})",
             fmt::join(records, ","),
             count < 0 ? static_cast<int>(records.size()) : count)},
        now,
        settles_after);
}

TEST(RunPodBill, AsksForWholeHoursOfAWeek) {
    EXPECT_EQ(
        make_bill_request(noon + 31min).target,
        "/v2/billing/pods?bucketSize=hour&startTime=2026-11-16T12%3A00%3A00.000000Z"
        "&endTime=2026-11-23T13%3A00%3A00.000000Z");
}

TEST(RunPodBill, F102AddsUpTheHoursExactly) {
    const auto bill = lines(
        {record("a", noon - 3h, "1.995"),
         record("a", noon - 2h, "3.99"),
         record("a", noon - 1h, "8.3e-07"),
         record("b", noon - 1h, "0.1"),
         record("b", noon - 2h, "0.2"),
         record("c", noon - 1h, "0"),
         record("c", noon - 2h, "0.0")},
        noon + 10min);
    ASSERT_TRUE(bill) << bill.error().message;
    ASSERT_EQ(bill->size(), 2u) << "a pod that cost nothing has no line";
    EXPECT_EQ((*bill)[0].amount, (Money{5'985'000'830, usd}));
    EXPECT_EQ((*bill)[1].amount, (Money{300'000'000, usd}));
}

TEST(RunPodBill, F102FinalWhenItsLastPaidHourIsSettled) {
    const auto final_at = [](UtcTime now) {
        // Every pod has a record in every hour, the running hour included.
        const auto bill = lines({record("a", noon - 1h, "3.99"), record("a", noon, "0")}, now);
        return bill.value().at(0).final;
    };
    EXPECT_FALSE(final_at(noon)) << "the billing job has not run since";
    EXPECT_FALSE(final_at(noon + 10min - 1us));
    EXPECT_TRUE(final_at(noon + 10min));
    const auto running =
        lines({record("a", noon - 1h, "3.99"), record("a", noon, "0.1")}, noon + 30min);
    EXPECT_FALSE(running.value().at(0).final);
}

TEST(RunPodBill, APodOlderThanTheWindowIsLeftOut) {
    const auto bill = lines(
        {record("old", noon - bill_window, "3.99"), record("new", noon - bill_window + 1h, "3.99")},
        noon);
    ASSERT_EQ(bill.value().size(), 1u);
    EXPECT_EQ(bill.value()[0].remote_id, "new");
}

TEST(RunPodBill, ABrokenBillIsNoBill) {
    EXPECT_EQ(lines({record("a", noon, "1")}, noon, 2).error().code, Errc::invalid_response);
    EXPECT_EQ(lines({record("a", noon, "null")}, noon).error().code, Errc::invalid_response);
    EXPECT_EQ(lines({record("", noon, "1")}, noon).error().code, Errc::invalid_response);
    EXPECT_EQ(
        parse_bill({200, R"({"records":[{"podId":"a","totalAmount":1}]})"}, noon, 1s).error().code,
        Errc::invalid_response);
    EXPECT_EQ(parse_bill({200, "{}"}, noon, 1s).error().code, Errc::invalid_response);
    EXPECT_EQ(parse_bill({500, ""}, noon, 1s).error().code, Errc::unavailable);
}

}  // namespace
}  // namespace evenkeel::providers::runpod
