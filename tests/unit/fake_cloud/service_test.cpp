#include "tests/fakes/cloud/service.hpp"

#include "caller.hpp"
#include "lab/engine/service.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <unistd.h>

/// The fake on real sockets: TLS, the ways answers leave, and a machine's front before an engine.
namespace evenkeel::fakes::cloud::test {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using asio::ip::tcp;

/// A context that runs in a thread of its own until the object goes.
class Running {
public:
    ~Running() { end(); }
    asio::io_context context{1};
    void start() {
        thread_ = std::thread{[this] { context.run(); }};
    }
    void end() {
        context.stop();
        if (thread_.joinable()) {
            thread_.join();
        }
    }

private:
    asio::executor_work_guard<asio::io_context::executor_type> work_{context.get_executor()};
    std::thread thread_{};
};

class Folder {
public:
    Folder() {
        std::string name = fs::temp_directory_path() / "fake-cloud-XXXXXX";
        path_ = ::mkdtemp(name.data());
    }
    ~Folder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    [[nodiscard]] std::string path() const { return path_; }

private:
    std::string path_;
};

struct Answer {
    std::string text{};   ///< head and body as they came
    std::string peer{};   ///< certificate of the host, PEM
    std::string error{};  ///< of the connection or the handshake
    [[nodiscard]] int status() const {
        return text.starts_with("HTTP/1.1 ") ? std::stoi(text.substr(9, 3)) : 0;
    }
    [[nodiscard]] std::string body() const {
        return text.substr(std::min(text.find("\r\n\r\n") + 4, text.size()));
    }
};

template <class Stream>
void exchange(Stream& stream, const std::string& request, std::size_t enough, Answer& answer) {
    boost::system::error_code error;
    asio::write(stream, asio::buffer(request), error);
    std::array<char, 65'536> piece;
    while (!error && answer.text.size() < enough) {
        const std::size_t size = stream.read_some(asio::buffer(piece), error);
        answer.text.append(piece.data(), size);
    }
}

std::string request(
    std::string_view method, std::string_view target, std::string_view key, std::string_view body) {
    return fmt::format(
        "{} {} HTTP/1.1\r\nHost: x\r\nUser-Agent: test/1\r\nConnection: close\r\n"
        "Authorization: Bearer {}\r\nContent-Length: {}\r\n\r\n{}",
        method,
        target,
        key,
        body.size(),
        body);
}

Answer ask(std::uint16_t port, const std::string& text, std::size_t enough = 1 << 20) {
    asio::io_context context;
    tcp::socket socket{context};
    Answer answer;
    boost::system::error_code error;
    socket.connect({asio::ip::address_v4::loopback(), port}, error);
    exchange(socket, text, enough, answer);
    return answer;
}

/// Verifies the host's certificate when `ca_file` is not empty.
Answer ask_tls(
    const std::string& host,
    std::uint16_t port,
    const std::string& ca_file,
    const std::string& text) {
    asio::io_context context;
    asio::ssl::context tls{asio::ssl::context::tls_client};
    if (!ca_file.empty()) {
        tls.load_verify_file(ca_file);
        tls.set_verify_mode(asio::ssl::verify_peer);
        tls.set_verify_callback(asio::ssl::host_name_verification{host});
    }
    asio::ssl::stream<tcp::socket> stream{context, tls};
    Answer answer;
    boost::system::error_code error;
    stream.lowest_layer().connect({asio::ip::make_address(host), port}, error);
    if (!error) {
        stream.handshake(asio::ssl::stream_base::client, error);
    }
    if (error) {
        answer.error = error.message();
        return answer;
    }
    X509* const peer = SSL_get1_peer_certificate(stream.native_handle());
    BIO* const bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, peer);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    answer.peer.assign(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    X509_free(peer);
    exchange(stream, text, 1 << 20, answer);
    return answer;
}

std::uint16_t port_of(std::string_view url) {
    return static_cast<std::uint16_t>(std::stoi(std::string{url.substr(url.rfind(':') + 1)}));
}

class FakeCloudService : public testing::Test {
protected:
    void start(ServiceOptions options = {}) {
        options.state = folder_.path();
        service_ = std::make_unique<Service>(running_.context, std::move(options));
        ASSERT_TRUE(service_->begin());
        places_ = parsed(service_->places());
        running_.start();
    }
    ~FakeCloudService() override { running_.end(); }

    [[nodiscard]] std::uint16_t port(std::string_view vendor, std::string_view scheme) const {
        return port_of(places_.find(vendor)->text(scheme));
    }
    [[nodiscard]] std::uint16_t inspection() const { return port_of(places_.text("inspect")); }
    [[nodiscard]] std::string ca() const { return std::string{places_.text("ca_file")}; }
    Answer list(std::size_t enough = 1 << 20) {
        return ask(port("runpod", "http"), request("GET", "/v2/pods", "fake-token", ""), enough);
    }
    void put_on(std::string_view trouble, int value) {
        const Answer answer =
            ask(inspection(),
                request(
                    "POST",
                    "/personalities",
                    "",
                    fmt::format(
                        R"({{"vendor":"runpod","on":[{{"name":"{}","times":1,"value":{}}}]}})",
                        trouble,
                        value)));
        ASSERT_EQ(answer.status(), 200) << answer.text;
    }

    Folder folder_;
    Running running_;
    std::unique_ptr<Service> service_;
    Value places_;
};

TEST_F(FakeCloudService, SpeaksHttpAndHttpsToEachVendorsClients) {
    start();
    const std::array targets{
        std::pair{"digitalocean", "/v2/account"},
        std::pair{"runpod", "/v2/pods"},
        std::pair{"lambda", "/api/v1/instances"}};
    for (const auto& [vendor, target] : targets) {
        const std::string text = request("GET", target, "fake-token", "");
        EXPECT_EQ(ask(port(vendor, "http"), text).status(), 200) << vendor;
        // The rate limit of Lambda is one call a second.
        const Answer tls = ask_tls("127.0.0.1", port(vendor, "https"), ca(), text);
        EXPECT_EQ(tls.error, "") << vendor;
        EXPECT_EQ(tls.status(), std::string_view{vendor} == "lambda" ? 429 : 200) << vendor;
    }
    const Answer calls = ask(inspection(), request("GET", "/calls", "", ""));
    EXPECT_TRUE(calls.body().contains(R"("tls":true)"));
    EXPECT_TRUE(calls.body().contains(R"("tls":false)"));
}

TEST_F(FakeCloudService, ShowsCertificatesWithFlaws) {
    for (const auto& [flaw, name] :
         {std::pair{Flaw::expired, "expired"},
          std::pair{Flaw::wrong_host, "wrong host"},
          std::pair{Flaw::self_signed, "self-signed"}}) {
        const Pem authority = make_authority().value();
        const Pem host = make_host(authority, flaw).value();
        Running running;
        const auto front = make_tls_front(running.context, "127.0.0.1", 0, host, 1);
        ASSERT_TRUE(front);
        running.start();
        const std::string file = folder_.path() + "/ca";
        std::ofstream{file} << authority.certificate;
        const Answer answer = ask_tls("127.0.0.1", (*front)->port(), file, "");
        EXPECT_TRUE(answer.error.contains("certificate verify failed")) << name << answer.error;
        running.end();
    }
}

TEST_F(FakeCloudService, LosesAnswers) {
    start();
    put_on("outage", 0);
    EXPECT_EQ(list().text, "");
    EXPECT_EQ(list().status(), 200);
}

TEST_F(FakeCloudService, AnswersLate) {
    start();
    put_on("slow", 45);
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(list().status(), 200);
    EXPECT_GE(std::chrono::steady_clock::now() - began, 45ms);
}

TEST_F(FakeCloudService, SendsFarTooMuch) {
    start();
    put_on("huge_body", 0);
    constexpr std::size_t limit = 9 * 1024 * 1024;
    EXPECT_GE(list(limit).text.size(), limit);
    put_on("endless_body", 0);
    const Answer endless = list(2'000);
    EXPECT_TRUE(endless.text.contains("Transfer-Encoding: chunked")) << endless.text;
    EXPECT_FALSE(endless.text.contains("\r\n0\r\n"));
}

TEST_F(FakeCloudService, SendsABombThatInflates) {
    start();
    put_on("gzip_bomb", 0);
    const Answer bomb = list();
    EXPECT_TRUE(bomb.text.contains("content-encoding: gzip"));
    std::string body = bomb.body();
    EXPECT_LT(body.size(), 512u * 1024);
    std::string out(1 << 20, '\0');
    std::size_t inflated = 0;
    z_stream stream{};
    ASSERT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(body.data());
    stream.avail_in = static_cast<uInt>(body.size());
    int result = Z_OK;
    while (result == Z_OK) {
        stream.next_out = reinterpret_cast<Bytef*>(out.data());
        stream.avail_out = static_cast<uInt>(out.size());
        result = inflate(&stream, Z_NO_FLUSH);
        inflated += out.size() - stream.avail_out;
    }
    inflateEnd(&stream);
    EXPECT_EQ(result, Z_STREAM_END) << "whole, with its right sum";
    EXPECT_EQ(inflated, std::size_t{200} << 20);
}

class FakeNode : public testing::Test {
protected:
    void start(std::vector<Trouble> troubles, bool with_engine) {
        const Pem identity = make_host({}, Flaw::self_signed).value();
        machine_.node = NodeData{
            .certificate = identity.certificate, .key = identity.key, .engine_key = "node-key"};
        machine_.node_troubles = std::move(troubles);
        machine_.address = fmt::format("127.{}.1.9", 16 + ::getpid() % 200);
        std::uint16_t engine_port = 1;
        if (with_engine) {
            engine_ = lab::engine::Service::start(
                          running_.context,
                          {.synthetic = true, .model = "qwq-32b", .speed = 1'000},
                          "node-key")
                          .value();
            engine_port = engine_->port();
        }
        front_ = make_node_front(running_.context, machine_, 0, engine_port).value();
        running_.start();
    }
    ~FakeNode() override { running_.end(); }
    Answer ask_node(
        std::string_view method,
        std::string_view target,
        std::string_view key,
        std::string_view body = "") {
        return ask_tls(machine_.address, front_->port(), "", request(method, target, key, body));
    }

    Running running_;
    Machine machine_;
    std::unique_ptr<lab::engine::Service> engine_;
    std::unique_ptr<NodeFront> front_;
};

TEST_F(FakeNode, LetsAFewPathsThroughWithTheKeyAndItsOwnCertificate) {
    start({}, true);
    const Answer models = ask_node("GET", "/v1/models", "node-key");
    EXPECT_EQ(models.status(), 200) << models.text;
    EXPECT_EQ(models.peer, machine_.node->certificate);
    EXPECT_EQ(ask_node("GET", "/health", "").status(), 200);
    EXPECT_EQ(ask_node("GET", "/v1/models", "").status(), 401);
    EXPECT_EQ(ask_node("GET", "/v1/models", "node-ke").status(), 401);
    EXPECT_EQ(ask_node("POST", "/v1/models", "node-key").status(), 405);
    EXPECT_EQ(ask_node("POST", "/v1/load_lora_adapter", "node-key").status(), 404);
    EXPECT_EQ(ask_node("POST", "/tokenize", "node-key").status(), 404);
}

TEST_F(FakeNode, PassesStreamsOn) {
    start({}, true);
    const Answer answer = ask_node(
        "POST",
        "/v1/chat/completions",
        "node-key",
        R"({"model":"qwq-32b","stream":true,"max_tokens":40,)"
        R"("messages":[{"role":"user","content":"hello"}]})");
    EXPECT_EQ(answer.status(), 200) << answer.text;
    EXPECT_TRUE(answer.body().contains("data: [DONE]")) << answer.text;
}

TEST_F(FakeNode, SaysLoadingWhileNoEngineListens) {
    start({}, false);
    const Answer answer = ask_node("GET", "/health", "");
    EXPECT_EQ(answer.status(), 503);
    EXPECT_TRUE(answer.text.contains("retry-after: 2"));
}

TEST_F(FakeNode, ShowsAnotherCertificateUnderWrongPin) {
    start({Trouble::wrong_pin}, true);
    const Answer answer = ask_node("GET", "/health", "");
    EXPECT_FALSE(answer.peer.empty());
    EXPECT_NE(answer.peer, machine_.node->certificate);
}

}  // namespace
}  // namespace evenkeel::fakes::cloud::test
