#include "agent/web/workers.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include <exception>
#include <utility>

namespace evenkeel::web {

namespace asio = boost::asio;

namespace {

asio::awaitable<Result<std::string>> guarded(Workers::Work work) {
    try {
        co_return work();
    } catch (const std::exception& error) {
        spdlog::error("web: a document could not be made: {}", error.what());
        co_return fail(Errc::io_failed, "this could not be made; the agent's log says why");
    }
}

/// Counts one piece of work for as long as it is under way, however that ends.
class Place {
public:
    explicit Place(std::atomic<int>& count) : count_{count} { ++count_; }
    ~Place() { --count_; }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

private:
    std::atomic<int>& count_;
};

}  // namespace

Workers::Workers(int threads, int accepted_max)
    : accepted_max_{accepted_max}, pool_{static_cast<std::size_t>(threads)} {}

Workers::~Workers() {
    finish();
}

void Workers::finish() {
    stop();
    pool_.join();
}

asio::awaitable<Result<std::string>> Workers::run(Work work) {
    if (stopping_) {
        co_return fail(Errc::unavailable, "the agent is stopping");
    }
    if (accepted_ >= accepted_max_) {
        co_return fail(
            Errc::unavailable, "too many pages are being made at this moment; try again");
    }
    const Place place{accepted_};
    co_return co_await asio::co_spawn(pool_, guarded(std::move(work)), asio::use_awaitable);
}

}  // namespace evenkeel::web
