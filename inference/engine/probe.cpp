#include "inference/engine/probe.hpp"

#include "inference/dialect/scan.hpp"
#include "inference/dialect/stream.hpp"
#include "inference/http/client.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::inference::engine {

namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t models_bytes_max = 1024 * 1024;
constexpr std::size_t metrics_bytes_max = 4 * 1024 * 1024;

std::string address(const std::string& host, std::uint16_t port) {
    return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                               : fmt::format("[{}]:{}", host, port);
}

http::Headers with_key(const std::string& key) {
    http::Headers headers;
    if (!key.empty()) {
        headers.emplace_back("Authorization", fmt::format("Bearer {}", key));
    }
    return headers;
}

/// What is left until `until`; at least 1 ms, so that the call itself says that it is late.
milliseconds left(Steady::time_point until) {
    return std::max(
        std::chrono::duration_cast<milliseconds>(until - Steady::now()), milliseconds{1});
}

std::unexpected<Error> wrong_status(std::string_view what, int status) {
    if (status == 401 || status == 403) {
        return fail(Errc::unauthorized, fmt::format("{}: the engine refuses our key", what));
    }
    return fail(Errc::invalid_response, fmt::format("{}: status {}", what, status));
}

bool lists(const std::string& body, const std::string& model) {
    boost::system::error_code code;
    const boost::json::value parsed = boost::json::parse(body, code);
    const boost::json::value* data =
        !code && parsed.is_object() ? parsed.get_object().if_contains("data") : nullptr;
    if (data == nullptr || !data->is_array()) {
        return false;
    }
    return std::ranges::any_of(data->get_array(), [&model](const boost::json::value& row) {
        const boost::json::value* id =
            row.is_object() ? row.get_object().if_contains("id") : nullptr;
        return id != nullptr && id->is_string() && std::string_view{id->get_string()} == model;
    });
}

/// One short stream: it must end well and bring a token.
Task<Acceptance> try_completion(
    std::string where, http::Headers headers, std::string model, milliseconds limit) {
    headers.emplace_back("Content-Type", "application/json");
    http::ClientRequest request{
        .method = "POST",
        .target = "/v1/chat/completions",
        .headers = std::move(headers),
        .body = fmt::format(
            R"({{"model":{},"messages":[{{"role":"user","content":"Say yes."}}],"max_tokens":1,)"
            R"("stream":true,"stream_options":{{"include_usage":true}}}})",
            dialect::json_string(model))};
    Acceptance out;
    dialect::EventStream stream{false};
    int status = 0;
    const auto sent = Steady::now();
    auto response = co_await http::fetch_stream(
        std::move(where),
        std::move(request),
        limit,
        [&](const http::ClientResponse& head) {
            status = head.status;
            out.synthetic = head.header("x-synthetic") == "true";
        },
        [&](std::string_view bytes) {
            stream.feed(bytes);
            if (out.ttft == milliseconds{0} && stream.events() > 0) {
                out.ttft = std::max(
                    std::chrono::duration_cast<milliseconds>(Steady::now() - sent),
                    milliseconds{1});
            }
        });
    if (!response) {
        co_return std::unexpected{response.error()};
    }
    if (status != 200) {
        co_return wrong_status("trial completion", status);
    }
    // Without usage: one event names the role, the next brings the token.
    out.completion_tokens = stream.usage() ? stream.usage()->completion : stream.events() - 1;
    if (!stream.done() || stream.error_seen() || out.completion_tokens < 1) {
        co_return fail(Errc::invalid_response, "trial completion: no token came back");
    }
    co_return out;
}

}  // namespace

std::string_view to_text(Health health) noexcept {
    switch (health) {
        case Health::refused:
            return "refused";
        case Health::loading:
            return "loading";
        case Health::ready:
            return "ready";
        case Health::sick:
            return "sick";
    }
    return "";
}

Task<Health> probe_health(std::string host, std::uint16_t port, milliseconds limit) {
    const auto response = co_await http::fetch(address(host, port), {.target = "/health"}, limit);
    if (!response) {
        switch (response.error().code) {
            case Errc::unavailable:
                co_return Health::refused;
            case Errc::invalid_response:
                co_return Health::sick;
            default:
                co_return std::unexpected{response.error()};
        }
    }
    if (response->status == 200) {
        co_return Health::ready;
    }
    co_return response->status == 503 ? Health::loading : Health::sick;
}

Task<Acceptance> acceptance(
    std::string host, std::uint16_t port, std::string key, std::string model, milliseconds limit) {
    const auto until = Steady::now() + limit;
    const std::string where = address(host, port);
    const auto health = co_await probe_health(host, port, left(until));
    if (!health) {
        co_return std::unexpected{health.error()};
    }
    if (*health != Health::ready) {
        co_return fail(Errc::unavailable, fmt::format("the engine is {}", to_text(*health)));
    }
    const auto models = co_await http::fetch(
        where, {.target = "/v1/models", .headers = with_key(key)}, left(until), models_bytes_max);
    if (!models) {
        co_return std::unexpected{models.error()};
    }
    if (models->status != 200) {
        co_return wrong_status("model list", models->status);
    }
    if (!lists(models->body, model)) {
        co_return fail(Errc::not_found, fmt::format("the engine does not serve '{}'", model));
    }
    co_return co_await try_completion(where, with_key(key), std::move(model), left(until));
}

Task<Metrics> scrape_metrics(
    std::string host, std::uint16_t port, std::string key, milliseconds limit) {
    const auto response = co_await http::fetch(
        address(host, port),
        {.target = "/metrics", .headers = with_key(key)},
        limit,
        metrics_bytes_max);
    if (!response) {
        co_return std::unexpected{response.error()};
    }
    if (response->status != 200) {
        co_return wrong_status("metrics", response->status);
    }
    co_return parse_metrics(response->body);
}

}  // namespace evenkeel::inference::engine
