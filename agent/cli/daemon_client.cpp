#include "agent/cli/daemon_client.hpp"

#include "agent/cli/exit_codes.hpp"
#include "providers/http/client.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <system_error>

namespace evenkeel::cli {

namespace json = boost::json;

namespace {

/// The agent's own sentence out of an error answer.
std::string sentence(const providers::HttpResponse& response) {
    boost::system::error_code code;
    const json::value body = json::parse(response.body, code);
    const json::value* message = code ? nullptr : body.find_pointer("/error/message", code);
    return message != nullptr && message->is_string()
               ? json::value_to<std::string>(*message)
               : fmt::format("the agent answered {}", response.status);
}

Errc code_of(int status) {
    switch (status) {
        case 400:
            return Errc::invalid_argument;
        case 403:
            return Errc::unauthorized;
        case 404:
            return Errc::not_found;
        case 409:
            return Errc::conflict;
        default:
            return Errc::invalid_response;
    }
}

Result<std::string> exchange(const Globals& globals, providers::HttpRequest request) {
    const std::filesystem::path socket = globals.control_socket();
    std::error_code code;
    const auto down = fail(
        Errc::unavailable,
        fmt::format(
            "the agent is not running (no answer at {}); start it with: systemctl start evenkeel, "
            "or: evenkeel serve --config DIR --state DIR",
            socket.string()));
    if (!std::filesystem::exists(socket, code)) {
        return down;
    }
    auto client = providers::make_curl_client(
        {.base_url = "http://localhost",
         .unix_socket = socket.string(),
         .connect_limit = std::chrono::seconds{2},
         .total_limit = std::chrono::seconds{60}});
    if (!client) {
        return std::unexpected{client.error()};
    }
    const auto response = (*client)->send(request, {});
    if (!response) {
        return response.error().code == Errc::unavailable ? Result<std::string>{down}
                                                          : std::unexpected{response.error()};
    }
    if (response->status / 100 != 2) {
        return fail(code_of(response->status), sentence(*response));
    }
    return response->body;
}

}  // namespace

Result<std::string> ask(const Globals& globals, const std::string& target) {
    return exchange(globals, {.method = "GET", .target = target});
}

Result<std::string> tell(
    const Globals& globals, const std::string& target, const std::string& body) {
    return exchange(globals, {.method = "POST", .target = target, .body = body});
}

int report(const Error& error) {
    std::cerr << "evenkeel: " << error.message << '\n';
    switch (error.code) {
        case Errc::unavailable:
            return Exit::daemon_down;
        case Errc::refused:
            return Exit::refused;
        default:
            return Exit::failed;
    }
}

}  // namespace evenkeel::cli
