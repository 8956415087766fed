#include "inference/engine/probe.hpp"

#include "inference/dialect/scan.hpp"
#include "inference/dialect/stream.hpp"
#include "inference/engine/exchange.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::inference::engine {

namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t health_bytes_max = 64 * 1024;
constexpr std::size_t models_bytes_max = 1024 * 1024;
constexpr std::size_t metrics_bytes_max = 4 * 1024 * 1024;
constexpr int speed_tokens_min = 2;
constexpr int speed_tokens_max = 1'024;

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

/// "62.5" for 62,500.
std::string thousandths(std::int64_t milli) {
    return fmt::format("{}.{}", milli / 1'000, milli % 1'000 / 100);
}

std::unexpected<Error> wrong_status(std::string_view what, int status) {
    if (status == 401 || status == 403) {
        return fail(Errc::unauthorized, fmt::format("{}: the engine refuses our key", what));
    }
    return fail(Errc::invalid_response, fmt::format("{}: status {}", what, status));
}

/// The row of `model` in a model list; none when it is not served.
const boost::json::object* row_of(
    const boost::json::value& parsed, const std::string& model, const Kind& kind) {
    const boost::json::value* data =
        parsed.is_object() ? parsed.get_object().if_contains("data") : nullptr;
    if (data == nullptr || !data->is_array()) {
        return nullptr;
    }
    const boost::json::array& rows = data->get_array();
    if (kind.answers_any_model && rows.size() == 1 && rows.front().is_object()) {
        return &rows.front().get_object();  // under the name of its file, unless it was given one
    }
    for (const boost::json::value& row : rows) {
        const boost::json::value* id =
            row.is_object() ? row.get_object().if_contains("id") : nullptr;
        if (id == nullptr || !id->is_string()) {
            continue;
        }
        const std::string_view name{id->get_string()};
        if (name == model || (!kind.default_tag.empty() && name.starts_with(model) &&
                              name.substr(model.size()) == kind.default_tag)) {
            return &row.get_object();
        }
    }
    return nullptr;
}

/// The context one sequence gets, where the engine says it: vLLM as `max_model_len`, llama-server
/// as `meta.n_ctx`. 0 = unstated.
std::int64_t context_of(const boost::json::object& row) {
    const boost::json::value* found = row.if_contains("max_model_len");
    if (found == nullptr) {
        const boost::json::value* meta = row.if_contains("meta");
        found = meta != nullptr && meta->is_object() ? meta->get_object().if_contains("n_ctx")
                                                     : nullptr;
    }
    return found != nullptr && found->is_int64() ? std::max<std::int64_t>(found->get_int64(), 0)
                                                 : 0;
}

/// What one streamed answer showed.
struct Trial {
    std::int64_t tokens{0};
    Steady::duration first{0};  ///< request sent to first content
    Steady::duration last{0};   ///< request sent to last content
    bool synthetic{false};
};

/// One stream: it must end well and bring a token.
Task<Trial> try_completion(Target target, std::string model, int tokens, milliseconds limit) {
    http::Headers headers = with_key(target.key);
    headers.emplace_back("Content-Type", "application/json");
    // `ignore_eos` (vLLM and llama.cpp): a model that has said enough would end the measurement.
    http::ClientRequest request{
        .method = "POST",
        .target = "/v1/chat/completions",
        .headers = std::move(headers),
        .body = fmt::format(
            R"({{"model":{},"messages":[{{"role":"user","content":"Count up from one."}}],)"
            R"("max_tokens":{},"ignore_eos":true,"stream":true,)"
            R"("stream_options":{{"include_usage":true}}}})",
            dialect::json_string(model),
            tokens)};
    Trial out;
    dialect::EventStream stream{false};
    int status = 0;
    const auto sent = Steady::now();
    Receiver receiver{
        .on_head =
            [&](const http::ClientResponse& head) {
                status = head.status;
                out.synthetic = head.header("x-synthetic") == "true";
            },
        .on_data =
            [&](std::string_view bytes) {
                const std::int64_t before = stream.events();
                stream.feed(bytes);
                if (stream.events() > before) {
                    out.last = Steady::now() - sent;
                    // The first event of a stream names the role and brings no token.
                    out.first = before < 2 ? out.last : out.first;
                }
            }};
    const auto response = co_await exchange(
        std::move(target.endpoint), std::move(request), limit, 0, std::move(receiver));
    if (!response) {
        co_return std::unexpected{response.error()};
    }
    if (status != 200) {
        co_return wrong_status("trial completion", status);
    }
    // Without usage: one event names the role, the next brings the token.
    out.tokens = stream.usage() ? stream.usage()->completion : stream.events() - 1;
    if (!stream.done() || stream.error_seen() || out.tokens < 1) {
        co_return fail(Errc::invalid_response, "trial completion: no token came back");
    }
    co_return out;
}

/// Tokens per second in thousandths; at least 1. Where everything came in one piece, only the whole
/// time says something.
std::int64_t speed_milli(const Trial& trial) {
    const bool spread = trial.last > trial.first;
    const auto span = std::chrono::duration_cast<std::chrono::microseconds>(
        spread ? trial.last - trial.first : trial.last);
    const std::int64_t steps = spread ? trial.tokens - 1 : trial.tokens;
    const std::int64_t micros = std::max<std::int64_t>(span.count(), 1);
    return std::max<std::int64_t>(steps * 1'000'000'000 / micros, 1);
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

Task<Health> probe_health(Target target, milliseconds limit) {
    const auto response = co_await exchange(
        std::move(target.endpoint),
        {.target = std::string{target.kind->health_path}, .headers = with_key(target.key)},
        limit,
        health_bytes_max);
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
    switch (response->status) {
        case 200:
            co_return Health::ready;
        case 503:
            co_return Health::loading;
        case 401:
        case 403:
            co_return wrong_status("health", response->status);
        default:
            co_return Health::sick;
    }
}

Task<Acceptance> acceptance(Target target, Expected expected, milliseconds limit) {
    const auto until = Steady::now() + limit;
    const auto health = co_await probe_health(target, left(until));
    if (!health) {
        co_return std::unexpected{health.error()};
    }
    if (*health != Health::ready) {
        co_return fail(Errc::unavailable, fmt::format("the engine is {}", to_text(*health)));
    }
    const auto models = co_await exchange(
        target.endpoint,
        {.target = "/v1/models", .headers = with_key(target.key)},
        left(until),
        models_bytes_max);
    if (!models) {
        co_return std::unexpected{models.error()};
    }
    if (models->status != 200) {
        co_return wrong_status("model list", models->status);
    }
    boost::system::error_code code;
    const boost::json::value parsed = boost::json::parse(models->body, code);
    const boost::json::object* row = code ? nullptr : row_of(parsed, expected.model, *target.kind);
    if (row == nullptr) {
        co_return fail(
            Errc::not_found, fmt::format("the engine does not serve '{}'", expected.model));
    }
    Acceptance out{.context_tokens = context_of(*row)};
    if (out.context_tokens > 0 && out.context_tokens < expected.context_tokens) {
        co_return fail(
            Errc::rejected,
            fmt::format(
                "the engine gives '{}' a context of {} tokens, {} are wanted",
                expected.model,
                out.context_tokens,
                expected.context_tokens));
    }
    // The first answer after a start warms the engine up; it is never part of a measurement.
    const auto trial = co_await try_completion(target, expected.model, 1, left(until));
    if (!trial) {
        co_return std::unexpected{trial.error()};
    }
    out.ttft = std::max(std::chrono::duration_cast<milliseconds>(trial->first), milliseconds{1});
    out.completion_tokens = trial->tokens;
    out.synthetic = trial->synthetic;
    if (expected.speed_min_milli <= 0) {
        co_return out;
    }
    const int tokens = std::clamp(expected.speed_tokens, speed_tokens_min, speed_tokens_max);
    const auto run = co_await try_completion(target, expected.model, tokens, left(until));
    if (!run) {
        co_return std::unexpected{run.error()};
    }
    if (run->tokens < tokens / 2) {
        co_return fail(
            Errc::invalid_response,
            fmt::format(
                "speed: the engine ended after {} of {} tokens, too few to measure",
                run->tokens,
                tokens));
    }
    out.speed_milli = speed_milli(*run);
    if (out.speed_milli < expected.speed_min_milli) {
        co_return fail(
            Errc::rejected,
            fmt::format(
                "the engine makes {} tokens/s alone, its floor is {}",
                thousandths(out.speed_milli),
                thousandths(expected.speed_min_milli)));
    }
    co_return out;
}

Task<bool> post(Target target, std::string path, milliseconds limit) {
    const auto response = co_await exchange(
        std::move(target.endpoint),
        {.method = "POST", .target = std::move(path), .headers = with_key(target.key)},
        limit,
        health_bytes_max);
    if (!response) {
        co_return std::unexpected{response.error()};
    }
    if (response->status != 200) {
        co_return wrong_status("call", response->status);
    }
    co_return true;
}

Task<Metrics> scrape_metrics(Target target, milliseconds limit) {
    if (target.kind->metrics_path.empty()) {
        co_return fail(Errc::invalid_argument, "engines of this kind have no metrics");
    }
    const auto response = co_await exchange(
        std::move(target.endpoint),
        {.target = std::string{target.kind->metrics_path}, .headers = with_key(target.key)},
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
