#include "inference/bootstrap/render.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace evenkeel::inference::bootstrap {

namespace {

/// What the front lets through. Everything else of an engine stays closed: vLLM runs inference on
/// /invocations without a key, and /tokenize, /load, /pause, /v1/load_lora_adapter and others are
/// not for the outside (https://docs.vllm.ai/en/latest/usage/security/).
struct Path {
    std::string_view path{};
    std::string_view method{};
    bool open{false};  ///< needs no key: says nothing but that the engine is there
};
constexpr std::array paths{
    Path{"/health", "GET", true},
    Path{"/metrics", "GET"},
    Path{"/v1/models", "GET"},
    Path{"/v1/chat/completions", "POST"},
    Path{"/v1/completions", "POST"},
    Path{"/v1/messages", "POST"},
    Path{"/v1/messages/count_tokens", "POST"},
};

// {0}: folder, {1}: key, {2}: engine's port, {3}: our port, {4}: certificate, {5}: its key, {6}:
// user
constexpr std::string_view head =
    R"(# TLS front of a rented node: a few paths to the engine, nothing else.
{6}daemon off;
worker_processes 2;
worker_shutdown_timeout 5s;
pid {0}/front.pid;
error_log stderr error;

events {{
    worker_connections 4096;
}}

http {{
    server_tokens off;
    default_type application/json;
    client_body_temp_path {0}/body;
    proxy_temp_path {0}/proxy;
    fastcgi_temp_path {0}/fastcgi;
    uwsgi_temp_path {0}/uwsgi;
    scgi_temp_path {0}/scgi;

    # A plain string would be compared without regard to case.
    map $http_authorization $known {{
        default 0;
        "~^Bearer {1}$" 1;
    }}
    # A line for each request with the key: how the watchdog knows that we are wanted.
    log_format beat '.';
    access_log {0}/beat beat if=$known;

    upstream engine {{
        server 127.0.0.1:{2} max_fails=0;
        keepalive 64;
    }}

    server {{
        listen {3} ssl;
        ssl_certificate {4};
        ssl_certificate_key {5};
        ssl_protocols TLSv1.3;
        ssl_session_cache off;
        ssl_session_tickets off;
        keepalive_timeout 75s;
        client_header_timeout 10s;
        client_body_timeout 60s;
        send_timeout 120s;
        client_max_body_size 64m;

        # Nothing of a prompt or an answer is written to a disk, and tokens pass as they come.
        proxy_buffering off;
        proxy_request_buffering off;
        proxy_max_temp_file_size 0;
        proxy_http_version 1.1;
        proxy_set_header Host 127.0.0.1;
        proxy_set_header Connection "";
        # llama.cpp would go on generating for a client that is gone.
        proxy_set_header X-Conversation-Id "";
        proxy_connect_timeout 2s;
        proxy_send_timeout 120s;
        proxy_read_timeout 3600s;
        proxy_next_upstream off;
        # The engine does not listen yet, or no longer: "loading" to whoever probes.
        error_page 502 504 = @loading;

        location @loading {{
            add_header Retry-After 2 always;
            return 503 '{{"error":{{"message":"the engine does not answer","code":503}}}}';
        }}
        location / {{
            return 404;
        }}
)";

}  // namespace

std::string front_config(const NodePlan& plan, const FrontFiles& files, std::uint16_t engine_port) {
    std::string out = fmt::format(
        fmt::runtime(head),
        files.run,
        plan.engine_key.reveal(),
        engine_port,
        plan.port,
        files.certificate,
        files.key,
        files.user.empty() ? std::string{} : fmt::format("user {};\n", files.user));
    for (const Path& allowed : paths) {
        out += fmt::format("        location = {} {{\n", allowed.path);
        if (!allowed.open) {
            out +=
                "            if ($known = 0) {\n"
                "                return 401 '{\"error\":{\"message\":\"wrong or missing key\","
                "\"code\":401}}';\n"
                "            }\n";
        }
        // The path is written out, so that an odd spelling never reaches the engine.
        out += fmt::format(
            "            if ($request_method != {}) {{\n"
            "                return 405;\n"
            "            }}\n"
            "            proxy_pass http://engine{};\n"
            "        }}\n",
            allowed.method,
            allowed.path);
    }
    out += "    }\n}\n";
    return out;
}

}  // namespace evenkeel::inference::bootstrap
