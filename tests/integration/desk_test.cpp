#include "daemon_process.hpp"
#include "scene.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <fstream>
#include <poll.h>
#include <pty.h>
#include <sstream>
#include <sys/wait.h>
#include <termios.h>
#include <thread>
#include <unistd.h>

/// `evenkeel doctor` and `evenkeel top` beside a real daemon.
namespace evenkeel::integration {
namespace {

/// A terminal with `evenkeel top` in it.
class TopInATerminal {
public:
    TopInATerminal(const Scene& scene, lab::demo::Stage& stage, bool control) {
        static_cast<void>(scene);
        winsize size{.ws_row = 30, .ws_col = 120, .ws_xpixel = 0, .ws_ypixel = 0};
        pid_ = ::forkpty(&master_, nullptr, nullptr, &size);
        if (pid_ == 0) {
            ::setenv("LANG", "C.UTF-8", 1);
            const std::string config = stage.config();
            const std::string state = stage.state();
            std::vector<const char*> words{
                EVENKEEL_PROGRAM, "top", "--config", config.c_str(), "--state", state.c_str()};
            if (control) {
                words.push_back("--control");
            }
            words.push_back(nullptr);
            ::execv(EVENKEEL_PROGRAM, const_cast<char* const*>(words.data()));
            ::_exit(127);
        }
    }
    ~TopInATerminal() {
        if (pid_ > 0 && !status_) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
        ::close(master_);
    }
    TopInATerminal(const TopInATerminal&) = delete;
    TopInATerminal& operator=(const TopInATerminal&) = delete;

    void type(std::string_view keys) const {
        EXPECT_EQ(::write(master_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
    }
    void signal(int number) const { ::kill(pid_, number); }
    /// Reads until `text` has come since the last call of this.
    [[nodiscard]] bool shows(std::string_view text, std::chrono::milliseconds limit = 10s) {
        const bool found = eventually(limit, [&] {
            read_some();
            return screen_.contains(text);
        });
        if (found) {
            screen_.erase(0, screen_.find(text) + text.size());
        }
        return found;
    }
    [[nodiscard]] bool echoes() const {
        termios modes{};
        return ::tcgetattr(master_, &modes) == 0 &&
               (modes.c_lflag & (ECHO | ICANON)) == static_cast<tcflag_t>(ECHO | ICANON);
    }
    /// As waitpid tells it; nothing when it still runs.
    [[nodiscard]] std::optional<int> ended(std::chrono::milliseconds limit = 5s) {
        static_cast<void>(eventually(limit, [&] {
            read_some();
            int status = 0;
            if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) {
                status_ = status;
            }
            return status_.has_value();
        }));
        read_some();
        return status_;
    }
    [[nodiscard]] const std::string& screen() const noexcept { return screen_; }

private:
    void read_some() {
        std::array<char, 8192> some{};
        pollfd watched{.fd = master_, .events = POLLIN, .revents = 0};
        while (::poll(&watched, 1, 0) == 1 && (watched.revents & POLLIN) != 0) {
            const ssize_t got = ::read(master_, some.data(), some.size());
            if (got <= 0) {
                return;
            }
            screen_.append(some.data(), static_cast<std::size_t>(got));
        }
    }
    pid_t pid_{-1};
    int master_{-1};
    std::string screen_{};
    std::optional<int> status_{};
};

constexpr std::string_view left_screen = "\x1b[?1049l";

class Desk : public testing::Test {
protected:
    Scene scene{quick_world(60)};

    [[nodiscard]] lab::demo::ToolResult run(const std::vector<std::string>& command) {
        auto result = scene.stage().tool(command);
        return result ? *result : lab::demo::ToolResult{.err = result.error().message};
    }
    void edit(const std::string& file, const std::string& old, const std::string& with) {
        edit_file(scene.stage().config() + "/" + file, old, with);
    }
    void start() {
        const auto started = scene.start_daemon(10s);
        ASSERT_TRUE(started) << started.error().message;
    }
};

TEST_F(Desk, DoctorTellsOfARunningAgentAndOfOneThatLeftAMachineBehind) {
    edit("policy.yaml", "min: 0", "min: 1");
    start();
    ASSERT_TRUE(eventually(30s, [&] {
        const json::object nodes = scene.nodes();
        const json::value* machines = nodes.if_contains("machines");
        return machines != nullptr && !machines->as_array().empty() &&
               machines->at(0).at("state").as_string() == "serving";
    })) << scene.logs();
    const auto well = run({"doctor"});
    EXPECT_EQ(well.status, 0) << well.out << well.err;
    for (const char* part :
         {"ok    agent",
          "hash chain intact",
          "sandbox key",
          "valid",
          "1 rented, every one of ours",
          "to the agent",
          "engine "}) {
        EXPECT_NE(well.out.find(part), std::string::npos) << part << "\n" << well.out;
    }
    scene.stage().kill_daemon();
    const auto dead = run({"doctor", "--json"});
    EXPECT_EQ(dead.status, 6) << dead.out << dead.err;
    const json::value told = json::parse(dead.out);
    EXPECT_TRUE(told.at("money_hazard").as_bool());
    EXPECT_FALSE(told.at("agent_runs").as_bool());
    EXPECT_NE(dead.out.find("it may cost money while the agent does not run"), std::string::npos);
    EXPECT_NE(dead.out.find("sandbox key"), std::string::npos) << "asked without the agent";
}

TEST_F(Desk, TopShowsRequestsInFlightAndOneFrameOffTerminal) {
    start();
    std::jthread work{[&] { scene.burst(3, 200, 4'000); }};
    EXPECT_TRUE(eventually(20s, [&] {
        const auto frame = run({"top"});
        return frame.status == 0 && frame.out.contains("REQUEST") && frame.out.contains("qwq-32b");
    })) << run({"top"}).out;
    const auto document = run({"top", "--json"});
    const json::value told = json::parse(document.out);
    EXPECT_EQ(told.at("schema").as_string(), "evenkeel.top/1");
    EXPECT_EQ(told.at("requests").at("schema").as_string(), "evenkeel.requests-live/1");
    EXPECT_EQ(run({"top"}).out.find('\x1b'), std::string::npos) << "no terminal, no escapes";
    EXPECT_EQ(scene.stage().stop_daemon(), 0);
    EXPECT_EQ(run({"top"}).status, 3);
}

TEST_F(Desk, TopLeavesTheTerminalAsItWas) {
    start();
    {
        TopInATerminal top{scene, scene.stage(), false};
        ASSERT_TRUE(top.shows("evenkeel top"));
        ASSERT_TRUE(top.shows("read-only"));
        EXPECT_FALSE(top.echoes());
        top.type("F");
        EXPECT_TRUE(top.shows("evenkeel top --control"));
        top.type("?");
        EXPECT_TRUE(top.shows("this help"));
        top.type("q");
        ASSERT_EQ(top.ended(), 0);
        EXPECT_TRUE(top.screen().contains(left_screen));
        EXPECT_TRUE(top.echoes());
    }
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGSEGV, SIGABRT}) {
        TopInATerminal top{scene, scene.stage(), false};
        ASSERT_TRUE(top.shows("q quit"));
        top.signal(number);
        const auto status = top.ended();
        ASSERT_TRUE(status) << number;
        EXPECT_TRUE(
            number == SIGINT ? *status == 0 : WIFSIGNALED(*status) && WTERMSIG(*status) == number)
            << number << " " << *status;
        EXPECT_TRUE(top.screen().contains(left_screen)) << number;
        EXPECT_TRUE(top.echoes()) << number;
    }
    TopInATerminal top{scene, scene.stage(), false};
    ASSERT_TRUE(top.shows("q quit"));
    top.signal(SIGTSTP);
    EXPECT_TRUE(top.shows(left_screen));
    EXPECT_TRUE(eventually(5s, [&] { return top.echoes(); })) << "a shell's while it is stopped";
    top.signal(SIGCONT);
    EXPECT_TRUE(top.shows("q quit"));
    EXPECT_FALSE(top.echoes());
    top.type("\x03");
    EXPECT_EQ(top.ended(), 0);
}

TEST_F(Desk, TopFreezesAfterAYesAlone) {
    start();
    TopInATerminal top{scene, scene.stage(), true};
    ASSERT_TRUE(top.shows("control"));
    top.type("Fn");
    EXPECT_TRUE(top.shows("nothing was changed"));
    EXPECT_FALSE(scene.status().at("frozen").as_bool());
    top.type("F");
    EXPECT_TRUE(top.shows("[y/N]"));
    top.type("y");
    EXPECT_TRUE(top.shows("frozen: nothing is rented"));
    EXPECT_TRUE(scene.status().at("frozen").as_bool());
    top.type("q");
    EXPECT_EQ(top.ended(), 0);
}

}  // namespace
}  // namespace evenkeel::integration
