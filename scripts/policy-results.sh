#!/bin/sh
# Regenerates docs/policy-results.md: all shared traces x built-in policies x three API prices x
# three boot times, in the reference world. Takes the program as its argument, else the release
# build's. One minute or two on one core.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
program=${1:-$root/build/release/evenkeel}
[ -x "$program" ] || { echo "policy-results: no program at $program; build it first: cmake --preset release && cmake --build --preset release" >&2; exit 1; }
exec python3 "$root/scripts/policy_results.py" "$program" "$root"
