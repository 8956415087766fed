"""Writes docs/policy-results.md from what `evenkeel replay --json` answers."""
import json
import subprocess
import sys
from pathlib import Path

TRACES = [  # file, folder, what it is called
    ("servegen_reason_r1_day0_A", "data/traces", "R1, 24 h"),
    ("servegen_mlarge_day2-3_A", "data/traces", "m-large, 48 h"),
    ("servegen_smalloffice_day5-11_A", "data/traces", "small office, 7 days"),
    ("servegen_mmid_day4_A", "data/traces", "m-mid (spiky), 24 h"),
    ("azure2023_conv", "lab/traces", "Azure conversation, 58 min"),
    ("azure2023_code", "data/traces", "Azure code, 57 min"),
    ("mooncake_conversation_0-1800s", "data/traces", "Mooncake conversation, 30 min"),
]
POLICIES = [
    ("api-only", False),
    ("own+api", False),
    ("always-1", False),
    ("always-2", False),
    ("skyserve-like", False),
    ("dstack-like", False),
    ("kpa-like", False),
    ("break-even", False),
    ("break-even+k", False),
    ("level-memory", False),
    ("oracle", False),
    ("own+api", True),
    ("skyserve-like", True),
    ("break-even", True),
    ("break-even+k", True),
    ("level-memory", True),
    ("oracle", True),
]
PRICES = ["5/25", "1/5", "0.15/0.40"]
BOOTS = [180, 420, 900]


def replay(program, trace, policy, fresh, price, boot, bound=False):
    words = [program, "replay", "--trace", str(trace), "--world", "reference", "--policy", policy]
    words += ["--api-price", price, "--boot", f"{boot}s", "--json"]
    words += [] if fresh else ["--old-router"]
    words += ["--bound"] if bound else []
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"policy-results: {' '.join(words)}\n{done.stderr}")
    return json.loads(done.stdout)


def cell(answer):
    total = float(answer["cost"]["total"])
    return "{:.2f} | {:.2f} | {:.2f} | {}".format(
        total, float(answer["j"]), 100 * answer["within_limit"], answer["machine_starts"]
    )


def shares(scores):
    """The default rule against others, from {trace: {(policy, fresh): J}} of the reference price and boot."""
    lines = [
        "## The default rule against the others",
        "",
        "J at 5/25 and 420 s. The rule runs with the new router; what it is divided by, as stated.",
        "",
        "| trace | level-memory | / break-even+k, old | / break-even+k, new | / oracle, old | / oracle, new"
        " | / best peer, old | / skyserve-like, new |",
        "|---|" + "---:|" * 7,
    ]
    for title, score in scores.items():
        rule = score[("level-memory", True)]
        peer = min(score[(name, False)] for name in ("skyserve-like", "dstack-like", "kpa-like"))
        others = [score[("break-even+k", False)], score[("break-even+k", True)], score[("oracle", False)]]
        others += [score[("oracle", True)], peer, score[("skyserve-like", True)]]
        cells = " | ".join(f"{rule / other:.2f}" for other in others)
        lines.append(f"| {title} | {rule:.2f} | {cells} |")
    return lines + [""]


def main():
    program, root = sys.argv[1], Path(sys.argv[2])
    intro = (root / "scripts" / "policy_results_intro.md").read_text()
    lines = []
    scores = {}
    for file, folder, title in TRACES:
        trace = root / folder / f"{file}.csv.gz"
        lines += [f"## {title}", ""]
        for price in PRICES:
            bounds = []
            rows = {}
            for boot in BOOTS:
                for policy, fresh in POLICIES:
                    bound = policy == "own+api" and not fresh
                    answer = replay(program, trace, policy, fresh, price, boot, bound)
                    rows.setdefault((policy, fresh), []).append(cell(answer))
                    if (price, boot) == ("5/25", 420):
                        scores.setdefault(title, {})[(policy, fresh)] = float(answer["j"])
                    if bound:
                        bounds.append(f"{float(answer['bound']):.2f}")
            lines += [
                f"### API at {price} USD per Mtok",
                "",
                "| policy | 180 s: total | J | in time % | starts"
                " | 420 s: total | J | in time % | starts"
                " | 900 s: total | J | in time % | starts |",
                "|---|" + "---:|" * 12,
            ]
            for policy, fresh in POLICIES:
                name = policy + (", new router" if fresh else "")
                lines.append(f"| {name} | " + " | ".join(rows[(policy, fresh)]) + " |")
            blank = " | | | | "
            lines.append("| *no policy below* | | " + blank.join(f"{b}" for b in bounds) + " | | |")
            lines.append("")
    text = [intro.rstrip(), "", *shares(scores), *lines]
    (root / "docs" / "policy-results.md").write_text("\n".join(text))


main()
