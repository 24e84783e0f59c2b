#!/usr/bin/env python3
"""One rank of a job that sums a tensor over all ranks, a few times at once and then by a CUDA graph
into which the sum was captured. Writes what it did to FILE, in which %r stands for the rank.

usage: train_rankgraph.py FILE
"""
import json
import os
import sys

import torch
from torch import distributed

import train_common

EAGER, REPLAYS, ELEMENTS = 3, 10, 1 << 16


def kernels_of(profiler, path):
    """How many of NCCL's kernels ran on the GPU."""
    profiler.export_chrome_trace(path)
    with open(path, encoding="utf-8") as file:
        events = json.load(file)["traceEvents"]
    os.unlink(path)
    return sum(e.get("cat") == "kernel" and "nccl" in e.get("name", "") for e in events)


def capture(work):
    """The graph, after the work was done at once on a stream of its own, as torch wants it."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(EAGER):
            work()
    torch.cuda.current_stream().wait_stream(stream)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        work()
    return graph


def main(path):
    rank = int(os.environ["RANK"])
    path = path.replace("%r", str(rank))
    torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl")
    mine = torch.full((ELEMENTS,), 1.0 + rank, device="cuda")
    total = torch.empty_like(mine)

    def work():
        torch.mul(mine, 2, out=total)
        distributed.all_reduce(total)

    graph = capture(work)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profiler:
        for _ in range(REPLAYS):
            graph.replay()
        torch.cuda.synchronize()
    train_common.write_json(path, {
        "address": total.data_ptr(), "bytes": 4 * ELEMENTS, "eager": EAGER, "replays": REPLAYS,
        "kernels": kernels_of(profiler, path + ".chrome.json"), "value": float(total[-1])})
    del graph
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])
