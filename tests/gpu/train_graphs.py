"""Training steps that run by CUDA graphs, some of them under torch.profiler.

usage: train_graphs.py replay|reduce_overhead FACTS.json

The facts: how many kernels the profiler saw on the GPU, and when it began and ended to look, on
CLOCK_MONOTONIC.
"""
import json
import sys
import time

import torch
from torch.profiler import ProfilerActivity, profile

STEPS = 8

torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(256, 512), torch.nn.GELU(),
                          torch.nn.Linear(512, 64)).cuda()
x = torch.randn(128, 256, device="cuda")


def by_replay():
    """Forward and backward, captured once."""
    def work():
        for parameter in net.parameters():
            parameter.grad = None
        net(x).square().mean().backward()

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


def by_compiler():
    step = torch.compile(lambda data: net(data).square().mean(), mode="reduce-overhead")

    def work():
        torch.compiler.cudagraph_mark_step_begin()
        net.zero_grad()
        step(x).backward()

    return work


def main(what, path):
    work = by_replay() if what == "replay" else by_compiler()
    for _ in range(6):  # reduce-overhead records its graphs in the first steps
        work()
    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler:
        torch.cuda.synchronize()
        begin = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        for _ in range(STEPS):
            work()
        torch.cuda.synchronize()
        end = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    profiler.export_chrome_trace(path + ".profile")
    with open(path + ".profile", encoding="utf-8") as file:
        events = json.load(file)["traceEvents"]
    # The driver copies and sets small memory by kernels of its own (memcpy32_post); a graph
    # holds no kernel node for them but the copy or set.
    kernels = sum(event.get("cat") == "kernel" and
                  not event["name"].startswith(("memcpy", "memset")) for event in events)
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"kernels": kernels, "begin": begin, "end": end, "steps": STEPS}, file)


main(*sys.argv[1:])
