#pragma once

#include "policies/domain/error.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <future>
#include <utility>

namespace evenkeel::agent {

template <class T>
struct Settled {
    using type = Result<T>;
};
template <class T>
struct Settled<Result<T>> {
    using type = Result<T>;
};

/// Waits for what another thread does, without holding up the admin thread, which also answers
/// health checks. Errors: timed_out, and those of a future of a Result.
template <class T>
boost::asio::awaitable<typename Settled<T>::type> settled(
    std::future<T> future, std::chrono::seconds limit) {
    namespace asio = boost::asio;
    constexpr std::chrono::milliseconds look_every{10};
    asio::steady_timer timer{co_await asio::this_coro::executor};
    const auto give_up = std::chrono::steady_clock::now() + limit;
    while (future.wait_for(std::chrono::seconds{0}) != std::future_status::ready) {
        timer.expires_after(look_every);
        const auto [code] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        if (code || std::chrono::steady_clock::now() > give_up) {
            co_return fail(Errc::timed_out, "the agent did not answer in time; it may still do it");
        }
    }
    co_return future.get();
}

}  // namespace evenkeel::agent
