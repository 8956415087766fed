#!/bin/bash
# Times of reports on a made year of 10,000,000 requests (docs/performance.md). The gate: a report
# of 30 days, by any grouping that roll-ups know, within 50 ms from the start of the process.
#   tests/bench/reports.sh [BUILD] [STATE]
# BUILD holds evenkeel and year_ledger (build/release); STATE keeps the made ledger for a next time.
set -euo pipefail
build=${1:-build/release}
state=${2:-${TMPDIR:-/tmp}/evenkeel-year}
requests=${REQUESTS:-10000000}
rounds=${ROUNDS:-11}
gate_ms=${GATE_MS:-50}
evenkeel=$build/evenkeel
maker=$build/tests/bench/year_ledger
for program in "$evenkeel" "$maker"; do
    if [ ! -x "$program" ]; then
        echo "$program is missing: cmake --preset release -DEVENKEEL_TESTS=ON &&" \
            "cmake --build --preset release --target evenkeel year_ledger" >&2
        exit 2
    fi
done
if [ ! -e "$state/ledger.db" ]; then
    "$maker" --state "$state" --requests "$requests"
fi
echo "ledger: $(du -h "$state/ledger.db" | cut -f1), $(uname -m), $(nproc) cores"

# The median of so many rounds in tenths of a millisecond, after one that warms the cache.
median() {
    local times=() begin end i
    "$evenkeel" "$@" --state "$state" --config /nonexistent > /dev/null
    for ((i = 0; i < rounds; ++i)); do
        begin=${EPOCHREALTIME/./}
        "$evenkeel" "$@" --state "$state" --config /nonexistent > /dev/null
        end=${EPOCHREALTIME/./}
        times+=($(((end - begin) / 100)))
    done
    printf '%s\n' "${times[@]}" | sort -n | sed -n "$((rounds / 2 + 1))p"
}
show() {
    printf '%-46s %6d.%d ms\n' "$1" $(($2 / 10)) $(($2 % 10))
}

# The year ends on 2026-11-30; reports count back from there, not from today.
failed=0
show "evenkeel version (the process alone)" "$(median version)"
for by in source model key route provider; do
    took=$(median report spend --by "$by" --since 2026-11-01 --until 2026-11-30)
    show "report spend --by $by, 30 days" "$took"
    if [ "$took" -gt $((gate_ms * 10)) ]; then
        echo "above the gate of $gate_ms ms" >&2
        failed=1
    fi
done
for by in source key; do
    show "report spend --by $by, a year" \
        "$(median report spend --by "$by" --since 2025-12-01 --until 2026-11-30)"
done
rounds=3
show "report spend --by tag, 1 day" \
    "$(median report spend --by tag --since 2026-11-17 --until 2026-11-17)"
show "report spend --by tag, 30 days" \
    "$(median report spend --by tag --since 2026-11-01 --until 2026-11-30)"
show "report requests, the newest 50 of a day" \
    "$(median report requests --since 2026-11-17 --until 2026-11-17)"
show "report requests --csv, a day" \
    "$(median report requests --csv --since 2026-11-17 --until 2026-11-17)"
show "ledger show, the newest 50" "$(median ledger show --since 2025-12-01 --until 2026-11-30)"
show "ledger reconcile, a month" "$(median ledger reconcile --month 2026-11)"
show "ledger export, a day" "$(median ledger export --since 2026-11-17 --until 2026-11-17)"
exit $failed
