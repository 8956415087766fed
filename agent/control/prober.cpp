#include "agent/control/prober.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <utility>

namespace evenkeel::agent {

namespace asio = boost::asio;

namespace {

/// Starts `task` on `context`; its result reaches `done` through `inbox`.
template <class T>
void start(
    asio::io_context& context,
    Inbox inbox,
    asio::awaitable<Result<T>> task,
    std::function<void(Result<T>)> done) {
    asio::co_spawn(
        context,
        std::move(task),
        [inbox = std::move(inbox), done = std::move(done)](
            std::exception_ptr error, Result<T> result) mutable {
            if (error) {
                result = fail(Errc::invalid_response, "the probe itself failed");
            }
            inbox.post([done = std::move(done), result = std::move(result)]() mutable {
                done(std::move(result));
            });
        });
}

}  // namespace

Prober::Prober(Inbox inbox) : inbox_{std::move(inbox)}, thread_{[this] { context_.run(); }} {}

Prober::~Prober() {
    context_.stop();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void Prober::health(
    std::string host,
    std::uint16_t port,
    std::chrono::milliseconds limit,
    std::function<void(Result<inference::engine::Health>)> done) {
    start<inference::engine::Health>(
        context_,
        inbox_,
        inference::engine::probe_health(std::move(host), port, limit),
        std::move(done));
}

void Prober::accept(
    std::string host,
    std::uint16_t port,
    std::string key,
    std::string model,
    std::chrono::milliseconds limit,
    std::function<void(Result<inference::engine::Acceptance>)> done) {
    start<inference::engine::Acceptance>(
        context_,
        inbox_,
        inference::engine::acceptance(
            std::move(host), port, std::move(key), std::move(model), limit),
        std::move(done));
}

}  // namespace evenkeel::agent
