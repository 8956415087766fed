#include "policies/replay/trace.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace evenkeel::replay {
namespace {

using namespace std::chrono_literals;

TEST(Trace, AzureTimesCountFromTheFirstRow) {
    const auto trace = parse_trace(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2023-11-16 18:15:46.6805900,374,44\n"
        "2023-11-16 18:15:50.9951690,396,109\r\n"
        "2023-11-17 00:00:00,1,2\n");
    ASSERT_TRUE(trace) << trace.error().message;
    EXPECT_EQ(trace->format, TraceFormat::azure);
    ASSERT_EQ(trace->rows.size(), 3u);
    EXPECT_EQ(trace->rows[0], (TraceRow{0ns, 374, 44}));
    EXPECT_EQ(trace->rows[1], (TraceRow{4'314'579'000ns, 396, 109}));
    EXPECT_EQ(trace->rows[2].at, 5h + 44min + 13'319'410'000ns);
}

TEST(Trace, MooncakeCountsMilliseconds) {
    const auto trace = parse_trace(
        "timestamp,input_length,output_length,hash_ids\n"
        "0,6758,500,0 1 2 3\n"
        "27482,7322,490,0 14\n");
    ASSERT_TRUE(trace) << trace.error().message;
    EXPECT_EQ(trace->rows[1], (TraceRow{27'482ms, 7'322, 490}));
}

TEST(Trace, ServegenCountsSecondsAndKeepsItsStart) {
    const auto trace = parse_trace(
        "arrival_s,client,input_tokens,output_tokens\n"
        "13.584,1,128,360\n"
        "13.200,63,3911,181\n");
    ASSERT_TRUE(trace) << trace.error().message;
    EXPECT_EQ(trace->rows[0], (TraceRow{13'200ms, 3'911, 181})) << "small disorder is sorted";
    EXPECT_EQ(trace->rows[1], (TraceRow{13'584ms, 128, 360}));
}

TEST(Trace, EmptyTraceIsNoError) {
    const auto trace = parse_trace("arrival_s,client,input_tokens,output_tokens\n");
    ASSERT_TRUE(trace);
    EXPECT_TRUE(trace->rows.empty());
}

struct BadTrace {
    const char* name;
    const char* text;
    const char* expected;  ///< part of the message
};
class TraceErrors : public testing::TestWithParam<BadTrace> {};
TEST_P(TraceErrors, NameTheLine) {
    const auto trace = parse_trace(GetParam().text);
    ASSERT_FALSE(trace);
    EXPECT_EQ(trace.error().code, Errc::invalid_argument);
    EXPECT_NE(trace.error().message.find(GetParam().expected), std::string::npos)
        << trace.error().message;
}
INSTANTIATE_TEST_SUITE_P(
    Table,
    TraceErrors,
    testing::Values(
        BadTrace{"Nothing", "", "line 1"},
        BadTrace{"UnknownHeader", "time,in,out\n1,2,3\n", "line 1"},
        BadTrace{"MissingField", "arrival_s,client,input_tokens,output_tokens\n1,2,3\n", "line 2"},
        BadTrace{
            "ExtraField", "arrival_s,client,input_tokens,output_tokens\n1,2,3,4,5\n", "line 2"},
        BadTrace{
            "NegativeTokens", "arrival_s,client,input_tokens,output_tokens\n1,2,-3,4\n", "line 2"},
        BadTrace{
            "HugeTokens",
            "arrival_s,client,input_tokens,output_tokens\n1,2,3,4\n1,2,3,10000001\n",
            "line 3"},
        BadTrace{
            "FractionTokens", "arrival_s,client,input_tokens,output_tokens\n1,2,3.5,4\n", "line 2"},
        BadTrace{
            "NegativeTime", "arrival_s,client,input_tokens,output_tokens\n-1,2,3,4\n", "line 2"},
        BadTrace{"NanTime", "arrival_s,client,input_tokens,output_tokens\nnan,2,3,4\n", "line 2"},
        BadTrace{
            "BackInTime",
            "arrival_s,client,input_tokens,output_tokens\n10,2,3,4\n8.9,2,3,4\n",
            "line 3: the time goes back"},
        BadTrace{
            "NoSuchDay",
            "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-02-30 18:15:46.1,3,4\n",
            "line 2"},
        BadTrace{
            "NoDate",
            "TIMESTAMP,ContextTokens,GeneratedTokens\nyesterday at noon!!,3,4\n",
            "line 2"},
        BadTrace{
            "EmptyLineInside",
            "arrival_s,client,input_tokens,output_tokens\n\n1,2,3,4\n",
            "line 2"}),
    [](const auto& one) { return std::string{one.param.name}; });

TEST(Trace, WindowIsHalfOpen) {
    const std::vector<TraceRow> rows{{1s, 1, 1}, {2s, 2, 2}, {3s, 3, 3}};
    EXPECT_EQ(window(rows, 1s, 3s).size(), 2u);
    EXPECT_EQ(window(rows, 2s, 2s).size(), 0u);
    EXPECT_EQ(window(rows, 3s, 1s).size(), 0u);
    EXPECT_EQ(window(rows, 0s, 10s).size(), 3u);
}

RC_GTEST_PROP(Trace, NoTextHarms, (std::string text)) {
    RC_ASSERT(!parse_trace(text));
    const auto second = parse_trace("TIMESTAMP,ContextTokens,GeneratedTokens\n" + text);
    RC_ASSERT(second || second.error().code == Errc::invalid_argument);
}

}  // namespace
}  // namespace evenkeel::replay
