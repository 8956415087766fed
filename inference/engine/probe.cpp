#include "inference/engine/probe.hpp"

#include "inference/http/client.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <optional>
#include <utility>

namespace evenkeel::inference::engine {

namespace json = boost::json;

namespace {

constexpr std::int64_t probe_tokens = 4;
constexpr std::size_t probe_answer_max = 256 * 1024;

std::string address(const std::string& host, std::uint16_t port) {
    return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                               : fmt::format("[{}]:{}", host, port);
}

http::Headers bearer(const std::string& key) {
    http::Headers headers{{"accept", "application/json"}};
    if (!key.empty()) {
        headers.emplace_back("authorization", "Bearer " + key);
    }
    return headers;
}

/// Whether `/v1/models` names `model`.
bool lists(const std::string& body, const std::string& model) {
    boost::system::error_code code;
    const json::value root = json::parse(body, code);
    const json::value* data = code ? nullptr : root.find_pointer("/data", code);
    if (data == nullptr || !data->is_array()) {
        return false;
    }
    for (const json::value& entry : data->get_array()) {
        const json::value* id = entry.find_pointer("/id", code);
        if (id != nullptr && id->is_string() && id->get_string() == model) {
            return true;
        }
    }
    return false;
}

/// Reads the probe's answer stream: whether content came, when, and how many tokens it was.
class Answer {
public:
    explicit Answer(std::chrono::steady_clock::time_point sent) : sent_{sent} {}

    void feed(std::string_view bytes) {
        if (line_.size() + bytes.size() > probe_answer_max) {
            broken_ = true;
            return;
        }
        line_ += bytes;
        for (std::size_t end = 0; (end = line_.find('\n')) != std::string::npos;) {
            read(std::string_view{line_}.substr(0, end));
            line_.erase(0, end + 1);
        }
    }
    [[nodiscard]] bool good() const noexcept { return !broken_ && tokens_ > 0; }
    [[nodiscard]] std::int64_t tokens() const noexcept { return tokens_; }
    [[nodiscard]] std::chrono::milliseconds ttft() const noexcept { return ttft_; }

private:
    void read(std::string_view line) {
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        if (!line.starts_with("data:")) {
            return;
        }
        line.remove_prefix(line.starts_with("data: ") ? 6 : 5);
        if (line == "[DONE]") {
            return;
        }
        boost::system::error_code code;
        const json::value event = json::parse({line.data(), line.size()}, code);
        if (code) {
            broken_ = true;
            return;
        }
        for (const char* place :
             {"/choices/0/delta/content",
              "/choices/0/delta/reasoning_content",
              "/choices/0/delta/reasoning"}) {
            const json::value* text = event.find_pointer(place, code);
            if (text != nullptr && text->is_string() && !text->get_string().empty()) {
                if (tokens_++ == 0) {
                    ttft_ = std::chrono::duration_cast<std::chrono::milliseconds>(
                        std::chrono::steady_clock::now() - sent_);
                }
            }
        }
    }

    std::chrono::steady_clock::time_point sent_;
    std::string line_{};
    bool broken_{false};
    std::int64_t tokens_{0};
    std::chrono::milliseconds ttft_{0};
};

Errc code_of(int status) {
    return status == 401 || status == 403 ? Errc::unauthorized : Errc::invalid_response;
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

Task<Health> probe_health(std::string host, std::uint16_t port, std::chrono::milliseconds limit) {
    const auto answer = co_await http::fetch(address(host, port), {.target = "/health"}, limit);
    if (!answer) {
        switch (answer.error().code) {
            case Errc::timed_out:
            case Errc::cancelled:
                co_return std::unexpected{answer.error()};
            case Errc::unavailable:
                co_return Health::refused;
            default:
                co_return Health::sick;
        }
    }
    switch (answer->status) {
        case 200:
            co_return Health::ready;
        case 503:
            co_return Health::loading;
        default:
            co_return Health::sick;
    }
}

Task<Acceptance> acceptance(
    std::string host,
    std::uint16_t port,
    std::string key,
    std::string model,
    std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    const auto left = [deadline] {
        return std::max(
            std::chrono::milliseconds{1},
            std::chrono::duration_cast<std::chrono::milliseconds>(
                deadline - std::chrono::steady_clock::now()));
    };
    const std::string place = address(host, port);
    const Result<Health> health = co_await probe_health(host, port, left());
    if (!health) {
        co_return std::unexpected{health.error()};
    }
    if (*health != Health::ready) {
        co_return fail(
            Errc::unavailable, fmt::format("the engine is not healthy yet: {}", to_text(*health)));
    }
    const auto models =
        co_await http::fetch(place, {.target = "/v1/models", .headers = bearer(key)}, left());
    if (!models) {
        co_return std::unexpected{models.error()};
    }
    if (models->status != 200) {
        co_return fail(
            code_of(models->status),
            fmt::format("the engine's model list answered {}", models->status));
    }
    if (!lists(models->body, model)) {
        co_return fail(Errc::not_found, fmt::format("the engine does not serve '{}'", model));
    }
    http::Headers headers = bearer(key);
    headers.emplace_back("content-type", "application/json");
    const json::value body{
        {"model", model},
        {"messages", json::array{json::object{{"role", "user"}, {"content", "Say yes."}}}},
        {"max_tokens", probe_tokens},
        {"stream", true}};
    Answer answer{std::chrono::steady_clock::now()};
    int status = 0;
    bool synthetic = false;
    const auto ended = co_await http::fetch_stream(
        place,
        {.method = "POST",
         .target = "/v1/chat/completions",
         .headers = std::move(headers),
         .body = json::serialize(body)},
        left(),
        [&](const http::ClientResponse& head) {
            status = head.status;
            synthetic = head.header("x-synthetic") == "true";
        },
        [&](std::string_view bytes) { answer.feed(bytes); });
    if (!ended) {
        co_return std::unexpected{ended.error()};
    }
    if (status != 200) {
        co_return fail(code_of(status), fmt::format("the test completion answered {}", status));
    }
    if (!answer.good()) {
        co_return fail(Errc::invalid_response, "the test completion brought no tokens");
    }
    co_return Acceptance{
        .ttft = answer.ttft(), .completion_tokens = answer.tokens(), .synthetic = synthetic};
}

Task<Metrics> scrape_metrics(
    std::string host, std::uint16_t port, std::string key, std::chrono::milliseconds limit) {
    http::Headers headers = bearer(key);
    const auto answer = co_await http::fetch(
        address(host, port), {.target = "/metrics", .headers = std::move(headers)}, limit);
    if (!answer) {
        co_return std::unexpected{answer.error()};
    }
    if (answer->status != 200) {
        co_return fail(
            Errc::invalid_response, fmt::format("the metrics answered {}", answer->status));
    }
    co_return parse_metrics(answer->body);
}

}  // namespace evenkeel::inference::engine
