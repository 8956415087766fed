#include "agent/admin/actions.hpp"

#include "agent/admin/settled.hpp"
#include "agent/control/state_files.hpp"
#include "agent/report/prices.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>

#include <algorithm>
#include <future>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

namespace evenkeel::agent {

namespace asio = boost::asio;
namespace json = boost::json;

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

namespace {

constexpr std::chrono::seconds write_limit{30};
constexpr std::chrono::seconds provider_limit{90};  ///< a driver's own limits are below it

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

std::string revision_json(std::string_view action, std::int64_t revision) {
    return json::serialize(
        json::object{{"schema", "evenkeel.action/1"}, {"action", action}, {"revision", revision}});
}

std::string name_json(std::string_view action, std::string_view name) {
    return json::serialize(
        json::object{{"schema", "evenkeel.action/1"}, {"action", action}, {"name", name}});
}

}  // namespace

const Actions::Entry Actions::entries[] = {
    {"/api/nodes/drain", &Actions::command_node},
    {"/api/nodes/destroy", &Actions::command_node},
    {"/api/nodes/adopt", &Actions::command_node},
    {"/api/prices/refresh", &Actions::refresh_prices},
    {"/api/freeze", &Actions::freeze},
    {"/api/thaw", &Actions::freeze},
    {"/api/keys", &Actions::create_key},
    {"/api/keys/limit", &Actions::limit_key},
    {"/api/keys/revoke", &Actions::revoke_key},
    {"/api/reload", &Actions::reload},
    {"/api/policy/apply", &Actions::apply},
    {"/api/dashboard/login", &Actions::log_in},
    {"/api/backup", &Actions::back_up}};

asio::awaitable<Result<std::string>> Actions::act(
    std::string path, std::string body, std::string user) {
    const auto entry = std::ranges::find(entries, std::string_view{path}, &Entry::path);
    if (entry == std::end(entries)) {
        co_return fail(Errc::not_found, "no such action");
    }
    const Fields fields{body};
    co_return co_await (this->*entry->run)({.path = path, .fields = fields, .user = user});
}

asio::awaitable<Result<std::string>> Actions::command_node(Order order) {
    NodeCommand command{
        .verb = *verb_of(order.path),
        .name = order.fields.text("name"),
        .provider = order.fields.text("provider"),
        .model = order.fields.text("model")};
    const auto answer = co_await settled(parts_.control.node(std::move(command)), write_limit);
    if (!answer) {
        co_return std::unexpected{answer.error()};
    }
    co_return action_json(order.path.substr(order.path.rfind('/') + 1), *answer);
}

asio::awaitable<Result<std::string>> Actions::refresh_prices(Order order) {
    const auto answers = co_await settled(
        parts_.control.refresh_prices(order.fields.text("provider")), provider_limit);
    if (!answers) {
        co_return std::unexpected{answers.error()};
    }
    co_return report::refreshed_json(*answers);
}

asio::awaitable<Result<std::string>> Actions::freeze(Order order) {
    const bool freeze = order.path == "/api/freeze";
    // What the disk said before: the board is a moment old.
    const auto was = co_await workers_.run(
        [this,
         freeze,
         note = Freeze{
             .at = parts_.clock.read().utc,
             .by = order.user,
             .reason = order.fields.text("reason")}]() -> Result<std::string> {
            std::string before = read_freeze(options_.state) ? "frozen" : "";
            if (freeze) {
                const auto done = write_freeze(options_.state, note);
                return done ? Result<std::string>{before} : std::unexpected{done.error()};
            }
            const auto done = remove_freeze(options_.state);
            return done ? Result<std::string>{before} : std::unexpected{done.error()};
        });
    if (!was) {
        co_return std::unexpected{was.error()};
    }
    const auto frozen = co_await settled(parts_.control.look_at_freeze(), write_limit);
    if (!frozen) {
        co_return std::unexpected{frozen.error()};
    }
    co_return json::serialize(json::object{
        {"schema", "evenkeel.action/1"},
        {"action", freeze ? "freeze" : "thaw"},
        {"frozen", *frozen},
        {"changed", was->empty() == *frozen}});
}

asio::awaitable<Result<std::string>> Actions::create_key(Order order) {
    const std::string name = order.fields.text("name");
    const auto key =
        co_await settled(parts_.control.create_key(name, change_of(order.fields)), write_limit);
    if (!key) {
        co_return std::unexpected{key.error()};
    }
    co_return json::serialize(json::object{{"name", name}, {"key", *key}});
}

asio::awaitable<Result<std::string>> Actions::limit_key(Order order) {
    const auto row = co_await settled(
        parts_.control.limit_key(order.fields.text("name"), change_of(order.fields)), write_limit);
    if (!row) {
        co_return std::unexpected{row.error()};
    }
    co_return name_json("limit", row->name);
}

asio::awaitable<Result<std::string>> Actions::revoke_key(Order order) {
    const std::string name = order.fields.text("name");
    const auto done = co_await settled(parts_.control.revoke_key(name), write_limit);
    if (!done) {
        co_return std::unexpected{done.error()};
    }
    co_return name_json("revoke", name);
}

asio::awaitable<Result<std::string>> Actions::reload(Order) {
    co_return co_await workers_.run([this]() -> Result<std::string> {
        const auto revision = parts_.reload(ApplyRequest{});
        if (!revision) {
            return std::unexpected{revision.error()};
        }
        return json::serialize(json::object{{"ok", true}, {"revision", *revision}});
    });
}

asio::awaitable<Result<std::string>> Actions::apply(Order order) {
    ApplyRequest request{
        .author = order.user,
        .base_sha256 = order.fields.text("base_sha256"),
        .draft_sha256 = order.fields.text("draft_sha256")};
    if (request.base_sha256.empty() || request.draft_sha256.empty()) {
        co_return fail(
            Errc::invalid_argument,
            "base_sha256 and draft_sha256 say which plan is meant: policy plan --json has them");
    }
    co_return co_await workers_.run([this, request]() -> Result<std::string> {
        const auto revision = parts_.reload(request);
        return revision ? Result<std::string>{revision_json("apply", *revision)}
                        : std::unexpected{revision.error()};
    });
}

asio::awaitable<Result<std::string>> Actions::log_in(Order order) {
    const auto token = web_.make_token(order.user);
    if (!token) {
        co_return std::unexpected{token.error()};
    }
    co_return json::serialize(json::object{
        {"schema", "evenkeel.dashboard-login/1"},
        {"token", *token},
        {"minutes", web::Sessions::token_life.count()},
        {"address", address_()}});
}

asio::awaitable<Result<std::string>> Actions::back_up(Order order) {
    auto promise = std::make_shared<std::promise<Result<std::int64_t>>>();
    const std::string target = order.fields.text("path");
    parts_.ledger.backup(
        target, [promise](Result<std::int64_t> bytes) { promise->set_value(std::move(bytes)); });
    const auto bytes = co_await settled(promise->get_future(), write_limit);
    if (!bytes) {
        co_return std::unexpected{bytes.error()};
    }
    co_return json::serialize(
        json::object{{"schema", "evenkeel.ledger-backup/1"}, {"path", target}, {"bytes", *bytes}});
}

}  // namespace evenkeel::agent
