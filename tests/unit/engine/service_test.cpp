#include "lab/engine/service.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

/// The synthetic engine over real sockets.
namespace evenkeel::lab::engine {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

/// An engine on a thread of its own.
class Running {
public:
    explicit Running(EngineOptions options, std::string key = {}) {
        options.synthetic = true;
        Result<std::unique_ptr<Service>> service =
            Service::start(context_, std::move(options), std::move(key));
        EXPECT_TRUE(service) << (service ? "" : service.error().message);
        service_ = std::move(*service);
        thread_ = std::thread{[this] { context_.run(); }};
    }
    ~Running() {
        asio::post(context_, [this] { service_->stop([this] { context_.stop(); }); });
        thread_.join();
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

    [[nodiscard]] std::uint16_t port() const { return service_->port(); }
    /// Asks on the engine's thread.
    [[nodiscard]] int running() {
        std::promise<int> answer;
        asio::post(context_, [&] { answer.set_value(service_->running()); });
        return answer.get_future().get();
    }

private:
    asio::io_context context_{1};
    std::unique_ptr<Service> service_{};
    std::thread thread_{};
};

/// A blocking client; every read waits at most 5 s.
class Client {
public:
    explicit Client(std::uint16_t port) {
        socket_.connect({asio::ip::address_v4::loopback(), port});
        const timeval limit{.tv_sec = 5, .tv_usec = 0};
        ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    }
    void send(
        const std::string& method,
        const std::string& path,
        const std::string& body = {},
        const std::string& key = {},
        bool keep_alive = false) {
        std::string request = fmt::format(
            "{} {} HTTP/1.1\r\nHost: test\r\n{}",
            method,
            path,
            keep_alive ? "" : "Connection: close\r\n");
        if (!key.empty()) {
            request += fmt::format("Authorization: Bearer {}\r\n", key);
        }
        if (method == "POST") {
            request += fmt::format("Content-Length: {}\r\n", body.size());
        }
        asio::write(socket_, asio::buffer(request + "\r\n" + body));
    }
    /// What arrives until `wanted` shows up, the peer closes, or 5 s pass.
    std::string read_until(std::string_view wanted) {
        std::array<char, 16 * 1024> piece{};
        while (text_.find(wanted) == std::string::npos) {
            const ssize_t got = ::recv(socket_.native_handle(), piece.data(), piece.size(), 0);
            if (got <= 0) {
                break;
            }
            text_.append(piece.data(), static_cast<std::size_t>(got));
        }
        return text_;
    }
    std::string read_all() { return read_until(std::string_view{"\0never\0", 7}); }
    /// Forgets what was read, for the next answer on this connection.
    void next() { text_.clear(); }
    void close() { socket_.close(); }
    [[nodiscard]] bool is_open_and_silent() {
        char byte = 0;
        return ::recv(socket_.native_handle(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 &&
               (errno == EAGAIN || errno == EWOULDBLOCK);
    }

private:
    asio::io_context context_{};
    asio::ip::tcp::socket socket_{context_};
    std::string text_{};
};

std::string ask(
    std::uint16_t port,
    const std::string& method,
    const std::string& path,
    const std::string& body = {},
    const std::string& key = {}) {
    Client client{port};
    client.send(method, path, body, key);
    return client.read_all();
}

std::string chat(std::int64_t tokens_in, std::int64_t tokens_out, bool stream) {
    return fmt::format(
        R"({{"model":"qwq-32b","messages":[{{"role":"user","content":"{}"}}],"max_tokens":{},)"
        R"("stream":{},"stream_options":{{"include_usage":true}}}})",
        std::string(static_cast<std::size_t>(tokens_in) * 4, 'x'),
        tokens_out,
        stream);
}

std::string body_of(const std::string& answer) {
    return answer.substr(answer.find("\r\n\r\n") + 4);
}

int count(const std::string& text, std::string_view piece) {
    int found = 0;
    for (std::size_t at = text.find(piece); at != std::string::npos;
         at = text.find(piece, at + 1)) {
        ++found;
    }
    return found;
}

EngineOptions fast() {
    EngineOptions options;
    options.speed = 200;
    options.tick = milliseconds{2};
    return options;
}

bool eventually(const std::function<bool()>& condition) {
    const SteadyClock::time_point deadline = SteadyClock::now() + milliseconds{2'000};
    while (!condition()) {
        if (SteadyClock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(milliseconds{5});
    }
    return true;
}

TEST(EngineService, StreamsTokensUsageAndOneDone) {
    Running engine{fast()};
    const std::string answer =
        ask(engine.port(), "POST", "/v1/chat/completions", chat(100, 50, true));
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << answer;
    EXPECT_NE(answer.find("text/event-stream"), std::string::npos);
    EXPECT_NE(answer.find("x-synthetic: true"), std::string::npos);
    EXPECT_EQ(count(answer, "data: [DONE]"), 1);
    EXPECT_EQ(count(answer, R"("finish_reason":"length")"), 1);
    EXPECT_NE(
        answer.find(R"("usage":{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150})"),
        std::string::npos)
        << answer;
    EXPECT_NE(answer.find("is synthetic: "), std::string::npos);
    EXPECT_LT(answer.find("total_tokens"), answer.find("[DONE]"));
}

TEST(EngineService, AnswersPlainAndStopsByItselfWithoutALimit) {
    EngineOptions options = fast();
    options.default_tokens = 12;
    Running engine{options};
    const std::string answer =
        ask(engine.port(),
            "POST",
            "/v1/chat/completions",
            R"({"model":"qwq-32b","messages":[{"role":"user","content":"hello"}]})");
    const json::object body = json::parse(body_of(answer)).get_object();
    EXPECT_EQ(body.at("usage").get_object().at("prompt_tokens").get_int64(), 2);
    EXPECT_EQ(body.at("usage").get_object().at("completion_tokens").get_int64(), 12);
    EXPECT_EQ(
        body.at("choices").get_array()[0].get_object().at("finish_reason").get_string(), "stop");
    EXPECT_EQ(count(answer, "hello"), 0);
}

TEST(EngineService, RefusesInTheDialectsShape) {
    Running engine{fast(), "secret-key"};
    struct Case {
        const char* what;
        std::string method;
        std::string path;
        std::string body;
        std::string key;
        int status;
    };
    const std::string good = chat(1, 1, false);
    std::string other = good;
    other.replace(other.find("qwq-32b"), 7, "unknown");
    for (const Case& c : {
             Case{"no key", "POST", "/v1/chat/completions", good, "", 401},
             Case{"wrong key", "POST", "/v1/chat/completions", good, "secret-kez", 401},
             Case{"models need the key", "GET", "/v1/models", "", "", 401},
             Case{"models", "GET", "/v1/models", "", "secret-key", 200},
             Case{"right key", "POST", "/v1/chat/completions", good, "secret-key", 200},
             Case{"unknown model", "POST", "/v1/chat/completions", other, "secret-key", 404},
             Case{"no JSON", "POST", "/v1/chat/completions", "{", "secret-key", 400},
             Case{
                 "too long",
                 "POST",
                 "/v1/chat/completions",
                 chat(1, 40'000, true),
                 "secret-key",
                 400},
             Case{"unknown path", "GET", "/v1/nothing", "", "secret-key", 404},
             Case{"health is open", "GET", "/health", "", "", 200},
             Case{"metrics are open", "GET", "/metrics", "", "", 200},
         }) {
        const std::string answer = ask(engine.port(), c.method, c.path, c.body, c.key);
        EXPECT_TRUE(answer.starts_with(fmt::format("HTTP/1.1 {}", c.status))) << c.what << "\n"
                                                                              << answer;
        if (c.status >= 400) {
            const json::object body = json::parse(body_of(answer)).get_object();
            EXPECT_FALSE(body.at("error").get_object().at("message").get_string().empty());
        }
        EXPECT_NE(answer.find("x-synthetic: true"), std::string::npos) << c.what;
    }
}

TEST(EngineService, AClientThatLeavesFreesItsSequenceAtOnce) {
    EngineOptions options = fast();
    options.speed = 1;  // 10,000 tokens would take minutes
    Running engine{options};
    for (const bool stream : {true, false}) {
        Client client{engine.port()};
        client.send("POST", "/v1/chat/completions", chat(10, 10'000, stream));
        if (stream) {
            client.read_until("data: ");
        }
        ASSERT_TRUE(eventually([&] { return engine.running() == 1; }));
        const SteadyClock::time_point left = SteadyClock::now();
        client.close();
        EXPECT_TRUE(eventually([&] { return engine.running() == 0; }));
        EXPECT_LT(SteadyClock::now() - left, milliseconds{500});
    }
    const std::string metrics = ask(engine.port(), "GET", "/metrics");
    EXPECT_NE(metrics.find("finished_reason=\"abort\"} 2\n"), std::string::npos) << metrics;
}

TEST(EngineService, ClientsThatLeaveInTheMomentOfATickFreeTheirSequencesToo) {
    EngineOptions options = fast();
    options.speed = 1;
    options.tick = milliseconds{1};
    Running engine{options};
    for (int round = 0; round < 80; ++round) {
        std::vector<std::unique_ptr<Client>> clients;
        for (int i = 0; i < 8; ++i) {
            clients.push_back(std::make_unique<Client>(engine.port()));
            clients.back()->send("POST", "/v1/chat/completions", chat(10, 4'000, false));
        }
        ASSERT_TRUE(eventually([&] { return engine.running() == 8; }));
        clients.clear();
        ASSERT_TRUE(eventually([&] { return engine.running() == 0; })) << round;
    }
}

TEST(EngineService, ManyStreamsEndWithTheirOwnNumberOfTokens) {
    Running engine{fast()};
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 64; ++i) {
        clients.push_back(std::make_unique<Client>(engine.port()));
        clients.back()->send("POST", "/v1/chat/completions", chat(20, 10 + i, true));
    }
    for (int i = 0; i < 64; ++i) {
        const std::string answer = clients[static_cast<std::size_t>(i)]->read_all();
        EXPECT_NE(
            answer.find(fmt::format(R"("completion_tokens":{},)", 10 + i)), std::string::npos);
        EXPECT_EQ(count(answer, "[DONE]"), 1);
    }
    const std::string metrics = ask(engine.port(), "GET", "/metrics");
    EXPECT_NE(metrics.find("finished_reason=\"length\"} 64\n"), std::string::npos) << metrics;
    EXPECT_NE(
        metrics.find("prompt_tokens_total{engine=\"0\",model_name=\"qwq-32b\"} 1280\n"),
        std::string::npos)
        << metrics;
}

TEST(EngineService, AConnectionIsUsedAgainTheMomentItsAnswerEnds) {
    EngineOptions options = fast();
    options.speed = 1'000;
    options.tick = milliseconds{1};
    Running engine{options};
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 16; ++i) {
        clients.push_back(std::make_unique<Client>(engine.port()));
    }
    const std::string end = "data: [DONE]\n\n\r\n0\r\n\r\n";
    for (int round = 0; round < 100; ++round) {
        for (const auto& client : clients) {
            client->send("POST", "/v1/chat/completions", chat(1, 1, true), {}, true);
        }
        for (const auto& client : clients) {
            ASSERT_NE(client->read_until(end).find(end), std::string::npos) << "round " << round;
            client->next();
        }
    }
}

TEST(EngineService, FailureFlagsFail) {
    EngineOptions stalls = fast();
    stalls.failures.stall_after_tokens = 5;
    {
        Running engine{stalls};
        Client client{engine.port()};
        client.send("POST", "/v1/chat/completions", chat(10, 50, true));
        const std::string begun = client.read_until("synthetic: no ");
        EXPECT_EQ(count(begun, "[DONE]"), 0);
        EXPECT_EQ(count(begun, "no model"), 0);
        std::this_thread::sleep_for(milliseconds{30});  // 50 tokens would be long over
        EXPECT_TRUE(client.is_open_and_silent());
    }
    EngineOptions errors = fast();
    errors.failures.error_permille = 1'000;
    {
        Running engine{errors};
        const std::string answer =
            ask(engine.port(), "POST", "/v1/chat/completions", chat(1, 5, true));
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 500")) << answer;
    }
    EngineOptions garbage = fast();
    garbage.failures.garbage_permille = 1'000;
    {
        Running engine{garbage};
        const std::string answer =
            ask(engine.port(), "POST", "/v1/chat/completions", chat(1, 5, true));
        EXPECT_EQ(count(answer, "[DONE]"), 0) << answer;
        EXPECT_EQ(count(answer, "not JSON"), 1) << answer;
    }
}

TEST(EngineService, RefusesOptionsThatCannotBe) {
    EngineOptions good;
    good.synthetic = true;
    EXPECT_TRUE(check(good));
    EngineOptions real = good;
    real.synthetic = false;
    EngineOptions unknown = good;
    unknown.profile = "b200";
    EngineOptions standing = good;
    standing.speed = 0;
    for (const EngineOptions& bad : {real, unknown, standing}) {
        const Result<void> fit = check(bad);
        ASSERT_FALSE(fit);
        EXPECT_EQ(fit.error().code, Errc::invalid_argument);
    }
}

/// A child process that runs the whole command.
class Process {
public:
    explicit Process(const EngineOptions& options) : pid_{::fork()} {
        if (pid_ == 0) {
            ::_exit(run(options));
        }
    }
    ~Process() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            (void)wait();
        }
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    void terminate() const { ::kill(pid_, SIGTERM); }
    int wait() {
        int raw = 0;
        ::waitpid(std::exchange(pid_, -1), &raw, 0);
        return WIFSIGNALED(raw) ? 128 + WTERMSIG(raw) : WEXITSTATUS(raw);
    }

private:
    pid_t pid_;
};

struct TempDir {
    TempDir() {
        std::string form = (std::filesystem::temp_directory_path() / "engine-XXXXXX").string();
        path = ::mkdtemp(form.data());
    }
    ~TempDir() { std::filesystem::remove_all(path); }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    std::filesystem::path path{};
};

std::uint16_t wait_for_port(const std::filesystem::path& file) {
    int port = 0;
    EXPECT_TRUE(eventually([&] {
        std::ifstream input{file};
        return static_cast<bool>(input >> port);
    }));
    return static_cast<std::uint16_t>(port);
}

TEST(EngineProcess, LoadsThenWritesItsPortAndStopsAtSigterm) {
    const TempDir folder;
    EngineOptions options = fast();
    options.synthetic = true;
    options.speed = 10;
    options.loading = milliseconds{1'500};
    options.port_file = (folder.path / "port").string();
    options.key_file = (folder.path / "key").string();
    std::ofstream{options.key_file} << "the-key\n";
    const SteadyClock::time_point began = SteadyClock::now();
    Process process{options};
    const std::uint16_t port = wait_for_port(options.port_file);
    EXPECT_GE(SteadyClock::now() - began, milliseconds{149});
    const std::string answer =
        ask(port, "POST", "/v1/chat/completions", chat(1, 3, true), "the-key");
    EXPECT_EQ(count(answer, "[DONE]"), 1) << answer;
    Client open{port};  // a running stream does not hold it up
    open.send("POST", "/v1/chat/completions", chat(1, 20'000, true), "the-key");
    open.read_until("data: ");
    const SteadyClock::time_point asked = SteadyClock::now();
    process.terminate();
    EXPECT_EQ(process.wait(), 0);
    EXPECT_LT(SteadyClock::now() - asked, milliseconds{1'000});
}

TEST(EngineProcess, DiesWhenToldTo) {
    const TempDir folder;
    EngineOptions options = fast();
    options.synthetic = true;
    options.port_file = (folder.path / "port").string();
    options.failures.die_after_tokens = 10;
    Process process{options};
    const std::uint16_t port = wait_for_port(options.port_file);
    const std::string answer = ask(port, "POST", "/v1/chat/completions", chat(1, 100, true));
    EXPECT_EQ(count(answer, "[DONE]"), 0);
    EXPECT_EQ(process.wait(), 128 + SIGKILL);
}

TEST(EngineProcess, SaysWhyItCannotStart) {
    EngineOptions options = fast();
    options.synthetic = true;
    options.key_file = "/nonexistent/key";
    EXPECT_EQ(run(options), 1);
    options.key_file.clear();
    options.profile = "nothing";
    EXPECT_EQ(run(options), 2);
}

}  // namespace
}  // namespace evenkeel::lab::engine
