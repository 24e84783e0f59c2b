#!/usr/bin/env python3
"""A plain CUDA program with graphs of every kind: the trace says what they hold, to the node, and
the analysis counts each kernel as often as it ran.

usage: known_graphs.py static|shared     (which CUDA runtime the program is linked with)
"""
import jobs
import known_calls
import outcome
import traceread


def launches_by_name(trace):
    counts = {}
    for row in traceread.table(trace, "kernels"):
        for name in ("known_add", "known_nothing"):
            if name in row["name"]:
                counts[name] = counts.get(name, 0) + row["launches"]
    return counts


def split(stdout):
    """The events that the program foretells, and how often each kernel ran."""
    lines = stdout.splitlines()
    totals = {line.split()[1]: int(line.split()[2]) for line in lines if line.startswith("total ")}
    return [line for line in lines if not line.startswith("total ")], totals


def check(out, arguments):
    runtime, = arguments
    program, stem = known_calls.build(runtime, "known_graphs"), jobs.work(f"known_graphs_{runtime}")
    trace = stem + ".mtrace"
    printed = known_calls.record(out, [program], stem, known_calls.runtime_environment())
    if not printed:
        return
    expected, totals = split(printed[0])
    mine = [known_calls.line(event) for event in traceread.events(trace, *known_calls.KINDS)]
    out.none(known_calls.differences(mine, expected), runtime)
    out.equal(launches_by_name(trace), totals, "launches of each kernel")
    counts = {row["key"]: row["value"] for row in traceread.table(trace, "summary")}
    for name in ("graphs_partial", "graph_launches_unknown", "overlaps", "late_frees",
                 "invalid_records"):
        out.equal(counts[name], 0, name)
    out.figures = {"events": len(mine), "launches": totals}
    out.headline = f"{len(mine)} events, launches {totals}"


if __name__ == "__main__":
    outcome.main(check)
