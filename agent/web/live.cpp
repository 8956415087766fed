#include "agent/web/live.hpp"

#include "agent/web/assets.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <memory>
#include <utility>

namespace evenkeel::web {

namespace asio = boost::asio;
namespace http = inference::http;

namespace {

constexpr std::chrono::milliseconds look_every{100};

std::string event(std::string_view name, std::string_view data) {
    return fmt::format("event: {}\ndata: {}\n\n", name, data);
}

/// Undoes itself however the coroutine ends.
template <class Undo>
class Finally {
public:
    explicit Finally(Undo undo) : undo_{std::move(undo)} {}
    ~Finally() { undo_(); }
    Finally(const Finally&) = delete;
    Finally& operator=(const Finally&) = delete;

private:
    Undo undo_;
};

}  // namespace

void Live::renew(Part& part, std::string text) {
    if (text != part.text) {
        part.text = std::move(text);
        ++part.number;
    }
}

asio::awaitable<void> Live::refresh() {
    const TimePoint now = std::chrono::steady_clock::now();
    if (making_ || (made_ > 0 && now - made_at_ < made_every)) {
        co_return;
    }
    making_ = true;
    made_at_ = now;
    ++made_;
    const Finally done{[this] { making_ = false; }};
    const auto documents = std::make_shared<LiveDocuments>();
    const auto made = co_await workers_.run([this, documents]() -> Result<std::string> {
        *documents = make_();
        return std::string{};
    });
    if (made) {
        renew(status_, std::move(documents->status));
        renew(nodes_, std::move(documents->nodes));
    }
}

asio::awaitable<void> Live::serve(http::Exchange& exchange) {
    ++listeners_;
    const Finally gone{[this] { --listeners_; }};
    const http::Headers headers = page_headers("text/event-stream", "no-store");
    auto sent = co_await exchange.begin_stream(200, headers);
    if (sent) {
        sent = co_await exchange.write("retry: 2000\n\n");
    }
    std::int64_t status = 0;
    std::int64_t nodes = 0;
    TimePoint told = std::chrono::steady_clock::now();
    asio::steady_timer timer{co_await asio::this_coro::executor};
    while (sent && !closing_) {
        co_await refresh();
        const TimePoint now = std::chrono::steady_clock::now();
        std::string news;
        if (std::exchange(status, status_.number) != status_.number) {
            news += event("status", status_.text);
        }
        if (std::exchange(nodes, nodes_.number) != nodes_.number) {
            news += event("nodes", nodes_.text);
        }
        if (news.empty() && now - told >= ping_after) {
            news = event("ping", "{}");
        }
        if (!news.empty()) {
            told = now;
            sent = co_await exchange.write(news);
            continue;
        }
        timer.expires_after(look_every);
        const auto [code] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        if (code) {
            co_return;
        }
    }
    if (sent) {
        static_cast<void>(co_await exchange.end_stream());
    }
}

}  // namespace evenkeel::web
