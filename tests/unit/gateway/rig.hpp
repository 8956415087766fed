#pragma once

#include "inference/gateway/gateway.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

/// Working stand-ins for everything around the gateway, over real loopback sockets.
namespace evenkeel::inference::test {

/// 127.0.0.1 at `port`.
[[nodiscard]] sockaddr_in loopback(std::uint16_t port);
[[nodiscard]] std::string lower(std::string text);

using namespace std::chrono_literals;
using std::chrono::milliseconds;

/// The real clocks of this machine.
class SystemClock final : public Clock {
public:
    [[nodiscard]] Now read() const override;
};

/// A blocking loopback socket with a time limit on every read.
class Line {
public:
    explicit Line(int fd) noexcept : fd_{fd} {}
    Line(Line&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    Line& operator=(Line&& other) noexcept;
    ~Line() { close(); }
    [[nodiscard]] static Line connect(std::uint16_t port, int receive_buffer = 0);

    [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }
    /// False when the peer is gone.
    bool send(std::string_view bytes);
    /// What comes next, up to `most` bytes; empty at the end, on a reset, or after `limit`.
    [[nodiscard]] std::string receive(std::size_t most = 65536, milliseconds limit = 5s);
    /// Reads until `what` has come; everything read.
    [[nodiscard]] std::string receive_until(std::string_view what, milliseconds limit = 5s);
    /// Everything up to the end.
    [[nodiscard]] std::string receive_all(milliseconds limit = 5s);
    /// Waits until the peer has closed or reset; false after `limit`.
    [[nodiscard]] bool closed_by_peer(milliseconds limit);
    void close() noexcept;
    /// Closes with a reset.
    void reset() noexcept;

private:
    int fd_{-1};
};

/// A parsed answer of the gateway.
struct Reply {
    int status{0};
    std::map<std::string, std::string> headers{};  ///< lower-case names
    std::string body{};                            ///< de-chunked
    bool whole{false};                             ///< the framing ended as it should
};

/// A client of the gateway. One connection, kept while answers allow.
class Caller {
public:
    explicit Caller(std::uint16_t port) : port_{port} {}
    [[nodiscard]] Reply chat(const std::string& body, const std::string& key = "good");
    [[nodiscard]] Reply request(
        const std::string& method,
        const std::string& path,
        const std::string& body,
        const std::string& headers);
    void start(const std::string& body, const std::string& headers = "");
    [[nodiscard]] Reply finish(milliseconds limit = 5s);
    [[nodiscard]] Line& line() { return line_; }

private:
    std::uint16_t port_;
    Line line_{-1};
};

/// An inference engine whose every answer is a script. One thread per connection.
class FakeEngine {
public:
    /// One exchange, as the engine sees it.
    struct Turn {
        std::string request{};  ///< head and body
        std::string body{};
        Line* line{nullptr};
        FakeEngine* engine{nullptr};
        int number{0};  ///< of this request at this engine, from 1
        bool keep{true};
    };
    using Script = std::function<void(Turn&)>;

    explicit FakeEngine(Script script);
    FakeEngine(const FakeEngine&) = delete;
    FakeEngine& operator=(const FakeEngine&) = delete;
    ~FakeEngine();

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] int connections() const noexcept { return connections_.load(); }
    [[nodiscard]] std::vector<std::string> requests() const;
    void script(Script script);
    /// Stops listening; connections that are open stay.
    void refuse();

private:
    void accept();
    void serve(Line& line);

    int listener_{-1};
    std::uint16_t port_{0};
    std::atomic<int> connections_{0};
    std::atomic<bool> stop_{false};
    mutable std::mutex mutex_{};
    Script script_;
    std::vector<std::string> requests_{};
    std::vector<std::thread> threads_{};
    std::vector<std::shared_ptr<Line>> lines_{};
    std::thread acceptor_{};
};

// Ready-made pieces of answers.
[[nodiscard]] std::string plain_answer(std::string_view json);
[[nodiscard]] std::string chat_json(int prompt = 10, int completion = 5);
[[nodiscard]] std::string stream_head();
[[nodiscard]] std::string chunked(std::string_view bytes);
[[nodiscard]] std::string event(std::string_view content);
[[nodiscard]] std::string usage_event(int prompt = 10, int completion = 5);
inline constexpr std::string_view done_event = "data: [DONE]\n\n";
inline constexpr std::string_view last_chunk = "0\r\n\r\n";
/// Answers plain and streamed requests as a good engine does: three words.
void good_engine(FakeEngine::Turn& turn);
/// So many events of one token each, at a pace that lets a gateway on a busy machine look at them:
/// 400 a second.
[[nodiscard]] FakeEngine::Script talkative(int events);

/// Books that keep everything, and can be told to be slow or full.
class FakeBooks final : public Books {
public:
    ~FakeBooks() override;
    void hold(const HoldRequest& request, std::function<void(Result<HoldId>)> done) override;
    void top_up(
        HoldId hold,
        Money more,
        std::int64_t more_report,
        std::function<void(Result<void>)> done) override;
    void release(HoldId hold) override;
    [[nodiscard]] bool record(const RequestRecord& record) override;
    [[nodiscard]] bool accepts_paid_work() const noexcept override { return accepts.load(); }

    /// Manual mode: holds wait for `acknowledge`.
    std::atomic<bool> manual{false};
    std::atomic<bool> accepts{true};
    std::atomic<bool> full{false};
    void acknowledge(Result<int> result = 0);

    [[nodiscard]] std::vector<RequestRecord> records() const;
    /// Waits until `count` records are there.
    [[nodiscard]] std::vector<RequestRecord> wait_records(
        std::size_t count, milliseconds limit = 5s);
    [[nodiscard]] std::vector<HoldRequest> holds() const;
    [[nodiscard]] std::vector<HoldId> released() const;
    /// What top-ups have added, report nanos, all holds together.
    [[nodiscard]] std::int64_t topped_up() const;

private:
    struct Waiting {
        std::function<void(Result<HoldId>)> done;
    };
    mutable std::mutex mutex_{};
    std::condition_variable changed_{};
    std::vector<RequestRecord> records_{};
    std::vector<HoldRequest> holds_{};
    std::vector<HoldId> released_{};
    std::int64_t topped_up_{0};
    std::vector<Waiting> waiting_{};
    std::vector<std::thread> threads_{};
    std::int64_t next_hold_{100};
};

class FakeKeys final : public KeyRing {
public:
    [[nodiscard]] std::optional<ClientKey> find(std::string_view presented) const override;
};

/// A gateway with two models: `m` (own workers, and an API when asked for) and `paid` (API only).
class Rig {
public:
    struct Setup {
        GatewayOptions options{};
        bool overflow{false};  ///< `m` may go to the API at once when no worker is free
        milliseconds max_wait{2'000};
        milliseconds first_token{0};  ///< limit; 0: the default
        int queue_limit{100};
        std::int64_t budget_nanos{-1};                  ///< of all API money; -1: none
        std::function<void(config::Config&)> change{};  ///< last word on the configuration
    };
    Rig() : Rig(Setup{}) {}
    explicit Rig(Setup setup);
    ~Rig();

    /// Brings up an own worker for `m` at `port`.
    NameIx worker(
        const std::string& name,
        std::uint16_t port,
        int slots = 4,
        dialect::GoesOn goes_on = dialect::GoesOn::by_switch);
    void api(std::uint16_t port, int slots = 64);
    [[nodiscard]] Caller caller() const { return Caller{gateway->port()}; }
    [[nodiscard]] bool wait_until(const std::function<bool()>& condition, milliseconds limit = 5s);

    FakeBooks books{};
    FakeKeys keys{};
    SystemClock clock{};
    routing::NameTable names{};
    std::shared_ptr<const routing::Catalogue> catalogue{};
    std::unique_ptr<Gateway> gateway{};
};

[[nodiscard]] std::string chat_body(
    bool stream, const std::string& extra = "", const std::string& model = "m");

}  // namespace evenkeel::inference::test
