#include "agent/control/prober.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <pthread.h>
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

/// Errors: invalid_argument (not a pin).
Result<inference::engine::Target> target_of(EngineAt engine) {
    inference::engine::Target target{
        .endpoint = {.host = std::move(engine.host), .port = engine.port},
        .key = std::move(engine.key),
        .kind = engine.kind};
    if (!engine.pin.empty()) {
        auto tls = inference::relay::TlsContext::pinned(engine.pin);
        if (!tls) {
            return std::unexpected{tls.error()};
        }
        target.endpoint.tls = std::move(*tls);
    }
    return target;
}

}  // namespace

Prober::Prober(Inbox inbox) : inbox_{std::move(inbox)}, thread_{[this] { context_.run(); }} {
    ::pthread_setname_np(thread_.native_handle(), "prober");
}

Prober::~Prober() {
    context_.stop();
    if (thread_.joinable()) {
        thread_.join();
    }
}

template <class T, class Make>
void Prober::ask(EngineAt engine, std::function<void(Result<T>)> done, const Make& make) {
    auto target = target_of(std::move(engine));
    if (!target) {
        inbox_.post(
            [done = std::move(done), error = target.error()] { done(std::unexpected{error}); });
        return;
    }
    start<T>(context_, inbox_, make(std::move(*target)), std::move(done));
}

void Prober::health(
    EngineAt engine,
    std::chrono::milliseconds limit,
    std::function<void(Result<inference::engine::Health>)> done) {
    ask(std::move(engine), std::move(done), [limit](inference::engine::Target target) {
        return inference::engine::probe_health(std::move(target), limit);
    });
}

void Prober::accept(
    EngineAt engine,
    inference::engine::Expected expected,
    std::chrono::milliseconds limit,
    std::function<void(Result<inference::engine::Acceptance>)> done) {
    ask(std::move(engine), std::move(done), [&](inference::engine::Target target) {
        return inference::engine::acceptance(std::move(target), std::move(expected), limit);
    });
}

void Prober::metrics(
    EngineAt engine,
    std::chrono::milliseconds limit,
    std::function<void(Result<inference::engine::Metrics>)> done) {
    ask(std::move(engine), std::move(done), [limit](inference::engine::Target target) {
        return inference::engine::scrape_metrics(std::move(target), limit);
    });
}

void Prober::post(
    EngineAt engine,
    std::string path,
    std::chrono::milliseconds limit,
    std::function<void(Result<bool>)> done) {
    ask(std::move(engine), std::move(done), [&](inference::engine::Target target) {
        return inference::engine::post(std::move(target), std::move(path), limit);
    });
}

}  // namespace evenkeel::agent
