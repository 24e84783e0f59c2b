#!/usr/bin/env python3
"""Kernels that run by CUDA graphs: as many in the trace as torch.profiler saw on the GPU.

usage: graphcount.py replay|reduce_overhead
"""
import json

import jobs
import outcome
import traceread

NODE, CAPTURED = 8, 1  # MT_LAUNCH_* of src/event/event.h
KINDS = ("launch", "copy", "copy_rect", "set", "alloc", "free", "graph", "graph_update",
         "graph_end", "graph_launch")


def follow(events):
    """[(time, kernels)]: when kernels ran, and how many at once."""
    holds, opening, ran = {}, {}, []
    for event in events:
        kind, thread = event["event"], event["thread"]
        if kind == "launch" and event["flags"] & NODE or (
                kind in KINDS[1:6] and opening.get(thread, [0, 0])[1] > 0
                and event.get("api") == "cuGraphLaunch"):
            graph, left, place = opening[thread]
            nodes = holds[graph]
            nodes[place:place + 1] = [kind == "launch"]
            opening[thread] = [graph, left - 1, place + 1]
        elif kind == "launch" and not event["flags"] & CAPTURED:
            ran.append((event["time_ns"], 1))
        elif kind == "graph":
            holds[event["graph"]] = []
            opening[thread] = [event["graph"], event["nodes"], 0]
        elif kind == "graph_update":
            opening[thread] = [event["graph"], event["nodes"], event["first"]]
        elif kind == "graph_launch":
            ran.append((event["time_ns"], sum(holds.get(event["graph"], []))))
    return ran


def check(out, arguments):
    what, = arguments
    trace, facts = jobs.work(f"graphs_{what}.mtrace"), jobs.work(f"graphs_{what}.json")
    jobs.remove(trace, facts)
    command = jobs.python("train_graphs.py", what, facts)
    status, _, stderr = jobs.run(jobs.launched(trace, command), log=jobs.work(f"graphs_{what}.log"))
    if not out.equal(status, 0, f"exit code ({stderr.strip()[-300:]})"):
        return
    with open(facts, encoding="utf-8") as file:
        torch = json.load(file)
    start = traceread.start_ns(trace)
    begin, end = torch["begin"] - start, torch["end"] - start
    ran = follow(traceread.events(trace, *KINDS))
    mine = sum(kernels for time, kernels in ran if begin <= time <= end)
    out.equal(mine, torch["kernels"], "kernels while torch.profiler looked")
    counts = {row["key"]: row["value"] for row in traceread.table(trace, "summary")}
    out.equal(counts["launches"], sum(kernels for _, kernels in ran), "launches, by the analysis")
    out.check(counts["launches_by_graphs"] > 0, "no kernel ran by a graph")
    out.equal(counts["graph_launches_unknown"], 0, "launches of unknown graphs")
    out.equal(counts["graphs_partial"], 0, "graphs that could not be looked at")
    out.figures = {"kernels": torch["kernels"], **{name: counts[name] for name in (
        "launches", "launches_by_graphs", "graphs", "graph_nodes", "graph_launches",
        "graph_updates")}}
    out.headline = f"{mine} kernels in {torch['steps']} steps, as torch.profiler counts"


if __name__ == "__main__":
    outcome.main(check)
