#!/usr/bin/env bash
# Evenkeel's data path beside nginx and HAProxy: same host, same engine, same load, one thread each,
# in turns. Prints one table of ratios; exit 1 when a gate is missed. docs/performance.md says what
# each line means.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
here="$root/tests/bench"
cd "$root"

usage() {
    cat >&2 <<'TEXT'
usage: tests/bench/compare.sh [--quick] [--program FILE] [--results FILE] [--litellm] [--portkey]
  --quick          one round of short measurements instead of three (about 2 minutes)
  --program FILE   this evenkeel instead of building the release preset
  --results FILE   where the single measurements go (build/bench/results.jsonl)
  --litellm        LiteLLM's proxy as one more target (installs it from PyPI into build/bench)
  --portkey        the Portkey gateway as one more target (installs it from npm into build/bench)
TEXT
    exit 2
}
quick=false
program=""
results="$root/build/bench/results.jsonl"
targets=(direct nginx haproxy evenkeel)
while [ $# -gt 0 ]; do
    case "$1" in
        --quick) quick=true ;;
        --program) program="${2:?}"; shift ;;
        --results) results="${2:?}"; shift ;;
        --litellm) targets+=(litellm) ;;
        --portkey) targets+=(portkey) ;;
        *) usage ;;
    esac
    shift
done

# shellcheck source=tests/bench/bench_run.sh
. "$here/bench_run.sh" compare
command -v taskset >/dev/null || die "taskset is needed (package util-linux)"
[ "$(nproc)" -ge 2 ] || die "two cores are needed: one for the target, one for engine and load"
tools="$root/build/tools"
mkdir -p "$tools"

# --- what is compared -----------------------------------------------------------------------------

# Packages that would start a service are never installed: unpacked below build/.
fetch() { # folder, a file that must be there afterwards, packages
    local folder="$tools/$1" file="$2" package
    shift 2
    [ -e "$folder/$file" ] && return
    step "unpacking $* into build/tools"
    for package in "$@"; do
        rm -rf "$work/deb"
        mkdir -p "$work/deb"
        (cd "$work/deb" && apt-get -qq download "$package" >/dev/null 2>&1) ||
            die "the package $package cannot be downloaded; is the network up, and the package list fresh (apt-get update)?"
        dpkg-deb -x "$work/deb"/*.deb "$folder" || die "the package $package cannot be unpacked"
    done
    [ -e "$folder/$file" ] || die "$* has no $file"
}
libraries="usr/lib/$(uname -m)-linux-gnu"
fetch nginx usr/sbin/nginx nginx
fetch haproxy "$libraries/liblua5.3.so.0" haproxy libopentracing-c-wrapper0 libopentracing1 liblua5.3-0
fetch wrk "$libraries/libluajit-5.1.so.2" wrk libluajit-5.1-2

build_tools
build_program

many=9000
if [ "$files" -lt 18200 ]; then
    many=$(((files - 200) / 2))
    step "only $files descriptors: $many open streams instead of 9000"
fi

port="" key="" watched="" watched_first="" headers=()
# shellcheck source=tests/bench/compare_targets.sh
. "$here/compare_targets.sh"
for target in "${targets[@]}"; do
    case "$target" in
        litellm | portkey) "install_$target" ;;
    esac
done

stop_target() {
    [ "$target" = direct ] && return
    kill "$watched_first"
    wait "$watched_first" 2>/dev/null || true
    local pid kept=()
    for pid in "${started[@]}"; do
        [ "$pid" = "$watched_first" ] || kept+=("$pid")
    done
    started=("${kept[@]}")
}

# --- measurements ---------------------------------------------------------------------------------

seconds=2
warmup=0.7
rounds=3
if $quick; then
    seconds=1.2
    warmup=0.4
    rounds=1
fi

load() { # arguments of sse_load
    timeout 120 taskset -c 0 "$bench/sse_load" --port "$port" --key "$key" \
        --watch "$watched" "${headers[@]}" --warmup "$warmup" --seconds "$seconds" "$@" 2>>"$work/load.log"
}
is_peer() { [[ $target = litellm || $target = portkey ]]; }
measure() { # case, arguments of sse_load; a failed request is counted there and does not end us
    local case="$1" out
    shift
    if is_peer && [[ " $peer_cases " != *" $case "* ]]; then
        return
    fi
    out="$(load "$@" || true)"
    [ -n "$out" ] || die "the load generator failed: $(tail -n 3 "$work/load.log")"
    printf '{"target":"%s","round":%d,"case":"%s","result":%s}\n' "$target" "$round" "$case" "$out" \
        >>"$results"
}

: >"$results"
start_engine
step "$(uname -m), $(nproc) cores, load average $(cut -d' ' -f1-3 /proc/loadavg), $files descriptors"
for round in $(seq "$rounds"); do
    for target in "${targets[@]}"; do
        step "round $round of $rounds: $target"
        "start_$target"
        measure c64 --connections 64
        measure c256 --connections 256
        measure c1 --connections 1
        measure body100k --connections 16 --body-bytes 100000
        measure paced --connections 64 --stream 1 --events 1000000 --pace-us 10000
        measure flood --connections 32 --stream 1 --events 2000
        stop_target
        headers=()
    done
done

# Memory and blocking: once each, in fresh processes.
round=1
for target in "${targets[@]}"; do
    is_peer && continue
    step "open streams and 10 MB bodies: $target"
    for count in 1000 "$many"; do
        "start_$target"
        sleep 0.5
        measure "hold$([ "$count" = 1000 ] && echo 1000 || echo many)" --connections "$count" \
            --stream 1 --events 1000000 --pace-us 1000000 --warmup 1.5 --seconds 2
        stop_target
    done
    "start_$target"
    load --connections 1 --body-bytes 10000000 --warmup 0 --seconds 3 >/dev/null 2>&1 &
    poster=$!
    sleep 0.3
    measure block --connections 1 --stream 1 --events 1000000 --pace-us 1000 --warmup 0.2 --seconds 2
    wait "$poster" || true
    stop_target
done

# Another load generator on the same request: is ours the bottleneck?
cat >"$work/post.lua" <<TEXT
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"model":"mock","max_tokens":200,"messages":[{"role":"user","content":"' .. string.rep("x", 950) .. '"}]}'
TEXT
target=direct
start_direct
wrk="$(LD_LIBRARY_PATH="$tools/wrk/$libraries" timeout 60 taskset -c 0 "$tools/wrk/usr/bin/wrk" \
    -t1 -c64 -d2s -s "$work/post.lua" "http://127.0.0.1:$port/v1/chat/completions" |
    sed -n 's/^Requests\/sec: *//p')"
printf '{"target":"direct","round":1,"case":"wrk","result":{"requests_per_s":%s}}\n' "${wrk:-0}" >>"$results"
step "done, load average $(cut -d' ' -f1-3 /proc/loadavg)"
end_all
python3 "$here/compare_table.py" "$results" "$many"
