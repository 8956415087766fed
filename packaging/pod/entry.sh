#!/usr/bin/env bash
# Entry point of the pod image: runs the arguments it is given, which are `bash -c SCRIPT` or
# `-c SCRIPT`. Anything else is a mistake that must not go on costing money: the pod then asks the
# provider to delete it.
set -euo pipefail

if [ "${1:-}" = bash ] || [ "${1:-}" = /bin/bash ]; then
    shift
fi
if [ "${1:-}" = -c ] && [ "$#" -ge 2 ]; then
    exec /bin/bash "$@"
fi
echo "evenkeel: this image runs 'bash -c SCRIPT' as the agent passes it; it got something else" >&2
export EVENKEEL_LIFE=0 EVENKEEL_QUIET=60 EVENKEEL_END=runpod
exec "${EVENKEEL_WATCHDOG:-/opt/evenkeel/watchdog}"
