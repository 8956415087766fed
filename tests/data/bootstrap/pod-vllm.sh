#!/usr/bin/env bash
# ek-0a1b2c3d-01jd8zq4y7v5k2m9x3r6t0w1na of ek-0a1b2c3d: made by Evenkeel for one life, to be deleted before 2025-11-24 16:00:00 UTC.
set -euo pipefail
umask 077
trap 'EVENKEEL_LIFE=0 EVENKEEL_QUIET=60 EVENKEEL_END=runpod exec "${EVENKEEL_WATCHDOG:-/opt/evenkeel/watchdog}"' EXIT
run="${EVENKEEL_RUN:-/run/evenkeel}"
EVENKEEL_ENGINE_KEY=ekm-00112233445566778899aabbccddeeff00112233
export EVENKEEL_LIFE=21600
export EVENKEEL_QUIET=1800
export EVENKEEL_END=runpod
machine='ek-0a1b2c3d-01jd8zq4y7v5k2m9x3r6t0w1na'
gpus='2'
vram_mib='0'
cache='/workspace'
engine_program='vllm'
engine_key_variable='VLLM_API_KEY'
engine_arguments=(
    'serve'
    'meta-llama/Llama-3.3-70B-Instruct'
    '--host'
    '127.0.0.1'
    '--port'
    '8000'
    '--served-model-name'
    'qwq-32b'
    '--max-num-seqs'
    '16'
    '--enable-prompt-tokens-details'
    '--revision'
    '0123abc'
    '--max-model-len'
    '32768'
    '--tensor-parallel-size'
    '2'
)
engine_environment=(
    'HF_HOME=/workspace/hf'
    'HF_XET_HIGH_PERFORMANCE=1'
    'VLLM_CACHE_ROOT=/workspace/vllm'
    'VLLM_MAX_N_SEQUENCES=16'
    'VLLM_NO_USAGE_STATS=1'
)
mkdir -p "$run"
chmod 0711 "$run"
cat >"$run/front.crt" <<'EVENKEEL_END_OF_FILE'
-----BEGIN CERTIFICATE-----
MIIBuDCCAV+gAwIBAgIUONbSL1lSpQ6nHa883nifjNgwd3cwCgYIKoZIzj0EAwIw
MTEvMC0GA1UEAwwmZWstMGExYjJjM2QtMDFqZDh6cTR5N3Y1azJtOXgzcjZ0MHcx
bmEwIBcNMjYxMTI1MTYyODEyWhgPMjEyNjExMDExNjI4MTJaMDExLzAtBgNVBAMM
JmVrLTBhMWIyYzNkLTAxamQ4enE0eTd2NWsybTl4M3I2dDB3MW5hMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEkoAaS4/x4FEXWf9rWiCtEzWCHOUIr7PSaCYnTYec
dtK6DsGum20fkHNpOjzEobgNSpQo3kIWGlYQQ3GFtEF1yqNTMFEwHQYDVR0OBBYE
FE8Vbol76ipY/eV6DhMqTm87aSSrMB8GA1UdIwQYMBaAFE8Vbol76ipY/eV6DhMq
Tm87aSSrMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgLfsczFrw
sRAZMznHFeMfMGa/maO51rapjMyfsw7WRkACICOjCZiRFsVblquxIYJ8nnqUm609
Yuu6LXOfPfMjGbGO
-----END CERTIFICATE-----
EVENKEEL_END_OF_FILE
cat >"$run/front.key" <<'EVENKEEL_END_OF_FILE'
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgBk0svghvigJ4CAWt
+xD/C5pmnm6iD5OM3M6MEkS1BP6hRANCAASSgBpLj/HgURdZ/2taIK0TNYIc5Qiv
s9JoJidNh5x20roOwa6bbR+Qc2k6PMShuA1KlCjeQhYaVhBDcYW0QXXK
-----END PRIVATE KEY-----
EVENKEEL_END_OF_FILE
cat >"$run/front.conf" <<'EVENKEEL_END_OF_FILE'
# TLS front of a rented node: a few paths to the engine, nothing else.
user www-data;
daemon off;
worker_processes 2;
worker_shutdown_timeout 5s;
pid /run/evenkeel/front.pid;
error_log stderr error;

events {
    worker_connections 4096;
}

http {
    server_tokens off;
    default_type application/json;
    client_body_temp_path /run/evenkeel/body;
    proxy_temp_path /run/evenkeel/proxy;
    fastcgi_temp_path /run/evenkeel/fastcgi;
    uwsgi_temp_path /run/evenkeel/uwsgi;
    scgi_temp_path /run/evenkeel/scgi;

    # A plain string would be compared without regard to case.
    map $http_authorization $known {
        default 0;
        "~^Bearer ekm-00112233445566778899aabbccddeeff00112233$" 1;
    }
    # A line for each request with the key: how the watchdog knows that we are wanted.
    log_format beat '.';
    access_log /run/evenkeel/beat beat if=$known;

    upstream engine {
        server 127.0.0.1:8000 max_fails=0;
        keepalive 64;
    }

    server {
        listen 8443 ssl;
        ssl_certificate /run/evenkeel/front.crt;
        ssl_certificate_key /run/evenkeel/front.key;
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

        location @loading {
            add_header Retry-After 2 always;
            return 503 '{"error":{"message":"the engine does not answer","code":503}}';
        }
        location / {
            return 404;
        }
        location = /health {
            if ($request_method != GET) {
                return 405;
            }
            proxy_pass http://engine/health;
        }
        location = /metrics {
            if ($known = 0) {
                return 401 '{"error":{"message":"wrong or missing key","code":401}}';
            }
            if ($request_method != GET) {
                return 405;
            }
            proxy_pass http://engine/metrics;
        }
        location = /v1/models {
            if ($known = 0) {
                return 401 '{"error":{"message":"wrong or missing key","code":401}}';
            }
            if ($request_method != GET) {
                return 405;
            }
            proxy_pass http://engine/v1/models;
        }
        location = /v1/chat/completions {
            if ($known = 0) {
                return 401 '{"error":{"message":"wrong or missing key","code":401}}';
            }
            if ($request_method != POST) {
                return 405;
            }
            proxy_pass http://engine/v1/chat/completions;
        }
        location = /v1/completions {
            if ($known = 0) {
                return 401 '{"error":{"message":"wrong or missing key","code":401}}';
            }
            if ($request_method != POST) {
                return 405;
            }
            proxy_pass http://engine/v1/completions;
        }
        location = /v1/messages {
            if ($known = 0) {
                return 401 '{"error":{"message":"wrong or missing key","code":401}}';
            }
            if ($request_method != POST) {
                return 405;
            }
            proxy_pass http://engine/v1/messages;
        }
        location = /v1/messages/count_tokens {
            if ($known = 0) {
                return 401 '{"error":{"message":"wrong or missing key","code":401}}';
            }
            if ($request_method != POST) {
                return 405;
            }
            proxy_pass http://engine/v1/messages/count_tokens;
        }
    }
}
EVENKEEL_END_OF_FILE
cat >"$run/watchdog" <<'EVENKEEL_END_OF_FILE'
#!/usr/bin/env bash
# Ends this node when its time is up, or when nobody who knows its key has asked for anything for
# long: the agent that should have deleted it may be gone for good.
#
# Time is uptime, never the wall clock, which may be a day off. What has been lived is kept on disk,
# so that a restart does not begin a new life. EVENKEEL_END says how to end:
#   poweroff  a virtual machine. It closes the endpoint and nothing more: a machine that is off is
#             still billed in full (DigitalOcean), only deleting it ends that.
#   runpod    a pod. The container's exit would only restart it, so the provider is asked to delete
#             the pod, with the key the provider gave to this pod alone, again and again.
#
# It also looks at the GPUs, and closes the front of a node with a broken one: streams may end, new
# requests go elsewhere, and the agent replaces a node that has been silent for two minutes.
#
# A disk that is full or cannot be written must not disarm it: every write here may fail.
set -euo pipefail
trap '' PIPE

run="${EVENKEEL_RUN:-/run/evenkeel}"
state="${EVENKEEL_STATE:-/var/lib/evenkeel}"
uptime="${EVENKEEL_UPTIME:-/proc/uptime}"
life="${EVENKEEL_LIFE:?}"
quiet="${EVENKEEL_QUIET:?}"
way="${EVENKEEL_END:?}"
tick=15
gpu_ticks=4   # the GPUs are looked at once a minute
hang_ticks=8 # and a look that takes two minutes hangs
pause_max=300
api=https://api.runpod.io/v2

say() { printf 'evenkeel watchdog: %s\n' "$*" 2>/dev/null || true; }

empty() { # a file; fails when it cannot be emptied
    { : >"$1"; } 2>/dev/null
}

read_uptime() {
    read -r now _ <"$uptime"
    now="${now%.*}"
}

# One call of the provider's API: method, path below the pod, body. Prints the status, 000 for none.
# The key goes through a pipe, so it is in no list of processes; nothing prints it.
call() {
    local body=()
    [ -z "$3" ] || body=(--header 'Content-Type: application/json' --data "$3")
    printf 'header = "Authorization: Bearer %s"\n' "${RUNPOD_API_KEY:-}" |
        curl --config - --silent --output /dev/null --write-out '%{http_code}' --max-time 30 \
            --user-agent evenkeel-node --request "$1" "${body[@]}" \
            "$api/pods/${RUNPOD_POD_ID:-unknown}$2" || true
}

# DELETE is the documented way; whether a pod's own key may use it, only the real service can say, so
# the two other ways to stop the GPU's bill are tried after it. 404 is no success: this runs in the
# pod, so the pod is there.
end_pod() {
    local pause=5 status
    while true; do
        status="$(call DELETE '' '')"
        say "asked the provider to delete this pod: status $status"
        if [[ "$status" != 2?? ]]; then
            status="$(call POST /action '{"action":"terminate"}')"
            say "asked it to terminate this pod: status $status"
        fi
        if [[ "$status" != 2?? ]]; then
            status="$(call POST /action '{"action":"stop"}')"
            say "asked it to stop this pod: status $status"
        fi
        sleep "$pause"
        pause=$((pause * 2 < pause_max ? pause * 2 : pause_max))
    done
}

# In a pod the front's process is ours; on a virtual machine it has process numbers of its own, and
# power-off ends it.
close_front() { # signal
    empty "$run/ended" || say "the front may start again: its end cannot be written down"
    if [ -s "$run/front.pid" ]; then
        kill "-$1" "$(cat "$run/front.pid")" 2>/dev/null || true
    fi
}

end_node() {
    say "ending this node: $1"
    case "$way" in
        runpod)
            close_front TERM
            end_pod
            ;;
        *)
            while true; do
                systemctl poweroff || shutdown -P now || true
                sleep 60
            done
            ;;
    esac
}

# Sets `trouble` to what is wrong with a GPU, or to nothing: one that fell off the bus (Xid 79),
# memory errors that could not be corrected (Xid 48, 94, 95), rows that wait to be remapped
# (https://docs.nvidia.com/deploy/xid-errors/, https://docs.nvidia.com/deploy/a100-gpu-mem-error-mgmt/).
# Nothing is wrong before the driver has worked once: at boot it may still be loading.
look_at_gpus() {
    local report rows index errors pending failure count=0 status=0
    trouble=''
    command -v nvidia-smi >/dev/null 2>&1 || return 0
    report="$(timeout -k 5 30 nvidia-smi --query-gpu=index,ecc.errors.uncorrected.volatile.total \
        --format=csv,noheader,nounits 2>/dev/null)" || status=$?
    if [ "$status" -ne 0 ]; then
        [ "$gpus_seen" -eq 0 ] || trouble="the driver fails with status $status"
        return 0
    fi
    while IFS=', ' read -r index errors; do
        [[ "$index" =~ ^[0-9]+$ ]] || continue
        count=$((count + 1))
        if [[ "$errors" =~ ^[1-9][0-9]*$ ]]; then
            trouble="GPU $index has $errors memory errors that could not be corrected"
        fi
    done <<<"$report"
    if [ "$count" -lt "$gpus_seen" ]; then
        trouble="$count of $gpus_seen GPUs are left"
    else
        gpus_seen="$count"
    fi
    rows="$(timeout -k 5 30 nvidia-smi --query-remapped-rows=remapped_rows.pending,remapped_rows.failure \
        --format=csv,noheader 2>/dev/null)" || rows=''
    while IFS=', ' read -r pending failure; do
        if [[ "$pending" =~ ^(Yes|1)$ || "$failure" =~ ^(Yes|1)$ ]]; then
            trouble="a GPU waits for rows of its memory to be remapped"
        fi
    done <<<"$rows"
}

# The front ends when its streams have. On a virtual machine it is a container that would be started
# again. Nothing here is waited for.
retire() {
    say "this node takes no more requests: $1"
    if [ "$way" = runpod ]; then
        close_front QUIT
        return 0
    fi
    {
        timeout -k 5 60 docker update --restart=no evenkeel-front
        timeout -k 5 60 docker kill --signal QUIT evenkeel-front
    } </dev/null >/dev/null 2>&1 &
}

# A look runs beside this loop, never in it: a program that asks a dead driver may hang for ever, and
# then this node must still end in time. A look that hangs is trouble too.
watch_gpus() {
    if [ -n "$looker" ] && kill -0 "$looker" 2>/dev/null; then
        hanging=$((hanging + 1))
        if [ "$hanging" -eq "$hang_ticks" ]; then
            sick=2
            retire "the driver does not answer"
        fi
        return 0
    fi
    if [ -n "$looker" ]; then
        looker=''
        hanging=0
        trouble=''
        { read -r gpus_seen && read -r trouble; } 2>/dev/null <"$run/gpus" || true
        [[ "$gpus_seen" =~ ^[0-9]{1,3}$ ]] || gpus_seen=0
        if [ -z "$trouble" ]; then
            sick=0
        else
            sick=$((sick + 1))
            say "$trouble"
            [ "$sick" -lt 2 ] || retire "$trouble"
        fi
    fi
    if [ $((looks % gpu_ticks)) -eq 0 ] && [ "$sick" -lt 2 ]; then
        {
            look_at_gpus
            printf '%s\n%s\n' "$gpus_seen" "$trouble" >"$run/gpus"
        } </dev/null >/dev/null 2>&1 &
        looker="$!"
    fi
    looks=$((looks + 1))
}

mkdir -p "$run" "$state" 2>/dev/null || say "nothing can be written: a restart begins a new life"
lived_before=0
if [ -s "$state/lived" ]; then
    read -r lived_before <"$state/lived" || true # its line end may be missing
    [[ "$lived_before" =~ ^[0-9]{1,9}$ ]] || lived_before="$life"
    lived_before=$((10#$lived_before))
fi
read_uptime
began="$now"
heard="$now"
beats_before=0 # bytes of signs of life that could not be emptied
gpus_seen=0
sick=0 # looks in a row that found a broken GPU
looks=0
trouble=''
looker='' # process of the look under way
hanging=0
say "ends after $life s of life ($lived_before s of it are over) or $quiet s without a request"
while true; do
    read_uptime
    lived=$((lived_before + now - began))
    # A disk that is full must not keep a node alive: what is in memory goes on.
    if printf '%s\n' "$lived" 2>/dev/null >"$state/lived.new"; then
        mv "$state/lived.new" "$state/lived" 2>/dev/null || true
    fi
    beats="$(stat --format %s "$run/beat" 2>/dev/null || echo 0)"
    if [ "$beats" -gt "$beats_before" ]; then
        heard="$now"
    fi
    beats_before=0
    if [ "$beats" -gt 0 ]; then
        empty "$run/beat" || beats_before="$beats"
    fi
    if [ "$lived" -ge "$life" ]; then
        end_node "its $life s are over"
    elif [ $((now - heard)) -ge "$quiet" ]; then
        end_node "no request with the right key for $quiet s"
    fi
    [ "$sick" -ge 2 ] || watch_gpus
    sleep "$tick"
done
EVENKEEL_END_OF_FILE
chmod 0700 "$run/watchdog"

# shellcheck shell=bash
# Runs a pod: TLS front, engine and watchdog. What stands above this line sets the variables and
# writes the files. This script never ends by itself: a container that exits is only restarted, and
# billed on.

say() { printf 'evenkeel: %s\n' "$*" 2>/dev/null || true; }

# Starts a program again when it ends, at most so many times: name, times, program and arguments.
keep() {
    local name="$1" left="$2" status
    shift 2
    while true; do
        status=0
        "$@" || status=$?
        say "$name ended with status $status"
        if [ "$left" -le 0 ] || [ -e "$run/ended" ]; then
            return 0
        fi
        left=$((left - 1))
        sleep 5
    done
}

gpus_are_right() {
    local memory count=0 mib
    memory="$(nvidia-smi --query-gpu=memory.total --format=csv,noheader,nounits)" || return 1
    while read -r mib; do
        [[ "$mib" =~ ^[0-9]+$ ]] || continue
        count=$((count + 1))
        [ "$mib" -ge "$vram_mib" ] || return 1
    done <<<"$memory"
    [ "$count" -ge "$gpus" ]
}

run_engine() {
    export "$engine_key_variable=$EVENKEEL_ENGINE_KEY"
    local entry
    for entry in "${engine_environment[@]}"; do
        export "${entry?}"
    done
    mkdir -p "$cache"
    # The pod's own key can end the pod: the engine has no business with it.
    keep engine 3 env -u RUNPOD_API_KEY "$engine_program" "${engine_arguments[@]}"
}

trap 'trap - TERM; kill 0' TERM INT
rm -f "$run/ended"
trap - EXIT
keep front 1000 nginx -c "$run/front.conf" &
if gpus_are_right; then
    run_engine &
else
    say "not the GPUs that were ordered: the engine is not started"
fi
say "$machine: started"
while true; do
    "$run/watchdog" &
    wait "$!" || say "the watchdog ended: it is started again"
    sleep 1
done
