#include "tests/bench/load_options.hpp"

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace evenkeel::bench {

namespace {

constexpr const char* usage =
    "usage: sse_load --port N [option value]...\n"
    "  --stream 0|1        plain answers or streams (0)\n"
    "  --connections N     requests at once (1)\n"
    "  --requests N        end after so many, measure all (0: by time)\n"
    "  --seconds S         measured time (2), after --warmup S (0.5)\n"
    "  --rate N            requests a second, open loop; latency counts from the planned time (0)\n"
    "  --body-bytes N      size of each request body (1024)\n"
    "  --events N          events of each stream (16), --pace-us N between two (0: flood)\n"
    "  --key TEXT          Authorization: Bearer TEXT\n"
    "  --header 'N: V'     one more field of the head, as often as needed\n"
    "  --model NAME        (mock)\n"
    "  --watch PID,PID     processes whose time on a core and memory is reported\n"
    "Prints one JSON object. Exit 1 when a request failed.\n";

/// Some words with what chat histories are full of: line ends and quotes that JSON escapes.
constexpr std::string_view words =
    R"(We looked at the log again:\n\t\"no route to host\" came three times before noon. )";

}  // namespace

LoadOptions parse_load_options(int count, char** arguments) {
    LoadOptions out;
    for (int i = 1; i < count; i += 2) {
        const std::string_view name = arguments[i];
        const char* value = i + 1 < count ? arguments[i + 1] : "";
        const std::int64_t number = std::strtoll(value, nullptr, 10);
        if (i + 1 == count) {
            std::fprintf(stderr, "%s", usage);
            std::exit(2);
        } else if (name == "--port") {
            out.port = static_cast<int>(number);
        } else if (name == "--stream") {
            out.stream = number != 0;
        } else if (name == "--connections") {
            out.connections = static_cast<int>(number);
        } else if (name == "--requests") {
            out.requests = number;
        } else if (name == "--seconds") {
            out.seconds = std::strtod(value, nullptr);
        } else if (name == "--warmup") {
            out.warmup = std::strtod(value, nullptr);
        } else if (name == "--rate") {
            out.rate = std::strtod(value, nullptr);
        } else if (name == "--body-bytes") {
            out.body_bytes = static_cast<std::size_t>(number);
        } else if (name == "--events") {
            out.events = number;
        } else if (name == "--pace-us") {
            out.pace_us = number;
        } else if (name == "--key") {
            out.key = value;
        } else if (name == "--header") {
            out.headers += std::string{value} + "\r\n";
        } else if (name == "--model") {
            out.model = value;
        } else if (name == "--watch") {
            for (char* at = arguments[i + 1]; *at != '\0';) {
                out.watch.push_back(static_cast<int>(std::strtol(at, &at, 10)));
                at += *at == ',' ? 1 : 0;
            }
        } else {
            std::fprintf(stderr, "sse_load: %s: no such option\n%s", arguments[i], usage);
            std::exit(2);
        }
    }
    return out;
}

std::string make_request(const LoadOptions& options) {
    std::string body = R"({"model":")" + options.model + R"(",)";
    if (options.stream) {
        body += R"("stream":true,"bench_events":)" + std::to_string(options.events) +
                R"(,"bench_pace_us":)" + std::to_string(options.pace_us) + ",";
    }
    body += R"("max_tokens":200,"messages":[)";
    // Messages of about 2 KB, as a chat that has gone on for a while.
    const std::string end = "]}";
    const std::string open = R"({"role":"user","content":")";
    const std::string close = R"("})";
    while (body.size() + open.size() + close.size() + end.size() < options.body_bytes) {
        if (body.back() == '}') {
            body += ',';
        }
        body += open;
        const std::size_t left =
            options.body_bytes -
            std::min(options.body_bytes, body.size() + close.size() + end.size());
        std::size_t size = left > 4096 ? 2048 : left;
        for (; size >= words.size(); size -= words.size()) {
            body += words;
        }
        body.append(size, 'x').append(close);
    }
    body += end;
    std::string head =
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        "Content-Type: application/json\r\n";
    if (!options.key.empty()) {
        head += "Authorization: Bearer " + options.key + "\r\n";
    }
    head += options.headers;
    return head + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace evenkeel::bench
