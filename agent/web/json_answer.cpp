#include "agent/web/json_answer.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace evenkeel::agent {

namespace json = boost::json;

const inference::http::Headers& json_headers() {
    static const inference::http::Headers headers{
        {"content-type", "application/json"},
        {"cache-control", "no-store"},
        {"x-content-type-options", "nosniff"},
        {"cross-origin-resource-policy", "same-origin"}};
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
        case Errc::unavailable:
            return 503;
        default:
            return 500;
    }
}

}  // namespace evenkeel::agent
