#include "agent/admin/admin.hpp"

#include "agent/admin/node_json.hpp"
#include "agent/admin/settled.hpp"
#include "agent/control/state_files.hpp"
#include "agent/ledger/reader.hpp"
#include "agent/report/prices.hpp"
#include "agent/web/json_answer.hpp"
#include "policies/config/address.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <future>
#include <optional>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace evenkeel::agent {

namespace asio = boost::asio;
namespace json = boost::json;
namespace http = inference::http;

namespace {

constexpr std::chrono::milliseconds spent_age_max{500};
/// Names of machines and ids of providers need no escaping in a path.
constexpr std::string_view node_path = "/api/nodes/";
constexpr std::size_t socket_path_max = 107;
constexpr std::size_t body_max = 64 * 1024;
constexpr std::size_t live_most = 500;  ///< requests in flight that are told, of each thread
constexpr std::chrono::seconds live_limit{30};

/// Who is at the other end of the control socket.
std::optional<ucred> peer_of(http::Socket& socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        return std::nullopt;
    }
    return peer;
}

/// A page of another site that got a name to point here, or a form on it, is turned away: only
/// requests that name this host themselves are answered (FAULTS F70).
bool names_this_host(const http::RequestHead& head) {
    const auto is_local = [](std::string_view host) {
        const auto place = config::split_address(host);
        return config::is_loopback(place ? place->host : host) || host == "[::1]";
    };
    const std::string_view origin = head.field("origin");
    const bool own_origin =
        origin.empty() || (origin.starts_with("http://") && is_local(origin.substr(7)));
    return is_local(head.field("host")) && own_origin;
}

/// A script of another site, or of another port of this host: browsers say so themselves. A person
/// who follows a link is welcome.
bool is_foreign_script(const http::RequestHead& head) {
    return web::is_foreign(head) && head.field("sec-fetch-mode") != "navigate";
}

const http::Headers& metrics_headers() {
    static const http::Headers headers{
        {"content-type", std::string{metrics::content_type}},
        {"cache-control", "no-store"},
        {"x-content-type-options", "nosniff"},
        {"cross-origin-resource-policy", "same-origin"}};
    return headers;
}

}  // namespace

namespace {

asio::awaitable<void> respond(http::Exchange& exchange, Result<std::string> made) {
    const int status = made ? 200 : status_of(made.error().code);
    const std::string body = made ? std::move(*made) : error_json(made.error());
    co_await exchange.respond(status, json_headers(), body);
}

}  // namespace

Admin::Admin(AdminOptions options, Parts parts)
    : options_{std::move(options)},
      parts_{std::move(parts)},
      web_{
          {.state = options_.state,
           .config = options_.config,
           .zone = options_.zone,
           .folder = options_.page_folder},
          {.board = parts_.board,
           .clock = parts_.clock,
           .live = [this] { return live_documents(); },
           .act =
               [this](std::string path, std::string body, std::string user) {
                   return actions_.act(std::move(path), std::move(body), std::move(user));
               }}},
      actions_{options_, parts_, web_, [this] { return address(); }},
      metrics_{options_.state},
      work_{asio::make_work_guard(context_)} {}

Result<std::unique_ptr<Admin>> Admin::start(AdminOptions options, Parts parts) {
    if (options.socket.string().size() > socket_path_max) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "the control socket's path is longer than {} bytes: {}; give another with --socket",
                socket_path_max,
                options.socket.string()));
    }
    std::unique_ptr<Admin> admin{new Admin{std::move(options), std::move(parts)}};
    http::ServerOptions server;
    server.limits.body_bytes = body_max;
    server.limits.connections = 256;
    server.error_body = [](int, std::string_view sentence) {
        return error_json({Errc::invalid_argument, std::string{sentence}});
    };
    auto tcp = http::listen(
        admin->context_,
        admin->options_.listen,
        [self = admin.get()](http::Exchange& exchange) { return self->answer(exchange, false); },
        server);
    if (!tcp) {
        return std::unexpected{tcp.error()};
    }
    auto local = http::listen(
        admin->context_,
        "unix:" + admin->options_.socket.string(),
        [self = admin.get()](http::Exchange& exchange) { return self->answer(exchange, true); },
        server);
    if (!local) {
        return std::unexpected{local.error()};
    }
    admin->tcp_ = std::move(*tcp);
    admin->unix_ = std::move(*local);
    admin->thread_ = std::thread{[self = admin.get()] { self->context_.run(); }};
    ::pthread_setname_np(admin->thread_.native_handle(), "admin");
    return admin;
}

Admin::~Admin() {
    if (thread_.joinable()) {
        web_.close();
        std::promise<void> ended;
        asio::post(context_, [this, &ended] {
            auto left = std::make_shared<int>(2);
            const auto one = [left, &ended] {
                if (--*left == 0) {
                    ended.set_value();
                }
            };
            tcp_->stop(std::chrono::milliseconds{200}, one);
            unix_->stop(std::chrono::milliseconds{200}, one);
        });
        ended.get_future().wait_for(std::chrono::seconds{2});
        work_.reset();
        context_.stop();
        thread_.join();
    }
    web_.finish();
    actions_.finish();
    readers_.finish();
    std::error_code code;
    std::filesystem::remove(options_.socket, code);
}

namespace {

/// What the ledger says. Errors: those of the reader.
Result<Spent> read_spent(
    const AdminOptions& options, const config::CurrencyRules& rules, UtcTime now) {
    auto reader = ledger::Reader::open(options.state);
    if (!reader) {
        return std::unexpected{reader.error()};
    }
    const auto today = options.zone.day(now);
    const auto first =
        std::chrono::year_month_day{today.year(), today.month(), std::chrono::day{1}};
    const auto rows = reader->spend(ledger::day_number(first), ledger::day_number(today));
    const auto day_rows = reader->spend(ledger::day_number(today), ledger::day_number(today));
    if (!rows || !day_rows) {
        return std::unexpected{!rows ? rows.error() : day_rows.error()};
    }
    const auto sum = [&rules](const std::vector<ledger::SpendRow>& cells) {
        std::int64_t total = 0;
        for (const ledger::SpendRow& cell : cells) {
            total += routing::to_report(rules, cell.paid, Rounding::half_even).value_or(0);
        }
        return Money{total, rules.report};
    };
    return Spent{.today = sum(*day_rows), .month = sum(*rows)};
}

}  // namespace

Spent Admin::spent() {
    const Now now = parts_.clock.read();
    if (now.boot - spent_at_ < spent_age_max) {
        return spent_;
    }
    spent_at_ = now.boot;
    spent_ = read_spent(options_, parts_.board.read()->currency, now.utc).value_or(spent_);
    return spent_;
}

web::LiveDocuments Admin::live_documents() {
    const std::shared_ptr<const View> view = parts_.board.read();
    live_spent_ =
        read_spent(options_, view->currency, parts_.clock.read().utc).value_or(live_spent_);
    return {.status = status_json(*view, live_spent_), .nodes = nodes_json(*view)};
}

Result<std::string> Admin::node(std::string_view name) {
    auto reader = ledger::Reader::open(options_.state);
    if (!reader) {
        return std::unexpected{reader.error()};
    }
    const std::shared_ptr<const View> view = parts_.board.read();
    return node_json(
        *reader,
        name,
        [&view](std::string_view provider) {
            const auto found = std::ranges::find(view->providers, provider, &ProviderView::name);
            return found == view->providers.end() ? std::string{} : found->driver;
        },
        parts_.clock.read().utc);
}

asio::awaitable<void> Admin::answer(http::Exchange& exchange, bool local) {
    const http::RequestHead& head = exchange.head();
    if (!local && !names_this_host(head)) {
        co_await exchange.respond(
            421,
            json_headers(),
            error_json({Errc::refused, "this listener answers only requests to this host"}));
        co_return;
    }
    if (head.method == "POST" && local) {
        co_await write(exchange);
        co_return;
    }
    const bool is_page = web::Web::serves(head.path);
    if (head.method == "POST" && is_page) {
        co_await web_.post(exchange);
        co_return;
    }
    if (head.method != "GET" && head.method != "HEAD") {
        co_await exchange.respond(
            405,
            json_headers(),
            error_json({Errc::refused, "this listener only reads; use the control socket"}));
        co_return;
    }
    if (is_page) {
        co_await web_.answer(exchange);
        co_return;
    }
    if (!local && is_foreign_script(head)) {
        co_await exchange.respond(
            403, json_headers(), error_json({Errc::refused, "another site may not read this"}));
        co_return;
    }
    co_await read(exchange);
}

asio::awaitable<void> Admin::read(http::Exchange& exchange) {
    const std::string_view path = exchange.head().path;
    std::shared_ptr<const View> view = parts_.board.read();
    if (path == "/healthz") {
        co_await exchange.respond(200, json_headers(), R"({"ok":true})");
    } else if (path == "/readyz") {
        const bool ready = view->state == "serving" && !stopping_;
        const std::string body =
            ready ? R"({"ready":true})"
                  : json::serialize(json::object{
                        {"ready", false},
                        {"reason", stopping_ ? "stopping" : "providers are still being listed"}});
        co_await exchange.respond(ready ? 200 : 503, json_headers(), body);
    } else if (path == "/metrics") {
        const auto text = co_await readers_.run([this, view = std::move(view)] {
            return Result<std::string>{metrics_.text(
                *view,
                parts_.ledger.figures(),
                parts_.board.reload_ok(),
                parts_.clock.read().boot)};
        });
        if (!text) {
            co_await respond(exchange, text);
            co_return;
        }
        co_await exchange.respond(200, metrics_headers(), *text);
    } else if (path == "/api/status") {
        co_await respond(exchange, co_await readers_.run([this, view = std::move(view)] {
            return Result<std::string>{status_json(*view, spent())};
        }));
    } else if (path == "/api/nodes") {
        co_await respond(exchange, nodes_json(*view));
    } else if (path.starts_with(node_path)) {
        co_await respond(
            exchange,
            co_await readers_.run(
                [this, name = std::string{path.substr(node_path.size())}] { return node(name); }));
    } else if (path == "/api/prices") {
        co_await respond(exchange, report::prices_json(view->prices, parts_.clock.read().utc));
    } else if (path == "/api/requests") {
        co_await respond(exchange, co_await requests_in_flight());
    } else {
        co_await respond(exchange, fail(Errc::not_found, "no such page"));
    }
}

asio::awaitable<Result<std::string>> Admin::requests_in_flight() {
    auto promise = std::make_shared<std::promise<std::vector<inference::LiveRequest>>>();
    parts_.gateway.live(live_most, [promise](std::vector<inference::LiveRequest> seen) {
        promise->set_value(std::move(seen));
    });
    auto seen = co_await settled(promise->get_future(), live_limit);
    if (!seen) {
        co_return std::unexpected{seen.error()};
    }
    co_return co_await readers_.run([this, seen = std::move(*seen)]() -> Result<std::string> {
        auto reader = ledger::Reader::open(options_.state);
        const auto names = reader ? reader->names() : std::unexpected{reader.error()};
        return names ? Result<std::string>{requests_json(seen, *names)}
                     : std::unexpected{names.error()};
    });
}

asio::awaitable<void> Admin::write(http::Exchange& exchange) {
    const std::string path{exchange.head().path};
    const std::optional<ucred> peer = peer_of(exchange.socket());
    if (!peer || !may_change(peer->uid, ::geteuid())) {
        const std::string refusal = error_json(
            {Errc::unauthorized, "only root and the agent's own user may change things"});
        co_await exchange.respond(403, json_headers(), refusal);
        co_return;
    }
    const Result<std::string> body = co_await exchange.read_body();
    if (!body) {
        const std::string refusal = error_json({Errc::invalid_argument, body.error().message});
        co_await exchange.respond(400, json_headers(), refusal);
        co_return;
    }
    co_await respond(exchange, co_await actions_.act(path, *body, user_text(peer->uid)));
}

}  // namespace evenkeel::agent
