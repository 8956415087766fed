#include "daemon_process.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <iterator>
#include <regex>
#include <spawn.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

/// Engines that the daemon starts itself, as real processes: two models, and a GPU for one of them.
namespace evenkeel::integration {
namespace {

struct Engines : testing::Test {
    DaemonProcess daemon{};
    std::uint16_t one{lab::demo::free_port(0).value()};
    std::uint16_t two{lab::demo::free_port(0).value()};
    std::string key{};

    [[nodiscard]] static std::string provider(
        const std::string& name, std::uint16_t port, const std::string& more) {
        return fmt::format(
            "  {}:\n"
            "    kind: local\n"
            "    engine: synthetic\n"
            "    synthetic: true\n"
            "    hardware: box\n"
            "    url: \"http://127.0.0.1:{}\"\n"
            "    start:\n"
            "      command: [\"{}\", engine, --synthetic, --model, model-{}, --listen, "
            "\"127.0.0.1:{}\", --speed, \"100\"{}]\n"
            "      memory: 6 GB\n"
            "      least_stay: 0s\n"
            "      load_guess: 500ms\n"
            "      stop_grace: 2s\n",
            name,
            port,
            EVENKEEL_PROGRAM,
            name,
            port,
            more);
    }

    void SetUp() override {
        const std::string yaml = daemon.read("evenkeel.yaml");
        daemon.write(
            "evenkeel.yaml", yaml + "hardware:\n  - {name: box, gpus: [0], vram: 10 GiB}\n");
        daemon.write(
            "providers.yaml",
            "version: 1\nproviders:\n" + provider("one", one, ", --loading, 20s") +
                provider("two", two, ""));
        daemon.write(
            "models.yaml",
            "version: 1\nmodels:\n"
            "  model-one: {context: 32k, offers: [{on: one, slots: 4}]}\n"
            "  model-two: {context: 32k, offers: [{on: two, slots: 4}]}\n");
        daemon.write(
            "policy.yaml",
            "version: 1\nroutes:\n"
            "  - {name: one, match: {model: [model-one]}, use: [model-one], max_wait: 20s}\n"
            "  - {name: two, match: {model: [model-two]}, use: [model-two], max_wait: 20s}\n");
        const auto made = daemon.tool({"keys", "create", "test", "--json"});
        ASSERT_EQ(made.status, 0) << made.err;
        key = json::parse(made.out).at("key").as_string().c_str();
    }

    [[nodiscard]] Answer ask(const std::string& model, int tokens = 8) const {
        return fetch(
            daemon.api(),
            "POST",
            "/v1/chat/completions",
            key,
            fmt::format(
                R"({{"model":"{}","max_tokens":{},"messages":[{{"role":"user","content":"x"}}]}})",
                model,
                tokens));
    }
    [[nodiscard]] std::string state(const std::string& name) const {
        const Answer answer = fetch(daemon.admin(), "GET", "/api/status");
        boost::system::error_code code;
        const json::value status = json::parse(answer.body, code);
        if (code || !status.is_object()) {
            return {};
        }
        for (const json::value& source : status.at("sources").as_array()) {
            if (source.at("name").as_string() == name) {
                return source.at("state").as_string().c_str();
            }
        }
        return {};
    }
    [[nodiscard]] std::string whole_log() const {
        std::ifstream file{daemon.config().parent_path() / "daemon.log"};
        return {std::istreambuf_iterator<char>{file}, {}};
    }
    /// The process that was started last for `name`, by the daemon's log.
    [[nodiscard]] pid_t pid_of(const std::string& name) const {
        const std::string log = whole_log();
        const std::regex started{"engine=" + name + " started, pid (\\d+)"};
        pid_t pid = -1;
        for (std::sregex_iterator it{log.begin(), log.end(), started}, end; it != end; ++it) {
            pid = std::stoi((*it)[1]);
        }
        return pid;
    }
    [[nodiscard]] static bool lives(pid_t pid) {
        std::ifstream file{fmt::format("/proc/{}/stat", pid)};
        const std::string stat{std::istreambuf_iterator<char>{file}, {}};
        const auto close = stat.rfind(')');
        return close != std::string::npos && stat[close + 2] != 'Z';
    }
    [[nodiscard]] static std::string mark_of(pid_t pid) {
        std::ifstream file{fmt::format("/proc/{}/environ", pid)};
        const std::string all{std::istreambuf_iterator<char>{file}, {}};
        const auto at = all.find("EVENKEEL_ENGINE=");
        return at == std::string::npos ? std::string{} : all.substr(at, all.find('\0', at) - at);
    }
};

TEST_F(Engines, AreStartedSwappedByDemandAndEndedAndNeverTwoAtOnce) {
    std::atomic<bool> over{false};
    std::atomic<int> both{0};
    daemon.start({{"EK_SECRET", "not-for-engines"}});
    ASSERT_TRUE(daemon.ready()) << "the daemon does not wait for its engines";
    std::thread watcher{[&] {
        while (!over) {
            const pid_t first = pid_of("one");
            const pid_t second = pid_of("two");
            both += first > 0 && second > 0 && lives(first) && lives(second) ? 1 : 0;
            std::this_thread::sleep_for(20ms);
        }
    }};
    EXPECT_EQ(ask("model-one").status, 200) << "waits through its start";
    EXPECT_EQ(state("one"), "serving");
    EXPECT_EQ(state("two"), "off: another has its place");
    std::ifstream file{fmt::format("/proc/{}/environ", pid_of("one"))};
    const std::string environment{std::istreambuf_iterator<char>{file}, {}};
    EXPECT_EQ(environment.find("not-for-engines"), std::string::npos);
    EXPECT_NE(environment.find("CUDA_VISIBLE_DEVICES=0"), std::string::npos);

    EXPECT_EQ(ask("model-two").status, 200) << "waits for the swap";
    EXPECT_EQ(state("two"), "serving");
    EXPECT_EQ(state("one"), "off: another has its place");
    EXPECT_EQ(ask("model-one").status, 200) << "and back";

    const pid_t last = pid_of("one");
    EXPECT_TRUE(lives(last));
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(20s), 0);
    EXPECT_FALSE(lives(last));
    over = true;
    watcher.join();
    EXPECT_EQ(both, 0);
}

TEST_F(Engines, F45_OneThatCrashesIsStartedAgain) {
    daemon.start();
    ASSERT_TRUE(daemon.ready());
    ASSERT_EQ(ask("model-one").status, 200);
    const pid_t first = pid_of("one");
    ASSERT_EQ(::kill(first, SIGKILL), 0);
    EXPECT_TRUE(eventually(5s, [&] { return pid_of("one") != first; }));
    EXPECT_EQ(ask("model-one").status, 200);
    EXPECT_NE(whole_log().find("was killed by signal 9"), std::string::npos);
}

TEST_F(Engines, AKilledDaemonLeavesNoneAndStartsAgain) {
    daemon.start();
    ASSERT_TRUE(daemon.ready());
    ASSERT_EQ(ask("model-one").status, 200);
    const pid_t engine = pid_of("one");
    daemon.signal(SIGKILL);
    EXPECT_EQ(daemon.wait(5s), 128 + SIGKILL);
    EXPECT_TRUE(eventually(5s, [&] { return !lives(engine); })) << "it outlives the daemon";
    daemon.start();
    ASSERT_TRUE(daemon.ready());
    EXPECT_EQ(ask("model-one").status, 200);
}

TEST_F(Engines, WhatAnEarlierDaemonLeftIsFoundByItsMarkAndEnded) {
    daemon.start();
    ASSERT_TRUE(daemon.ready());
    ASSERT_EQ(ask("model-one").status, 200);
    std::string mark = mark_of(pid_of("one"));
    ASSERT_FALSE(mark.empty());
    daemon.signal(SIGTERM);
    ASSERT_EQ(daemon.wait(20s), 0);
    // One that ignores the end of its parent, one of a provider since renamed, and a stranger.
    const auto spawn = [](std::string variable) {
        char program[] = "/bin/sleep";
        char time[] = "600";
        char* arguments[]{program, time, nullptr};
        char* environment[]{variable.data(), nullptr};
        pid_t pid = -1;
        EXPECT_EQ(::posix_spawn(&pid, program, nullptr, nullptr, arguments, environment), 0);
        return pid;
    };
    const std::string agent = mark.substr(0, mark.rfind('/'));
    const pid_t left = spawn(mark);
    const pid_t renamed = spawn(agent + "/once-named");
    const pid_t stranger = spawn(agent + "-of-another/one");
    daemon.start();
    ASSERT_TRUE(daemon.ready());
    EXPECT_EQ(ask("model-one").status, 200);
    EXPECT_FALSE(lives(left));
    EXPECT_FALSE(lives(renamed));
    EXPECT_TRUE(lives(stranger));
    ::kill(stranger, SIGKILL);
    for (const pid_t pid : {left, renamed, stranger}) {
        ::waitpid(pid, nullptr, 0);
    }
}

TEST_F(Engines, OneThatCannotBeStartedIsSaid) {
    daemon.replace("providers.yaml", EVENKEEL_PROGRAM, "/no/such/engine");
    daemon.start();
    ASSERT_TRUE(daemon.ready());
    EXPECT_TRUE(eventually(5s, [&] {
        return state("one").starts_with(
            "off: '/no/such/engine' cannot be started: No such file or directory; started again");
    })) << state("one");
    EXPECT_EQ(ask("model-two").status, 200) << "the other takes its place";
}

}  // namespace
}  // namespace evenkeel::integration
