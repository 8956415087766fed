#include "daemon_process.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include <fstream>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

/// The agent as a service: readiness, watchdog, reload, stop (FAULTS F87-F91, F104, F105).
namespace evenkeel::integration {
namespace {

namespace json = boost::json;

/// Stands in for systemd: collects what the service tells it.
class Manager {
public:
    Manager() : path_{folder_.path() / "notify.sock"} {
        fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path_.string().copy(address.sun_path, sizeof address.sun_path - 1);
        ::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }
    ~Manager() { ::close(fd_); }
    [[nodiscard]] std::string path() const { return path_.string(); }
    /// Everything told since the last call, one a line.
    std::string told() {
        std::string all;
        char buffer[4096];
        for (ssize_t got = 0; (got = ::recv(fd_, buffer, sizeof buffer, 0)) > 0;) {
            all.append(buffer, static_cast<std::size_t>(got));
            all += '\n';
        }
        return all;
    }
    bool tells(const std::string& line, std::chrono::milliseconds limit) {
        std::string all;
        return eventually(limit, [&] {
            all += told();
            return all.find(line) != std::string::npos;
        });
    }

private:
    Folder folder_;
    std::filesystem::path path_;
    int fd_{-1};
};

std::int64_t revision(const DaemonProcess& daemon) {
    boost::system::error_code code;
    const json::value status = json::parse(fetch(daemon.admin(), "GET", "/api/status").body, code);
    return code ? -1 : status.at("policy").at("revision").to_number<std::int64_t>();
}

TEST(Service, TellsReadyStatusAndStopping) {
    Manager manager;
    DaemonProcess daemon;
    daemon.start({{"NOTIFY_SOCKET", manager.path()}});
    EXPECT_TRUE(manager.tells("READY=1", 10s));
    EXPECT_TRUE(daemon.ready());
    daemon.signal(SIGTERM);
    EXPECT_TRUE(manager.tells("STOPPING=1", 5s));
    EXPECT_EQ(daemon.wait(10s), 0);
}

TEST(Service, F91_WatchdogIsPingedOnlyWhileTheLoopMoves) {
    Manager manager;
    DaemonProcess daemon;
    daemon.start({{"NOTIFY_SOCKET", manager.path()}, {"WATCHDOG_USEC", "1000000"}});
    ASSERT_TRUE(manager.tells("WATCHDOG=1", 10s));
    EXPECT_TRUE(manager.tells("WATCHDOG=1", 2s)) << "again and again";
    daemon.signal(SIGSTOP);
    std::this_thread::sleep_for(50ms);
    static_cast<void>(manager.told());
    EXPECT_FALSE(manager.tells("WATCHDOG=1", 1500ms)) << "a stuck process must not look alive";
    daemon.signal(SIGCONT);
    EXPECT_TRUE(manager.tells("WATCHDOG=1", 5s));
}

TEST(Service, ReloadTakesAGoodFileAndKeepsTheOldPolicyOnABadOne) {
    DaemonProcess daemon;
    daemon.start();
    ASSERT_TRUE(daemon.ready());
    const std::int64_t first = revision(daemon);
    daemon.replace("policy.yaml", "max_wait: 200ms", "max_wait: 300ms");
    daemon.signal(SIGHUP);
    EXPECT_TRUE(eventually(5s, [&] { return revision(daemon) == first + 1; }));

    daemon.replace("policy.yaml", "max_wait: 300ms", "max_wait: soon");
    daemon.signal(SIGHUP);
    EXPECT_TRUE(eventually(5s, [&] {
        return daemon.log().find("policy.yaml:3:") != std::string::npos;
    })) << "the log says what is wrong, and where";
    EXPECT_EQ(revision(daemon), first + 1);
    EXPECT_EQ(fetch(daemon.admin(), "GET", "/readyz").status, 200);
}

TEST(Service, F104_HalfWrittenPolicyChangesNothing) {
    DaemonProcess daemon;
    daemon.start();
    ASSERT_TRUE(daemon.ready());
    const std::int64_t first = revision(daemon);
    const std::string whole = daemon.read("policy.yaml");
    for (std::size_t cut = 1; cut < whole.size(); cut += 7) {
        daemon.write("policy.yaml", whole.substr(0, cut));
        daemon.signal(SIGHUP);
        std::this_thread::sleep_for(20ms);
        ASSERT_EQ(fetch(daemon.admin(), "GET", "/readyz").status, 200) << "cut at " << cut;
    }
    daemon.write("policy.yaml", whole);
    daemon.signal(SIGHUP);
    EXPECT_TRUE(eventually(5s, [&] { return revision(daemon) >= first; }));
}

TEST(Service, F88_SignalStormsLeakNothing) {
    DaemonProcess daemon;
    daemon.start();
    ASSERT_TRUE(daemon.ready());
    const auto descriptors = [&] {
        return std::distance(
            std::filesystem::directory_iterator{"/proc/" + std::to_string(daemon.pid()) + "/fd"},
            std::filesystem::directory_iterator{});
    };
    const auto before = descriptors();
    for (int i = 0; i < 1'000; ++i) {
        daemon.signal(SIGHUP);
        std::this_thread::sleep_for(1ms);
    }
    EXPECT_TRUE(eventually(10s, [&] { return descriptors() <= before + 2; }));
    EXPECT_EQ(fetch(daemon.admin(), "GET", "/readyz").status, 200);
    daemon.signal(SIGINT);
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(10s), 0) << "the second signal is faster, never unsafe";
}

TEST(Service, F105_CredentialsAreCheckedAndNeverPrinted) {
    DaemonProcess daemon;
    daemon.write(
        "providers.yaml",
        daemon.read("providers.yaml") +
            "  paid: {kind: openai-compatible, credential: paid.key, url: "
            "\"http://127.0.0.1:9/v1\","
            " synthetic: true}\n");
    daemon.write(
        "models.yaml",
        daemon.read("models.yaml") +
            "      - {on: paid, model: m, price: {in: 1 USD/Mtok, out: 2 USD/Mtok}, seen: "
            "2026-01-01}\n");
    daemon.start();
    ASSERT_TRUE(daemon.ready());
    const auto warns = [&](const std::string& text) {
        return eventually(5s, [&] {
            return fetch(daemon.admin(), "GET", "/api/status").body.find(text) != std::string::npos;
        });
    };
    EXPECT_TRUE(warns("paid.key")) << "a missing key is told";
    std::filesystem::create_directories(daemon.config() / "credentials");
    const auto key = daemon.config() / "credentials" / "paid.key";
    std::ofstream{key} << "sk-very-secret-marker\n";
    std::filesystem::permissions(
        key, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    daemon.signal(SIGHUP);
    EXPECT_TRUE(eventually(5s, [&] {
        return fetch(daemon.admin(), "GET", "/api/status").body.find("\"paid\"") !=
               std::string::npos;
    })) << "picked up on reload";
    EXPECT_EQ(daemon.log().find("sk-very-secret-marker"), std::string::npos);
    EXPECT_EQ(
        fetch(daemon.admin(), "GET", "/api/status").body.find("sk-very-secret-marker"),
        std::string::npos);
}

TEST(Service, F93_RunsWithoutAnyGpu) {
    DaemonProcess daemon;
    daemon.start();
    ASSERT_TRUE(daemon.ready());
    const auto status = json::parse(fetch(daemon.admin(), "GET", "/api/status").body);
    const auto& desk = status.at("sources").as_array().at(0);
    EXPECT_NE(desk.at("state").as_string(), "serving");
    EXPECT_EQ(desk.at("name").as_string(), "desk");
}

TEST(Service, AdminAnswersOnlyRequestsToThisHost) {
    DaemonProcess daemon;
    daemon.start();
    ASSERT_TRUE(daemon.ready());
    EXPECT_EQ(fetch(daemon.admin(), "POST", "/api/keys", {}, R"({"name":"x"})").status, 405)
        << "TCP only reads";
    EXPECT_EQ(fetch(daemon.admin(), "GET", "/nothing").status, 404);
}

TEST(Service, StopEndsStreamsWithinTheirLimitAndMachinesToo) {
    Scene scene{quick_world(60)};
    ASSERT_TRUE(scene.start_daemon(10s));
    std::thread clients{[&scene] {
        for (int wave = 0; wave < 4; ++wave) {
            scene.burst(48, 1'500, 900);
        }
    }};
    EXPECT_TRUE(eventually(20s, [&] {
        const json::object nodes = scene.nodes();
        const json::value* machines = nodes.if_contains("machines");
        return machines != nullptr && !machines->as_array().empty();
    })) << "the burst makes the rule rent";
    EXPECT_EQ(scene.stage().stop_daemon(), 0) << scene.logs();
    clients.join();
    EXPECT_TRUE(scene.cloud("/v1/machines").at("machines").as_array().empty())
        << "the stop destroyed what was rented";
    EXPECT_TRUE(scene.bills_agree()) << scene.bills_text();
    EXPECT_EQ(scene.stage().tool({"ledger", "verify"})->status, 0);
}

}  // namespace
}  // namespace evenkeel::integration
