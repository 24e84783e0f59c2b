#!/usr/bin/env python3
"""examples/ranks: a job under torchrun whose ranks differ. Each leaves a trace, table ranks has
them side by side, and the summary says which takes most.

usage: example_ranks.py
"""
import os
import re

import exampletest
import jobs
import multirank
import outcome
import traceread

SHOWN = "torchrun --nproc-per-node 2 examples/ranks/uneven.py"
STEPS = 20


def compare(out, ranks, collectives):
    out.equal([(row["rank"], row["device"], row["trace"]) for row in ranks],
              [(rank, rank, rank) for rank in range(multirank.RANKS)], "rank, device and trace")
    peaks = [row["peak_allocated_bytes"] for row in ranks]
    out.check(peaks == sorted(peaks) and peaks[0] < peaks[-1], f"peaks that rise by rank: {peaks}")
    # The first rank sends the parameters as well, the other receives them.
    calls = {(row["collectives"], row["sent_bytes"] + row["received_bytes"]) for row in ranks}
    out.check(len(calls) == 1 and min(calls)[0] >= STEPS, f"collectives, their bytes: {calls}")
    reduced = {row["trace"]: row["calls"] for row in collectives if row["op"] == "ncclAllReduce"}
    out.check(len(reduced) == multirank.RANKS and min(reduced.values()) >= STEPS,
              f"calls of ncclAllReduce by trace: {reduced}")
    return peaks


class Page:
    """What the README shows; see exampletest.Example."""

    def __init__(self, stem):
        self.stem, self.lines = stem, []

    def show(self, command, text, most=60):
        lines = re.sub(re.escape(self.stem) + r"\.(\d+)\.\d+\.mtrace", r"\1.mtrace", text)
        lines = lines.replace(os.path.join(traceread.BUILD, "tools", ""), "").splitlines()
        more = [f"... {len(lines) - most} lines more"] if len(lines) > most else []
        self.lines += ["", "$ " + command, *(line.rstrip() for line in lines[:most]), *more]


def check(out, _arguments):
    multirank.needs_gpus(multirank.RANKS)
    exampletest.needs("torch")
    stem = jobs.work("example_ranks")
    multirank.clear(stem)
    script = os.path.normpath(os.path.join(exampletest.ROOT, "examples", "ranks", "uneven.py"))
    status, stdout, stderr = multirank.launch(multirank.torchrun(script), stem)
    if not out.equal(status, 0, f"exit code of torchrun ({stderr.strip()[-600:]})"):
        return
    traces = multirank.traces(stem)
    if not out.equal(len(traces), multirank.RANKS, "traces"):
        return
    page = Page(stem)
    page.show(f"memtrace -q -o '%r.mtrace' -- {SHOWN}",
              "\n".join(line for line in stdout.splitlines() if "steps on" in line))
    names = " ".join(f"{rank}.mtrace" for rank in range(multirank.RANKS))
    page.show(f"memtrace-analyze --table=ranks {names}",
              traceread.run_tool("memtrace-analyze", "--table=ranks", *traces))
    page.show(f"memtrace-analyze --table=collectives {names}",
              traceread.run_tool("memtrace-analyze", "--table=collectives", *traces))
    summary = traceread.run_tool("memtrace-analyze", *traces)
    last = summary[summary.rfind("all traces, the largest first"):]
    out.check(re.search(r"first\n  rank 1, device 1: ", last), f"the summary's end is {last!r}")
    page.show(f"memtrace-analyze {names}", summary)
    peaks = compare(out, traceread.table(traces, "ranks"), traceread.table(traces, "collectives"))
    out.figures = {"peaks": peaks, "shown": page.lines[1:]}
    out.headline = f"peaks {' and '.join(f'{peak / (1 << 20):.0f} MiB' for peak in peaks)}"


if __name__ == "__main__":
    outcome.main(check)
