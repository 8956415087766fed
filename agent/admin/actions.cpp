// What may be changed through the control socket.
#include "agent/admin/admin.hpp"
#include "agent/admin/node_json.hpp"
#include "agent/control/state_files.hpp"
#include "agent/ledger/reader.hpp"
#include "agent/report/prices.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <fmt/format.h>

#include <future>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace evenkeel::agent {

namespace asio = boost::asio;
namespace json = boost::json;
namespace http = inference::http;

namespace {

constexpr std::chrono::seconds write_limit{30};
constexpr std::chrono::seconds provider_limit{90};  ///< a driver's own limits are below it
constexpr std::chrono::milliseconds look_every{10};
constexpr std::size_t live_most = 500;  ///< requests in flight that are told, of each thread

/// Who is at the other end of the control socket.
std::optional<ucred> peer_of(http::Socket& socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        return std::nullopt;
    }
    return peer;
}

/// What a request's JSON body says.
class Fields {
public:
    explicit Fields(const std::string& body) {
        boost::system::error_code code;
        json::value value = json::parse(body.empty() ? "{}" : body, code);
        if (!code && value.is_object()) {
            object_ = std::move(value.get_object());
        }
    }
    [[nodiscard]] std::string text(std::string_view key) const {
        const json::value* value = object_.if_contains(key);
        return value != nullptr && value->is_string() ? json::value_to<std::string>(*value)
                                                      : std::string{};
    }

    /// Nothing when the key is not there.
    [[nodiscard]] std::optional<std::string> given(std::string_view key) const {
        return object_.contains(key) ? std::optional{text(key)} : std::nullopt;
    }

private:
    json::object object_{};
};

KeyChange change_of(const Fields& fields) {
    return {
        .limit = fields.given("limit"),
        .requests = fields.given("requests"),
        .tokens = fields.given("tokens"),
        .in_flight = fields.given("in_flight"),
        .routes = fields.given("routes"),
        .team = fields.given("team"),
        .expires = fields.given("expires")};
}

/// Waits without holding up the admin thread, which also answers health checks.
template <class T>
asio::awaitable<std::optional<T>> settled(std::future<T> future, std::chrono::seconds limit) {
    asio::steady_timer timer{co_await asio::this_coro::executor};
    const auto give_up = std::chrono::steady_clock::now() + limit;
    while (future.wait_for(std::chrono::seconds{0}) != std::future_status::ready) {
        if (std::chrono::steady_clock::now() > give_up) {
            co_return std::nullopt;
        }
        timer.expires_after(look_every);
        const auto [code] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        if (code) {
            co_return std::nullopt;
        }
    }
    co_return future.get();
}

std::unexpected<Error> late() {
    return fail(Errc::timed_out, "the agent did not answer in time; it may still do it");
}

std::string action_json(std::string_view action, const NodeAnswer& answer) {
    return json::serialize(json::object{
        {"schema", "evenkeel.action/1"},
        {"action", action},
        {"name", answer.name},
        {"machine", answer.machine},
        {"provider", answer.provider},
        {"remote_id", answer.remote_id},
        {"state", answer.state},
        {"in_flight", answer.in_flight},
        {"adopted", answer.adopted}});
}

std::optional<NodeCommand::Verb> verb_of(std::string_view path) {
    if (path == "/api/nodes/drain") {
        return NodeCommand::Verb::drain;
    }
    if (path == "/api/nodes/destroy") {
        return NodeCommand::Verb::destroy;
    }
    if (path == "/api/nodes/adopt") {
        return NodeCommand::Verb::adopt;
    }
    return std::nullopt;
}

}  // namespace

asio::awaitable<Result<std::string>> Admin::act(
    std::string path, std::string body, std::string user) {
    const Fields fields{body};
    if (const auto verb = verb_of(path)) {
        NodeCommand command{
            .verb = *verb,
            .name = fields.text("name"),
            .provider = fields.text("provider"),
            .model = fields.text("model")};
        auto answer = co_await settled(parts_.control.node(std::move(command)), write_limit);
        if (!answer) {
            co_return late();
        }
        if (!*answer) {
            co_return std::unexpected{answer->error()};
        }
        co_return action_json(std::string_view{path}.substr(11), **answer);
    }
    if (path == "/api/prices/refresh") {
        const auto answers = co_await settled(
            parts_.control.refresh_prices(fields.text("provider")), provider_limit);
        if (!answers) {
            co_return late();
        }
        co_return report::refreshed_json(*answers);
    }
    if (path == "/api/freeze" || path == "/api/thaw") {
        const bool freeze = path == "/api/freeze";
        bool was = read_freeze(options_.state).has_value();
        if (freeze) {
            const auto written = write_freeze(
                options_.state,
                {.at = parts_.clock.read().utc, .by = user, .reason = fields.text("reason")});
            if (!written) {
                co_return std::unexpected{written.error()};
            }
        } else if (const auto removed = remove_freeze(options_.state); !removed) {
            co_return std::unexpected{removed.error()};
        }
        const auto frozen = co_await settled(parts_.control.look_at_freeze(), write_limit);
        if (!frozen) {
            co_return late();
        }
        co_return json::serialize(json::object{
            {"schema", "evenkeel.action/1"},
            {"action", freeze ? "freeze" : "thaw"},
            {"frozen", *frozen},
            {"changed", was != *frozen}});
    }
    if (path == "/api/keys") {
        const std::string name = fields.text("name");
        auto key =
            co_await settled(parts_.control.create_key(name, change_of(fields)), write_limit);
        if (!key) {
            co_return late();
        }
        if (!*key) {
            co_return std::unexpected{key->error()};
        }
        co_return json::serialize(json::object{{"name", name}, {"key", **key}});
    }
    if (path == "/api/keys/limit") {
        auto row = co_await settled(
            parts_.control.limit_key(fields.text("name"), change_of(fields)), write_limit);
        if (!row) {
            co_return late();
        }
        if (!*row) {
            co_return std::unexpected{row->error()};
        }
        co_return json::serialize(json::object{
            {"schema", "evenkeel.action/1"}, {"action", "limit"}, {"name", (*row)->name}});
    }
    if (path == "/api/keys/revoke") {
        const std::string name = fields.text("name");
        const auto done = co_await settled(parts_.control.revoke_key(name), write_limit);
        if (!done) {
            co_return late();
        }
        if (!*done) {
            co_return std::unexpected{done->error()};
        }
        co_return json::serialize(
            json::object{{"schema", "evenkeel.action/1"}, {"action", "revoke"}, {"name", name}});
    }
    if (path == "/api/reload") {
        const auto revision = parts_.reload(ApplyRequest{});
        if (!revision) {
            co_return std::unexpected{revision.error()};
        }
        co_return json::serialize(json::object{{"ok", true}, {"revision", *revision}});
    }
    if (path == "/api/policy/apply") {
        ApplyRequest request{
            .author = user,
            .base_sha256 = fields.text("base_sha256"),
            .draft_sha256 = fields.text("draft_sha256")};
        if (request.base_sha256.empty() || request.draft_sha256.empty()) {
            co_return fail(
                Errc::invalid_argument,
                "base_sha256 and draft_sha256 say which plan is meant: policy plan --json has "
                "them");
        }
        const auto revision = parts_.reload(request);
        if (!revision) {
            co_return std::unexpected{revision.error()};
        }
        co_return json::serialize(json::object{
            {"schema", "evenkeel.action/1"}, {"action", "apply"}, {"revision", *revision}});
    }
    if (path == "/api/dashboard/login") {
        const auto token = web_.make_token(user);
        if (!token) {
            co_return std::unexpected{token.error()};
        }
        co_return json::serialize(json::object{
            {"schema", "evenkeel.dashboard-login/1"},
            {"token", *token},
            {"minutes", web::Sessions::token_life.count()},
            {"address", address()}});
    }
    if (path == "/api/backup") {
        auto promise = std::make_shared<std::promise<Result<std::int64_t>>>();
        const std::string target = fields.text("path");
        parts_.ledger.backup(target, [promise](Result<std::int64_t> bytes) {
            promise->set_value(std::move(bytes));
        });
        auto bytes = co_await settled(promise->get_future(), write_limit);
        if (!bytes) {
            co_return late();
        }
        if (!*bytes) {
            co_return std::unexpected{bytes->error()};
        }
        co_return json::serialize(json::object{
            {"schema", "evenkeel.ledger-backup/1"}, {"path", target}, {"bytes", **bytes}});
    }
    co_return fail(Errc::not_found, "no such action");
}

asio::awaitable<Result<std::string>> Admin::requests_in_flight() {
    auto promise = std::make_shared<std::promise<std::vector<inference::LiveRequest>>>();
    parts_.gateway.live(live_most, [promise](std::vector<inference::LiveRequest> seen) {
        promise->set_value(std::move(seen));
    });
    auto seen = co_await settled(promise->get_future(), write_limit);
    if (!seen) {
        co_return late();
    }
    auto reader = ledger::Reader::open(options_.state);
    if (!reader) {
        co_return std::unexpected{reader.error()};
    }
    const auto names = reader->names();
    if (!names) {
        co_return std::unexpected{names.error()};
    }
    co_return requests_json(std::move(*seen), *names);
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
    const std::string user = user_text(peer->uid);
    const Result<std::string> result = co_await act(path, *body, user);
    const int status = result ? 200 : status_of(result.error().code);
    const std::string answer = result ? *result : error_json(result.error());
    co_await exchange.respond(status, json_headers(), answer);
}

}  // namespace evenkeel::agent
