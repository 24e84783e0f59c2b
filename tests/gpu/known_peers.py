#!/usr/bin/env python3
"""A plain CUDA program on two GPUs: the trace holds exactly its events, each allocation on its
device, and the analysis lays each end of a copy to the block, and so the device, where it lies.

usage: known_peers.py static|shared     (which CUDA runtime the program is linked with)
"""
import collections

import jobs
import known_calls
import known_graphs
import multirank
import outcome
import traceread

FIELDS = {**known_calls.FIELDS, "alloc": ("address", "size", "device"),
          "create": ("size", "device"), "context_end": ("primary",)}
ZEROS = ("overlaps", "late_frees", "late_unmaps", "invalid_records", "copies_elsewhere",
         "pointers_unresolved", "launches_untouching", "frees_failed")


def births(lines):
    """{(address, size, device): times}"""
    return collections.Counter((int(address, 16), int(size), int(device)) for kind, address, size,
                               device in (line.split() for line in lines
                                          if line.startswith("alloc ")))


def copy_ends(lines):
    """{(read | write, device, bytes): times}, by where the program said that memory lies."""
    live, ends = {}, collections.Counter()
    for words in map(str.split, lines):
        if words[0] == "alloc":
            live[int(words[1], 16)] = (int(words[2]), int(words[3]))
        elif words[0] == "copy":
            for kind, address in (("write", words[1]), ("read", words[2])):
                address = int(address, 16)
                device, = {device for begin, (size, device) in live.items()
                           if begin <= address < begin + size}
                ends[(kind, device, int(words[3]))] += 1
        elif words[0] == "free":
            live.pop(int(words[1], 16))
    return ends


def check_analysis(out, trace, lines, totals):
    blocks = traceread.table(trace, "blocks")
    mine = collections.Counter((row["address"], row["size_bytes"], row["device"])
                               for row in blocks if row["source"] != "virtual")
    out.equal(dict(mine), dict(births(lines)), "table blocks: address, size, device")
    device = {row["block_id"]: row["device"] for row in blocks}
    ends = collections.Counter((row["kind"], device[row["block_id"]], row["size_bytes"])
                               for row in traceread.table(trace, "accesses") if row["by"] == "copy")
    out.equal(dict(ends), dict(copy_ends(lines)), "table accesses: ends of copies")
    summary = {row["key"]: row["value"] for row in traceread.table(trace, "summary")}
    for name, value in totals.items():
        out.equal(summary[name], value, name)
    for name in ZEROS:
        out.equal(summary[name], 0, name)
    out.equal(sorted({row["device"] for row in blocks}), [0, 1], "devices with blocks")
    return sum(ends.values())


def check(out, arguments):
    runtime, = arguments
    multirank.needs_gpus(2)
    program, stem = known_calls.build(runtime, "known_peers"), jobs.work(f"known_peers_{runtime}")
    trace = stem + ".mtrace"
    printed = known_calls.record(out, [program], stem, known_calls.runtime_environment())
    if not printed:
        return
    expected, totals = known_graphs.split(printed[0])
    mine = [known_calls.line(event, FIELDS)
            for event in traceread.events(trace, *FIELDS, "launch")]
    while len(mine) > len(expected) and mine[-1].startswith("context_end"):
        mine.pop()  # what the runtime lets go when the program has ended
    out.none(known_calls.differences(mine, expected), runtime)
    ends = check_analysis(out, trace, expected, totals)
    out.figures = {"events": len(mine), "expected": len(expected), "copy_ends": ends}
    out.headline = f"{len(mine)} of {len(expected)} events, exact; {ends} ends of copies"


if __name__ == "__main__":
    outcome.main(check)
