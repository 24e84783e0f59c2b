#!/usr/bin/env python3
"""The fit of examples/cupy with CuPy's own record of it: every call of its pool, by a hook, and the
kernels that torch.profiler sees on the GPU meanwhile.

usage: cupyrecord.py FACTS.json
"""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..",
                                "examples", "cupy"))
import cupy  # noqa: E402
import fit  # noqa: E402
from memtrace_cupy import ReportPool  # noqa: E402

STEPS = 12


class Log(cupy.cuda.MemoryHook):
    """What the pool was asked for, and what it asked the driver for."""

    name = "log"

    def __init__(self):
        self.rows = []

    def alloc_postprocess(self, **told):
        self.rows.append(("driver", told["mem_ptr"], told["mem_size"]))

    def malloc_postprocess(self, **told):
        self.rows.append(("alloc", told["mem_ptr"], told["mem_size"]))

    def free_preprocess(self, **told):
        self.rows.append(("free", told["mem_ptr"], told["mem_size"]))


def profiled(work):
    """(kernels that ran, begin, end); None for the kernels where there is no torch."""
    device = cupy.cuda.Device()
    try:
        from torch.profiler import ProfilerActivity, profile
    except ImportError:
        begin = time.monotonic_ns()
        work()
        device.synchronize()
        return None, begin, time.monotonic_ns()
    path = sys.argv[1] + ".profile"
    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        device.synchronize()
        begin = time.monotonic_ns()
        work()
        device.synchronize()
        end = time.monotonic_ns()
    profiler.export_chrome_trace(path)
    with open(path, encoding="utf-8") as file:
        events = json.load(file)["traceEvents"]
    os.unlink(path)
    kernels = [event for event in events if event.get("cat") == "kernel"
               and not event["name"].lower().startswith(("memcpy", "memset"))]
    return len(kernels), begin, end


def main(path):
    log = Log()
    with log, ReportPool():
        fit.fit(2)  # what is compiled and loaded at first is no step's
        kernels, begin, end = profiled(lambda: fit.fit(STEPS))
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"log": log.rows, "kernels": kernels, "begin": begin, "end": end}, file)


main(sys.argv[1])
