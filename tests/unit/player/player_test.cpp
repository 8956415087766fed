#include "lab/player/player.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <poll.h>
#include <sys/socket.h>
#include <thread>

/// The player against a server that says exactly what the test wants.
namespace evenkeel::lab::player {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

const std::string events =
    R"(data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}]})"
    "\n\n"
    R"(data: {"choices":[{"index":0,"delta":{},"finish_reason":"length"}]})"
    "\n\n"
    R"(data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2}})"
    "\n\ndata: [DONE]\n\n";

std::string chunked(const std::string& body) {
    return fmt::format("{:x}\r\n{}\r\n0\r\n\r\n", body.size(), body);
}

std::string stream_answer(const std::string& body, const std::string& source = "desk") {
    return fmt::format(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nx-evenkeel-source: {}\r\n"
        "Transfer-Encoding: chunked\r\n\r\n{}",
        source,
        body);
}

std::string json_answer(int status, const std::string& body) {
    return fmt::format(
        "HTTP/1.1 {} Something\r\nContent-Type: application/json\r\nContent-Length: {}\r\n"
        "x-evenkeel-source: desk\r\n\r\n{}",
        status,
        body.size(),
        body);
}

/// Accepts connections, one thread each; `script` gets the request's number and text and returns
/// the bytes to send; then the connection closes.
class ScriptedServer {
public:
    using Script = std::function<std::string(int number, const std::string& request)>;
    explicit ScriptedServer(Script script) : script_{std::move(script)} {
        acceptor_.non_blocking(true);
        thread_ = std::thread{[this] { accept(); }};
    }
    ~ScriptedServer() {
        stopping_ = true;
        thread_.join();
        for (std::thread& worker : workers_) {
            worker.join();
        }
    }
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;
    [[nodiscard]] std::string address() const {
        return fmt::format("127.0.0.1:{}", acceptor_.local_endpoint().port());
    }
    [[nodiscard]] std::vector<std::string> requests() {
        const std::lock_guard lock{mutex_};
        return requests_;
    }
    [[nodiscard]] bool stopping() const { return stopping_; }

private:
    void accept() {
        while (!stopping_) {
            pollfd ready{.fd = acceptor_.native_handle(), .events = POLLIN, .revents = 0};
            if (::poll(&ready, 1, 10) <= 0) {
                continue;
            }
            boost::system::error_code code;
            boost::asio::ip::tcp::socket socket = acceptor_.accept(code);
            if (!code) {
                workers_.emplace_back(
                    [this, client = std::move(socket)]() mutable { serve(std::move(client)); });
            }
        }
    }
    void serve(boost::asio::ip::tcp::socket socket) {
        socket.non_blocking(false);
        std::string request;
        std::array<char, 16 * 1024> piece{};
        std::size_t total = std::string::npos;
        while (request.size() < total) {
            boost::system::error_code code;
            const std::size_t got = socket.read_some(boost::asio::buffer(piece), code);
            if (code) {
                return;
            }
            request.append(piece.data(), got);
            const std::size_t head = request.find("\r\n\r\n");
            const std::size_t field = request.find("ontent-");
            if (head != std::string::npos && field != std::string::npos) {
                const std::size_t length = request.find("ength: ");
                total = head + 4 + std::stoul(request.substr(length + 7));
            }
        }
        int number = 0;
        {
            const std::lock_guard lock{mutex_};
            number = static_cast<int>(requests_.size());
            requests_.push_back(request);
        }
        const std::string answer = script_(number, request);
        boost::system::error_code ignored;
        boost::asio::write(socket, boost::asio::buffer(answer), ignored);
    }

    Script script_;
    boost::asio::io_context context_{};
    boost::asio::ip::tcp::acceptor acceptor_{
        context_, {boost::asio::ip::address_v4::loopback(), 0}};
    std::atomic<bool> stopping_{false};
    std::mutex mutex_{};
    std::vector<std::string> requests_{};
    std::vector<std::thread> workers_{};
    std::thread thread_{};
};

std::vector<replay::TraceRow> trace(int count, milliseconds apart) {
    std::vector<replay::TraceRow> rows;
    for (int i = 0; i < count; ++i) {
        rows.push_back({.at = apart * i, .tokens_in = 5, .tokens_out = 2});
    }
    return rows;
}

PlayerReport play(ScriptedServer& server, std::vector<replay::TraceRow> rows, PlayerOptions set) {
    set.address = server.address();
    set.key = "ek-test";
    boost::asio::io_context context{1};
    Player player{context, std::move(set), std::move(rows)};
    bool done = false;
    player.start([&] { done = true; });
    context.run_for(milliseconds{5'000});
    EXPECT_TRUE(done);
    return player.report();
}

TEST(Player, CountsAnswersAndTokensBySource) {
    ScriptedServer server{[](int number, const std::string&) {
        return stream_answer(chunked(events), number % 2 == 0 ? "desk" : "api");
    }};
    PlayerOptions options;
    options.plain_permille = 0;
    options.speed = 10;
    const PlayerReport report = play(server, trace(10, milliseconds{20}), options);
    EXPECT_EQ(report.planned, 10);
    EXPECT_EQ(report.sent, 10);
    EXPECT_EQ(report.answered, 10) << (report.malformed_why.empty() ? "" : report.malformed_why[0]);
    EXPECT_EQ(report.ended(), 10);
    EXPECT_EQ(report.in_flight, 0);
    EXPECT_EQ(report.sources.at("desk").answered, 5);
    EXPECT_EQ(report.sources.at("api").completion_tokens, 10);
    EXPECT_EQ(report.first_token_ms.size(), 10u);
}

TEST(Player, SendsPromptOfTheTracesSizeWithKeyAndLimit) {
    ScriptedServer server{[](int, const std::string& request) {
        return request.find("\"stream\":true") != std::string::npos
                   ? stream_answer(chunked(events))
                   : json_answer(
                         200,
                         R"({"choices":[{"message":{"content":"x"},"finish_reason":"length"}],)"
                         R"("usage":{"prompt_tokens":5,"completion_tokens":2}})");
    }};
    PlayerOptions options;
    options.plain_permille = 500;
    options.seed = 7;
    options.model = "m1";
    const PlayerReport report = play(server, trace(40, milliseconds{1}), options);
    EXPECT_EQ(report.answered, 40);
    int plain = 0;
    for (const std::string& request : server.requests()) {
        EXPECT_TRUE(request.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"));
        EXPECT_NE(request.find("Bearer ek-test"), std::string::npos);
        const auto body =
            boost::json::parse(request.substr(request.find("\r\n\r\n") + 4)).get_object();
        EXPECT_EQ(body.at("model").get_string(), "m1");
        EXPECT_EQ(body.at("max_tokens").get_int64(), 2);
        const auto& message = body.at("messages").get_array()[0].get_object();
        EXPECT_EQ(message.at("content").get_string().size(), 20u);
        plain += body.contains("stream") ? 0 : 1;
    }
    EXPECT_GT(plain, 5);
    EXPECT_LT(plain, 35);
}

TEST(Player, ArrivalsDoNotWaitForAnswers) {
    std::atomic<int> arrived{0};
    ScriptedServer server{[&](int, const std::string&) {
        ++arrived;
        const SteadyClock::time_point deadline = SteadyClock::now() + milliseconds{2'000};
        while (arrived < 20 && SteadyClock::now() < deadline) {
            std::this_thread::sleep_for(milliseconds{1});
        }
        return arrived == 20 ? stream_answer(chunked(events)) : std::string{};
    }};
    PlayerOptions options;
    options.plain_permille = 0;
    const PlayerReport report = play(server, trace(20, milliseconds{1}), options);
    EXPECT_EQ(report.answered, 20);
    EXPECT_EQ(report.in_flight_peak, 20);
}

TEST(Player, CountsWhatItMaySendNoMore) {
    std::atomic<int> arrived{0};
    ScriptedServer server{[&](int, const std::string&) {
        ++arrived;
        std::this_thread::sleep_for(milliseconds{50});
        return stream_answer(chunked(events));
    }};
    PlayerOptions options;
    options.plain_permille = 0;
    options.in_flight_max = 4;
    const PlayerReport report = play(server, trace(10, milliseconds{0}), options);
    EXPECT_EQ(report.sent, 4);
    EXPECT_EQ(report.shed, 6);
    EXPECT_EQ(report.ended(), 10);
}

struct Ended {
    const char* name;
    std::string answer;
    Ending ending;
};

void PrintTo(const Ended& c, std::ostream* out) {
    *out << c.name;
}

class PlayerJudges : public testing::TestWithParam<Ended> {};

TEST_P(PlayerJudges, OverARealConnection) {
    ScriptedServer server{[](int, const std::string&) { return GetParam().answer; }};
    PlayerOptions options;
    options.plain_permille = 0;
    const PlayerReport report = play(server, trace(1, milliseconds{0}), options);
    const Ending ending = GetParam().ending;
    EXPECT_EQ(report.answered, ending == Ending::answered ? 1 : 0);
    EXPECT_EQ(report.errors, ending == Ending::error ? 1 : 0);
    EXPECT_EQ(report.malformed, ending == Ending::malformed ? 1 : 0);
    EXPECT_EQ(report.malformed_why.size(), static_cast<std::size_t>(report.malformed));
}

std::vector<Ended> endings() {
    const std::string error = R"({"error":{"message":"no","type":"server_error"}})";
    const std::string whole = stream_answer(chunked(events));
    return {
        {"Whole", whole, Ending::answered},
        {"ErrorStatus", json_answer(503, error), Ending::error},
        {"ErrorEvent", stream_answer(chunked("data: " + error + "\n\n")), Ending::error},
        {"ClosedAtOnce", "", Ending::malformed},
        {"ClosedInTheHead", "HTTP/1.1 200 OK\r\nContent-", Ending::malformed},
        {"CutBetweenChunks",
         stream_answer(fmt::format("{:x}\r\n{}\r\n", events.size(), events)),
         Ending::malformed},
        {"CutInAChunk", stream_answer("ffff\r\n" + events), Ending::malformed},
        {"BadChunkSize", stream_answer("xyz\r\n" + events), Ending::malformed},
        {"ShortBody",
         "HTTP/1.1 503 No\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n" + error,
         Ending::malformed},
        {"NotHttp", "SSH-2.0-OpenSSH_9.2\r\n", Ending::malformed},
        {"NoDone",
         stream_answer(chunked(events.substr(0, events.find("data: [DONE]")))),
         Ending::malformed},
    };
}

INSTANTIATE_TEST_SUITE_P(Table, PlayerJudges, testing::ValuesIn(endings()), [](const auto& info) {
    return std::string{info.param.name};
});

TEST(Player, NobodyListensIsMalformed) {
    PlayerReport report;
    {
        boost::asio::io_context context{1};
        std::string address;
        {
            boost::asio::ip::tcp::acceptor closed{
                context, {boost::asio::ip::address_v4::loopback(), 0}};
            address = fmt::format("127.0.0.1:{}", closed.local_endpoint().port());
        }
        PlayerOptions options;
        options.address = address;
        Player player{context, options, trace(3, milliseconds{0})};
        player.start([] {});
        context.run_for(milliseconds{3'000});
        report = player.report();
    }
    EXPECT_EQ(report.malformed, 3);
}

TEST(Player, StopCutsWhatIsInFlight) {
    std::atomic<bool> release{false};
    ScriptedServer server{[&](int, const std::string&) {
        const SteadyClock::time_point deadline = SteadyClock::now() + milliseconds{2'000};
        while (!release && SteadyClock::now() < deadline) {
            std::this_thread::sleep_for(milliseconds{1});
        }
        return std::string{};
    }};
    boost::asio::io_context context{1};
    PlayerOptions options;
    options.address = server.address();
    Player player{context, options, trace(100, milliseconds{5})};
    bool done = false;
    player.start([&] { done = true; });
    context.run_for(milliseconds{40});
    EXPECT_FALSE(done);
    player.stop();
    context.run_for(milliseconds{1'000});
    EXPECT_TRUE(done);
    EXPECT_EQ(player.report().malformed, player.report().sent);
    EXPECT_LT(player.report().sent, 100);
    release = true;
}

TEST(PlayerReport, PercentilesAreNearestRank) {
    EXPECT_EQ(percentile({}, 50), 0u);
    EXPECT_EQ(percentile({7}, 99), 7u);
    EXPECT_EQ(percentile({4, 1, 3, 2}, 50), 2u);
    EXPECT_EQ(percentile({4, 1, 3, 2}, 100), 4u);
    EXPECT_EQ(percentile({4, 1, 3, 2}, 0), 1u);
}

}  // namespace
}  // namespace evenkeel::lab::player
