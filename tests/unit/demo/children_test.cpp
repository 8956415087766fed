#include "lab/demo/children.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>
#include <unistd.h>

namespace evenkeel::lab::demo {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

const std::string shell = "/bin/sh";

struct TempDir {
    TempDir() {
        std::string form = (fs::temp_directory_path() / "children-XXXXXX").string();
        path = ::mkdtemp(form.data());
    }
    ~TempDir() { fs::remove_all(path); }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    [[nodiscard]] std::string operator/(const std::string& name) const { return path / name; }
    fs::path path{};
};

TEST(DemoChildren, ToolsGiveStatusAndBothOutputs) {
    const auto result = run_tool(shell, {"-c", "echo out; echo err >&2; exit 7"}, 5s);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->status, 7);
    EXPECT_EQ(result->out, "out\n");
    EXPECT_EQ(result->err, "err\n");
    // More than a pipe holds.
    const auto much = run_tool(shell, {"-c", "head -c 300000 /dev/zero"}, 5s);
    ASSERT_TRUE(much);
    EXPECT_EQ(much->out.size(), 300'000u);
    EXPECT_EQ(run_tool("/nonexistent/program", {}, 5s)->status, 127);
}

TEST(DemoChildren, ToolsHaveALimit) {
    const SteadyClock::time_point began = SteadyClock::now();
    const auto result = run_tool(shell, {"-c", "sleep 30"}, 50ms);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::timed_out);
    EXPECT_LT(SteadyClock::now() - began, 5s);
}

TEST(DemoChildren, LogsAndStopsAtSigterm) {
    const TempDir folder;
    auto child = start_child(
        "sh",
        shell,
        {"-c", "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.01; done"},
        folder / "log",
        true);
    ASSERT_TRUE(child);
    const SteadyClock::time_point deadline = SteadyClock::now() + 3s;
    while (log_tail(folder / "log", 5).empty() && SteadyClock::now() < deadline) {
        std::this_thread::sleep_for(5ms);
    }
    EXPECT_FALSE(has_ended(*child));
    EXPECT_EQ(::getpgid(child->pid), child->pid) << "Ctrl-C must not reach it";
    EXPECT_EQ(stop_child(*child, 3s), 3);
    EXPECT_EQ(stop_child(*child, 3s), 3);
    EXPECT_EQ(log_tail(folder / "log", 5), "    up\n    bye\n");
    EXPECT_EQ(log_tail(folder / "log", 1), "    bye\n");
}

TEST(DemoChildren, KillsWhatDoesNotEnd) {
    const TempDir folder;
    auto child = start_child(
        "sh",
        shell,
        {"-c", "trap '' TERM; echo up; while :; do sleep 0.01; done"},
        folder / "log",
        true);
    ASSERT_TRUE(child);
    const SteadyClock::time_point deadline = SteadyClock::now() + 3s;
    while (log_tail(folder / "log", 5).empty() && SteadyClock::now() < deadline) {
        std::this_thread::sleep_for(5ms);
    }
    EXPECT_EQ(stop_child(*child, 50ms), 137);
}

TEST(DemoChildren, RemembersProcessesByNumberAndStart) {
    const TempDir folder;
    auto child =
        start_child("desk", shell, {"-c", "while :; do sleep 0.01; done"}, folder / "log", true);
    ASSERT_TRUE(child);
    const auto remembered = read_description(describe({*child}));
    ASSERT_TRUE(remembered);
    ASSERT_EQ(remembered->size(), 1u);
    EXPECT_EQ(remembered->front().name, "desk");
    EXPECT_EQ(remembered->front().pid, child->pid);
    EXPECT_TRUE(lives(remembered->front()));
    Remembered other = remembered->front();
    ++other.started;  // a later process with the same number
    EXPECT_FALSE(lives(other));
    EXPECT_TRUE(stop_remembered(other, 10ms));
    EXPECT_TRUE(lives(remembered->front()));
    EXPECT_TRUE(stop_remembered(remembered->front(), 3s));
    EXPECT_FALSE(lives(remembered->front()));
    EXPECT_TRUE(has_ended(*child));
    for (const char* text : {"desk\n", "desk x 5\n", "desk 1 5\n", "desk -3 5\n"}) {
        EXPECT_FALSE(read_description(text)) << text;
    }
}

}  // namespace
}  // namespace evenkeel::lab::demo
