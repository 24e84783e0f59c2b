#!/usr/bin/env python3
"""Categories from behaviour against those of PyTorch's memory profiler, at the peak of its steps.

usage: categories.py resnet50|gpt

The profiler runs in the traced process. Its blocks at its peak are looked for in the trace: of all
moments at which the block that made its peak was born, the one at which most of its bytes lived, by
address. At least 95 % of the bytes of which it says something must have the same category.
"""
import collections
import json

import jobs
import outcome
import traceread

LEAST_SHARE, LEAST_FOUND = 0.95, 0.98
ARGUMENTS = ["--steps", 9, "--categories-first", 5, "--categories-steps", 2]

# What PyTorch calls it -> what it may be called here (docs/categories.md).
SAME = {
    "PARAMETER": {"parameter"}, "GRADIENT": {"gradient"}, "INPUT": {"input"},
    "OPTIMIZER_STATE": {"optimizer_state"}, "ACTIVATION": {"activation"},
    "TEMPORARY": {"temporary", "workspace"}, "AUTOGRAD_DETAIL": {"temporary", "workspace"},
}


def lives_at(block, time):
    return block["birth"] <= time and (block["death"] is None or block["death"] > time)


def closest(blocks, peak):
    """The blocks that live when most of the profiler's bytes do: {address: block}."""
    theirs = {address: size for address, size, _ in peak["blocks"]}
    best, most = {}, -1
    for moment in (block["birth"] for block in blocks if block["address"] == peak["last"]):
        live = {block["address"]: block for block in blocks if lives_at(block, moment)}
        common = sum(size for address, size in theirs.items() if address in live)
        if common > most:
            best, most = live, common
    return best


def confusion(live, peak):
    """{category here: {category there: bytes}}; what the profiler has no address for is 'none'."""
    theirs = {address: category for address, _, category in peak["blocks"]}
    table = collections.defaultdict(lambda: collections.defaultdict(int))
    for address, block in live.items():
        table[block["category"]][theirs.get(address, "none")] += block["size"]
    return {ours: dict(row) for ours, row in table.items()}


def agreement(table):
    """Bytes of which the profiler says something, and those of them with the same category."""
    said = same = 0
    for ours, row in table.items():
        for there, size in row.items():
            said += size if there in SAME else 0
            same += size if ours in SAME.get(there, ()) else 0
    return said, same


def blocks_of(trace):
    """The caching allocator's blocks, each with its category."""
    roles = {row["block_id"]: row["category"] for row in traceread.table(trace, "roles")}
    return [{"address": row["address"], "size": row["size_bytes"], "birth": row["birth_ns"],
             "death": row["death_ns"] if row["death_ns"] != "" else None,
             "category": roles.get(row["block_id"], "unknown")}
            for row in traceread.table(trace, "blocks") if row["source"] == "allocator"]


def check(out, arguments):
    model, = arguments
    trace = jobs.work(f"categories_{model}.mtrace")
    told = jobs.work(f"categories_{model}.json")
    jobs.remove(trace, told)
    command = jobs.python(f"train_{model}.py", *ARGUMENTS, "--categories", told)
    status, _, stderr = jobs.run(jobs.launched(trace, command), log=trace + ".log")
    if not out.equal(status, 0, f"exit code of the traced job ({stderr.strip()[-300:]})"):
        return
    with open(told, encoding="utf-8") as file:
        peak = json.load(file)
    iterations = len(traceread.table(trace, "iterations"))
    out.check(8 <= iterations <= 9, f"{iterations} iterations were found, of 9")
    live = closest(blocks_of(trace), peak)
    theirs = sum(size for _, size, _ in peak["blocks"])
    found = sum(size for address, size, _ in peak["blocks"] if address in live)
    out.check(theirs > 0 and found >= LEAST_FOUND * theirs,
              f"of {theirs} bytes of the profiler's peak {found} are in the trace at one moment")
    table = confusion(live, peak)
    said, same = agreement(table)
    share = same / said if said else 0
    out.check(share >= LEAST_SHARE, f"{100 * share:.2f} % of {said} bytes agree")
    out.figures = {"share": share, "said_bytes": said, "peak_bytes": peak["bytes"],
                   "found_bytes": found, "table": table}
    out.headline = f"{100 * share:.2f} % of {said / 2**20:.0f} MiB agree at the peak"


if __name__ == "__main__":
    outcome.main(check)
