#include "renting_scene.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

/// Faults of the vendors' APIs as a whole (FAULTS F32-F36): nothing that serves depends on them,
/// and nothing they say or do makes the agent unsafe.
namespace evenkeel::integration {
namespace {

/// A body of 200 MB would show; the sanitizers' own memory is much more than the agent's.
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) || \
    __has_feature(thread_sanitizer)
constexpr std::int64_t memory_kib_max = std::int64_t{600} * 1024;
#else
constexpr std::int64_t memory_kib_max = std::int64_t{160} * 1024;
#endif

std::int64_t peak_kib(pid_t pid) {
    const std::string status = read_file(fmt::format("/proc/{}/status", pid));
    const auto at = status.find("VmHWM:");
    return at == std::string::npos ? -1 : std::atoll(status.c_str() + at + 6);
}

TEST(RentingApi, F32_AnApiOfThirtySecondsHoldsUpNoRequest) {
    RentingScene scene{{.vendor = Vendor::digitalocean, .min = 1, .max = 1}};
    ASSERT_TRUE(scene.start_daemon());
    ASSERT_TRUE(eventually(15s, [&] { return scene.serves(); }));
    scene.put_on(Trouble::slow, -1, 30'000);
    const auto before = scene.calls_at_fake();
    ASSERT_TRUE(eventually(10s, [&] { return scene.calls_at_fake() > before; }))
        << "a call must be under way";
    int own = 0;
    for (int i = 0; i < 8; ++i) {
        const ChatAnswer answer = scene.chat("hello", 16);
        EXPECT_EQ(answer.status, 200);
        EXPECT_LT(answer.took, 2s) << answer.source;
        own += answer.source == "desk" ? 1 : 0;
    }
    EXPECT_GT(own, 0);
    EXPECT_TRUE(scene.serves()) << "nor is a machine given up that nobody can ask about";
}

// ---- certificates -----------------------------------------------------------------------------

struct Flaw {
    const char* name;
    const char* flaw;   ///< of the vendors' hosts
    const char* trust;  ///< ca_file; empty: the fake's own authority
};

class RentingTls : public testing::TestWithParam<Flaw> {};

TEST_P(RentingTls, F33_IsNeverTrustedAndTheOwnEngineServes) {
    RentingWorld world{.vendor = Vendor::runpod, .min = 1, .max = 1};
    world.ca_file = GetParam().trust;
    world.fake_flags = {"--certificate-flaw", GetParam().flaw};
    RentingScene scene{world};
    ASSERT_TRUE(scene.start_daemon()) << "it must serve without its vendor";
    EXPECT_TRUE(eventually(5s, [&] {
        return scene.warnings().find("runpod") != std::string::npos;
    })) << scene.warnings();
    EXPECT_EQ(scene.chat("hello", 8).source, "desk");
    EXPECT_EQ(scene.calls_at_fake(), 0) << "nothing may be sent: the key would go along";
}

INSTANTIATE_TEST_SUITE_P(
    Certificate,
    RentingTls,
    testing::Values(
        Flaw{"Expired", "expired", ""},
        Flaw{"OfAnotherHost", "wrong_host", ""},
        Flaw{"SelfSigned", "self_signed", ""},
        Flaw{"OfAnAuthorityNobodyKnows", "none", "none"}),
    [](const testing::TestParamInfo<Flaw>& test) { return test.param.name; });

// ---- answers that are no answers --------------------------------------------------------------

struct OddAnswer {
    const char* name;
    Trouble trouble;
};

class RentingAnswers : public testing::TestWithParam<OddAnswer> {};

TEST_P(RentingAnswers, AreCutOffAndOvercome) {
    RentingScene scene{{.vendor = Vendor::digitalocean, .min = 1, .max = 1}};
    scene.put_on(GetParam().trouble, 3, 0);
    ASSERT_TRUE(scene.start_daemon());
    EXPECT_TRUE(eventually(30s, [&] { return scene.serves(); })) << "it must go on afterwards";
    EXPECT_EQ(scene.count_at_fake("trapped_calls"), 0) << "a redirect must not be followed";
    EXPECT_LT(peak_kib(scene.daemon_pid()), memory_kib_max);
    EXPECT_TRUE(scene.end_machines());
}

INSTANTIATE_TEST_SUITE_P(
    Odd,
    RentingAnswers,
    testing::Values(
        OddAnswer{"F34_RedirectToAnotherHost", Trouble::redirect},
        OddAnswer{"F35_TwoHundredMegabytes", Trouble::huge_body},
        OddAnswer{"F35_InflatesToTwoHundredMegabytes", Trouble::gzip_bomb},
        OddAnswer{"PlainTextFromTheEdge", Trouble::html_403}),
    [](const testing::TestParamInfo<OddAnswer>& test) { return test.param.name; });

TEST(RentingApi, F35_ChunksWithoutAnEndHoldUpNobody) {
    RentingScene scene{{.vendor = Vendor::runpod, .min = 1, .max = 1}};
    ASSERT_TRUE(scene.start_daemon());
    ASSERT_TRUE(eventually(15s, [&] { return scene.serves(); }));
    scene.put_on(Trouble::endless_body, 2, 0);
    const auto before = scene.calls_at_fake();
    ASSERT_TRUE(eventually(10s, [&] { return scene.calls_at_fake() > before; }));
    std::this_thread::sleep_for(2s);  // for it to grow
    EXPECT_EQ(scene.chat("hello").status, 200);
    EXPECT_TRUE(scene.serves());
    EXPECT_LT(peak_kib(scene.daemon_pid()), memory_kib_max);
}

TEST(RentingApi, F36_ARefusedKeyAtTheStartMeansLocalOnlyLoudAndKeepsItsRows) {
    RentingScene scene{{.vendor = Vendor::lambda, .min = 1, .max = 1}};
    ASSERT_TRUE(scene.start_daemon());
    ASSERT_TRUE(eventually(15s, [&] { return scene.serves(); }));
    scene.kill_daemon();
    scene.put_on(Trouble::auth_revoked);
    ASSERT_TRUE(scene.start_daemon()) << "it must start";
    EXPECT_EQ(scene.machines().states.size(), 1u) << "its row must be kept";
    EXPECT_TRUE(
        eventually(5s, [&] { return scene.warnings().find("lambda") != std::string::npos; }))
        << "it must be loud: " << scene.warnings();
    EXPECT_EQ(scene.chat("hello", 8).status, 200);
    EXPECT_EQ(scene.count_at_fake("created"), 1) << "nothing new is ordered";
    scene.take_off_all();
    EXPECT_TRUE(eventually(10s, [&] { return scene.serves(); }));
    EXPECT_EQ(scene.count_at_fake("created"), 1);
    EXPECT_TRUE(scene.end_machines());
}

}  // namespace
}  // namespace evenkeel::integration
