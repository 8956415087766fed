# What the measurements share: the tools, the program, and processes that end with us. Sourced with
# the name of the measurement; expects $root and $here, sets $bench, $work, $files and $started.
# shellcheck shell=bash disable=SC2034,SC2154
name="$1"
bench="$root/build/bench"
work="$bench/$name"
rm -rf "$work"
mkdir -p "$work"
ulimit -n "$(ulimit -Hn)"
files="$(ulimit -n)"

step() { printf '%s: [%3d s] %s\n' "$name" "$SECONDS" "$*" >&2; }
die() { printf '%s: %s\n' "$name" "$*" >&2; exit 2; }

started=()
end_all() {
    local pid
    for pid in "${started[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    for pid in "${started[@]}"; do
        wait "$pid" 2>/dev/null || true
    done
    started=()
}
trap end_all EXIT
trap 'exit 130' INT TERM

compile() { # program, sources
    local out="$bench/$1" source
    shift
    for source in "$here"/*.hpp "$@"; do
        if [ ! -e "$out" ] || [ "$source" -nt "$out" ]; then
            step "compiling ${out##*/}"
            "${CXX:-clang++-19}" -std=c++23 -O2 -I "$root" "$@" -o "$out"
            return
        fi
    done
}
build_tools() {
    compile mock_engine "$here/mock_engine.cpp"
    compile sse_load "$here/sse_load.cpp" "$here/load_options.cpp"
}
# Figures are those of what users get, so the release preset, whatever else is being built.
build_program() {
    if [ -z "$program" ]; then
        step "building the release preset"
        if ! { cmake --preset release && cmake --build --preset release --target evenkeel; } \
            >"$work/build.log" 2>&1; then
            tail -n 40 "$work/build.log" >&2
            die "the build failed"
        fi
        program="$root/build/release/evenkeel"
    fi
    [ -x "$program" ] || die "no program at $program"
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
wait_for() { # url
    local _
    for _ in $(seq 300); do
        python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=2)' \
            "$1" 2>/dev/null && return
        sleep 0.1
    done
    tail -n 20 "$work"/*.log >&2 || true
    die "nothing answers at $1"
}
start_engine() { # on core 0, with the load
    engine_port="$(free_port)"
    taskset -c 0 "$bench/mock_engine" --port "$engine_port" >"$work/engine.out" &
    engine=$!
    started+=("$engine")
    wait_for "http://127.0.0.1:$engine_port/health"
}
