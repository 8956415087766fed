#include "inference/http/server.hpp"
#include "lab/cloud/cloud.hpp"
#include "providers/http/exact_json.hpp"
#include "providers/sandbox/sandbox.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

/// The cloud as the process it is, with shell scripts in place of engines.
namespace evenkeel::lab::cloud {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// Tries every 5 ms for up to five seconds.
bool eventually(const std::function<bool()>& condition) {
    for (int tries = 0; tries < 1'000; ++tries) {
        if (condition()) {
            return true;
        }
        std::this_thread::sleep_for(5ms);
    }
    return false;
}

std::string read_text(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream{path}.rdbuf();
    return text.str();
}

class CloudProcess : public ::testing::Test {
protected:
    CloudProcess() {
        fs::create_directories(folder_ / "state");
        write("token", "tok-5e94\n");
        fs::permissions(folder_ / "token", fs::perms::owner_read);
        // Leaves its pid and arguments where the test finds them, and lives until it is killed.
        script(
            "engine",
            "echo \"$@\" > \"$0.args.$$\"\ntr '\\0' '\\n' < /proc/$$/environ > \"$0.env.$$\"\n"
            "ls /proc/$$/fd > \"$0.fds.$$\"\nmv \"$0.args.$$\" \"$0.up.$$\"\nexec sleep 600\n");
        options_ = {
            .listen = "127.0.0.1:0",
            .state = folder_ / "state",
            .token_file = folder_ / "token",
            .port_file = folder_ / "port",
            .speed = 1'000,
            .boot = 60s,
            .engine_program = folder_ / "engine",
            .kill_grace = 50ms};
    }
    ~CloudProcess() override {
        stop(SIGKILL);
        // Its engines may still be dying, and one be renaming its file.
        EXPECT_TRUE(eventually([&] {
            std::error_code error;
            fs::remove_all(folder_, error);
            return !error;
        }));
    }

    void write(const std::string& name, const std::string& text) {
        std::ofstream{folder_ / name} << text;
    }
    void script(const std::string& name, const std::string& body) {
        write(name, "#!/bin/sh\n" + body);
        fs::permissions(folder_ / name, fs::perms::owner_all);
    }

    void start() {
        fs::remove(folder_ / "port");
        cloud_ = ::fork();
        ASSERT_GE(cloud_, 0);
        if (cloud_ == 0) {
            spdlog::set_level(spdlog::level::off);
            ::_exit(run(options_));
        }
        ASSERT_TRUE(eventually([&] { return fs::exists(folder_ / "port"); }));
        std::ifstream{folder_ / "port"} >> port_;
        driver_ = connect("ek-1a2b3c4d");
    }
    std::unique_ptr<providers::Provider> connect(const std::string& owner_mark) {
        auto driver = providers::make_sandbox(
            {.base_url = fmt::format("http://127.0.0.1:{}", port_),
             .credential = providers::Secret{std::string{"tok-5e94"}},
             .owner_mark = owner_mark,
             .total_limit = 5s},
            clock_);
        EXPECT_TRUE(driver);
        return *std::move(driver);
    }
    /// Ends the cloud and returns its wait status; 0 when none runs.
    int stop(int number) {
        if (cloud_ <= 0) {
            return 0;
        }
        ::kill(cloud_, number);
        int status = 0;
        ::waitpid(std::exchange(cloud_, 0), &status, 0);
        return status;
    }
    providers::MachineSpec spec(std::string name) {
        return {
            .name = std::move(name),
            .sku = "sandbox-h100",
            .region = "local",
            .image = "vllm/vllm-openai:v0.11.0",
            .model = "qwq-32b",
            .engine_key = "engine-key-marked",
            .owner_mark = "ek-1a2b3c4d",
            .expires = from_us(1'800'000'000'000'000)};
    }
    std::string create_and_run(const std::string& name) {
        const auto made = driver_->create(spec(name), {});
        EXPECT_TRUE(made) << made.error().message;
        const std::string id = made ? made->remote_id : std::string{};
        EXPECT_TRUE(eventually([&] {
            const auto machine = driver_->get(id, {});
            return machine && machine->running;
        }));
        return id;
    }
    /// Pids of engines that have come up since the last call.
    std::vector<pid_t> engines() {
        std::vector<pid_t> pids;
        for (const auto& entry : fs::directory_iterator{folder_}) {
            const std::string name = entry.path().filename();
            if (name.starts_with("engine.up.")) {
                pids.push_back(std::stoi(name.substr(10)));
            }
        }
        return pids;
    }
    pid_t wait_for_engine() {
        EXPECT_TRUE(eventually([&] { return engines().size() == 1; }));
        return engines().empty() ? 0 : engines().front();
    }
    static bool alive(pid_t pid) {
        // A killed child of a dead cloud stays a zombie until init takes it.
        const std::string status = read_text(fmt::format("/proc/{}/stat", pid));
        const auto end = status.rfind(')');
        return end != status.npos && status.size() > end + 2 && status[end + 2] != 'Z';
    }
    providers::BillLine bill_line(const std::string& id) {
        const auto bill = driver_->billing({});
        EXPECT_TRUE(bill) << bill.error().message;
        for (const auto& line : bill ? *bill : std::vector<providers::BillLine>{}) {
            if (line.remote_id == id) {
                return line;
            }
        }
        ADD_FAILURE() << "not in the bill: " << id;
        return {};
    }
    static std::string name() {
        return ::testing::UnitTest::GetInstance()->current_test_info()->name();
    }

    fs::path folder_{fs::temp_directory_path() / fmt::format("ek-cloud-{}-{}", ::getpid(), name())};
    ManualClock clock_{Now{}};
    CloudOptions options_{};
    pid_t cloud_{0};
    std::uint16_t port_{0};
    std::unique_ptr<providers::Provider> driver_{};
};

TEST_F(CloudProcess, RunsAMachineFromCreateToFinalBill) {
    start();
    const auto offers = driver_->offers({});
    ASSERT_TRUE(offers) << offers.error().message;
    EXPECT_EQ(offers->at(0).price, Price::per_hour(Money{4'410'000'000'000, usd}))
        << "an hour takes 3.6 s, so it must cost a thousand times as much";
    EXPECT_EQ(offers->at(0).min_bill, 60ms);

    const std::string id = create_and_run("ek-1");
    const pid_t engine = wait_for_engine();
    EXPECT_TRUE(alive(engine));
    const auto machine = driver_->get(id, {});
    EXPECT_EQ(
        read_text(folder_ / fmt::format("engine.up.{}", engine)),
        fmt::format(
            "engine --synthetic --listen 127.0.0.1:{} --profile h100-32b-fp8 --model qwq-32b "
            "--key-file {}/state/keys/{} --speed 1000 --loading 60000ms\n",
            machine->port,
            folder_.string(),
            id));

    EXPECT_FALSE(bill_line(id).final);
    ASSERT_TRUE(driver_->destroy(id, {}));
    ASSERT_TRUE(eventually([&] { return !driver_->get(id, {}); }));
    EXPECT_EQ(driver_->get(id, {}).error().code, Errc::not_found);
    EXPECT_FALSE(alive(engine));
    EXPECT_TRUE(driver_->list({})->empty());
    const auto line = bill_line(id);
    EXPECT_TRUE(line.final);
    EXPECT_GE(line.amount, (Money{73'500'000, usd}));
    EXPECT_EQ(bill_line(id).amount, line.amount) << "a final bill stays";
    EXPECT_EQ(WEXITSTATUS(stop(SIGTERM)), 0);
}

TEST_F(CloudProcess, I10TheEnginesKeyIsInAPrivateFileOnly) {
    start();
    const std::string id = create_and_run("ek-1");
    const pid_t engine = wait_for_engine();
    const fs::path key = fs::path{options_.state} / "keys" / id;
    EXPECT_EQ(read_text(key), "engine-key-marked");
    EXPECT_EQ(fs::status(key).permissions(), fs::perms::owner_read | fs::perms::owner_write);
    EXPECT_EQ(read_text(fmt::format("/proc/{}/cmdline", engine)).find("marked"), std::string::npos);
    const std::string environment = read_text(folder_ / fmt::format("engine.env.{}", engine));
    EXPECT_EQ(environment.find("engine-key-marked"), std::string::npos);
    EXPECT_EQ(environment.find("tok-5e94"), std::string::npos);
    EXPECT_EQ(
        read_text(fs::path{options_.state} / "journal.jsonl").find("marked"), std::string::npos);
    ASSERT_TRUE(driver_->destroy(id, {}));
    EXPECT_TRUE(eventually([&] { return !fs::exists(key); })) << "it dies with its machine";
}

TEST_F(CloudProcess, MachinesInheritNoSocket) {
    start();
    create_and_run("ek-1");
    const pid_t engine = wait_for_engine();
    for (const auto& entry : fs::directory_iterator{fmt::format("/proc/{}/fd", engine)}) {
        std::error_code error;
        const std::string target = fs::read_symlink(entry.path(), error);
        if (std::stoi(entry.path().filename()) > 2) {
            // The shell may still hold its script.
            EXPECT_TRUE(error || target == options_.engine_program) << target;
        }
    }
}

TEST_F(CloudProcess, ItsPortIsRefusedUntilItsEngineListens) {
    start();
    const std::string id = create_and_run("ek-1");
    const auto machine = driver_->get(id, {});
    const auto client = providers::make_curl_client(
        {.base_url = fmt::format("http://127.0.0.1:{}", machine->port)});
    const auto answer = (*client)->send({.target = "/health"}, {});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::unavailable) << answer.error().message;
}

TEST_F(CloudProcess, ItsPortIsKeptForItsEngine) {
    start();
    const std::string id = create_and_run("ek-1");
    const int port = driver_->get(id, {})->port;
    boost::asio::io_context context;
    const auto server = inference::http::listen(
        context,
        fmt::format("127.0.0.1:{}", port),
        [](inference::http::Exchange&) -> boost::asio::awaitable<void> { co_return; },
        {});
    ASSERT_TRUE(server) << server.error().message;
    EXPECT_EQ((*server)->port(), port);
}

TEST_F(CloudProcess, AStubbornEngineIsKilledAfterTheGrace) {
    script("engine", "trap '' TERM\necho > \"$0.up.$$\"\nwhile :; do sleep 0.02; done\n");
    start();
    const std::string id = create_and_run("ek-1");
    const pid_t engine = wait_for_engine();
    ASSERT_TRUE(driver_->destroy(id, {}));
    EXPECT_EQ(driver_->get(id, {})->status, "deleting") << "the process has not ended yet";
    EXPECT_FALSE(bill_line(id).final);
    EXPECT_TRUE(eventually([&] { return !driver_->get(id, {}); }));
    EXPECT_FALSE(alive(engine));
    EXPECT_TRUE(bill_line(id).final);
}

TEST_F(CloudProcess, AnEngineThatDiesLeavesAStoppedMachine) {
    start();
    const std::string id = create_and_run("ek-1");
    ::kill(wait_for_engine(), SIGKILL);
    EXPECT_TRUE(eventually([&] { return driver_->get(id, {})->status == "stopped"; }));
    EXPECT_TRUE(bill_line(id).final);
    EXPECT_EQ(driver_->get(id, {})->host, "");
    EXPECT_TRUE(driver_->destroy(id, {}));
    EXPECT_EQ(driver_->get(id, {}).error().code, Errc::not_found);
}

TEST_F(CloudProcess, AProgramThatCannotStartLeavesAStoppedMachine) {
    options_.engine_program = folder_ / "nothing-here";
    start();
    const auto made = driver_->create(spec("ek-1"), {});
    ASSERT_TRUE(made);
    EXPECT_TRUE(eventually([&] { return driver_->get(made->remote_id, {})->status == "stopped"; }));
    EXPECT_FALSE(bill_line(made->remote_id).final) << "billed until deleted";
}

TEST_F(CloudProcess, I3Kill9EndsItsMachinesAndKeepsItsBooks) {
    start();
    const std::string gone = create_and_run("ek-1");
    ASSERT_TRUE(driver_->destroy(gone, {}));
    ASSERT_TRUE(eventually([&] { return !driver_->get(gone, {}); }));
    const Money gone_amount = bill_line(gone).amount;
    for (const pid_t pid : engines()) {
        fs::remove(folder_ / fmt::format("engine.up.{}", pid));
    }
    const std::string running = create_and_run("ek-2");
    const pid_t engine = wait_for_engine();
    const Money said = bill_line(running).amount;

    stop(SIGKILL);
    EXPECT_TRUE(eventually([&] { return !alive(engine); })) << "machines die with the cloud";
    start();
    EXPECT_TRUE(driver_->list({})->empty());
    EXPECT_EQ(driver_->get(running, {}).error().code, Errc::not_found);
    EXPECT_EQ(bill_line(gone).amount, gone_amount);
    const auto line = bill_line(running);
    EXPECT_TRUE(line.final);
    EXPECT_GE(line.amount, said) << "what a bill once said stays true";
    EXPECT_FALSE(fs::exists(fs::path{options_.state} / "keys" / running));
    const auto fresh = driver_->create(spec("ek-3"), {});
    ASSERT_TRUE(fresh) << fresh.error().message;
    EXPECT_NE(fresh->remote_id, running);
    EXPECT_NE(fresh->remote_id, gone);
    stop(SIGKILL);
    start();
    EXPECT_EQ(bill_line(running).amount, line.amount);
}

TEST_F(CloudProcess, SigtermEndsItsMachinesInOrder) {
    start();
    const std::string running = create_and_run("ek-1");
    const pid_t engine = wait_for_engine();
    const int status = stop(SIGTERM);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_FALSE(alive(engine));
    const std::string journal = read_text(fs::path{options_.state} / "journal.jsonl");
    EXPECT_NE(journal.find(R"("why":"closed")"), std::string::npos) << journal;
}

TEST_F(CloudProcess, F01F03F20LossesArriveAtTheDriver) {
    options_.switches = {.create_lost = 1, .create_5xx_after_effect = 1, .delete_lost = 1};
    start();
    EXPECT_EQ(driver_->create(spec("a"), {}).error().code, Errc::outcome_unknown);
    EXPECT_EQ(driver_->create(spec("b"), {}).error().code, Errc::outcome_unknown);
    const auto list = driver_->list({});
    ASSERT_TRUE(list) << list.error().message;
    ASSERT_EQ(list->size(), 2u);
    EXPECT_EQ(driver_->destroy(list->at(0).remote_id, {}).error().code, Errc::outcome_unknown);
    EXPECT_TRUE(eventually([&] { return driver_->list({})->size() == 1; }));

    const auto client = providers::make_curl_client(
        {.base_url = fmt::format("http://127.0.0.1:{}", port_),
         .bearer = providers::Secret{std::string{"tok-5e94"}}});
    const auto down = (*client)->send(
        {.method = "POST", .target = "/v1/_switch", .body = R"({"api_down":true})"}, {});
    ASSERT_TRUE(down) << down.error().message;
    EXPECT_EQ(driver_->list({}).error().code, Errc::unavailable);
    EXPECT_EQ(driver_->destroy(list->at(1).remote_id, {}).error().code, Errc::outcome_unknown);
    EXPECT_TRUE((*client)->send(
        {.method = "POST", .target = "/v1/_switch", .body = R"({"api_down":false})"}, {}));
    EXPECT_EQ(driver_->list({})->size(), 1u) << "a refused call has no effect";
}

TEST_F(CloudProcess, AWrongTokenIsUnauthorized) {
    start();
    const auto stranger = providers::make_sandbox(
        {.base_url = fmt::format("http://127.0.0.1:{}", port_),
         .credential = providers::Secret{std::string{"tok-other"}}},
        clock_);
    EXPECT_EQ((*stranger)->list({}).error().code, Errc::unauthorized);
    EXPECT_EQ((*stranger)->create(spec("a"), {}).error().code, Errc::unauthorized);
}

/// Runs the cloud in a child with stderr in a file; returns exit status and what it said.
std::pair<int, std::string> outcome_of(const CloudOptions& options, const fs::path& file) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        spdlog::set_level(spdlog::level::off);
        if (std::freopen(file.c_str(), "w", stderr) == nullptr) {
            ::_exit(99);
        }
        const int code = run(options);
        std::fflush(stderr);
        ::_exit(code);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_text(file)};
}

TEST_F(CloudProcess, SaysInOneLineWhyItCannotStart) {
    const auto expect = [&](auto change, int code, std::string_view word) {
        CloudOptions options = options_;
        change(options);
        const auto [status, said] = outcome_of(options, folder_ / "stderr");
        EXPECT_EQ(status, code) << said;
        EXPECT_NE(said.find(word), std::string::npos) << said;
        EXPECT_EQ(std::ranges::count(said, '\n'), 1) << said;
    };
    expect([](auto& o) { o.speed = 0; }, 2, "--speed");
    expect([](auto& o) { o.stock = 0; }, 2, "--stock");
    expect([](auto& o) { o.listen = "0.0.0.0:0"; }, 2, "--listen");
    expect([](auto& o) { o.state = ""; }, 2, "--state");
    expect([](auto& o) { o.boot = 25h; }, 2, "--boot");
    expect([](auto& o) { o.price = Price::per_mtok(Money{1, usd}); }, 2, "--price");
    expect([&](auto& o) { o.token_file = folder_ / "no"; }, 1, "does not exist");
    expect([&](auto& o) { o.state = folder_ / "token/x"; }, 1, "cannot make the folder");
    start();
    expect([](auto&) {}, 1, "in use by another cloud");
    expect(
        [&](auto& o) {
            o.state = folder_ / "other";
            o.listen = fmt::format("127.0.0.1:{}", port_);
        },
        1,
        "evenkeel cloud: ");
    stop(SIGTERM);
    write("state/journal.jsonl", "nonsense\n");
    expect([](auto&) {}, 1, "journal.jsonl:1:");
}

}  // namespace
}  // namespace evenkeel::lab::cloud
