#pragma once

#include "inference/dialect/openai.hpp"
#include "inference/gateway/hub.hpp"
#include "inference/http/response.hpp"
#include "inference/http/server.hpp"
#include "inference/relay/pool.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

namespace evenkeel::inference {

namespace asio = boost::asio;
class ClientRequest;

/// Lets callbacks of other threads reach a loop as long as it lives.
struct LoopAlive {
    std::mutex mutex{};
    asio::io_context* context{nullptr};  ///< none: the loop is gone

    /// Runs `work` on the loop; when that is gone, only destroys it.
    template <class Work>
    void post(Work work) {
        const std::lock_guard lock{mutex};
        if (context != nullptr) {
            asio::post(*context, std::move(work));
        }
    }
};

/// Too many wrong keys from one address are answered with 429 (F73). A small table of token
/// buckets; a valid key is never held up by it.
class KeyGuard {
public:
    using TimePoint = std::chrono::steady_clock::time_point;
    static constexpr int burst = 20;
    static constexpr std::chrono::milliseconds refill{200};  ///< one more wrong key is free
    static constexpr std::size_t addresses_max = 1024;

    /// Counts a wrong key; false when this address has had too many.
    [[nodiscard]] bool tolerates(std::string_view address, TimePoint now);

private:
    std::unordered_map<std::string, TimePoint> used_until_{};
};

/// One data-path thread: its io_context, its listener, its upstream connections, and the requests
/// that run on it. Everything not said to be thread-safe runs on that thread.
class Loop final : public LoopPort {
public:
    using Steady = std::chrono::steady_clock;
    static constexpr std::chrono::milliseconds sweep_every{50};
    static constexpr std::chrono::milliseconds record_retry{20};
    static constexpr std::size_t buffer_bytes = 64 * 1024;
    static constexpr std::chrono::milliseconds cut_time{2'000};  ///< to say goodbye at the deadline

    Loop(
        std::uint16_t index,
        Hub& hub,
        Books& books,
        const KeyRing& keys,
        const GatewayOptions& options);
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    ~Loop() override;

    // --- before the thread runs, or thread-safe ---
    [[nodiscard]] Result<void> listen(const std::string& address, bool reuse_port);
    [[nodiscard]] std::string address() const { return server_->address(); }
    [[nodiscard]] std::uint16_t port() const noexcept { return server_->port(); }
    void start();
    void post_effects(gate::Effects effects) override;
    void post(std::function<void()> work) override;
    /// See Gateway::stop. `done` runs once on this loop.
    void stop(std::chrono::milliseconds drain, std::function<void()> done);
    void cancel_source(NameIx source, bool forget);
    /// At most `most` requests that run here; `done` runs on this loop.
    void live(std::size_t most, std::function<void(std::vector<LiveRequest>)> done);
    /// Loop 0 only: runs the gate's timer.
    void rearm_gate();
    void join();
    [[nodiscard]] int connections() const noexcept { return connections_.load(); }

    // --- for requests ---
    [[nodiscard]] std::uint16_t index() const noexcept { return index_; }
    [[nodiscard]] asio::io_context& context() noexcept { return context_; }
    [[nodiscard]] Hub& hub() noexcept { return hub_; }
    [[nodiscard]] Books& books() noexcept { return books_; }
    [[nodiscard]] const GatewayOptions& options() const noexcept { return options_; }
    [[nodiscard]] relay::Pool& pool() noexcept { return pool_; }
    /// For what one read brings, until the next suspension.
    [[nodiscard]] std::span<char> buffer() noexcept { return {buffer_.get(), buffer_bytes}; }
    [[nodiscard]] std::shared_ptr<LoopAlive> alive() const noexcept { return alive_; }
    [[nodiscard]] std::string_view date_line();
    /// Scratch for calls to the hub; deliver() it right after.
    [[nodiscard]] gate::Effects& effects() noexcept { return effects_; }
    void deliver(const gate::Effects& effects);
    [[nodiscard]] std::uint64_t add(ClientRequest& request);
    void remove(std::uint64_t cookie);
    /// Books the end of a request, at once or as soon as the ledger takes it.
    void record(const RequestRecord& record);
    [[nodiscard]] bool records_full() const noexcept {
        return records_.size() >= options_.records_waiting;
    }

    /// Running means per model, in thousandths.
    void learn(NameIx model, std::int64_t tokens_out, std::int64_t total_ms);
    /// Of a source's streamed answers: from request sent to first event, a running mean.
    void learn_first_token(NameIx source, std::chrono::nanoseconds took);
    /// Zero when none was seen within ten minutes. On this loop: each learns for itself.
    [[nodiscard]] std::chrono::nanoseconds first_token_of(NameIx source) const;
    /// Of a source's streams: how many tokens its events carry, a running mean.
    void learn_events(NameIx source, std::int64_t events, std::int64_t tokens);
    /// Tokens in so many events of that source; one each when nothing is known.
    [[nodiscard]] std::int64_t tokens_of(NameIx source, std::int64_t events) const;
    struct TokensOut {
        std::int64_t mean{0};
        std::int64_t deviation{0};  ///< mean, from the mean
    };
    [[nodiscard]] TokensOut tokens_out_guess(NameIx model) const;
    /// When a place in a queue of `queued` before `slots` may be free.
    [[nodiscard]] std::chrono::seconds wait_hint(
        NameIx model, std::int64_t queued, int slots) const;

private:
    [[nodiscard]] asio::awaitable<void> handle(http::Exchange& exchange);
    /// For refusals of what never becomes a request.
    [[nodiscard]] std::string fresh_id();
    /// `id` empty: all of them.
    [[nodiscard]] asio::awaitable<void> models(http::Exchange& exchange, std::string_view id);
    [[nodiscard]] asio::awaitable<void> count_tokens(http::Exchange& exchange);
    void sweep();
    void keep_sweeping();
    void flush_records();
    void finish_if_over();
    void abort_all();

    struct Learned {
        std::int64_t tokens_out{256'000};
        std::int64_t deviation{0};
        std::int64_t total_ms{10'000'000};
    };

    const std::uint16_t index_;
    Hub& hub_;
    Books& books_;
    const KeyRing& keys_;
    const GatewayOptions& options_;
    // Sockets belong to the loop's thread alone; what other threads may do, post(), stays locked.
    asio::io_context context_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    asio::steady_timer sweep_timer_;
    asio::steady_timer gate_timer_;
    asio::steady_timer record_timer_;
    asio::steady_timer drain_timer_;
    std::unique_ptr<http::Server> server_{};
    relay::Pool pool_{};
    std::unique_ptr<char[]> buffer_;
    http::DateLine date_{};
    std::shared_ptr<LoopAlive> alive_{std::make_shared<LoopAlive>()};
    gate::Effects effects_{};
    std::unordered_map<std::uint64_t, ClientRequest*> requests_{};
    std::uint64_t cookies_{0};
    std::unordered_map<NameIx, Learned> learned_{};
    struct FirstToken {
        std::chrono::nanoseconds took{0};
        Steady::time_point at{};
    };
    std::unordered_map<NameIx, FirstToken> first_tokens_{};
    std::unordered_map<NameIx, std::int64_t> milli_tokens_per_event_{};
    std::deque<RequestRecord> records_{};
    KeyGuard guard_{};
    std::atomic<int> connections_{0};
    bool sweeping_{false};
    bool stopping_{false};
    bool server_stopped_{false};
    bool over_{false};
    Steady::time_point cut_at_{Steady::time_point::max()};
    std::function<void()> stopped_{};

    std::mutex mail_mutex_{};
    gate::Effects mail_{};  ///< from other threads; the loop was woken when it was empty

    std::thread thread_{};
};

/// Seconds until a machine that boots is ready: in refusals, and while a stream is held.
inline constexpr std::string_view eta_header = "x-evenkeel-eta";

/// Answers with an error in the client's dialect, under `id`.
[[nodiscard]] asio::awaitable<void> respond_error(
    http::Exchange& exchange,
    dialect::Dialect dialect,
    const dialect::ApiError& error,
    std::string_view id);

}  // namespace evenkeel::inference
