#include "lab/demo/story.hpp"

#include "inference/http/client.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <utility>

namespace evenkeel::lab::demo {
namespace {

namespace http = inference::http;
using SteadyClock = std::chrono::steady_clock;

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);
constexpr milliseconds fetch_limit{5'000};
constexpr milliseconds ready_limit{30'000};
constexpr milliseconds ready_look{100};
constexpr milliseconds look_every{500};
constexpr milliseconds settle_limit{15'000};

asio::awaitable<void> pause(milliseconds duration) {
    asio::steady_timer timer{co_await asio::this_coro::executor, duration};
    co_await timer.async_wait(use_tuple);
}

/// Idle until it is released, drain, delete, proof, each with room to spare.
milliseconds quiet_limit(const World& world) {
    const milliseconds real = 2 * (world.boot + world.loading) + world.drain + 4 * world.proof_gap;
    return real / world.speed + milliseconds{15'000};
}

}  // namespace

Story::Story(
    asio::io_context& context,
    Stage& stage,
    Screen& screen,
    std::vector<replay::TraceRow> rows,
    Progress progress,
    std::uint64_t seed)
    : stage_{stage},
      screen_{screen},
      player_{
          context,
          {.address = stage.address(stage.ports().api),
           .key = stage.client_key(),
           .model = stage.world().model,
           .speed = stage.world().speed,
           .seed = seed},
          std::move(rows)},
      progress_{std::move(progress)} {}

asio::awaitable<Result<json::object>> Story::get(
    std::string address, std::string target, std::string token) {
    http::ClientRequest request{.target = target};
    if (!token.empty()) {
        request.headers.emplace_back("authorization", "Bearer " + token);
    }
    const Result<http::ClientResponse> response =
        co_await http::fetch(std::move(address), std::move(request), fetch_limit);
    if (!response) {
        co_return std::unexpected{response.error()};
    }
    if (response->status != 200) {
        co_return fail(Errc::unavailable, fmt::format("{} answered {}", target, response->status));
    }
    co_return parse_object(response->body, target);
}

asio::awaitable<Result<void>> Story::wait_until_ready() {
    const SteadyClock::time_point deadline = SteadyClock::now() + ready_limit;
    const std::string admin = stage_.address(stage_.ports().admin);
    while (SteadyClock::now() < deadline) {
        http::ClientRequest request{.target = "/readyz"};
        const Result<http::ClientResponse> response =
            co_await http::fetch(admin, std::move(request), fetch_limit);
        if (response && response->status == 200) {
            co_return Result<void>{};
        }
        if (const Result<void> alive = stage_.check_alive(); !alive) {
            co_return alive;
        }
        co_await pause(ready_look);
    }
    co_return fail(Errc::timed_out, "the daemon was not ready within 30 s");
}

asio::awaitable<void> Story::look() {
    Result<json::object> status =
        co_await get(stage_.address(stage_.ports().admin), "/api/status", {});
    if (status) {
        books_.status = std::move(*status);
    }
    progress_.played = player_.position();
    progress_.elapsed = std::chrono::duration_cast<milliseconds>(SteadyClock::now() - began_);
    screen_.show(books_.status, progress_, player_.report());
}

asio::awaitable<Result<void>> Story::run_trace() {
    progress_.act = "The trace plays.";
    bool done = false;
    player_.start([&done] { done = true; });
    while (!done) {
        co_await look();
        if (const Result<void> alive = stage_.check_alive(); !alive) {
            co_return alive;
        }
        co_await pause(look_every);
    }
    co_return Result<void>{};
}

asio::awaitable<Result<void>> Story::wait_until_quiet() {
    progress_.act = "The trace is over: idle, drain, delete, proof.";
    const SteadyClock::time_point deadline = SteadyClock::now() + quiet_limit(stage_.world());
    do {
        co_await look();
        if (const Result<void> alive = stage_.check_alive(); !alive) {
            co_return alive;
        }
        if (is_quiet(books_.status)) {
            break;
        }
        co_await pause(look_every);
    } while (SteadyClock::now() < deadline);
    co_return Result<void>{};
}

void Story::read_ledger() {
    const Result<ToolResult> spend = stage_.tool({"report", "spend", "--json", "--since", "24h"});
    if (spend && spend->status == 0) {
        books_.spend = parse_object(spend->out, "the spend report").value_or(json::object{});
    }
    const Result<ToolResult> verified = stage_.tool({"ledger", "verify", "--json"});
    if (verified) {
        books_.verify_status = verified->status;
        books_.verification =
            parse_object(verified->out, "the verification").value_or(json::object{});
    }
}

asio::awaitable<void> Story::settle() {
    progress_.act = "The books are compared.";
    const std::string admin = stage_.address(stage_.ports().admin);
    const std::string cloud = stage_.address(stage_.ports().cloud);
    const SteadyClock::time_point deadline = SteadyClock::now() + settle_limit;
    for (;;) {
        co_await look();
        Result<json::object> bill = co_await get(cloud, "/v1/bill", stage_.cloud_token());
        Result<json::object> nodes = co_await get(admin, "/api/nodes", {});
        books_.bill = bill ? std::move(*bill) : json::object{};
        books_.nodes = nodes ? std::move(*nodes) : json::object{};
        books_.cloud_list = co_await list_machines();
        read_ledger();
        bool agreed = true;
        for (const Check& check : judge(player_.report(), books_)) {
            agreed = agreed && check.ok;
        }
        if (agreed || SteadyClock::now() >= deadline) {
            co_return;
        }
        co_await pause(look_every);
    }
}

asio::awaitable<json::object> Story::list_machines() {
    Result<json::object> list =
        co_await get(stage_.address(stage_.ports().cloud), "/v1/machines", stage_.cloud_token());
    co_return list ? std::move(*list) : json::object{};
}

asio::awaitable<Result<void>> Story::play() {
    Result<void> step = co_await wait_until_ready();
    if (step) {
        step = co_await run_trace();
    }
    if (step) {
        step = co_await wait_until_quiet();
    }
    if (step) {
        co_await settle();
    }
    co_return step;
}

}  // namespace evenkeel::lab::demo
