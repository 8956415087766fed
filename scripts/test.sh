#!/usr/bin/env bash
# Sets up, builds and runs every test that needs no GPU and no account. Ends with the count of tests.
# EVENKEEL_PRESET=asan (or tsan) runs the same under a sanitizer; arguments go to ctest.
set -euo pipefail
cd "$(dirname "$0")/.."
preset="${EVENKEEL_PRESET:-dev}"
build="build/$preset"
mkdir -p "$build"
began=$SECONDS

step() { printf 'test: [%4d s] %s\n' "$((SECONDS - began))" "$*"; }
quietly() { # runs a command; its output is shown only when it fails
    "$@" >"$build/step.log" 2>&1 || { tail -n 80 "$build/step.log" >&2; exit 1; }
}

step "setting up"
./scripts/setup.sh --tests
step "configuring ($preset)"
quietly cmake --preset "$preset"
step "building (a quarter of an hour on 2 cores without a compiler cache)"
quietly cmake --build --preset "$preset"

failed=0
step "unit, integration and simulator tests"
junit="$PWD/$build/ctest.xml"
rm -f "$junit"
ctest --preset "$preset" --parallel "$(nproc)" --output-junit "$junit" --no-tests=error "$@" \
    >"$build/ctest.log" 2>&1 || failed=1
if [ "$failed" -ne 0 ]; then
    tail -n 150 "$build/ctest.log" >&2
else
    tail -n 12 "$build/ctest.log"
fi
attribute() { sed -n "s/.*<testsuite[^>]* $1=\"\([0-9]*\)\".*/\1/p;s/^[[:space:]]*$1=\"\([0-9]*\)\".*/\1/p" "$junit" | head -n 1; }
ctest_total="$(attribute tests)"
ctest_failed="$(attribute failures)"

step "client tests: the vendors' own SDKs against the daemon"
client_passed=0
client_failed=0
if EVENKEEL_BIN="$PWD/$build/evenkeel" node --test --test-reporter=tap --test-concurrency=2 tests/clients/ \
    >"$build/clients.log" 2>&1; then :; else failed=1; tail -n 80 "$build/clients.log" >&2; fi
client_passed="$(sed -n 's/^# pass \([0-9]*\)$/\1/p' "$build/clients.log")"
client_failed="$(sed -n 's/^# fail \([0-9]*\)$/\1/p' "$build/clients.log")"

step "browser tests: the web page in chromium"
browser_passed=0
browser_failed=0
if EVENKEEL_BIN="$PWD/$build/evenkeel" EVENKEEL_SHOTS="$PWD/$build/browser" \
    node --test --test-reporter=tap --test-concurrency=2 tests/browser/ >"$build/browser.log" 2>&1; then :; else
    failed=1
    tail -n 80 "$build/browser.log" >&2
fi
browser_passed="$(sed -n 's/^# pass \([0-9]*\)$/\1/p' "$build/browser.log")"
browser_failed="$(sed -n 's/^# fail \([0-9]*\)$/\1/p' "$build/browser.log")"

passed=$((${ctest_total:-0} - ${ctest_failed:-0} + ${client_passed:-0} + ${browser_passed:-0}))
bad=$((${ctest_failed:-0} + ${client_failed:-0} + ${browser_failed:-0}))
[ "$bad" -eq 0 ] || failed=1
[ "$passed" -gt 0 ] || failed=1
step "finished: ${ctest_total:-0} in ctest, $((${client_passed:-0} + ${client_failed:-0})) client tests, $((${browser_passed:-0} + ${browser_failed:-0})) browser tests"
echo "$passed passed, $bad failed"
exit "$failed"
