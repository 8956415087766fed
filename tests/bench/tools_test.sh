#!/usr/bin/env bash
# The measuring tools must be right before anything is measured with them: what they count against
# what was asked, and failures counted as failures.
set -euo pipefail
mock="${1:?usage: tools_test.sh MOCK_ENGINE SSE_LOAD}"
load="${2:?usage: tools_test.sh MOCK_ENGINE SSE_LOAD}"
work="$(mktemp -d)"
engines=()
trap 'kill "${engines[@]}" 2>/dev/null; rm -rf "$work"' EXIT

failed=0
expect() { # what, text it must hold, text
    if [[ "$3" != *"$2"* ]]; then
        printf 'FAILED: %s: no %s in %s\n' "$1" "$2" "$3"
        failed=1
    fi
}
port=""
start() { # options of mock_engine
    "$mock" "$@" >"$work/port" &
    engines+=($!)
    port=""
    for _ in $(seq 100); do
        port="$(cat "$work/port")"
        [ -z "$port" ] || return 0
        sleep 0.05
    done
    echo "FAILED: the engine did not start"
    exit 1
}
none='"errors":{"connect":0,"io":0,"status":0,"short":0'

start
out="$(timeout 20 "$load" --port "$port" --connections 8 --requests 400)"
expect "plain requests" '"requests":400,' "$out"
expect "plain requests" "$none" "$out"
out="$(timeout 20 "$load" --port "$port" --connections 2 --requests 6 --body-bytes 1000000)"
expect "bodies of 1 MB" "$none" "$out"
out="$(timeout 20 "$load" --port "$port" --connections 4 --requests 20 --stream 1 --events 50 --pace-us 500)"
expect "paced streams" '"requests":20,' "$out"
expect "paced streams" '"events":1000,' "$out"
expect "paced streams" "$none" "$out"
out="$(timeout 20 "$load" --port "$port" --connections 4 --requests 20 --stream 1 --events 500)"
expect "flooded streams" '"events":10000,' "$out"
expect "flooded streams" "$none" "$out"
out="$(timeout 20 "$load" --port "$port" --connections 4 --rate 200 --seconds 0.5 --warmup 0.1)"
expect "open loop" "$none" "$out"
pace="$(sed -n 's/.*"requests_per_s":\([0-9]*\)\..*/\1/p' <<<"$out")"
if [ "$pace" -lt 150 ] || [ "$pace" -gt 250 ]; then # a busy host is late, but catches up
    echo "FAILED: open loop: $pace requests a second instead of 200"
    failed=1
fi
out="$(python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read())' \
    "http://127.0.0.1:$port/stats")"
expect "the engine's count" '"streams":40,"events":11000,"aborts":0' "$out"

# Failures: streams that break off, and nobody there. The exit status says so, too.
start --cut-every 4
status=0
out="$(timeout 20 "$load" --port "$port" --connections 1 --requests 8 --stream 1 --events 10 --pace-us 500)" || status=$?
expect "cut streams" '"errors":{"connect":0,"io":2,"status":0,"short":0' "$out"
expect "cut streams, exit status" 1 "$status"
kill "${engines[1]}"
wait "${engines[1]}" 2>/dev/null || true
status=0
out="$(timeout 20 "$load" --port "$port" --connections 1 --requests 3)" || status=$?
expect "nobody there" '"errors":{"connect":' "$out"
expect "nobody there, exit status" 1 "$status"
[ "$failed" -ne 0 ] || echo "the tools count right"
exit "$failed"
