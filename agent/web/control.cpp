// What the page may do, and who may have it done.
#include "agent/web/web.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

namespace evenkeel::web {

namespace asio = boost::asio;
namespace json = boost::json;
namespace http = inference::http;

namespace {

constexpr std::string_view cookie_name = "evenkeel_page";
constexpr std::string_view login_path = "/ui/api/login";

/// What an action is done to. The name of that is typed.
enum class Target { machine, host, plan };

struct Action {
    std::string_view name;
    std::string_view path;  ///< at the control socket
    Target target;
};
constexpr std::array actions{
    Action{"drain", "/api/nodes/drain", Target::machine},
    Action{"destroy", "/api/nodes/destroy", Target::machine},
    Action{"freeze", "/api/freeze", Target::host},
    Action{"thaw", "/api/thaw", Target::host},
    Action{"apply", "/api/policy/apply", Target::plan}};

std::string target_text(Target target, const std::string& host) {
    switch (target) {
        case Target::machine:
            return "the machine";
        case Target::plan:
            return "the plan";
        case Target::host:
            break;
    }
    return fmt::format("the agent's host: {}", host);
}

std::string_view cookie_of(const http::RequestHead& head) {
    std::string_view list = head.field("cookie");
    while (!list.empty()) {
        const auto end = list.find(';');
        std::string_view one = list.substr(0, end);
        list = end == std::string_view::npos ? std::string_view{} : list.substr(end + 1);
        one.remove_prefix(std::min(one.find_first_not_of(' '), one.size()));
        if (one.starts_with(cookie_name) && one.substr(cookie_name.size()).starts_with('=')) {
            return one.substr(cookie_name.size() + 1);
        }
    }
    return {};
}

/// The body's texts; empty where a field is missing or no text.
std::string text_in(const json::value& body, std::string_view key) {
    const json::object* object = body.if_object();
    const json::value* value = object == nullptr ? nullptr : object->if_contains(key);
    const json::string* text = value == nullptr ? nullptr : value->if_string();
    return text == nullptr ? std::string{} : std::string{text->data(), text->size()};
}

/// The texts of the body's list `confirm`.
std::vector<std::string> confirmed_in(const json::value& body) {
    std::vector<std::string> out;
    const json::object* object = body.if_object();
    const json::value* value = object == nullptr ? nullptr : object->if_contains("confirm");
    if (const json::array* list = value == nullptr ? nullptr : value->if_array()) {
        for (const json::value& each : *list) {
            if (const json::string* text = each.if_string()) {
                out.emplace_back(text->data(), text->size());
            }
        }
    }
    return out;
}

/// For a line of the log: nothing breaks out of it.
std::string in_quotes(const std::string& text) {
    return json::serialize(json::string{text});
}

/// A form of another site cannot set the header, and a script of one does not have our origin.
bool is_from_our_page(const http::RequestHead& head) {
    return head.field("x-evenkeel-page") == "1" &&
           head.field("origin") == fmt::format("http://{}", head.field("host"));
}

std::string cookie_line(std::string_view value, std::chrono::seconds life) {
    return fmt::format(
        "{}={}; Path=/ui/; Max-Age={}; HttpOnly; SameSite=Strict",
        cookie_name,
        value,
        life.count());
}

/// What the control socket is told of a machine. A source's name is used again once its machine is
/// gone; the id says which one the page showed. Errors: conflict.
Result<std::string> machine_order(
    const agent::View& view, const std::string& name, const std::string& id) {
    if (id.empty()) {
        return json::serialize(json::object{{"name", name}});
    }
    const auto found = std::ranges::find(view.machines, id, &agent::MachineView::id);
    if (found == view.machines.end() || (found->name != name && found->machine != name)) {
        return fail(
            Errc::conflict,
            fmt::format("{} is not the machine any more that the page showed: look again", name));
    }
    return json::serialize(json::object{{"name", found->machine}});
}

Error only_reads() {
    return {
        Errc::refused,
        "the page only reads: set dashboard.control to true in evenkeel.yaml, then reload the "
        "agent (systemctl reload evenkeel)"};
}

}  // namespace

bool Web::may_control() {
    const std::int64_t since = parts_.board.read()->control_since;
    sessions_.follow(since);
    return since != 0;
}

std::string Web::me(const http::RequestHead& head) {
    const bool control = may_control();
    const auto user =
        control ? sessions_.user_of(cookie_of(head), parts_.clock.read().boot) : std::nullopt;
    return json::serialize(json::object{
        {"schema", "evenkeel.page-user/1"},
        {"control", control},
        {"user", user ? json::value(*user) : json::value(nullptr)}});
}

Result<std::string> Web::make_token(std::string user) {
    if (!may_control()) {
        return std::unexpected{only_reads()};
    }
    return sessions_.make_token(std::move(user), parts_.clock.read().boot);
}

Result<std::string> Web::user_of(const http::RequestHead& head) {
    const auto user = sessions_.user_of(cookie_of(head), parts_.clock.read().boot);
    if (!user) {
        return fail(Errc::unauthorized, "log in first: evenkeel dashboard login prints a token");
    }
    return *user;
}

asio::awaitable<Result<std::string>> Web::act(std::string body, std::string user) {
    boost::system::error_code code;
    const json::value asked = json::parse(body, code);
    const std::string name = text_in(asked, "name");
    const auto action =
        std::ranges::find(actions, std::string_view{text_in(asked, "action")}, &Action::name);
    if (code || action == actions.end()) {
        co_return fail(Errc::invalid_argument, "action is drain, destroy, freeze, thaw or apply");
    }
    const auto view = parts_.board.read();
    const std::string& host = view->host;
    const std::string wanted = action->target == Target::host ? host : name;
    if (wanted.empty() || text_in(asked, "typed") != wanted) {
        co_return fail(
            Errc::invalid_argument,
            fmt::format(
                "typed must be the name of {}, letter by letter",
                target_text(action->target, host)));
    }
    Result<std::string> order;
    switch (action->target) {
        case Target::machine:
            order = machine_order(*view, name, text_in(asked, "id"));
            break;
        case Target::host:
            order = json::serialize(json::object{{"reason", text_in(asked, "reason")}});
            break;
        case Target::plan:
            order = co_await workers_.run(
                [state = options_.state, name, confirmed = confirmed_in(asked)] {
                    return apply_order(state, name, confirmed);
                });
            break;
    }
    auto done = order ? co_await parts_.act(std::string{action->path}, *order, user)
                      : std::unexpected{order.error()};
    spdlog::info(
        "page: user={} action={} name={} {}",
        user,
        action->name,
        in_quotes(name),
        done ? std::string{"done"} : fmt::format("refused: {}", in_quotes(done.error().message)));
    co_return done;
}

Result<std::string> Web::actor(const http::RequestHead& head) {
    if (!may_control()) {
        return std::unexpected{only_reads()};
    }
    if (!is_from_our_page(head)) {
        return fail(Errc::refused, "this is done only for the page of this agent");
    }
    return head.path == login_path ? Result<std::string>{std::string{}} : user_of(head);
}

asio::awaitable<void> Web::post(Exchange& exchange) {
    Result<std::string> user = actor(exchange.head());
    if (!user) {
        co_await respond_error(exchange, user.error());
        co_return;
    }
    const std::string cookie{cookie_of(exchange.head())};
    const Result<std::string> body = co_await exchange.read_body();
    if (!body) {
        co_await respond_error(exchange, {Errc::invalid_argument, body.error().message});
        co_return;
    }
    // The body may have taken its time.
    user = actor(exchange.head());
    if (!user) {
        co_await respond_error(exchange, user.error());
        co_return;
    }
    const std::string path{exchange.head().path};
    if (path == login_path) {
        co_await log_in(exchange, *body);
    } else if (path == "/ui/api/logout") {
        sessions_.close(cookie);
        spdlog::info("page: user={} logged out", *user);
        co_await respond_json(
            exchange, 200, R"({"user":null})", cookie_line("", std::chrono::seconds{0}));
    } else if (path == "/ui/api/act") {
        const Result<std::string> done = co_await act(*body, *user);
        if (!done) {
            co_await respond_error(exchange, done.error());
            co_return;
        }
        co_await respond_json(exchange, 200, *done);
    } else {
        co_await respond_error(exchange, {Errc::not_found, "no such action"});
    }
}

asio::awaitable<void> Web::log_in(Exchange& exchange, const std::string& body) {
    boost::system::error_code code;
    const std::string token = text_in(json::parse(body, code), "token");
    const auto opened = sessions_.open(token, parts_.clock.read().boot);
    if (!opened) {
        spdlog::warn("page: a login was refused: {}", opened.error().message);
        co_await respond_error(exchange, opened.error());
        co_return;
    }
    spdlog::info("page: user={} logged in", opened->user);
    const std::string answer = json::serialize(json::object{{"user", opened->user}});
    co_await respond_json(
        exchange, 200, answer, cookie_line(opened->cookie, Sessions::session_life));
}

}  // namespace evenkeel::web
