#include "lab/cloud/switches.hpp"

#include <gtest/gtest.h>

namespace evenkeel::lab::cloud {
namespace {

using namespace std::chrono_literals;

TEST(CloudSwitchboard, ReadsEveryName) {
    const auto switches = parse_switches(
        R"({"slow_boot":2.5,"boot_fails":1,"create_lost":2,"create_5xx_after_effect":3,)"
        R"("create_twice":4,"no_stock":5,"dearer":"1.25","wrong_gpu":true,"delete_lost":6,)"
        R"("delete_ignored":7,"delete_busy":8,"vanish_after_s":90.5,"list_lag_s":120,)"
        R"("get_lag_s":0.001,"list_empty":9,"api_down":true})");
    ASSERT_TRUE(switches) << switches.error().message;
    EXPECT_EQ(switches->slow_boot.num, 5);
    EXPECT_EQ(switches->slow_boot.den, 2);
    EXPECT_EQ(switches->boot_fails, 1);
    EXPECT_EQ(switches->create_lost, 2);
    EXPECT_EQ(switches->create_5xx_after_effect, 3);
    EXPECT_EQ(switches->create_twice, 4);
    EXPECT_EQ(switches->no_stock, 5);
    EXPECT_EQ(switches->dearer.num, 5);
    EXPECT_EQ(switches->dearer.den, 4);
    EXPECT_TRUE(switches->wrong_gpu);
    EXPECT_EQ(switches->delete_lost, 6);
    EXPECT_EQ(switches->delete_ignored, 7);
    EXPECT_EQ(switches->delete_busy, 8);
    EXPECT_EQ(switches->vanish_after, 90'500ms);
    EXPECT_EQ(switches->list_lag, 120s);
    EXPECT_EQ(switches->get_lag, 1ms);
    EXPECT_EQ(switches->list_empty, 9);
    EXPECT_TRUE(switches->api_down);
    const auto again = parse_switches(to_json(*switches));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(to_json(*again), to_json(*switches));
}

TEST(CloudSwitchboard, LeavesTheOthersAlone) {
    const auto first = parse_switches(R"({"create_lost":2,"api_down":true})");
    ASSERT_TRUE(first);
    const auto second = parse_switches(R"({"api_down":false})", *first);
    ASSERT_TRUE(second);
    EXPECT_EQ(second->create_lost, 2);
    EXPECT_FALSE(second->api_down);
    EXPECT_EQ(to_json(*parse_switches("{}")), to_json(Switches{}));
}

TEST(CloudSwitchboard, RefusesTheRest) {
    for (const char* json : {
             "",
             "[]",
             "1",
             R"({"creat_lost":1})",
             R"({"create_lost":-1})",
             R"({"create_lost":1.5})",
             R"({"create_lost":"1"})",
             R"({"create_lost":1000001})",
             R"({"create_lost":1,"create_lost":2})",
             R"({"slow_boot":0})",
             R"({"slow_boot":-1})",
             R"({"slow_boot":1001})",
             R"({"slow_boot":1e2})",
             R"({"dearer":1.2345})",
             R"({"wrong_gpu":1})",
             R"({"vanish_after_s":-1})",
             R"({"list_lag_s":"soon"})",
         }) {
        const auto switches = parse_switches(json);
        ASSERT_FALSE(switches) << json;
        EXPECT_EQ(switches.error().code, Errc::invalid_argument) << json;
    }
    EXPECT_NE(parse_switches(R"({"x":1})").error().message.find("create_lost"), std::string::npos);
}

}  // namespace
}  // namespace evenkeel::lab::cloud
