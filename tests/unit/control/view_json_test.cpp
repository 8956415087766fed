#include "agent/admin/view_json.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

/// What control shows: absent is null, present is the plain value. (Boost.JSON makes a list of one
/// out of `value{x}`.)
namespace evenkeel::agent {
namespace {

TEST(ViewJson, OptionalValuesArePlainOrNull) {
    View view;
    view.cost_rate = Money{132'300'000'000, usd};
    view.sources = {
        {.name = "desk", .kind = "own", .cost_rate = Money{190'000'000, usd}},
        {.name = "claude",
         .kind = "api",
         .measured = MeasuredView{
             .step_us = 16'000, .step_more_us = 220, .prompt_tokens_per_s = 7'000, .windows = 9}}};
    view.machines = {
        {.id = "m", .rate = Money{1, usd}, .useful_percent = 71, .gone_how = "destroyed"},
        {.id = "n", .rate = Money{1, usd}}};
    const auto status = boost::json::parse(status_json(view, {})).as_object();
    const auto& sources = status.at("sources").as_array();
    EXPECT_EQ(sources.at(0).at("cost_rate").as_string(), "0.19");
    EXPECT_TRUE(sources.at(1).at("cost_rate").is_null());
    EXPECT_TRUE(sources.at(0).at("measured").is_null());
    EXPECT_EQ(sources.at(1).at("measured").at("step_us").as_int64(), 16'000);
    EXPECT_EQ(sources.at(1).at("measured").at("windows").as_int64(), 9);
    const auto nodes = boost::json::parse(nodes_json(view)).as_object();
    const auto& machines = nodes.at("machines").as_array();
    EXPECT_EQ(machines.at(0).at("useful_percent").as_int64(), 71);
    EXPECT_EQ(machines.at(0).at("gone_how").as_string(), "destroyed");
    EXPECT_TRUE(machines.at(1).at("useful_percent").is_null());
    EXPECT_TRUE(machines.at(1).at("gone_how").is_null());
}

}  // namespace
}  // namespace evenkeel::agent
