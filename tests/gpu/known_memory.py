#!/usr/bin/env python3
"""A plain CUDA program that takes memory in every way there is but the plain one, in two processes:
each trace holds exactly its events, what fails and what goes with its context too.

usage: known_memory.py static|shared     (which CUDA runtime the program is linked with)
"""
import collections
import glob
import os

import covering
import jobs
import known_calls
import known_graphs
import outcome
import traceread

FIELDS = {**known_calls.FIELDS,
          "alloc": ("address", "size", "device"), "alloc_failed": ("size", "error"),
          "free_failed": ("address", "error"), "create": ("size", "device"),
          "map": ("address", "size", "offset"), "retain": ("address",), "import": ("device",),
          "hint": ("address", "size", "value", "device"),
          "prefetch": ("address", "size", "device"), "array": ("size", "device"),
          "array_end": (), "global": ("address", "size"), "module_end": (), "pool": (),
          "context_end": ("primary",), "upkeep": ("why", "begins")}
LAST = ("context_end", "upkeep 6")
ZEROS = ("late_frees", "late_unmaps", "invalid_records", "events_lost", "variants")


def is_imported(event):
    return event["event"] == "alloc" and "ImportPointer" in event["api"]


def line(event):
    """In the words of known_memory.cu; a module that the driver loads for itself is none."""
    return "imported" if is_imported(event) else known_calls.line(event, FIELDS)


def by_process(printed):
    """{pid: (its lines, its totals)}, the parent first."""
    found = collections.OrderedDict()
    for prefix in ("", "child "):
        mine = [text[len(prefix):] for text in printed.splitlines()
                if text.startswith("child ") == bool(prefix)]
        lines, totals = known_graphs.split("\n".join(mine))
        found[totals.pop("pid")] = (lines, totals)
    return found


def check_one(out, what, trace, lines, totals):
    """Also used by the self-test."""
    events = list(traceread.events(trace, *FIELDS))
    mine = [line(event) for event in events]
    while len(mine) > len(lines) and mine[-1].startswith(LAST):
        mine.pop()  # what the driver lets go when the program has ended
    out.none(known_calls.differences(mine, lines), what)
    for event in events:
        if event["event"] == "alloc_failed" and event["size"]:
            out.check(0 < event["free_bytes"] <= event["total_bytes"],
                      "how much was free when an allocation failed")
    summary = {row["key"]: row["value"] for row in traceread.table(trace, "summary")}
    for name in ZEROS:
        out.equal(summary.get(name, 0), 0, f"{what}: {name}")
    for name, value in totals.items():
        out.equal(summary[name], value, f"{what}: {name}")
    return len(mine)


def check_parent(out, trace):
    blocks = traceread.table(trace, "blocks")
    sources = collections.Counter(row["source"] for row in blocks)
    out.check(all(sources[name] for name in ("driver", "managed", "async", "array", "global",
                                             "virtual", "pinned")), f"sources: {dict(sources)}")
    failed = traceread.table(trace, "failures")
    out.check(len(failed) >= 3, f"table failures: {failed}")
    out.equal(sum(row["death_ns"] == "" for row in blocks), 0, "what outlives the primary context")


def check(out, arguments):
    runtime, = arguments
    stem = jobs.work(f"known_memory_{runtime}")
    program, pattern = known_calls.build(runtime, "known_memory"), stem + ".*.mtrace"
    status, bare, stderr = jobs.run([program], known_calls.runtime_environment())
    if not out.equal(status, 0, f"exit code of the bare program ({stderr.strip()[-300:]})"):
        return
    jobs.remove(*glob.glob(pattern + "*"))
    status, stdout, stderr = jobs.run(
        covering.sampled(stem + ".%p.mtrace", [program]), known_calls.runtime_environment(),
        stem + ".log")
    if not out.equal(status, 0, f"exit code of the traced program ({stderr.strip()[-300:]})"):
        return
    out.equal(len(stdout.splitlines()), len(bare.splitlines()), "lines printed, traced and bare")
    processes = by_process(stdout)
    traces = {pid: f"{stem}.{pid}.mtrace" for pid in processes}
    out.equal(sorted(glob.glob(pattern)), sorted(traces.values()), "a trace for each process")
    parent, child = processes
    counts = [check_one(out, what, traces[pid], *processes[pid])
              for what, pid in (("parent", parent), ("child", child))
              if os.path.exists(traces[pid])]
    check_parent(out, traces[parent])
    for trace in traces.values():
        covering.check_samples(out, traceread.table(trace, "samples"), covering.changes(trace))
    out.figures["events"] = counts
    out.headline = f"two processes, {counts} events, exact"


if __name__ == "__main__":
    outcome.main(check)
