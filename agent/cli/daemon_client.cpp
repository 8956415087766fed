#include "agent/cli/daemon_client.hpp"

#include "agent/cli/exit_codes.hpp"
#include "providers/http/client.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <fmt/format.h>

#include <exception>
#include <filesystem>
#include <iostream>
#include <system_error>

namespace evenkeel::cli {

namespace json = boost::json;

namespace {

/// The agent's own sentence and code out of an error answer.
Error error_of(const providers::HttpResponse& response, Errc otherwise) {
    boost::system::error_code code;
    const json::value body = json::parse(response.body, code);
    const json::value* message = code ? nullptr : body.find_pointer("/error/message", code);
    Error error{.code = otherwise};
    error.message = message != nullptr && message->is_string()
                        ? json::value_to<std::string>(*message)
                        : fmt::format("the agent answered {}", response.status);
    const json::value* name = code ? nullptr : body.find_pointer("/error/code", code);
    if (name != nullptr && name->is_string()) {
        error.code = errc_from_text(json::value_to<std::string>(*name)).value_or(otherwise);
    }
    if (error.code == Errc::unavailable) {
        error.code = otherwise;  // here that means "the agent does not run", and it just answered
    }
    return error;
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

Result<std::string> exchange(
    const Globals& globals, providers::HttpRequest request, std::chrono::seconds limit) {
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
         .total_limit = limit});
    if (!client) {
        return std::unexpected{client.error()};
    }
    const auto response = (*client)->send(request, {});
    if (!response) {
        return response.error().code == Errc::unavailable ? Result<std::string>{down}
                                                          : std::unexpected{response.error()};
    }
    if (response->status / 100 != 2) {
        return std::unexpected{error_of(*response, code_of(response->status))};
    }
    return response->body;
}

}  // namespace

Result<std::string> ask(
    const Globals& globals, const std::string& target, std::chrono::seconds limit) {
    return exchange(globals, {.method = "GET", .target = target}, limit);
}

Result<std::string> tell(
    const Globals& globals,
    const std::string& target,
    const std::string& body,
    std::chrono::seconds limit) {
    return exchange(globals, {.method = "POST", .target = target, .body = body}, limit);
}

Result<std::string> render(
    std::string_view document, const std::function<std::string(const json::object&)>& make) {
    try {
        return make(json::parse({document.data(), document.size()}).as_object());
    } catch (const std::exception&) {
        return fail(
            Errc::invalid_response,
            "the agent's answer cannot be read: is it another version than this command?");
    }
}

bool has_hazard(std::string_view document) {
    boost::system::error_code code;
    const json::value root = json::parse({document.data(), document.size()}, code);
    const json::value* flag = code ? nullptr : root.find_pointer("/money_hazard", code);
    return flag != nullptr && flag->is_bool() && flag->get_bool();
}

int show(const Globals& globals, std::string_view document, const Result<std::string>& text) {
    if (globals.json) {
        std::cout << document << '\n';
    } else if (!text) {
        return report(text.error());
    } else {
        std::cout << *text;
    }
    return has_hazard(document) ? Exit::money_hazard : Exit::done;
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
