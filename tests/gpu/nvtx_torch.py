#!/usr/bin/env python3
"""Blocks of the backward pass under torch.autograd.profiler.emit_nvtx: table blocks names the
forward function for whose gradient each was made, and the program's own range around that.

usage: nvtx_torch.py
"""
import collections
import importlib.util

import jobs
import outcome
import traceread

STEPS, BATCH, WIDTHS = 6, 256, (64, 1024, 768, 512)  # no two tensors of a kind are of a size
FORWARD = {"AddmmBackward0": "aten::linear/aten::addmm", "ReluBackward0": "aten::relu"}


def layers_by_size(function):
    """{bytes of a gradient that the function makes: the layers that it can be of}"""
    found = collections.defaultdict(set)
    for index, (before, after) in enumerate(zip(WIDTHS, WIDTHS[1:])):
        if function == "ReluBackward0":
            found[4 * BATCH * after].add(index)
            continue
        found[4 * before * after].add(index)
        if index > 0:
            found[4 * BATCH * before].add(index)
    return found


def function_of(row):
    """The function of the backward pass in whose range the block was made, if it is one of ours."""
    names = str(row["range"]).split("/")
    return next((name for name in names if name in FORWARD), None)


def check_blocks(out, rows):
    """Also used by the self-test."""
    seen = collections.Counter()
    for row in rows:
        function = function_of(row)
        if row["level"] != "block" or function is None:
            continue
        layers = layers_by_size(function).get(row["size_bytes"])
        if layers is None:  # a workspace, the gradient of a bias
            continue
        expected = [f"layer{index}/{FORWARD[function]}" for index in layers]
        out.check(row["forward_range"] in expected,
                  f"{row['size_bytes']} bytes in {row['range']} are for {row['forward_range']!r}, "
                  f"not for {' or '.join(expected)}")
        seen[function, row["size_bytes"]] += 1
    for function in FORWARD:
        for size in layers_by_size(function):
            out.equal(seen[function, size], STEPS, f"blocks of {size} bytes made by {function}")
    return sum(seen.values())


def check(out, arguments):
    if importlib.util.find_spec("torch") is None:
        raise outcome.Skip("torch is not installed")
    stem = jobs.work("nvtx_torch")
    trace = stem + ".mtrace"
    jobs.remove(trace)
    command = jobs.launched(trace, jobs.python("train_nvtx.py", STEPS, BATCH, *WIDTHS))
    status, _, stderr = jobs.run(command, log=stem + ".log")
    if not out.equal(status, 0, f"exit code ({stderr.strip()[-300:]})"):
        return
    rows = traceread.table(trace, "blocks")
    mine = check_blocks(out, rows)
    named = sum(bool(row["forward_range"]) for row in rows)
    examples = sorted({str(row["forward_range"]) for row in rows if row["forward_range"]})
    out.figures = {"blocks": len(rows), "named": named, "compared": mine,
                   "ranges": examples[:40],
                   "some": sorted({str(row["range"]) for row in rows})[:40]}
    out.headline = (f"{mine} gradients of {STEPS} steps are laid to their layer and function, "
                    f"{named} of {len(rows)} blocks have a forward range")


if __name__ == "__main__":
    outcome.main(check)
