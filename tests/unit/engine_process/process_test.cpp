#include "inference/engine/process.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <functional>
#include <mutex>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

/// Real processes: /bin/sh plays the engine.
namespace evenkeel::inference::engine {
namespace {

using namespace std::chrono_literals;

bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds limit = 5s) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(5ms);
    }
    return true;
}

struct ProcessTest : testing::Test {
    std::mutex mutex{};
    std::string said{};
    std::string mark{fmt::format("ek-test/{}-{}", ::getpid(), ++count)};
    static inline int count = 0;

    Launch launch(std::string script) {
        return {
            .command = {"sh", "-c", std::move(script)},
            .env = {{"PATH", "/usr/bin:/bin"}, {"COLOUR", "green"}},
            .mark = mark,
            .on_line = [this](const std::string& line) {
                const std::lock_guard lock{mutex};
                said += line + "\n";
            }};
    }
    std::string heard() {
        const std::lock_guard lock{mutex};
        return said;
    }
};

TEST_F(ProcessTest, GivesWhatItWritesAndHowItEnded) {
    auto process = start_process(launch("echo to stdout; echo to stderr >&2; exit 3"));
    ASSERT_TRUE(process) << process.error().message;
    EXPECT_TRUE(eventually([&] { return !(*process)->alive(); }));
    EXPECT_EQ((*process)->ending(), "exited with status 3");
    EXPECT_TRUE(eventually([&] { return heard() == "to stdout\nto stderr\n"; })) << heard();
}

TEST_F(ProcessTest, GetsItsOwnEnvironmentGroupAndNothingThatIsOpenHere) {
    ASSERT_EQ(::setenv("EK_TEST_SECRET", "s3cret", 1), 0);
    const int low = ::open("/dev/null", O_RDONLY);
    const int open_here = ::fcntl(low, F_DUPFD, 200);  // without CLOEXEC; no number of the shell's
    ::close(low);
    ASSERT_GE(open_here, 200);
    auto process = start_process(launch(
        "env; echo group $(ps -o pgid= -p $$ 2>/dev/null || cut -d' ' -f5 /proc/$$/stat) pid $$; "
        "ls /proc/$$/fd | tr '\\n' ' '; echo; sleep 60"));
    ASSERT_TRUE(process);
    const std::string pid = std::to_string((*process)->pid());
    EXPECT_TRUE(eventually([&] { return heard().find("pid " + pid) != std::string::npos; }));
    EXPECT_NE(heard().find("COLOUR=green"), std::string::npos);
    EXPECT_EQ(heard().find("s3cret"), std::string::npos);
    EXPECT_NE(heard().find(std::string{mark_variable} + "=" + mark), std::string::npos);
    EXPECT_EQ(::getpgid((*process)->pid()), (*process)->pid());
    EXPECT_EQ(::getsid((*process)->pid()), (*process)->pid());
    const std::string link = fmt::format("/proc/{}/fd/{}", pid, open_here);
    EXPECT_NE(::access(link.c_str(), F_OK), 0) << "a descriptor of ours is open there";
    ::close(open_here);
    ::unsetenv("EK_TEST_SECRET");
}

TEST_F(ProcessTest, OnlyAFewVariablesArePassedOn) {
    const char* const environment[]{
        "PATH=/bin",
        "HOME=/root",
        "HF_TOKEN=hf_1",
        "CREDENTIALS_DIRECTORY=/run/c",
        "NOTIFY_SOCKET=/run/n",
        "CUDA_VISIBLE_DEVICES=0",
        "NONSENSE",
        nullptr};
    const auto env = passed_on(environment);
    EXPECT_EQ(env.size(), 3u);
    EXPECT_EQ(env.at("PATH"), "/bin");
    EXPECT_EQ(env.at("CUDA_VISIBLE_DEVICES"), "0");
}

TEST_F(ProcessTest, SaysWhatCannotBeStarted) {
    auto missing = launch("");
    missing.command = {"no-such-engine", "--port", "1"};
    auto process = start_process(missing);
    ASSERT_FALSE(process);
    EXPECT_EQ(process.error().code, Errc::not_found);
    EXPECT_EQ(process.error().message, "no program 'no-such-engine' in PATH");
    missing.command = {"/no/such/engine"};
    process = start_process(missing);
    ASSERT_FALSE(process);
    EXPECT_EQ(process.error().code, Errc::not_found);
    missing.command = {"/etc/passwd"};
    process = start_process(missing);
    ASSERT_FALSE(process);
    EXPECT_EQ(process.error().code, Errc::io_failed);
}

TEST_F(ProcessTest, SignalsReachTheWholeGroupAndWhatHasLeftIt) {
    // A child in the group and one in a session of its own, as engines start their workers.
    auto process = start_process(
        launch("sleep 61 & setsid sleep 62 & echo up; trap 'exit 0' TERM; wait; wait"));
    ASSERT_TRUE(process);
    const auto orphans = make_orphans();
    EXPECT_TRUE(eventually([&] { return heard() == "up\n"; }));
    (*process)->signal(SIGTERM);
    EXPECT_TRUE(eventually([&] { return !orphans->alive(mark); })) << "something is left";
    EXPECT_FALSE((*process)->alive());
}

TEST_F(ProcessTest, IsAliveWhileAnythingItStartedIs) {
    auto process = start_process(launch("sleep 63 >/dev/null 2>&1 & exit 1"));
    ASSERT_TRUE(process);
    EXPECT_TRUE(eventually([&] {
        return !(*process)->ending().empty() || !(*process)->alive() ||
               !(*process)->ending().empty();
    }));
    EXPECT_EQ((*process)->ending(), "exited with status 1");
    EXPECT_TRUE((*process)->alive()) << "its child holds memory and port";
    (*process)->signal(SIGKILL);
    EXPECT_TRUE(eventually([&] { return !(*process)->alive(); }));
}

/// vLLM's workers overwrite what /proc shows of their environment.
TEST_F(ProcessTest, AWorkerWithoutTheMarkThatOutlivesTheProgramIsNotForgotten) {
    auto process = start_process(launch("env -i sleep 60 & echo worker $!; exit 3"));
    ASSERT_TRUE(process);
    EXPECT_TRUE(eventually([&] { return !(*process)->ending().empty() || !(*process)->alive(); }));
    EXPECT_EQ((*process)->ending(), "exited with status 3");
    std::this_thread::sleep_for(100ms);
    EXPECT_TRUE((*process)->alive()) << "it holds the memory";
    (*process)->signal(SIGTERM);
    EXPECT_TRUE(eventually([&] { return !(*process)->alive(); }));
}

TEST_F(ProcessTest, LeavesNothingBehindWhenItIsDestroyed) {
    const auto orphans = make_orphans();
    {
        auto process = start_process(launch("trap '' TERM; sleep 64 & wait; sleep 65"));
        ASSERT_TRUE(process);
        EXPECT_TRUE(eventually([&] { return orphans->alive(mark); }));
    }
    EXPECT_TRUE(eventually([&] { return !orphans->alive(mark); }));
}

TEST_F(ProcessTest, AnotherMarkIsNotOurs) {
    auto process = start_process(launch("sleep 66"));
    ASSERT_TRUE(process);
    const auto orphans = make_orphans();
    EXPECT_TRUE(eventually([&] { return orphans->alive(mark); }));
    EXPECT_FALSE(orphans->alive(mark + "0"));
    EXPECT_FALSE(orphans->alive(mark.substr(0, mark.size() - 1)));
    orphans->signal(mark + "0", SIGKILL);
    EXPECT_TRUE((*process)->alive());
    // One that just turns into another program has no environment to look at: asked for again.
    EXPECT_TRUE(eventually([&] {
        orphans->signal(mark, SIGKILL);
        return !(*process)->alive();
    }));
    EXPECT_EQ((*process)->ending(), "was killed by signal 9");
}

TEST_F(ProcessTest, DoesNotOutliveTheOneThatStartedIt) {
    // A process of the test's plays the daemon, and is killed.
    const pid_t daemon = ::fork();
    if (daemon == 0) {
        Launch engine{.command = {"sleep", "67"}, .env = {{"PATH", "/usr/bin:/bin"}}, .mark = mark};
        auto process = start_process(std::move(engine));
        ::pause();
        ::_exit(0);
    }
    const auto orphans = make_orphans();
    EXPECT_TRUE(eventually([&] { return orphans->alive(mark); }));
    ::kill(daemon, SIGKILL);
    ::waitpid(daemon, nullptr, 0);
    EXPECT_TRUE(eventually([&] { return !orphans->alive(mark); }));
}

}  // namespace
}  // namespace evenkeel::inference::engine
