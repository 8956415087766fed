#include "renting_scene.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

/// Faults of creating machines, of the vendors' APIs and of nodes (FAULTS A-D) with real processes,
/// real sockets and real TLS.
namespace evenkeel::integration {
namespace {

std::string vendor_name(const testing::TestParamInfo<Vendor>& test) {
    return std::string{fakes::cloud::to_text(test.param)};
}

std::size_t times_in(const std::string& text, std::string_view part) {
    std::size_t count = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        ++count;
    }
    return count;
}

// ---- creating ---------------------------------------------------------------------------------

struct CreateCase {
    const char* name;
    Trouble trouble;
    std::int64_t value;
    Vendor vendor;
};

class RentingCreate : public testing::TestWithParam<CreateCase> {};

/// The machine exists, and its create call did not say so: it is found by its name and used.
TEST_P(RentingCreate, IsFoundAgainAndNeverMadeTwice) {
    RentingScene scene{{.vendor = GetParam().vendor, .min = 1, .max = 1}};
    scene.put_on(GetParam().trouble, 1, GetParam().value);
    ASSERT_TRUE(scene.start_daemon());
    EXPECT_TRUE(eventually(15s, [&] { return scene.serves(); }));
    EXPECT_EQ(scene.count_at_fake("created"), 1);
    EXPECT_EQ(scene.chat("hello").status, 200);
    EXPECT_TRUE(scene.end_machines());
    EXPECT_EQ(scene.double_creates(), 0u);
    EXPECT_EQ(scene.tool({"ledger", "verify"}).status, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Lost,
    RentingCreate,
    testing::Values(
        CreateCase{
            "F01_F03_ConnectionLostAfterTheBody", Trouble::create_lost, 0, Vendor::digitalocean},
        CreateCase{"F01_F03_LostAtRunPod", Trouble::create_lost, 0, Vendor::runpod},
        CreateCase{"F02_ServerErrorAfterTheEffect", Trouble::create_500_after, 0, Vendor::lambda},
        CreateCase{"F05_CutJson", Trouble::create_broken_json, 0, Vendor::runpod},
        CreateCase{"F05_EmptyBody", Trouble::create_broken_json, 1, Vendor::digitalocean},
        CreateCase{"F09_NameTakenByOurOwn", Trouble::name_taken, 1, Vendor::digitalocean}),
    [](const testing::TestParamInfo<CreateCase>& test) { return test.param.name; });

// ---- machines that are of no use --------------------------------------------------------------

struct BadNode {
    const char* name;
    Trouble trouble;
    Vendor vendor;
};

class RentingBadNode : public testing::TestWithParam<BadNode> {};

/// The first machine never gets a request and is destroyed; the next one is good and serves.
TEST_P(RentingBadNode, IsDestroyedBeforeItServesAndReplaced) {
    RentingScene scene{
        {.vendor = GetParam().vendor, .min = 1, .max = 1, .warm_up = std::chrono::minutes{6}}};
    scene.put_on(GetParam().trouble);
    ASSERT_TRUE(scene.start_daemon());
    ASSERT_TRUE(eventually(10s, [&] { return scene.count_at_fake("created") >= 1; }));
    EXPECT_TRUE(eventually(15s, [&] {
        return scene.log().find("-> deleting") != std::string::npos;
    })) << "it must be destroyed";
    EXPECT_EQ(times_in(scene.log(), "-> serving"), 0u) << "it must not serve";
    scene.take_off_all();
    EXPECT_TRUE(eventually(30s, [&] { return scene.serves(); })) << "a good one must follow";
    EXPECT_TRUE(scene.end_machines());
    EXPECT_EQ(scene.double_creates(), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Node,
    RentingBadNode,
    testing::Values(
        BadNode{"F16_Dearer", Trouble::dearer, Vendor::runpod},
        BadNode{"F17_WrongGpu", Trouble::wrong_gpu, Vendor::runpod},
        BadNode{"F17_FewerGpus", Trouble::fewer_gpus, Vendor::digitalocean},
        BadNode{"F38_EngineNeverHealthy", Trouble::engine_never_healthy, Vendor::digitalocean},
        BadNode{"F38_NoGpuSoTheEngineEnds", Trouble::no_gpu, Vendor::lambda},
        BadNode{"F39_AnotherModel", Trouble::wrong_model, Vendor::runpod},
        BadNode{"F40_GarbageInsteadOfTokens", Trouble::garbage_completion, Vendor::digitalocean},
        BadNode{"WrongPin_AnotherCertificate", Trouble::wrong_pin, Vendor::runpod}),
    [](const testing::TestParamInfo<BadNode>& test) { return test.param.name; });

// ---- what others do ---------------------------------------------------------------------------

class RentingWorldMoves : public testing::TestWithParam<Vendor> {};
INSTANTIATE_TEST_SUITE_P(
    Each, RentingWorldMoves, testing::Values(Vendor::digitalocean, Vendor::runpod), vendor_name);

TEST_P(RentingWorldMoves, F23_AMachineDeletedInTheConsoleIsNoticedAndPaidUntilItsEnd) {
    RentingScene scene{{.vendor = GetParam(), .min = 1, .max = 1}};
    ASSERT_TRUE(scene.start_daemon());
    ASSERT_TRUE(eventually(15s, [&] { return scene.serves(); }));
    scene.put_on(Trouble::human_deletes);
    EXPECT_TRUE(eventually(2s, [&] { return scene.machines().count("serving") == 0; }))
        << "two minutes of its world are half a second, and a look at a failing engine less";
    EXPECT_EQ(scene.chat("hello").status, 200) << "the own engine goes on";
    EXPECT_TRUE(eventually(20s, [&] { return scene.count_at_fake("created") == 2; }))
        << "the policy wants one";
    scene.edit("policy.yaml", "min: 1", "min: 0");
    ::kill(scene.daemon_pid(), SIGHUP);
    scene.expect_clean_end();
}

TEST_P(RentingWorldMoves, F26_F27_StrangersStayAndOurOrphansGo) {
    RentingScene scene{{.vendor = GetParam(), .min = 1, .max = 1}};
    ASSERT_TRUE(scene.start_daemon());
    ASSERT_TRUE(eventually(15s, [&] { return scene.serves(); }));
    scene.put_on(Trouble::foreign);
    scene.put_on(Trouble::orphan);
    const auto strangers = scene.count_at_fake("foreign_made");
    ASSERT_GE(strangers, 1);
    ASSERT_EQ(scene.count_at_fake("live_with_our_mark"), 2);
    EXPECT_TRUE(eventually(10s, [&] { return scene.count_at_fake("live_with_our_mark") == 1; }))
        << "the orphan costs money";
    EXPECT_TRUE(scene.serves()) << "the machine that is wanted stays";
    scene.edit("policy.yaml", "min: 1", "min: 0");
    ::kill(scene.daemon_pid(), SIGHUP);
    scene.expect_clean_end();
    EXPECT_EQ(scene.count_at_fake("foreign_live"), strangers) << "strangers are never touched";
}

TEST_P(RentingWorldMoves, F30_OddAnswersChangeNothingAndTheMachineCanStillBeDestroyed) {
    RentingScene scene{{.vendor = GetParam(), .min = 1, .max = 1}};
    ASSERT_TRUE(scene.start_daemon());
    ASSERT_TRUE(eventually(15s, [&] { return scene.serves(); }));
    scene.put_on(Trouble::extra_fields);
    scene.put_on(Trouble::unknown_status);
    for (std::int64_t missing = 0; missing < 3; ++missing) {
        scene.put_on(Trouble::missing_field, -1, missing);
        const auto before = scene.count_at_fake("calls_list");
        EXPECT_TRUE(eventually(5s, [&] { return scene.count_at_fake("calls_list") >= before + 2; }))
            << "it must be looked at twice";
        EXPECT_TRUE(scene.serves()) << "without member " << missing;
    }
    EXPECT_EQ(scene.chat("hello").status, 200);
    EXPECT_TRUE(scene.end_machines());
}

}  // namespace
}  // namespace evenkeel::integration
