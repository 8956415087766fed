#include "lab/engine/service.hpp"

#include "lab/engine/chat.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <ranges>
#include <utility>

namespace evenkeel::lab::engine {
namespace {

namespace http = inference::http;
namespace asio = boost::asio;

constexpr std::int64_t speed_max = 1'000;

bool authorised(const Desk& desk, std::string_view presented) {
    constexpr std::string_view scheme = "Bearer ";
    if (desk.key.empty()) {
        return true;
    }
    if (!presented.starts_with(scheme)) {
        return false;
    }
    presented.remove_prefix(scheme.size());
    return presented.size() == desk.key.size() &&
           CRYPTO_memcmp(presented.data(), desk.key.data(), desk.key.size()) == 0;
}

std::string metrics_now(Desk& desk) {
    desk.batch.advance(desk.elapsed());
    MetricValues values = desk.totals;
    values.running = desk.batch.running();
    values.waiting = desk.batch.waiting();
    values.kv_usage = desk.batch.kv_usage();
    values.kv_tokens = desk.batch.kv_tokens();
    return metrics_text(desk.options.model, values);
}

asio::awaitable<void> route(std::shared_ptr<Desk> desk, http::Exchange& exchange) {
    const http::RequestHead& head = exchange.head();
    if (head.path == "/health" && head.method == "GET") {
        co_await exchange.respond(200, headers_for("text/plain"), "");
        co_return;
    }
    if (head.path == "/metrics" && head.method == "GET") {
        const std::string text = metrics_now(*desk);
        co_await exchange.respond(200, headers_for("text/plain; version=0.0.4"), text);
        co_return;
    }
    if (!authorised(*desk, head.field("authorization"))) {
        co_await answer_error(exchange, 401, "Unauthorized: the engine's key is missing or wrong.");
        co_return;
    }
    if (head.path == "/v1/models" && head.method == "GET") {
        const std::string list =
            models_body(desk->options.model, desk->created, desk->options.context);
        co_await exchange.respond(200, headers_for(json_type), list);
        co_return;
    }
    if (head.path == "/v1/chat/completions") {
        if (head.method == "POST") {
            co_await answer_chat(*desk, exchange);
        } else {
            co_await answer_error(exchange, 405, "Method Not Allowed");
        }
        co_return;
    }
    co_await answer_error(exchange, 404, "Not Found");
}

std::string server_error_body(int status, std::string_view sentence) {
    return error_body(sentence, status >= 500 ? "server_error" : "invalid_request_error", "");
}

}  // namespace

Result<void> check(const EngineOptions& options) {
    const auto no = [](std::string message) { return fail(Errc::invalid_argument, message); };
    if (!options.synthetic) {
        return no("this build has only the synthetic engine: add --synthetic");
    }
    if (!capacity::find_profile(options.profile)) {
        const auto names = capacity::profiles() | std::views::transform(&capacity::Profile::name);
        return no(fmt::format(
            "there is no profile '{}'; known are {}", options.profile, fmt::join(names, ", ")));
    }
    if (options.speed < 1 || options.speed > speed_max) {
        return no(fmt::format("--speed must be 1 to {}", speed_max));
    }
    if (options.tick < Milliseconds{1} || options.tick > Milliseconds{10'000}) {
        return no("--tick must be 1ms to 10s");
    }
    if (options.context < 2 || options.default_tokens < 1 || options.model.empty()) {
        return no("--context must be at least 2, --default-tokens at least 1, --model not empty");
    }
    return {};
}

Service::Service(std::shared_ptr<Desk> desk, std::unique_ptr<http::Server> server)
    : desk_{std::move(desk)}, server_{std::move(server)} {}

Service::~Service() = default;

Result<std::unique_ptr<Service>> Service::start(
    asio::io_context& context, EngineOptions options, std::string key) {
    if (const Result<void> fit = check(options); !fit) {
        return std::unexpected{fit.error()};
    }
    const capacity::Profile profile = *capacity::find_profile(options.profile);
    const std::string address = options.listen;
    auto desk = std::make_shared<Desk>(std::move(options), profile, std::move(key));
    desk->created = std::chrono::duration_cast<std::chrono::seconds>(
                        std::chrono::system_clock::now().time_since_epoch())
                        .count();
    auto handler = [desk](http::Exchange& exchange) { return route(desk, exchange); };
    Result<std::unique_ptr<http::Server>> server =
        http::listen(context, address, handler, {.error_body = server_error_body});
    if (!server) {
        return std::unexpected{server.error()};
    }
    return std::unique_ptr<Service>{new Service{std::move(desk), std::move(*server)}};
}

std::uint16_t Service::port() const noexcept {
    return server_->port();
}

int Service::running() const noexcept {
    desk_->batch.advance(desk_->elapsed());
    return desk_->batch.running();
}

int Service::waiting() const noexcept {
    desk_->batch.advance(desk_->elapsed());
    return desk_->batch.waiting();
}

void Service::stop(std::function<void()> done) {
    server_->stop(std::chrono::milliseconds{0}, std::move(done));
}

}  // namespace evenkeel::lab::engine
