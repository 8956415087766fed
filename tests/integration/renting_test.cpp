#include "renting_scene.hpp"

#include <gtest/gtest.h>

#include <algorithm>

/// The whole life of rented machines, with each of the three vendors over TLS: demand, order, boot,
/// a node behind its pinned certificate that serves real requests, idle, drain, destroy, proof, and
/// the same money in both books.
namespace evenkeel::integration {
namespace {

class Renting : public testing::TestWithParam<Vendor> {};

INSTANTIATE_TEST_SUITE_P(
    Each,
    Renting,
    testing::ValuesIn(fakes::cloud::vendors),
    [](const testing::TestParamInfo<Vendor>& test) {
        return std::string{fakes::cloud::to_text(test.param)};
    });

TEST_P(Renting, RentsForABurstServesFromItAndGivesItBack) {
    RentingScene scene{{.vendor = GetParam()}};
    const auto started = scene.start_daemon();
    ASSERT_TRUE(started) << started.error().message;
    ASSERT_EQ(scene.count_at_fake("created"), 0) << "nobody asked for anything yet";

    Clients clients{scene, 3, 24};
    const std::string vendor{fakes::cloud::to_text(GetParam())};
    const std::vector<ChatAnswer>& answers = clients.join();
    int rented = 0;
    for (const ChatAnswer& answer : answers) {
        EXPECT_EQ(answer.status, 200) << answer.body;
        rented += answer.source.starts_with(vendor + "-") ? 1 : 0;
    }
    EXPECT_GT(rented, 0) << "of " << answers.size() << " answers none came from a rented machine";
    EXPECT_GE(scene.count_at_fake("created"), 1);

    scene.expect_clean_end();
}

}  // namespace
}  // namespace evenkeel::integration
