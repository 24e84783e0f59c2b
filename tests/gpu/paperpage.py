#!/usr/bin/env python3
"""Keeps the tables of docs/paper.md and two of its charts: they are written from
tests/gpu/results.json, which figures.py takes over from runs on a real GPU.

usage: paperpage.py            write the page
       paperpage.py --check    exit 1 if the page is not what the results say
"""
import os
import re
import sys

import figures
import paperchart

PAGE = os.path.join(figures.HERE, "..", "..", "docs", "paper.md")
CHARTS = os.path.join(figures.HERE, "..", "..", "docs", "paper")
MODELS = ("mlp", "alexnet", "vgg16", "resnet18", "resnet50")
LOOPS = (("rhythm_gpt", "GPT"), ("rhythm_moe", "mixture of experts"),
         ("rhythm_accumulate", "four micro-batches a step"),
         ("rhythm_evaluate", "evaluation every 10 steps"),
         ("rhythm_epochs", "micro-batches, evaluations and saves"),
         ("rhythm_switch", "other kernels from the 21st step on"),
         ("rhythm_decode", "requests to a GPT, 33 tokens each"),
         ("rhythm_images", "inference, batches of images"))
KIB, MIB = 1 << 10, 1 << 20


def found(results):
    """[(job, facts)] of all that was measured."""
    return [(job, facts) for model in MODELS
            for job, facts in results.get(f"paper_{model}", {}).get("figures", {}).items()]


def time_of(ns):
    for unit, one in (("s", 10 ** 9), ("ms", 10 ** 6), ("us", 10 ** 3)):
        if ns >= one:
            return f"{ns / one:.3g} {unit}"
    return f"{ns} ns"


def share(part, whole):
    return f"{100 * part / whole:.1f} %" if whole else "-"


def or_missing(rows, columns):
    return rows or [figures.missing((), columns)]


def provenance(results):
    runs = {(results[name]["date"], results[name]["commit"], results[name]["machine"].get("gpu"))
            for name in results if name.startswith("paper_")}
    return [f"- {date}, commit {commit}, {gpu}" for date, commit, gpu in sorted(runs)] or \
        [f"- {figures.NOT_YET}"]


def iterations(results):
    rows = [figures.row(job, facts["steps"], facts["iterations"], time_of(facts["period_ns"]),
                        share(facts["exact_share"], 1), share(facts["same_kernel"], 1))
            for job, facts in found(results)]
    for test, label in LOOPS:
        facts = results.get(test, {}).get("figures")
        if facts:
            rows.append(figures.row(label, facts["steps"], facts["iterations"], "",
                                    share(facts["exact_share"], 1),
                                    share(facts["same_kernel"], 1)))
    return figures.head("job", "steps run", "iterations found", "period", "events that repeat",
                        "begin with the same kernel") + or_missing(rows, 6)


def intervals(results):
    rows = [figures.row(job, f"{facts['ati']['intervals']:,}", share(facts["short_share"], 1),
                        *(time_of(facts["ati"][q]) for q in ("p25_ns", "p50_ns", "p75_ns",
                                                             "p90_ns", "max_ns")))
            for job, facts in found(results) if facts["ati"]]
    return figures.head("job", "intervals", "below 24.6 us", "p25", "p50", "p75", "p90",
                        "longest") + or_missing(rows, 8)


def outliers(results):
    rows = [figures.row(job, f"{facts['outlier']['size_bytes'] / MIB:,.1f} MiB",
                        time_of(facts["outlier"]["gap_ns"]),
                        "yes" if facts["outlier"]["wraps"] else "no")
            for job, facts in found(results) if facts["outlier"]]
    return figures.head("job", "size", "interval", "wraps the iteration") + or_missing(rows, 4)


def breakdown(results):
    parts = ("input", "parameter", "gradient and optimizer", "intermediate", "other")
    rows = [figures.row(job, f"{facts['breakdown']['all'] / MIB:,.0f} MiB",
                        *(share(facts["breakdown"][part], facts["breakdown"]["all"])
                          for part in parts)) for job, facts in found(results)]
    return figures.head("job", "peak", *parts) + or_missing(rows, 7)


def swaps(results):
    rows = [figures.row(job, facts["swap"]["candidates"],
                        f"{facts['swap']['peak_bytes'] / MIB:,.0f} MiB",
                        f"{facts['swap']['at_peak_bytes'] / MIB:,.0f} MiB",
                        f"{facts['swap']['result_bytes'] / MIB:,.0f} MiB")
            for job, facts in found(results) if facts["swap"]]
    return figures.head("job", "gaps that are long enough", "peak of the iteration",
                        "could be away then", "peak with one shared link") + or_missing(rows, 5)


TABLES = {"provenance": provenance, "iterations": iterations, "intervals": intervals,
          "outliers": outliers, "breakdown": breakdown, "swaps": swaps}


def render(page, results):
    for name, make in TABLES.items():
        text = "\n".join(make(results))
        page, count = re.subn(rf"(<!-- paper: {name} -->\n).*?(<!-- end -->)",
                              lambda match, text=text: match[1] + text + "\n" + match[2], page,
                              flags=re.DOTALL)
        if count != 1:
            raise SystemExit(f"docs/paper.md has {count} places for {name}")
    return page


def pages(results):
    """{path: what it should hold}"""
    with open(PAGE, encoding="utf-8") as file:
        made = {PAGE: render(file.read(), results)}
    return {**made, **{os.path.join(CHARTS, name): draw(found(results))
                       for name, draw in paperchart.CHARTS.items()}}


def is_so(path, wanted):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read() == wanted
    except FileNotFoundError:
        return False


def main(arguments):
    made = pages(figures.load(figures.RESULTS))
    if arguments == ["--check"]:
        return not all(is_so(path, wanted) for path, wanted in made.items())
    for path, wanted in made.items():
        with open(path, "w", encoding="utf-8") as file:
            file.write(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
