#!/usr/bin/env bash
# User-space instructions that the release build spends on a plain request and on a streamed event,
# counted by callgrind: free of noise, so a growth of a tenth is a finding and not the weather.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
here="$root/tests/bench"
cd "$root"

usage() {
    cat >&2 <<'TEXT'
usage: tests/bench/instructions.sh [--program FILE] [--check] [--profile]
  --program FILE   this evenkeel instead of building the release preset
  --check          exit 1 when a figure is more than 10 % off tests/bench/instructions.txt
  --profile        the 15 functions that cost most, by themselves
TEXT
    exit 2
}
program=""
check=false
profile=false
while [ $# -gt 0 ]; do
    case "$1" in
        --program) program="${2:?}"; shift ;;
        --check) check=true ;;
        --profile) profile=true ;;
        *) usage ;;
    esac
    shift
done
command -v valgrind >/dev/null || { echo "instructions: valgrind is needed (scripts/setup.sh --tests)" >&2; exit 2; }

# shellcheck source=tests/bench/bench_run.sh
. "$here/bench_run.sh" instructions
build_tools
build_program
# Debian's valgrind cannot read what clang 19 writes for debuggers; the names of functions remain.
strip --strip-debug -o "$work/evenkeel" "$program"
program="$work/evenkeel"
start_engine
target=evenkeel
# shellcheck source=tests/bench/compare_targets.sh
. "$here/compare_targets.sh"

begin_target() { # command, under callgrind
    valgrind -q --tool=callgrind --separate-threads=yes --callgrind-out-file="$work/out" \
        "$@" >"$work/$target.log" 2>&1 &
    watched_first=$!
    started+=("$watched_first")
}
port="" key="" watched_first=""
start_evenkeel

# Writes what each thread did since the last call, as $work/out.N-THREAD, and begins again at zero.
dumps=0
dump() {
    callgrind_control --dump "$watched_first" >>"$work/control.log" 2>&1
    dumps=$((dumps + 1))
    [ -e "$work/out.$dumps-01" ] || { tail -n 5 "$work/control.log" >&2; die "callgrind wrote nothing"; }
}
load() {
    timeout 300 "$bench/sse_load" --port "$port" --key "$key" "$@" >"$work/load.json" 2>>"$work/load.log" ||
        die "requests failed: $(cat "$work/load.json" "$work/load.log")"
}
instructions_of() { # thread's file
    awk '/^totals:/ {print $2}' "$1"
}
file_of() { # a function that only the thread in question runs
    grep -l "$1" "$work/out.$dumps"-* | head -n 1
}
data_path() { instructions_of "$(file_of 'Loop::handle(')"; }
ledger() { instructions_of "$(file_of 'ledger::Writer::run')"; }

load --connections 4 --requests 300
load --connections 1 --stream 1 --events 50 --pace-us 4000 --requests 4
dump
load --connections 4 --requests 1000
dump
request=$(($(data_path) / 1000))
ledger=$(($(ledger) / 1000))
request_dump=$dumps
load --connections 1 --stream 1 --events 200 --pace-us 4000 --requests 1
dump
short_stream=$(data_path)
load --connections 1 --stream 1 --events 1200 --pace-us 4000 --requests 1
dump
event=$((($(data_path) - short_stream) / 1000))
load --connections 1 --body-bytes 100000 --requests 100
dump
body=$(($(data_path) / 100))
figures="request $request
request_ledger $ledger
request_100k $body
event $event"
printf '%s\n' "$figures"

# callgrind gives the whole sum to the functions that start a thread; those say nothing.
by_function() {
    callgrind_annotate --threshold=100 "$1" | grep -E '^ *[0-9,]+ \(' | grep -v '100.0%' |
        sed -n 1,15p | sed -E 's/ \[[^]]*\/([^/]*)\]$/ [\1]/; s/\?\?\?://; s#\./[^ :]*/([^/ :]*):#\1:#
            s/evenkeel::inference:://g; s/boost::asio::detail:://g; s/boost::asio:://g
            s/std::basic_string_view<char, std::char_traits<char> >/string_view/g' | cut -c1-130
}
if $profile; then
    for dumped in "request:$request_dump" "event:$((request_dump + 2))"; do
        dumps=${dumped##*:}
        echo
        echo "What costs most by itself, 1,000 times one ${dumped%%:*}:"
        by_function "$(file_of 'Loop::handle(')"
    done
fi
$check || exit 0
failed=0
while read -r name recorded; do
    measured="$(awk -v name="$name" '$1 == name {print $2}' <<<"$figures")"
    if [ $((measured * 100)) -gt $((recorded * 110)) ]; then
        echo "FAILED: $name: $measured instructions, recorded are $recorded"
        failed=1
    elif [ $((measured * 100)) -lt $((recorded * 90)) ]; then
        echo "FAILED: $name: $measured instructions, recorded are $recorded: write the better figure to tests/bench/instructions.txt"
        failed=1
    fi
done < <(grep -v '^#' "$here/instructions.txt")
exit "$failed"
