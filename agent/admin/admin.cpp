#include "agent/admin/admin.hpp"

#include "agent/admin/node_json.hpp"
#include "agent/ledger/reader.hpp"
#include "agent/report/prices.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <future>
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

/// A page of another site that got a name to point here, or a form on it, is turned away: only
/// requests that name this host themselves are answered (FAULTS F70).
bool names_this_host(const http::RequestHead& head) {
    const auto is_local = [](std::string_view host) {
        if (host.starts_with('[')) {
            return host.starts_with("[::1]");
        }
        const std::string_view name = host.substr(0, host.rfind(':'));
        return name == "127.0.0.1" || name == "localhost";
    };
    const std::string_view origin = head.field("origin");
    const bool own_origin =
        origin.empty() || (origin.starts_with("http://") && is_local(origin.substr(7)));
    return is_local(head.field("host")) && own_origin;
}

const http::Headers& metrics_headers() {
    static const http::Headers headers{
        {"content-type", std::string{metrics::content_type}},
        {"cache-control", "no-store"},
        {"x-content-type-options", "nosniff"}};
    return headers;
}

}  // namespace

const http::Headers& json_headers() {
    static const http::Headers headers{
        {"content-type", "application/json"},
        {"cache-control", "no-store"},
        {"x-content-type-options", "nosniff"}};
    return headers;
}

std::string error_json(const Error& error) {
    return json::serialize(
        json::object{{"error", {{"code", to_text(error.code)}, {"message", error.message}}}});
}

int status_of(Errc code) {
    switch (code) {
        case Errc::conflict:
            return 409;
        case Errc::not_found:
            return 404;
        case Errc::invalid_argument:
            return 400;
        case Errc::refused:
            return 403;
        default:
            return 500;
    }
}

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
                   return act(std::move(path), std::move(body), std::move(user));
               }}},
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

std::string Admin::keys_json() {
    json::array keys;
    if (auto reader = ledger::Reader::open(options_.state)) {
        if (auto rows = reader->keys()) {
            for (const ledger::KeyRow& row : *rows) {
                if (!row.revoked) {
                    keys.emplace_back(json::object{
                        {"name", row.name},
                        {"prefix", row.prefix},
                        {"created_us", to_us(row.created)}});
                }
            }
        }
    }
    return json::serialize(json::object{{"schema", "evenkeel.keys/1"}, {"keys", std::move(keys)}});
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
    const std::shared_ptr<const View> view = parts_.board.read();
    if (head.path == "/metrics") {
        const std::string text = metrics_.text(
            *view, parts_.ledger.figures(), parts_.board.reload_ok(), parts_.clock.read().boot);
        co_await exchange.respond(200, metrics_headers(), text);
        co_return;
    }
    int status = 200;
    std::string body;
    if (head.path == "/healthz") {
        body = R"({"ok":true})";
    } else if (head.path == "/readyz") {
        const bool ready = view->state == "serving" && !stopping_;
        status = ready ? 200 : 503;
        body = ready
                   ? R"({"ready":true})"
                   : json::serialize(json::object{
                         {"ready", false},
                         {"reason", stopping_ ? "stopping" : "providers are still being listed"}});
    } else if (head.path == "/api/status") {
        body = status_json(*view, spent());
    } else if (head.path == "/api/nodes") {
        body = nodes_json(*view);
    } else if (head.path.starts_with(node_path)) {
        const auto found = node(head.path.substr(node_path.size()));
        status = found ? 200 : status_of(found.error().code);
        body = found ? *found : error_json(found.error());
    } else if (head.path == "/api/prices") {
        body = report::prices_json(view->prices, parts_.clock.read().utc);
    } else if (head.path == "/api/requests") {
        const Result<std::string> found = co_await requests_in_flight();
        status = found ? 200 : status_of(found.error().code);
        body = found ? *found : error_json(found.error());
    } else if (head.path == "/api/keys") {
        body = keys_json();
    } else {
        status = 404;
        body = error_json({Errc::not_found, "no such page"});
    }
    co_await exchange.respond(status, json_headers(), body);
}

}  // namespace evenkeel::agent
