#include "agent/web/web.hpp"

#include "agent/ledger/sha256.hpp"
#include "agent/web/json_answer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace evenkeel::web {

namespace asio = boost::asio;
namespace http = inference::http;

namespace {

constexpr int document_threads = 2;
constexpr int documents_at_once = 16;
constexpr std::chrono::seconds document_limit{60};
constexpr std::chrono::minutes verify_limit{30};
constexpr std::string_view api_path = "/ui/api/";

}  // namespace

bool is_foreign(const http::RequestHead& head) noexcept {
    const std::string_view site = head.field("sec-fetch-site");
    return !site.empty() && site != "same-origin" && site != "none";
}

int web_status(Errc code) noexcept {
    switch (code) {
        case Errc::unavailable:
        case Errc::cancelled:
            return 503;
        case Errc::unauthorized:
            return 401;
        case Errc::rate_limited:
            return 429;
        case Errc::timed_out:
            return 504;
        default:
            return agent::status_of(code);
    }
}

asio::awaitable<void> respond_json(
    http::Exchange& exchange, int status, std::string body, std::string cookie) {
    http::Headers headers = page_headers("application/json", "no-store");
    if (status == 503) {
        headers.emplace_back("retry-after", "2");
    }
    if (!cookie.empty()) {
        headers.emplace_back("set-cookie", std::move(cookie));
    }
    co_await exchange.respond(status, headers, body);
}

asio::awaitable<void> respond_error(http::Exchange& exchange, Error error) {
    const int status = web_status(error.code);
    co_await respond_json(exchange, status, agent::error_json(error));
}

Web::Web(WebOptions options, Parts parts)
    : options_{std::move(options)},
      parts_{std::move(parts)},
      sessions_{ledger::random_bytes},
      verifier_{parts_.clock},
      uses_{parts_.clock},
      workers_{document_threads, documents_at_once},
      verify_workers_{1, 2},
      live_workers_{1, 2},
      live_{live_workers_, parts_.live} {}

bool Web::serves(std::string_view path) noexcept {
    return path == "/" || path == "/ui" || path.starts_with("/ui/");
}

void Web::close() noexcept {
    live_.close();
    workers_.stop();
    verify_workers_.stop();
    live_workers_.stop();
}

void Web::finish() {
    close();
    workers_.finish();
    verify_workers_.finish();
    live_workers_.finish();
}

asio::awaitable<void> Web::answer(Exchange& exchange) {
    const std::string_view path = exchange.head().path;
    if (!path.starts_with(api_path)) {
        co_await answer_file(exchange);
        co_return;
    }
    if (is_foreign(exchange.head())) {
        co_await respond_error(
            exchange, {Errc::refused, "this is answered only for the page of this agent"});
        co_return;
    }
    const std::string_view name = path.substr(api_path.size());
    if (name == "live" && exchange.head().method == "HEAD") {
        const http::Headers headers = page_headers("text/event-stream", "no-store");
        co_await exchange.respond(200, headers, {});
        co_return;
    }
    if (name == "live") {
        if (live_.listeners() >= Live::listeners_max) {
            co_await respond_error(
                exchange,
                {Errc::unavailable,
                 fmt::format("{} pages are open already: close one", Live::listeners_max)});
            co_return;
        }
        co_await live_.serve(exchange);
        co_return;
    }
    if (name == "me") {
        co_await respond_json(exchange, 200, me(exchange.head()));
        co_return;
    }
    const auto document = std::ranges::find(documents(), name, &Document::path);
    if (document == documents().end()) {
        co_await respond_error(exchange, {Errc::not_found, "no such document"});
        co_return;
    }
    co_await answer_document(exchange, *document);
}

asio::awaitable<void> Web::answer_file(Exchange& exchange) {
    const http::RequestHead& head = exchange.head();
    const AssetAsk ask{
        .path = head.path,
        .accept_encoding = head.field("accept-encoding"),
        .if_none_match = head.field("if-none-match")};
    std::optional<AssetAnswer> answer;
    if (options_.folder.empty()) {
        answer = asset_answer(embedded_page(), ask);
    } else {
        // For who works on the page: blocks, which nobody else minds.
        auto files = read_page(options_.folder);
        auto assets = files ? make_page(std::move(*files)) : std::unexpected{files.error()};
        if (!assets) {
            co_await respond_error(exchange, assets.error());
            co_return;
        }
        std::vector<AssetView> views;
        for (const Asset& asset : *assets) {
            views.push_back(asset.view());
        }
        answer = asset_answer(views, ask);
    }
    if (!answer) {
        co_await respond_error(exchange, {Errc::not_found, "no such page"});
        co_return;
    }
    co_await exchange.respond(answer->status, answer->headers, answer->body);
}

asio::awaitable<void> Web::answer_document(Exchange& exchange, const Document& document) {
    const auto query = Query::parse(exchange.head().query, document.parameters);
    if (!query) {
        co_await respond_error(exchange, query.error());
        co_return;
    }
    const Now now = parts_.clock.read();
    const bool verifies = document.make == verify_document;
    const auto limit = verifies ? std::chrono::seconds{verify_limit} : document_limit;
    const auto give_up_at = std::chrono::steady_clock::now() + limit;
    Desk desk{
        .state = options_.state,
        .config = options_.config,
        .zone = options_.zone,
        .view = parts_.board.read(),
        .now = now.utc,
        .verifier = &verifier_,
        .uses = &uses_,
        .give_up = [this, give_up_at] {
            return workers_.stopping() || std::chrono::steady_clock::now() > give_up_at;
        }};
    Workers& workers = verifies ? verify_workers_ : workers_;
    const auto made = co_await workers.run(
        [desk = std::move(desk), query = *query, &document] { return document.make(desk, query); });
    if (!made) {
        co_await respond_error(exchange, made.error());
        co_return;
    }
    co_await respond_json(exchange, 200, *made);
}

}  // namespace evenkeel::web
