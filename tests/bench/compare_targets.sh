# How each target of compare.sh is configured and started; sourced there. Each function sets
#   port            where clients ask
#   key             what they send as their key
#   watched         processes whose time on a core and memory is counted
#   watched_first   the one that is ended to stop the target
# shellcheck shell=bash disable=SC2034,SC2154

begin_target() { # command; pinned to its core, its output in a file
    taskset -c 1 "$@" >"$work/$target.log" 2>&1 &
    watched_first=$!
    watched=$watched_first
    started+=("$watched_first")
}

start_direct() { # no target: what engine and load cost by themselves
    port=$engine_port
    key=none
    watched=$engine
    watched_first=$engine
}

start_nginx() {
    port="$(free_port)"
    key=none
    mkdir -p "$work/nginx"
    cat >"$work/nginx.conf" <<TEXT
daemon off;
user $(id -un) $(id -gn);
worker_processes 1;
worker_rlimit_nofile $files;
pid $work/nginx.pid;
error_log $work/nginx.log error;
events { worker_connections $files; }
http {
    access_log off;
    keepalive_requests 1000000000;
    client_max_body_size 32m;
    client_body_buffer_size 1m;
    client_body_temp_path $work/nginx/body;
    proxy_temp_path $work/nginx/proxy;
    fastcgi_temp_path $work/nginx/fastcgi;
    uwsgi_temp_path $work/nginx/uwsgi;
    scgi_temp_path $work/nginx/scgi;
    upstream engine {
        server 127.0.0.1:$engine_port;
        keepalive 512;
        keepalive_requests 1000000000;
    }
    server {
        listen 127.0.0.1:$port backlog=16384;
        location / {
            proxy_pass http://engine;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_read_timeout 300s;
        }
    }
}
TEXT
    begin_target "$tools/nginx/usr/sbin/nginx" -e "$work/nginx.log" -p "$work/nginx" -c "$work/nginx.conf"
    wait_for "http://127.0.0.1:$port/health"
    watched="$watched_first,$(pgrep -P "$watched_first" | paste -sd,)"
}

start_haproxy() {
    port="$(free_port)"
    key=none
    cat >"$work/haproxy.cfg" <<TEXT
global
    nbthread 1
    maxconn $((files / 2 - 100))
defaults
    mode http
    timeout connect 5s
    timeout client 300s
    timeout server 300s
    option http-keep-alive
    option http-no-delay
    http-reuse always
frontend api
    bind 127.0.0.1:$port backlog 16384
    default_backend engine
backend engine
    server mock 127.0.0.1:$engine_port
TEXT
    LD_LIBRARY_PATH="$tools/haproxy/$libraries" \
        begin_target "$tools/haproxy/usr/sbin/haproxy" -db -q -f "$work/haproxy.cfg"
    wait_for "http://127.0.0.1:$port/health"
}

# The real daemon with everything on: key, routing, gate, counters, a ledger row for each request.
# One worker takes at most 4,096 requests, so three entries stand for the one engine.
start_evenkeel() {
    port="$(free_port)"
    local admin config="$work/config" state="$work/state"
    admin="$(free_port)"
    rm -rf "$config" "$state"
    mkdir -p "$config"
    cat >"$config/evenkeel.yaml" <<TEXT
version: 1
listen: {api: "127.0.0.1:$port", admin: "127.0.0.1:$admin"}
limits: {connections: 20000, connections_per_address: 20000}
TEXT
    local url="http://127.0.0.1:$engine_port"
    cat >"$config/providers.yaml" <<TEXT
version: 1
providers:
  mock-1: {kind: local, engine: openai, url: "$url", synthetic: true}
  mock-2: {kind: local, engine: openai, url: "$url", synthetic: true}
  mock-3: {kind: local, engine: openai, url: "$url", synthetic: true}
TEXT
    cat >"$config/models.yaml" <<TEXT
version: 1
models:
  mock:
    offers:
      - {on: mock-1, slots: 4096}
      - {on: mock-2, slots: 4096}
      - {on: mock-3, slots: 4096}
TEXT
    cat >"$config/policy.yaml" <<TEXT
version: 1
routes:
  - {name: default, match: {}, use: [mock], max_wait: 30s}
TEXT
    key="$("$program" keys create bench --config "$config" --state "$state" 2>>"$work/keys.log" |
        cut -d' ' -f1)"
    begin_target "$program" serve --threads 1 --config "$config" --state "$state"
    wait_for "http://127.0.0.1:$admin/readyz"
}

# --- gateways for the same purpose, only when asked for --------------------------------------------

peer_cases="c64 c1 body100k" # their streams are made anew event by event, which is another work

install_litellm() {
    [ -x "$bench/litellm/bin/litellm" ] && return
    step "installing LiteLLM 1.80.0 into build/bench/litellm"
    { python3 -m venv "$bench/litellm" &&
        "$bench/litellm/bin/pip" install -q --disable-pip-version-check 'litellm[proxy]==1.80.0'; } \
        >"$work/litellm.install.log" 2>&1 || die "LiteLLM cannot be installed: $work/litellm.install.log"
}

start_litellm() {
    port="$(free_port)"
    key=sk-bench
    cat >"$work/litellm.yaml" <<TEXT
model_list:
  - model_name: mock
    litellm_params: {model: openai/mock, api_base: "http://127.0.0.1:$engine_port/v1", api_key: none}
general_settings: {master_key: $key}
TEXT
    # No price list from the network, no line for each request: a comparison without those.
    LITELLM_LOCAL_MODEL_COST_MAP=True LITELLM_LOG=ERROR begin_target "$bench/litellm/bin/litellm" \
        --config "$work/litellm.yaml" --host 127.0.0.1 --port "$port" --num_workers 1 --telemetry False
    wait_for "http://127.0.0.1:$port/health/liveliness"
}

install_portkey() {
    local folder="$bench/portkey"
    portkey="$folder/node_modules/@portkey-ai/gateway/build/start-server.js"
    [ -e "$portkey" ] && return
    step "installing the Portkey gateway 1.15.2 into build/bench/portkey"
    mkdir -p "$folder"
    cat >"$folder/package.json" <<'TEXT'
{
  "private": true,
  "dependencies": {"@portkey-ai/gateway": "1.15.2"},
  "overrides": {"hono": "4.9.7", "@hono/node-server": "1.13.5", "@hono/node-ws": "1.2.0"}
}
TEXT
    (cd "$folder" && npm install --no-audit --no-fund --ignore-scripts --loglevel=error) \
        >"$work/portkey.install.log" 2>&1 || die "Portkey cannot be installed: $work/portkey.install.log"
}

start_portkey() {
    port="$(free_port)"
    key=none
    headers=(--header 'x-portkey-provider: openai'
        --header "x-portkey-custom-host: http://127.0.0.1:$engine_port/v1")
    TRUSTED_CUSTOM_HOSTS=127.0.0.1 begin_target node "$portkey" --port="$port" --headless
    wait_for "http://127.0.0.1:$port/"
}
