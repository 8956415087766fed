#include "inference/bootstrap/render.hpp"
#include "inference/engine/exchange.hpp"
#include "inference/engine/probe.hpp"
#include "lab/engine/service.hpp"
#include "tests/unit/bootstrap/node_rig.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <thread>
#include <unistd.h>
#include <utility>

/// The rendered front, run by a real nginx over the synthetic engine.
namespace evenkeel::inference::bootstrap {
namespace {

using namespace testing_tools;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using Steady = std::chrono::steady_clock;

constexpr const char* key = "ekm-00112233445566778899aabbccddeeff00112233";

template <class T>
Result<T> complete(engine::Task<T> task) {
    asio::io_context context;
    Result<T> out = fail(Errc::cancelled, "did not run");
    asio::co_spawn(
        context, std::move(task), [&out](const std::exception_ptr& error, Result<T> result) {
            EXPECT_FALSE(error);
            out = std::move(result);
        });
    context.run();
    return out;
}

/// The synthetic engine on a thread of its own, open to whoever reaches it: the front must check.
class Engine {
public:
    Engine() {
        auto service = lab::engine::Service::start(
            context_, {.synthetic = true, .speed = 4, .context = 4096}, "");
        EXPECT_TRUE(service);
        service_ = std::move(*service);
        thread_ = std::thread{[this] { context_.run(); }};
    }
    ~Engine() {
        asio::post(context_, [this] { service_->stop([this] { context_.stop(); }); });
        thread_.join();
    }
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    [[nodiscard]] std::uint16_t port() const { return service_->port(); }

private:
    asio::io_context context_{1};
    std::unique_ptr<lab::engine::Service> service_{};
    std::thread thread_{};
};

std::uint16_t free_port() {
    asio::io_context context;
    const asio::ip::tcp::acceptor acceptor{context, {asio::ip::address_v4::loopback(), 0}};
    return acceptor.local_endpoint().port();
}

/// nginx with the rendered configuration, unpacked by scripts/setup.sh --tests.
class Front {
public:
    explicit Front(std::uint16_t engine_port) {
        auto made = make_node_certificate("ek-test", "", from_us(1'764'000'000'000'000), 1h);
        EXPECT_TRUE(made);
        certificate_ = std::move(*made);
        for (int i = 0; i < 5 && !answers(); ++i) {  // somebody else may take the port meanwhile
            start(engine_port);
        }
    }
    [[nodiscard]] bool running() const { return process_ && process_->alive(); }
    [[nodiscard]] const NodeCertificate& certificate() const { return certificate_; }
    [[nodiscard]] std::string log() const { return folder_.read("log"); }
    [[nodiscard]] std::size_t beats() const { return folder_.read("run/beat").size(); }
    /// Once nothing has been added for a while: nginx writes a line a little after its answer.
    [[nodiscard]] std::size_t settled_beats() const {
        std::size_t last = beats();
        EXPECT_TRUE(eventually([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds{50});
            return std::exchange(last, beats()) == last;
        }));
        return last;
    }
    [[nodiscard]] const TempDir& folder() const { return folder_; }

    [[nodiscard]] engine::Target target(std::string with_key = key, std::string pin = {}) const {
        auto tls = relay::TlsContext::pinned(pin.empty() ? certificate_.pin : pin);
        EXPECT_TRUE(tls);
        return {
            .endpoint = {.host = "127.0.0.1", .port = port_, .tls = *tls},
            .key = std::move(with_key)};
    }
    /// Status of the answer; 0 when there was none.
    [[nodiscard]] int ask(
        const std::string& method,
        const std::string& path,
        const std::string& authorization,
        std::string body = {}) const {
        http::ClientRequest request{
            .method = method, .target = path, .headers = {}, .body = std::move(body)};
        if (!authorization.empty()) {
            request.headers.emplace_back("Authorization", authorization);
        }
        const auto answer =
            complete(engine::exchange(target().endpoint, std::move(request), 5s, 1 << 20));
        EXPECT_TRUE(answer) << answer.error().message << log();
        return answer ? answer->status : 0;
    }

private:
    [[nodiscard]] bool answers() const {
        return process_ && process_->alive() &&
               complete(engine::probe_health(target(), 1s)).value_or(engine::Health::refused) !=
                   engine::Health::refused;
    }
    void start(std::uint16_t engine_port) {
        port_ = free_port();
        NodePlan plan = good_plan();
        plan.port = port_;
        const FrontFiles files{
            .certificate = folder_.write("front.crt", certificate_.certificate),
            .key = folder_.write("front.key", certificate_.key.reveal()),
            .run = folder_.file("run"),
            .user = ::geteuid() == 0 ? "nobody nogroup" : ""};
        fs::create_directories(files.run);
        const std::string config =
            folder_.write("front.conf", front_config(plan, files, engine_port));
        const fs::path program = fs::path{EVENKEEL_SOURCE_DIR} / "build/tools/nginx/usr/sbin/nginx";
        ASSERT_TRUE(fs::exists(program)) << "nginx is missing: scripts/setup.sh --tests";
        process_.reset();
        process_ = std::make_unique<Background>(
            std::vector<std::string>{program.string(), "-e", "stderr", "-c", config},
            Environment{{"PATH", "/usr/bin:/bin"}},
            folder_.file("log"));
        EXPECT_TRUE(eventually([this] { return answers() || !process_->alive(); })) << log();
    }

    TempDir folder_{};
    NodeCertificate certificate_{};
    std::uint16_t port_{0};
    std::unique_ptr<Background> process_{};
};

const std::string bearer = fmt::format("Bearer {}", key);
const std::string chat =
    R"({"model":"qwq-32b","messages":[{"role":"user","content":"hi"}],"max_tokens":2})";

TEST(NodeFront, LetsThroughWhatItShallAndNothingElse) {
    const Engine engine;
    const Front front{engine.port()};
    ASSERT_TRUE(front.running()) << front.log();
    EXPECT_EQ(front.ask("GET", "/v1/models", bearer), 200);
    EXPECT_EQ(front.ask("GET", "/metrics", bearer), 200);
    EXPECT_EQ(front.ask("POST", "/v1/chat/completions", bearer, chat), 200);
    EXPECT_EQ(front.ask("GET", "/health", ""), 200);
    // Only to one key, exactly.
    std::string upper = bearer;
    upper[8] = 'K';
    for (const std::string& wrong :
         {std::string{}, upper, bearer + "x", "Bearer x" + std::string{key}, std::string{key}}) {
        EXPECT_EQ(front.ask("GET", "/v1/models", wrong), 401) << wrong;
        EXPECT_EQ(front.ask("GET", "/metrics", wrong), 401) << wrong;
        EXPECT_EQ(front.ask("POST", "/v1/chat/completions", wrong, chat), 401) << wrong;
    }
    for (const std::string path :
         {"/",
          "/tokenize",
          "/detokenize",
          "/load",
          "/pause",
          "/resume",
          "/shutdown",
          "/sleep",
          "/wake_up",
          "/collective_rpc",
          "/scale_elastic_ep",
          "/invocations",
          "/inference/v1/generate",
          "/v1/load_lora_adapter",
          "/v1/unload_lora_adapter",
          "/v1/embeddings",
          "/v1/models/qwq-32b",
          "/v1/stream",
          "/slots",
          "/props",
          "/docs",
          "/openapi.json",
          "/ping",
          "/version",
          "/server_info",
          "/healthz",
          "/v1/chat/completions/"}) {
        EXPECT_EQ(front.ask("GET", path, bearer), 404) << path;
        EXPECT_EQ(front.ask("POST", path, bearer, "{}"), 404) << path;
    }
    EXPECT_EQ(front.ask("DELETE", "/v1/models", bearer), 405);
    EXPECT_EQ(front.ask("GET", "/v1/chat/completions", bearer), 405);
    // An odd spelling of an allowed path reaches the engine as that path, or not at all.
    EXPECT_EQ(front.ask("GET", "/tokenize/../v1/models", bearer), 200);
    EXPECT_EQ(front.ask("GET", "/v1/models/../../tokenize", bearer), 404);
    EXPECT_EQ(front.ask("GET", "/v1/models%2f..%2f..%2ftokenize", bearer), 404);
}

TEST(NodeFront, AcceptanceOverTlsWithThePin) {
    const Engine engine;
    const Front front{engine.port()};
    ASSERT_TRUE(front.running()) << front.log();
    const auto accept = [&](engine::Target target, engine::Expected expected) {
        return complete(engine::acceptance(std::move(target), std::move(expected), 10s));
    };
    const auto good = accept(
        front.target(),
        {.model = "qwq-32b",
         .context_tokens = 4096,
         .speed_min_milli = 20'000,
         .speed_tokens = 40});
    ASSERT_TRUE(good) << good.error().message;
    EXPECT_TRUE(good->synthetic);
    EXPECT_EQ(good->context_tokens, 4096);
    EXPECT_GT(good->speed_milli, 20'000);
    EXPECT_LT(good->speed_milli, 2'000'000);
    const auto code = [](const auto& result) {
        return result ? std::optional<Errc>{} : result.error().code;
    };
    const auto slow = accept(
        front.target(), {.model = "qwq-32b", .speed_min_milli = 5'000'000, .speed_tokens = 20});
    EXPECT_EQ(code(slow), Errc::rejected);
    EXPECT_EQ(
        code(accept(front.target(), {.model = "qwq-32b", .context_tokens = 4097})), Errc::rejected);
    EXPECT_EQ(code(accept(front.target(), {.model = "other"})), Errc::not_found);
    EXPECT_EQ(code(accept(front.target("wrong"), {.model = "qwq-32b"})), Errc::unauthorized);
    // Another machine on that address: nothing is sent to it.
    const std::size_t beats = front.settled_beats();
    const engine::Target other = front.target(key, std::string(64, '0'));
    EXPECT_EQ(code(accept(other, {.model = "qwq-32b"})), Errc::unauthorized);
    EXPECT_EQ(code(complete(engine::probe_health(other))), Errc::unauthorized);
    EXPECT_EQ(code(complete(engine::scrape_metrics(other))), Errc::unauthorized);
    EXPECT_EQ(front.settled_beats(), beats);
    const auto metrics = complete(engine::scrape_metrics(front.target()));
    ASSERT_TRUE(metrics) << metrics.error().message;
    EXPECT_EQ(metrics->running, 0);
}

TEST(NodeFront, StreamsAreNotHeldBack) {
    const Engine engine;
    const Front front{engine.port()};
    ASSERT_TRUE(front.running()) << front.log();
    std::vector<Steady::time_point> arrivals;
    const engine::Target target = front.target();
    const auto answer = complete(engine::exchange(
        target.endpoint,
        {.method = "POST",
         .target = "/v1/chat/completions",
         .headers = {{"Authorization", bearer}, {"Content-Type", "application/json"}},
         .body =
             R"({"model":"qwq-32b","messages":[{"role":"user","content":"hi"}],"max_tokens":64,)"
             R"("stream":true})"},
        10s,
        0,
        {.on_head = {}, .on_data = [&](std::string_view) { arrivals.push_back(Steady::now()); }}));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 200);
    ASSERT_GE(arrivals.size(), 5u) << "the front collected the stream";
    EXPECT_GT(arrivals.back() - arrivals.front(), 60ms);
}

TEST(NodeFront, WritesNothingOfARequestToDisk) {
    const Engine engine;
    const Front front{engine.port()};
    ASSERT_TRUE(front.running()) << front.log();
    const std::string secret_word = "marked-prompt-7f3a";
    std::string body =
        R"({"model":"qwq-32b","max_tokens":1,"messages":[{"role":"user","content":")";
    for (int i = 0; i < 20'000; ++i) {
        body += secret_word;
    }
    body += "\"}]}";
    EXPECT_EQ(front.ask("POST", "/v1/chat/completions", bearer, body), 400) << "too long for it";
    EXPECT_EQ(front.ask("POST", "/v1/chat/completions", "Bearer wrong", body), 401);
    int files = 0;
    for (const auto& entry : fs::recursive_directory_iterator{front.folder().path()}) {
        if (entry.is_regular_file()) {
            ++files;
            EXPECT_EQ(read_file(entry.path()).find(secret_word), std::string::npos) << entry.path();
        }
    }
    EXPECT_EQ(files, 6) << "certificate, key, configuration, log, process id, beat";
    EXPECT_EQ(front.log().find(key), std::string::npos);
}

TEST(NodeFront, CountsOnlyRequestsWithTheKeyAsSignsOfLife) {
    const Engine engine;
    const Front front{engine.port()};
    ASSERT_TRUE(front.running()) << front.log();
    const std::size_t before = front.settled_beats();  // the requests that found it running
    EXPECT_EQ(front.ask("GET", "/health", ""), 200);
    EXPECT_EQ(front.ask("GET", "/v1/models", "Bearer wrong"), 401);
    EXPECT_EQ(front.ask("GET", "/tokenize", ""), 404);
    EXPECT_EQ(front.settled_beats(), before);
    EXPECT_EQ(*complete(engine::probe_health(front.target())), engine::Health::ready);
    EXPECT_TRUE(eventually([&] { return front.beats() > before; }));
    EXPECT_EQ(front.settled_beats(), before + 2) << "a dot and a line's end";
    // The watchdog empties the file while nginx has it open.
    fs::resize_file(front.folder().path() / "run/beat", 0);
    EXPECT_EQ(*complete(engine::probe_health(front.target())), engine::Health::ready);
    EXPECT_TRUE(eventually([&] { return front.beats() > 0; }));
    EXPECT_EQ(front.settled_beats(), 2u);
}

TEST(NodeFront, SaysLoadingWhileTheEngineDoesNotListen) {
    const std::uint16_t nobody = free_port();
    const Front front{nobody};
    ASSERT_TRUE(front.running()) << front.log();
    EXPECT_EQ(*complete(engine::probe_health(front.target())), engine::Health::loading);
    EXPECT_EQ(front.ask("POST", "/v1/chat/completions", bearer, chat), 503);
    EXPECT_EQ(front.ask("POST", "/v1/chat/completions", "", chat), 401);
    const auto accepted = complete(engine::acceptance(front.target(), {.model = "qwq-32b"}, 5s));
    ASSERT_FALSE(accepted);
    EXPECT_EQ(accepted.error().code, Errc::unavailable);
}

}  // namespace
}  // namespace evenkeel::inference::bootstrap
