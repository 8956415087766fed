#include "inference/gateway/client_request.hpp"
#include "inference/gateway/loop.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>

/// Which request is for whom: keys, paths, the list of models.
namespace evenkeel::inference {

namespace {

constexpr std::string_view base_path = "/v1";
constexpr std::string_view models_path = "/v1/models";
constexpr std::string_view count_path = "/v1/messages/count_tokens";
/// Paths that vendors have and that are refused here on purpose.
constexpr std::array<std::string_view, 3> batch_paths{
    "/v1/batches", "/v1/files", "/v1/messages/batches"};

/// `path` itself or something below it.
bool is_below(std::string_view path, std::string_view parent) noexcept {
    return path.starts_with(parent) && (path.size() == parent.size() || path[parent.size()] == '/');
}

std::optional<dialect::Endpoint> endpoint_of(std::string_view path) noexcept {
    for (const dialect::Endpoint endpoint : dialect::endpoints) {
        const std::string_view below = dialect::path_of(endpoint);
        if (path.size() == base_path.size() + below.size() && path.starts_with(base_path) &&
            path.ends_with(below)) {
            return endpoint;
        }
    }
    return std::nullopt;
}

/// Whose shapes the client reads: told by the path, else by the header that one vendor's SDKs send.
dialect::Dialect dialect_of(const http::RequestHead& head) noexcept {
    const bool is_anthropic =
        is_below(head.path, "/v1/messages") || !head.field("anthropic-version").empty();
    return is_anthropic ? dialect::Dialect::anthropic : dialect::Dialect::openai;
}

/// The key of `x-api-key: KEY` or `Authorization: Bearer KEY`; of both the first, as Anthropic has
/// it. Empty when there is none.
std::string_view presented_key(const http::RequestHead& head) {
    if (const std::string_view key = head.field("x-api-key"); !key.empty()) {
        return key;
    }
    const std::string_view field = head.field("authorization");
    constexpr std::string_view scheme = "Bearer ";
    if (!http::iequals(field.substr(0, scheme.size()), scheme)) {
        return {};
    }
    return field.substr(scheme.size());
}

dialect::ApiError no_such_model() {
    return dialect::no_route(
        {.code = Errc::not_found, .message = "There is no such model here.", .retry_after = {}});
}

std::string_view state_of(const World& world, const routing::Catalogue::ModelEntry& entry) {
    bool ready = !entry.apis.empty();
    for (const auto& [ix, source] : world.sources) {
        ready = ready || (source->info.kind != SourceKind::api && source->info.model == entry.ix);
    }
    return ready ? "ready" : world.ready_at.contains(entry.ix) ? "starting" : "cold";
}

}  // namespace

asio::awaitable<void> respond_error(
    http::Exchange& exchange,
    dialect::Dialect dialect,
    const dialect::ApiError& error,
    std::string_view id) {
    http::Headers headers{{"Content-Type", "application/json"}};
    if (!id.empty()) {
        headers.emplace_back(id_header(dialect), id);
    }
    if (error.retry_after) {
        headers.emplace_back("Retry-After", fmt::format("{}", error.retry_after->count()));
    }
    if (error.eta) {
        headers.emplace_back(eta_header, fmt::format("{}", error.eta->count()));
    }
    if (error.should_retry) {
        headers.emplace_back("x-should-retry", *error.should_retry ? "true" : "false");
    }
    if (error.status == 401) {
        headers.emplace_back("WWW-Authenticate", "Bearer");
    }
    static_cast<void>(co_await exchange.respond(
        status_for(dialect, error), headers, error_body(dialect, error, id)));
}

std::string Loop::fresh_id() {
    return request_id_text(hub_.next_id(hub_.clock().read().utc));
}

asio::awaitable<void> Loop::handle(http::Exchange& exchange) {
    const http::RequestHead& head = exchange.head();
    const dialect::Dialect dialect = dialect_of(head);
    auto key = keys_.find(presented_key(head));
    if (!key) {
        hub_.tally().unauthorized.fetch_add(1, std::memory_order_relaxed);
        const bool tolerated = guard_.tolerates(exchange.peer(), Steady::now());
        if (!tolerated) {
            spdlog::debug("keys_refused peer={}", exchange.peer());
        }
        const dialect::ApiError error =
            tolerated ? dialect::bad_key() : dialect::too_many_bad_keys();
        co_await respond_error(exchange, dialect, error, fresh_id());
        co_return;
    }
    const bool is_models = is_below(head.path, models_path);
    const auto endpoint = endpoint_of(head.path);
    std::optional<dialect::ApiError> error;
    if (std::ranges::any_of(
            batch_paths, [&head](std::string_view path) { return is_below(head.path, path); })) {
        error = dialect::no_batches();
    } else if (!endpoint && !is_models && head.path != count_path) {
        error = dialect::no_such_path();
    } else if (const std::string_view allowed = is_models ? "GET" : "POST";
               head.method != allowed) {
        error = dialect::wrong_method(allowed);
    }
    if (error) {
        co_await respond_error(exchange, dialect, *error, fresh_id());
    } else if (endpoint) {
        ClientRequest request{*this, exchange, *endpoint, std::move(*key)};
        co_await request.run();
    } else if (is_models) {
        co_await models(
            exchange, head.path.substr(std::min(head.path.size(), models_path.size() + 1)));
    } else {
        co_await count_tokens(exchange);
    }
    if (stopping_) {
        asio::post(context_, [this] { finish_if_over(); });
    }
}

asio::awaitable<void> Loop::models(http::Exchange& exchange, std::string_view id) {
    const dialect::Dialect dialect = dialect_of(exchange.head());
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
        co_await respond_error(exchange, dialect, no_such_model(), fresh_id());
        co_return;
    }
    const std::string body = models_body(dialect, rows, id.empty());
    const http::Headers headers{
        {"Content-Type", "application/json"}, {std::string{id_header(dialect)}, fresh_id()}};
    static_cast<void>(co_await exchange.respond(200, headers, body));
}

/// An estimate, the one that admission counts with: nobody is asked, and nothing is spent.
asio::awaitable<void> Loop::count_tokens(http::Exchange& exchange) {
    constexpr auto dialect = dialect::Dialect::anthropic;
    const auto body = co_await exchange.read_body();
    if (!body) {
        const Errc code = body.error().code;
        if (code != Errc::unavailable && code != Errc::cancelled) {
            co_await respond_error(
                exchange,
                dialect,
                dialect::bad_body(body.error(), options_.limits.body_bytes),
                fresh_id());
        }
        co_return;
    }
    auto scan = dialect::scan_request(dialect::Endpoint::messages, *body, false);
    if (!scan) {
        const auto error =
            dialect::bad_request(std::move(scan.error().message), std::move(scan.error().param));
        co_await respond_error(exchange, dialect, error, fresh_id());
        co_return;
    }
    const auto world = hub_.world();
    if (world->catalogue == nullptr || world->catalogue->model(scan->model) == nullptr) {
        co_await respond_error(exchange, dialect, no_such_model(), fresh_id());
        co_return;
    }
    const http::Headers headers{
        {"Content-Type", "application/json"}, {std::string{id_header(dialect)}, fresh_id()}};
    static_cast<void>(co_await exchange.respond(
        200, headers, fmt::format(R"({{"input_tokens":{}}})", scan->prompt_tokens)));
}

}  // namespace evenkeel::inference
