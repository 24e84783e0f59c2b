#!/usr/bin/env python3
"""CuPy's own record of its pool, and torch.profiler's of its kernels, against the trace.

usage: coverage_cupy.py
"""
import json

import compare
import covering
import exampletest
import jobs
import outcome
import traceread

KINDS = {"pool_alloc": "alloc", "pool_free": "free"}


def with_sizes(events):
    """[(alloc | free, address, size)] of the blocks that were told."""
    live, rows = {}, []
    for event in events:
        kind = KINDS.get(event["event"])
        if kind:
            size = event["size"] if kind == "alloc" else live.pop(event["address"], 0)
            if kind == "alloc":
                live[event["address"]] = size
            rows.append((kind, event["address"], size))
    return rows


def check_log(out, events, log):
    """Also used by the self-test."""
    theirs = [tuple(row) for row in log if row[0] != "driver"]
    out.none(compare.blocks(with_sizes(events), theirs), "blocks of the pool")
    driver = [("alloc", e["address"], e["size"]) for e in events if e["event"] == "alloc"]
    wanted = [("alloc", address, size) for kind, address, size in log if kind == "driver"]
    problems, matched = compare.segments(driver, wanted)
    out.none(problems, "what the pool took from the driver")
    others = [row for place, row in enumerate(driver) if place not in matched]
    out.figures.update(pool_events=len(theirs), pool_pieces=len(wanted),
                       pool_bytes=sum(row[2] for row in wanted), other_allocations=len(others),
                       other_bytes=sum(row[2] for row in others))


def check(out, _arguments):
    exampletest.needs("cupy")
    trace, facts_file = jobs.work("coverage_cupy.mtrace"), jobs.work("coverage_cupy.json")
    jobs.remove(trace, facts_file)
    status, stdout, stderr = jobs.run(
        covering.sampled(trace, jobs.python("examples/cupyrecord.py", facts_file)),
        exampletest.environment(), jobs.work("coverage_cupy.log"))
    if not out.equal(status, 0, f"exit code ({stdout[-200:]} {stderr.strip()[-300:]})"):
        return
    with open(facts_file, encoding="utf-8") as file:
        facts = json.load(file)
    events = list(traceread.events(trace, "alloc", "pool_alloc", "pool_free", "launch"))
    check_log(out, events, facts["log"])
    start = traceread.start_ns(trace)
    launches = sum(e["event"] == "launch" and
                   facts["begin"] <= e["time_ns"] + start <= facts["end"] for e in events)
    if facts["kernels"] is not None:
        out.equal(launches, facts["kernels"], "launches while torch.profiler looked")
        out.check(launches > 50, "too few launches to compare")
    summary = {row["key"]: row["value"] for row in traceread.table(trace, "summary")}
    for key in exampletest.ZERO:
        out.equal(summary.get(key), 0, key)
    out.figures.update(launches=launches, kernels=facts["kernels"])
    covering.note(out, trace, (launches, facts["kernels"]), out.figures["pool_events"],
                  "a hook of CuPy's pool")
    out.headline = ("{pool_events} calls of the pool and {pool_pieces} of the driver equal; "
                    "{launches} launches, torch.profiler {kernels}".format(**out.figures))


if __name__ == "__main__":
    outcome.main(check)
