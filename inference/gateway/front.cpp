#include "inference/gateway/chat_request.hpp"
#include "inference/gateway/loop.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

/// Which request is for whom: keys, paths, the list of models.
namespace evenkeel::inference {

namespace {

constexpr std::string_view chat_path = "/v1/chat/completions";
constexpr std::string_view models_path = "/v1/models";

/// The key of `Authorization: Bearer KEY`; empty when there is none.
std::string_view bearer(const http::RequestHead& head) {
    const std::string_view field = head.field("authorization");
    constexpr std::string_view scheme = "Bearer ";
    if (!http::iequals(field.substr(0, scheme.size()), scheme)) {
        return {};
    }
    return field.substr(scheme.size());
}

std::string_view state_of(const World& world, const routing::Catalogue::ModelEntry& entry) {
    bool ready = !entry.apis.empty();
    for (const auto& [ix, source] : world.sources) {
        ready = ready || (source->info.kind != SourceKind::api && source->info.model == entry.ix);
    }
    return ready ? "ready" : "cold";
}

}  // namespace

asio::awaitable<void> respond_error(
    http::Exchange& exchange, const dialect::ApiError& error, std::string_view id) {
    http::Headers headers{{"Content-Type", "application/json"}};
    if (!id.empty()) {
        headers.emplace_back("X-Request-Id", id);
    }
    if (error.retry_after) {
        headers.emplace_back("Retry-After", fmt::format("{}", error.retry_after->count()));
    }
    if (error.should_retry) {
        headers.emplace_back("x-should-retry", *error.should_retry ? "true" : "false");
    }
    if (error.status == 401) {
        headers.emplace_back("WWW-Authenticate", "Bearer");
    }
    static_cast<void>(co_await exchange.respond(error.status, headers, dialect::to_json(error)));
}

asio::awaitable<void> Loop::handle(http::Exchange& exchange) {
    const http::RequestHead& head = exchange.head();
    auto key = keys_.find(bearer(head));
    if (!key) {
        hub_.tally().unauthorized.fetch_add(1, std::memory_order_relaxed);
        const bool tolerated = guard_.tolerates(exchange.peer(), Steady::now());
        if (!tolerated) {
            spdlog::debug("keys_refused peer={}", exchange.peer());
        }
        const dialect::ApiError error =
            tolerated ? dialect::bad_key() : dialect::too_many_bad_keys();
        co_await respond_error(exchange, error, {});
        co_return;
    }
    const bool one =
        head.path.starts_with(models_path) && head.path.substr(models_path.size()).starts_with('/');
    if (head.path == chat_path) {
        if (head.method != "POST") {
            const dialect::ApiError error = dialect::wrong_method("POST");
            co_await respond_error(exchange, error, {});
            co_return;
        }
        ChatRequest request{*this, exchange, std::move(*key)};
        co_await request.run();
    } else if (head.path == models_path || one) {
        if (head.method != "GET") {
            const dialect::ApiError error = dialect::wrong_method("GET");
            co_await respond_error(exchange, error, {});
            co_return;
        }
        co_await models(exchange, one ? head.path.substr(models_path.size() + 1) : "");
    } else {
        const dialect::ApiError error = dialect::no_such_path();
        co_await respond_error(exchange, error, {});
    }
    if (stopping_) {
        asio::post(context_, [this] { finish_if_over(); });
    }
}

asio::awaitable<void> Loop::models(http::Exchange& exchange, std::string_view id) {
    const auto world = hub_.world();
    std::vector<dialect::ModelRow> rows;
    if (world->catalogue != nullptr) {
        for (const auto& entry : world->catalogue->models) {
            if (id.empty() || world->catalogue->model(id) == &entry) {
                rows.push_back({.id = entry.model->name, .state = state_of(*world, entry)});
            }
        }
    }
    if (!id.empty() && rows.empty()) {
        const dialect::ApiError error = dialect::no_route(
            {.code = Errc::not_found,
             .message = "There is no such model here.",
             .retry_after = {}});
        co_await respond_error(exchange, error, {});
        co_return;
    }
    const std::string body =
        id.empty() ? dialect::models_json(rows) : dialect::model_json(rows.front());
    const http::Headers headers{{"Content-Type", "application/json"}};
    static_cast<void>(co_await exchange.respond(200, headers, body));
}

}  // namespace evenkeel::inference
