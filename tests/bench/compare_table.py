"""The table of compare.sh: medians of its single measurements, ratios to nginx, gates.

usage: compare_table.py RESULTS.jsonl STREAMS
Exit 1 when a gate is missed or a request failed.
"""

import json
import statistics
import sys


class Results:
    def __init__(self, lines):
        self.values = {}
        for line in lines:
            row = json.loads(line)
            key = (row["target"], row["case"])
            self.values.setdefault(key, []).append(row["result"])
        self.targets = list(dict.fromkeys(target for target, _ in self.values))

    def median(self, target, case, read):
        found = [read(result) for result in self.values.get((target, case), [])]
        return statistics.median(found) if found and None not in found else None

    def errors(self):
        kinds = ("connect", "io", "status", "short")
        return [
            f"{target}, {case}: " + ", ".join(f"{k} {r['errors'][k]}" for k in kinds if r["errors"][k])
            for (target, case), results in self.values.items()
            for r in results
            if "errors" in r and any(r["errors"][k] for k in kinds)
        ]


def percentile(name, which):
    return lambda result: None if result[name] is None else result[name][which]


class Row:
    """One line: a value of each target; where there is a gate, evenkeel's ratio or value against it."""

    def __init__(self, title, values, form="{:.1f}", gate=None, aim=None, ratio=True):
        self.title, self.values, self.form = title, values, form
        self.gate, self.aim, self.ratio = gate, aim, ratio

    def judged(self):
        ours, nginx = self.values.get("evenkeel"), self.values.get("nginx")
        if not self.ratio:
            return ours
        return ours / nginx if ours is not None and nginx else None

    def missed(self):
        judged = self.judged()
        return self.gate is not None and (judged is None or judged > self.gate)

    def judged_text(self):
        judged = self.judged()
        if judged is None:
            return "-"
        return f"{judged:.2f}x" if self.ratio else self.form.format(judged)

    def cells(self, targets):
        shown = [
            "-" if self.values.get(t) is None else self.form.format(self.values[t]) for t in targets
        ]
        judged = self.judged()
        ratio = self.judged_text() if self.ratio else ""
        verdict = ""
        if self.gate is not None:
            verdict = "MISSED" if self.missed() else "holds" if judged > self.aim else "aim met"
        limits = ["" if x is None else f"{x:g}" for x in (self.gate, self.aim)]
        return [self.title, *shown, ratio, *limits, verdict]


def rows(results, streams):
    targets = results.targets

    def each(case, read, but=()):
        return {t: results.median(t, case, read) for t in targets if t not in but}

    def cpu(case, per):
        return each(case, lambda r: r["cpu_us_per_" + per])

    def added(which):
        read = percentile("latency_us", which)
        floor = results.median("direct", "c1", read)
        return {t: v - floor for t, v in each("c1", read, ("direct",)).items() if v is not None}

    def per_stream(case):
        return each(
            case, lambda r: (r["rss_kb"] - r["rss_kb_before"]) / r["connections"])

    def ledger_share(result):
        ledger = result["threads_us"].get("ledger", 0)
        return 100 * ledger / (result["cpu_us"] - ledger)

    def gaps(which):
        return each("block", percentile("gap_us", which))

    between = gaps("p999")
    blocks = {
        t: v - between["direct"] for t, v in between.items() if t != "direct" and v is not None
    }

    many = f"{streams:,}"
    failed = {
        t: sum(sum(r["errors"][k] for k in ("connect", "io", "status", "short"))
               for r in results.values.get((t, "holdmany"), []))
        for t in targets
    }
    return [
        Row("CPU us a request, 1 KB, 64 at once", cpu("c64", "request"), gate=1.5, aim=1.0),
        Row("CPU us a request, 1 KB, 256 at once", cpu("c256", "request")),
        Row("CPU us a request, 100 KB body, 16 at once", cpu("body100k", "request"), gate=1.5, aim=1.2),
        Row("CPU us an event, 64 streams, one in 10 ms", cpu("paced", "event"), gate=1.2, aim=0.9),
        Row("CPU us an event, 32 streams, flood", cpu("flood", "event"), "{:.2f}", gate=2.0, aim=1.2),
        Row("added us at one connection, median", added("p50"), gate=1.6, aim=1.2),
        Row("added us at one connection, p99", added("p99")),
        Row("requests/s, 64 at once", each("c64", lambda r: r["requests_per_s"]), "{:.0f}"),
        Row("requests/s, 256 at once", each("c256", lambda r: r["requests_per_s"]), "{:.0f}"),
        Row("transit us of a paced event, median", each("paced", percentile("transit_us", "p50")), "{:.0f}"),
        Row("transit us of a paced event, p99", each("paced", percentile("transit_us", "p99")), "{:.0f}"),
        Row("KB a stream, 1,000 open", per_stream("hold1000")),
        Row(f"KB a stream, {many} open", per_stream("holdmany"), gate=10, aim=6, ratio=False),
        Row(f"share of a core, {many} open, 1 event/s", each("holdmany", lambda r: r["core_share"]), "{:.2f}",
            gate=1.0, aim=0.25, ratio=False),
        Row(f"errors, {many} open", failed, "{:.0f}", gate=0, aim=0, ratio=False),
        Row("longest gap us of a 1 ms stream beside 10 MB bodies", gaps("max"), "{:.0f}"),
        Row("the same, 99.9 % of gaps", gaps("p999"), "{:.0f}"),
        Row("the same, above direct: longest block of the loop", blocks, "{:.0f}", gate=5000, aim=1000, ratio=False),
        Row("ledger thread, % of all else, 64 at once",
            {"evenkeel": results.median("evenkeel", "c64", ledger_share)}, gate=15, aim=5, ratio=False),
        Row("resident MB, idle", each("c64", lambda r: r["rss_kb_before"] / 1024)),
    ]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        results = Results(file)
    table = rows(results, int(sys.argv[2]))
    head = ["", *results.targets, "x nginx", "gate", "aim", ""]
    cells = [head, *(row.cells(results.targets) for row in table)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
    for line in cells:
        print("  ".join(
            cell.ljust(width) if i in (0, len(head) - 1) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths))).rstrip())
    wrk = results.median("direct", "wrk", lambda r: r["requests_per_s"])
    if wrk:
        ours = results.median("direct", "c64", lambda r: r["requests_per_s"])
        print(f"\nNo target between: {ours:.0f} requests/s by our load generator, {wrk:.0f} by wrk.")
    print("Of the target 'direct' CPU is the engine's own.")
    for error in results.errors():
        print(f"failed requests: {error}")
    missed = [row for row in table if row.missed()]
    for row in missed:
        print(f"gate missed: {row.title}: {row.judged_text()}, at most {row.gate:g}")
    ours = [error for error in results.errors() if error.startswith("evenkeel")]
    sys.exit(1 if missed or ours else 0)


if __name__ == "__main__":
    main()
