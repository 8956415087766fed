#pragma once

#include "agent/web/workers.hpp"
#include "inference/http/server.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <string>

namespace evenkeel::web {

/// What the page is told while it stands open.
struct LiveDocuments {
    std::string status{};
    std::string nodes{};
};

/// Server-sent events for at most `listeners_max` pages. One of those that listen has the documents
/// made, on a worker, for all of them; when nobody listens nothing is made. A slow listener gets
/// the newest when it can take it, and nothing is kept for it. One thread, but for `close`.
class Live {
public:
    static constexpr int listeners_max = 32;
    static constexpr std::chrono::milliseconds made_every{1'000};
    static constexpr std::chrono::milliseconds ping_after{5'000};  ///< with nothing new

    using Make = std::function<LiveDocuments()>;
    /// `make` runs on a worker. `workers` outlives it.
    Live(Workers& workers, Make make) : workers_{workers}, make_{std::move(make)} {}

    /// Answers until the listener goes, or `close`.
    [[nodiscard]] boost::asio::awaitable<void> serve(inference::http::Exchange& exchange);
    /// Every stream ends soon. Any thread.
    void close() noexcept { closing_ = true; }
    [[nodiscard]] int listeners() const noexcept { return listeners_; }
    /// How often documents were made.
    [[nodiscard]] std::int64_t made() const noexcept { return made_; }

private:
    using TimePoint = std::chrono::steady_clock::time_point;
    /// One document and the number of its newest form.
    struct Part {
        std::string text{};
        std::int64_t number{0};
    };
    [[nodiscard]] boost::asio::awaitable<void> refresh();
    static void renew(Part& part, std::string text);

    Workers& workers_;
    Make make_;
    Part status_{};
    Part nodes_{};
    TimePoint made_at_{};
    bool making_{false};
    std::atomic<std::int64_t> made_{0};
    std::atomic<int> listeners_{0};
    std::atomic<bool> closing_{false};
};

}  // namespace evenkeel::web
