#!/usr/bin/env bash
# The whole story on this host: installs what is missing, builds, and plays a window of a real
# request trace through the real daemon. Arguments go to `evenkeel demo` (try --keep).
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/setup.sh
mkdir -p build
quietly() { # runs a command; its output is shown only when it fails
    "$@" >build/demo.log 2>&1 || { tail -n 60 build/demo.log >&2; exit 1; }
}
echo "demo: configuring"
quietly cmake --preset release
echo "demo: building (minutes the first time)"
quietly cmake --build --preset release --target evenkeel
exec ./build/release/evenkeel demo "$@"
