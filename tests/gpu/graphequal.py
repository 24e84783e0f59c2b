#!/usr/bin/env python3
"""torch.compile(mode="reduce-overhead"): what ran, kernels of graphs included, against
torch.profiler, and the blocks against torch's own history of the same process.

The allocator restores the state of a graph's pool by rules of its own, so sizes are not recomputed
as in equality.py: the order of allocations and frees and their addresses are compared, sizes with
what was asked for, and sums with torch's.

usage: graphequal.py
"""
import compare
import covering
import equality
import graphcount
import jobs
import outcome
import traceread

KINDS = (*graphcount.KINDS, *equality.ALLOCATOR)
HISTORY = {"alloc": "alloc", "free_requested": "free"}


def check_blocks(out, events, history):
    """Also used by the self-test."""
    mine = equality.block_events(events, 0)
    theirs = [(HISTORY[action], address, size)
              for action, address, size, *_ in history["traces"][0] if action in HISTORY]
    out.none(compare.blocks([m[:2] for m in mine], [t[:2] for t in theirs]), "order and addresses")
    small = [(m, t) for m, t in zip(mine, theirs) if m[2] < t[2]]
    out.equal(small[:2], [], "blocks smaller than what was asked for")
    sums = [e["allocated"] for e in events if e["event"] in equality.ALLOCATOR]
    out.none(compare.totals(sums, mine), "sums")
    held = [e["reserved"] for e in events if e["event"] in equality.ALLOCATOR]
    out.equal(max(sums), history["max_allocated"][0], "most bytes allocated")
    out.equal(max(held), history["max_reserved"][0], "most bytes reserved")
    out.figures.update(block_events=len(theirs), max_allocated=max(sums), max_reserved=max(held))


def check_ran(out, events, marks, profile):
    ran = graphcount.follow(events)
    for step, kernels in sorted(profile["ran"].items(), key=lambda item: int(item[0])):
        begin, end = next((b, e) for number, b, e in marks if number == int(step))
        mine = sum(count for time, count in ran if begin <= time <= end)
        out.equal(mine, kernels, f"kernels that ran in step {step}")
        out.figures["kernels_per_step"] = mine
    out.check(out.figures.get("kernels_per_step", 0) > 20, "too few kernels to compare")


def check(out, _arguments):
    stem = jobs.work("equal_reduce_overhead")
    run = equality.Run("reduce_overhead", "native", stem, "--steps", equality.STEPS)
    if not out.equal(run.status, 0, f"exit code of the traced job ({run.stderr.strip()[-300:]})"):
        return
    run.load()
    events = list(traceread.events(run.trace, *KINDS))
    check_blocks(out, events, run.history)
    check_ran(out, events, run.marks, run.profile)
    counts = {row["key"]: row["value"] for row in traceread.table(run.trace, "summary")}
    for key in ("events_lost", "overlaps", "graph_launches_unknown", "graphs_partial",
                "allocator_mismatches", "invalid_records"):
        out.equal(counts[key], 0, key)
    out.check(counts["launches_by_graphs"] > 100, "kernels ran by graphs")
    out.figures.update({key: counts[key] for key in ("launches", "launches_by_graphs", "graphs",
                                                     "graph_nodes", "graph_launches")})
    covering.note(out, run.trace, (out.figures["kernels_per_step"],
                                   max(run.profile["ran"].values())),
                  out.figures["block_events"], "torch's history")
    out.headline = ("{kernels_per_step} kernels a step, {launches_by_graphs} of {launches} by "
                    "{graph_launches} graph launches; {block_events} block events equal".format(
                        **out.figures))


if __name__ == "__main__":
    outcome.main(check)
