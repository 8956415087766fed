#include "raw_http.hpp"
#include "renting_scene.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <charconv>
#include <csignal>
#include <future>
#include <sstream>

/// A rented node whose peer is gone and never said so (FAULTS F43): its connections stay open, take
/// what is sent, and nothing comes back.
namespace evenkeel::integration {
namespace {

constexpr auto stall = 1s;           ///< limits.stall_time of this scene
constexpr auto idle_limit = 30s;     ///< FAULTS F43
constexpr auto head_start = 300ms;   ///< for a request to be under way
constexpr int long_answer = 30'000;  ///< tokens: seconds even of a rented engine at `speed`
constexpr int short_answer = 1'000;  ///< tokens: seconds of the own engine

/// Parent of a process; 0 when there is none.
pid_t parent_of(pid_t pid) {
    const std::string stat = read_file(fmt::format("/proc/{}/stat", pid));
    std::istringstream rest{stat.substr(std::min(stat.size(), stat.rfind(')') + 1))};
    char state{};
    pid_t parent{0};
    rest >> state >> parent;
    return parent;
}

/// Engines that the fake vendor started: children of a child of this process. The own engine is a
/// child.
std::vector<pid_t> rented_engines() {
    std::vector<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc"}) {
        const std::string name = entry.path().filename().string();
        pid_t pid{0};
        std::from_chars(name.data(), name.data() + name.size(), pid);
        const bool grandchild = pid > 0 && parent_of(parent_of(pid)) == ::getpid();
        if (grandchild &&
            read_file(entry.path() / "cmdline").find(std::string{"engine\0--synthetic", 18}) !=
                std::string::npos) {
            found.push_back(pid);
        }
    }
    return found;
}

/// Stopped, a process keeps its connections and takes new ones, as far as its kernel goes.
class Silenced {
public:
    explicit Silenced(pid_t pid) : pid_{pid} { ::kill(pid_, SIGSTOP); }
    ~Silenced() { ::kill(pid_, SIGCONT); }
    Silenced(const Silenced&) = delete;
    Silenced& operator=(const Silenced&) = delete;

private:
    pid_t pid_;
};

RawAnswer stream_of(const RentingScene& scene, int tokens) {
    return raw_http(
        scene.api(),
        "POST",
        "/v1/chat/completions",
        scene.client_key(),
        fmt::format(
            R"({{"model":"qwq-32b","stream":true,"max_tokens":{},)"
            R"("messages":[{{"role":"user","content":"hello"}}]}})",
            tokens),
        40s);
}

std::string tail_of(const std::string& text) {
    return text.substr(text.size() - std::min<std::size_t>(text.size(), 600));
}

struct RentingSilent : testing::Test {
    RentingScene scene{{.vendor = Vendor::digitalocean, .min = 1, .max = 1}};

    void SetUp() override {
        scene.edit(
            "evenkeel.yaml", "report_zone: UTC\n", "report_zone: UTC\nlimits: {stall_time: 1s}\n");
        ASSERT_TRUE(scene.start_daemon());
        ASSERT_TRUE(eventually(15s, [&] { return scene.serves(); }));
        ASSERT_EQ(rented_engines().size(), 1u);
    }
};

TEST_F(RentingSilent, F43_AStreamEndsTypedWithinTheStallLimit) {
    // The own engine has one slot: while that is taken, the next request goes to the node.
    auto occupant =
        std::async(std::launch::async, [&] { return scene.chat("hello", short_answer); });
    std::this_thread::sleep_for(head_start);
    auto under_way = std::async(std::launch::async, [&] { return stream_of(scene, long_answer); });
    std::this_thread::sleep_for(head_start);
    const auto since = std::chrono::steady_clock::now();
    const Silenced node{rented_engines().at(0)};
    const RawAnswer answer = under_way.get();
    EXPECT_LT(std::chrono::steady_clock::now() - since, stall + 2s);
    EXPECT_EQ(occupant.get().source, "desk");
    EXPECT_EQ(answer.status, 200) << "it had begun";
    EXPECT_NE(answer.header("x-evenkeel-source"), "desk");
    EXPECT_NE(answer.body.find("synthetic: no model wrote it"), std::string::npos)
        << "some of it came";
    EXPECT_NE(answer.body.find("source_stalled"), std::string::npos) << tail_of(answer.body);
    EXPECT_EQ(answer.body.find("[DONE]"), std::string::npos);
}

TEST_F(RentingSilent, F43_AnIdleNodeIsNoticedByItsProbesReplacedAndPaidOnce) {
    {
        const Silenced node{rented_engines().at(0)};
        EXPECT_TRUE(eventually(idle_limit, [&] { return !scene.serves(); }))
            << "nobody sends it anything, and still it must be noticed";
        EXPECT_EQ(scene.chat("hello", 8).source, "desk");
        EXPECT_TRUE(eventually(30s, [&] { return scene.count_at_fake("created") == 2; }))
            << "the policy wants one";
    }
    scene.edit("policy.yaml", "min: 1", "min: 0");
    ::kill(scene.daemon_pid(), SIGHUP);
    scene.expect_clean_end();
}

}  // namespace
}  // namespace evenkeel::integration
