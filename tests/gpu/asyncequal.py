#!/usr/bin/env python3
"""Training on the driver's stream-ordered pools (backend:cudaMallocAsync): every tensor is an
allocation of the driver's own. The trace against torch.profiler, which sees each call of
cudaMallocAsync and cudaFreeAsync, and against what the pool itself counts.

usage: asyncequal.py gpt|resnet50
"""
import bisect
import json
import types

import covering
import equality
import jobs
import outcome
import traceread

ALLOCS = ("cuMemAllocAsync", "cuMemAllocFromPoolAsync")


def is_api(event, names):
    """Whether one of these made it, in whichever variant (cuMemAllocAsync_ptsz)."""
    return event.get("api", "").removesuffix("_ptsz") in names


class Pool:
    """The blocks of the pools, followed through a trace."""

    def __init__(self, events, until):
        self.births, self.deaths, self.live = [], [], {}
        self.now = self.peak = 0
        for event in events:
            if event["time_ns"] <= until:
                self.follow(event)

    def follow(self, event):
        if event["event"] == "alloc" and is_api(event, ALLOCS):
            self.births.append(event["time_ns"])
            self.live[event["address"]] = event["size"]
            self.grow(event["size"], 1)
        elif event["event"] == "free" and event["address"] in self.live:
            self.deaths.append(event["time_ns"])
            self.grow(self.live.pop(event["address"]), -1)

    def grow(self, size, sign):
        self.now += sign * size
        self.peak = max(self.peak, self.now)


def per_step(times, marks):
    return {str(step): bisect.bisect_right(times, end) - bisect.bisect_left(times, begin)
            for step, begin, end in marks}


def check_pool(out, run, pool, stats):
    for what, times in (("allocs", pool.births), ("frees", pool.deaths)):
        mine, theirs = per_step(times, run.marks), run.profile["pools"][what]
        out.check(sum(theirs.values()) > 100, f"torch.profiler saw too few {what}: {theirs}")
        out.equal({step: mine[step] for step in theirs}, theirs, f"{what} in each step")
        out.figures[what + "_per_step"] = mine[max(theirs, key=int)]
    out.equal(pool.now, stats["allocated"], "bytes that the pool counts at the end")
    out.equal(pool.peak, stats["max_allocated"], "most bytes that the pool counts at a time")
    out.figures.update(allocs=len(pool.births), frees=len(pool.deaths), bytes=pool.now,
                       peak=pool.peak, torch=stats)


def check_summary(out, run):
    counts = {row["key"]: row["value"] for row in traceread.table(run.trace, "summary")}
    for key in ("events_lost", "events_damaged", "overlaps", "late_frees", "invalid_records",
                "launches_arguments_unknown", "blocks_allocated"):
        out.equal(counts[key], 0, key)
    rows = traceread.table(run.trace, "blocks")
    out.equal(sum(row["source"] == "async" for row in rows),
              sum(e["event"] == "alloc" and is_api(e, ALLOCS) for e in run.events),
              "rows of table blocks with source async")


def check(out, arguments):
    model, = arguments
    stem = jobs.work(f"equal_{model}_async")
    run = equality.Run(model, "async", stem, "--steps", equality.STEPS, "--stats",
                       stem + ".stats.json")
    if not out.equal(run.status, 0, f"exit code of the traced job ({run.stderr.strip()[-300:]})"):
        return
    run.load()
    with open(stem + ".stats.json", encoding="utf-8") as file:
        stats = json.load(file)
    out.equal(stats["backend"], "cudaMallocAsync", "torch's allocator")
    pool = Pool(run.events, stats["ns"] - traceread.start_ns(run.trace))
    check_pool(out, run, pool, stats)
    equality.check_launches(out, run, types.SimpleNamespace(segments=[]))
    check_summary(out, run)
    covering.note(out, run.trace, (out.figures["launches_per_step"],
                                   out.figures["profiler_launches_per_step"]),
                  len(pool.births) + len(pool.deaths), "torch.profiler, the pool")
    out.headline = ("{allocs_per_step} allocations, {frees_per_step} frees and {launches_per_step} "
                    "launches a step, as torch.profiler counts".format(**out.figures))


if __name__ == "__main__":
    outcome.main(check)
