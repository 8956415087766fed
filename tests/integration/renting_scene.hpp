#pragma once

#include "lab/demo/children.hpp"
#include "scene.hpp"
#include "tests/fakes/cloud/process.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

/// The real daemon that rents from the fake vendors, all of them processes on loopback.
namespace evenkeel::integration {

using fakes::cloud::FakeCloudProcess;
using fakes::cloud::Trouble;
using fakes::cloud::Vendor;

/// The bytes of a file; empty when it cannot be read.
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

/// What is played. Durations are those of the real world, divided by `speed` where they are used.
struct RentingWorld {
    Vendor vendor{Vendor::digitalocean};
    std::int64_t speed{240};
    std::chrono::milliseconds placing{10s};
    std::chrono::milliseconds boot{30s};     ///< accepted create to running
    std::chrono::milliseconds loading{30s};  ///< running to a serving engine
    int min{0};                              ///< machines that are always kept
    int max{2};
    std::chrono::milliseconds warm_up{15min};
    std::string tuning{};        ///< further lines of policy.yaml's scaling entry, indented by four
    std::string own_speed{"4"};  ///< of the own engine: slow, so that a few requests are a burst
    std::string base_url{};      ///< instead of the fake's https address
    std::string ca_file{};       ///< instead of the fake's; "none": the system's authorities
    std::vector<std::string> fake_flags{};
};

/// An answer of the agent's API, with what it says about itself.
struct ChatAnswer {
    int status{0};         ///< 0: no answer
    std::string source{};  ///< x-evenkeel-source
    std::string body{};
    std::chrono::milliseconds took{0};
};

/// Own engine, fake vendors, configuration and daemon in a temporary folder of their own.
class RentingScene {
public:
    explicit RentingScene(RentingWorld world);
    /// Ends the daemon, then the rest; prints logs if the test failed.
    ~RentingScene();
    RentingScene(const RentingScene&) = delete;
    RentingScene& operator=(const RentingScene&) = delete;

    [[nodiscard]] const RentingWorld& world() const noexcept { return world_; }
    [[nodiscard]] FakeCloudProcess& fake() noexcept { return *fake_; }
    [[nodiscard]] std::filesystem::path folder() const { return folder_.path(); }
    [[nodiscard]] std::filesystem::path config() const { return folder_.path() / "config"; }
    [[nodiscard]] std::filesystem::path state() const { return folder_.path() / "state"; }
    [[nodiscard]] pid_t daemon_pid() const noexcept { return daemon_.pid; }
    [[nodiscard]] const std::string& client_key() const noexcept { return client_key_; }
    [[nodiscard]] std::uint16_t api() const noexcept { return api_; }

    /// Starts the daemon and waits until it is ready; gives how long that took.
    [[nodiscard]] Result<std::chrono::milliseconds> start_daemon(
        std::chrono::milliseconds limit = 15s);
    void kill_daemon();
    [[nodiscard]] std::optional<int> stop_daemon();
    /// Tells the daemon to stop, and waits only until its machines are proved gone, not for their
    /// bills; then kills it. False when a machine is left.
    [[nodiscard]] bool end_machines();
    [[nodiscard]] lab::demo::ToolResult tool(std::vector<std::string> command) const;

    /// One chat request, not streamed; blocks until it is answered.
    [[nodiscard]] ChatAnswer chat(const std::string& prompt, int tokens_out = 64) const;
    /// `count` chats at once, each from a thread of its own. Long enough that a rented engine's
    /// time is spent on tokens even at `speed`: else it would be found slow (FAULTS F46).
    [[nodiscard]] std::vector<ChatAnswer> burst(int count, int tokens_out = 512) const;

    [[nodiscard]] boost::json::object status() const;
    /// Every warning of the status, one a line.
    [[nodiscard]] std::string warnings() const;
    /// States of the daemon's machines that are not gone, and how many are gone.
    struct Machines {
        std::vector<std::string> states{};
        int gone{0};
        [[nodiscard]] int count(std::string_view state) const;
    };
    [[nodiscard]] Machines machines() const;
    [[nodiscard]] bool serves() const { return machines().count("serving") > 0; }
    /// Neither the fake nor the daemon has a machine of ours any more.
    [[nodiscard]] bool machines_gone() const;

    /// A number of the fake's GET /summary, of this world's vendor when it is one of its members;
    /// "calls_list" and the like are calls of that operation.
    [[nodiscard]] std::int64_t count_at_fake(std::string_view member) const;
    /// All calls of this world's vendor; -1 when the fake does not answer.
    [[nodiscard]] std::int64_t calls_at_fake() const;
    [[nodiscard]] std::size_t double_creates() const;
    void put_on(Trouble trouble) const;
    void put_on(Trouble trouble, int times, std::int64_t value) const;
    void take_off_all() const;

    /// The money of one machine in both books, nano-dollars.
    struct Paid {
        std::string machine{};  ///< its name
        std::int64_t ledger{0};
        std::int64_t fake{0};  ///< what the vendor's bill says
        std::int64_t adjusted{0};
        std::int64_t second{0};  ///< a second of its price
    };
    [[nodiscard]] std::vector<Paid> books() const;
    /// Ledger and bill agree to the unit. Lambda has no bill: within two seconds of price and the
    /// minute it begins.
    [[nodiscard]] bool bills_agree() const;
    [[nodiscard]] std::string books_text() const;

    /// All invariants of FAULTS for a run that has come to rest; the daemon is stopped by it.
    void expect_clean_end();

    [[nodiscard]] std::string log() const;       ///< the daemon's whole log
    [[nodiscard]] std::string log_tail() const;  ///< its end
    void edit(const std::string& file, const std::string& old, const std::string& with) const;

private:
    void write_config() const;
    [[nodiscard]] boost::json::object admin(const std::string& target) const;

    RentingWorld world_;
    Folder folder_;
    std::optional<FakeCloudProcess> fake_{};
    lab::demo::Child engine_{};
    lab::demo::Child daemon_{};
    std::uint16_t api_{0};
    std::uint16_t admin_{0};
    std::uint16_t engine_port_{0};
    std::string client_key_{};
};

/// Clients that send `waves` bursts, each again while the daemon is away; joined at the end.
class Clients {
public:
    Clients(const RentingScene& scene, int waves, int count);
    ~Clients();
    Clients(const Clients&) = delete;
    Clients& operator=(const Clients&) = delete;
    /// All answers, once the waves are over.
    [[nodiscard]] const std::vector<ChatAnswer>& join();

private:
    std::vector<ChatAnswer> answers_{};
    std::jthread thread_{};
};

}  // namespace evenkeel::integration
