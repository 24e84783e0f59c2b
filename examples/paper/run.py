#!/usr/bin/env python3
"""Runs the paper's training jobs under memtrace and says of each what the paper says of its own:
iterations, access-time intervals, outliers, what memory is made of, and what could be swapped out.

usage: run.py OUT [NAME...]         names: run.py --list; without one: all
       run.py --dry-run OUT [NAME...]

OUT gets for each job its trace, its plots and facts.json. BUILD_DIR names the build folder (build).
The jobs count their own steps; nothing of that is told to the analysis.
"""
import csv
import io
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("BUILD_DIR", "build")
STEPS = 40
# The paper's card: GB/s to the host and back, and a transfer costs nothing but its bytes.
PAPER_LINK = ["--bandwidth-d2h=6.4", "--bandwidth-h2d=6.3", "--latency=0"]
SHORT_NS = 24576  # the end of a bin of ati_histogram; the paper's bound is 25 us

# What the paper splits memory into; it does not say where gradients and optimizer states belong.
PARTS = {"input": ("input",), "parameter": ("parameter",),
         "gradient and optimizer": ("gradient", "optimizer_state"),
         "intermediate": ("activation", "workspace", "temporary"),
         "other": ("communication", "unknown")}


def jobs():
    """{name: arguments of paper_train.py}"""
    found = {"mlp": ["--model", "mlp"]}
    for batch in (16, 64, 256):
        found[f"alexnet_imagenet_{batch}"] = ["--model", "alexnet", "--data", "imagenet",
                                              "--batch", str(batch)]
        for model in ("vgg16", "resnet18", "resnet50"):
            found[f"{model}_cifar100_{batch}"] = ["--model", model, "--data", "cifar100",
                                                  "--batch", str(batch)]
    for model in ("vgg16", "resnet18", "resnet50"):
        found[f"{model}_imagenet_32"] = ["--model", model, "--data", "imagenet", "--batch", "32"]
    return found


def tool(name):
    return os.path.join(BUILD, "tools", name)


def train_command(name, out):
    """How a job is recorded."""
    return [tool("memtrace"), "-f", "-q", "-o", os.path.join(out, name + ".mtrace"), "--",
            sys.executable, os.path.join(HERE, "paper_train.py"), *jobs()[name], "--steps",
            str(STEPS), "--marks", os.path.join(out, name + ".marks")]


def table_command(trace, name, options=()):
    return [tool("memtrace-analyze"), f"--table={name}", "--format=csv", *options, trace]


def number(text):
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def table(trace, name, options=()):
    text = subprocess.run(table_command(trace, name, options), stdout=subprocess.PIPE, check=True,
                          stdin=subprocess.DEVNULL).stdout.decode("utf-8", "replace")
    return [{key: number(value) for key, value in row.items()}
            for row in csv.DictReader(io.StringIO(text))]


def quantiles(rows):
    """Of the intervals of all kinds, summed up by the source with the most of them."""
    whole = [row for row in rows
             if row["first_kind"] == "" and row["second_kind"] == "" and row["wraps"] == ""]
    if not whole:
        return {}
    most = max(whole, key=lambda row: row["intervals"])
    return {name: most[name]
            for name in ("intervals", "p25_ns", "p50_ns", "p75_ns", "p90_ns", "max_ns")}


def short_share(bins):
    """Which share of all intervals is below SHORT_NS."""
    total = sum(row["intervals"] for row in bins)
    short = sum(row["intervals"] for row in bins if row["to_ns"] <= SHORT_NS)
    return short / total if total else 0


def breakdown(rows):
    """Bytes at the peak, by what the paper splits memory into."""
    bytes_of = {part: sum(row["peak_bytes"] for row in rows if row["category"] in categories)
                for part, categories in PARTS.items()}
    return {**bytes_of, "all": sum(bytes_of.values())}


def outlier(gaps):
    """The gap that holds most bytes for longest."""
    if not gaps:
        return {}
    top = max(gaps, key=lambda row: row["byte_seconds"])
    return {name: top[name] for name in ("size_bytes", "gap_ns", "after", "before", "wraps")}


def facts(trace):
    iterations = table(trace, "iterations")
    levels = [row for row in table(trace, "rhythm") if row["is_iteration"]]
    swaps = table(trace, "swap", PAPER_LINK)
    plan = table(trace, "swap_plan", PAPER_LINK)
    return {"iterations": len(iterations), "steady": sum(row["steady"] for row in iterations),
            "period_ns": levels[0]["period_ns"] if levels else 0,
            "exact_share": levels[0]["exact_share"] if levels else 0,
            "ati": quantiles(table(trace, "ati")),
            "short_share": short_share(table(trace, "ati_histogram")),
            "outlier": outlier(table(trace, "gaps")),
            "breakdown": breakdown(table(trace, "categories")),
            "swap": {name: plan[0][name] for name in
                     ("candidates", "peak_bytes", "at_peak_bytes", "result_bytes")} if plan else {},
            "swap_rates": [row["most_bytes"] / row["gap_ns"] for row in swaps[:20]]}


def run(name, out):
    subprocess.run(train_command(name, out), check=True, stdin=subprocess.DEVNULL)
    trace = os.path.join(out, name + ".mtrace")
    subprocess.run([tool("memtrace-analyze"), "-q", f"--plots={os.path.join(out, name)}", trace],
                   check=True, stdin=subprocess.DEVNULL)
    return {"steps": STEPS, **facts(trace)}


def tell(name, found):
    whole = found["breakdown"]
    parts = ", ".join(f"{part} {100 * whole[part] / (whole['all'] or 1):.0f} %" for part in PARTS)
    print(f"{name}: {found['iterations']} iterations of {found['steps']} steps; "
          f"{100 * found['short_share']:.0f} % of intervals below 25 us; at the peak {parts}",
          flush=True)


def main(arguments):
    if arguments == ["--list"]:
        print("\n".join(jobs()))
        return 0
    dry = arguments[:1] == ["--dry-run"]
    arguments = arguments[dry:]
    unknown = [name for name in arguments[1:] if name not in jobs()]
    if not arguments or arguments[0].startswith("-") or unknown:
        print(f"no job is called {unknown[0]}" if unknown else __doc__, file=sys.stderr)
        return 2
    out, names = arguments[0], arguments[1:] or list(jobs())
    if dry:
        print("\n".join(" ".join(train_command(name, out)) for name in names))
        return 0
    os.makedirs(out, exist_ok=True)
    found = {}
    for name in names:
        found[name] = run(name, out)
        tell(name, found[name])
    with open(os.path.join(out, "facts.json"), "w", encoding="utf-8") as file:
        json.dump(found, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
