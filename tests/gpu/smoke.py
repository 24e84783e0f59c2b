#!/usr/bin/env python3
"""A program of another framework runs as before when it is traced, and its trace holds something.

usage: smoke.py cupy|jax|compile|async_pool
"""
import importlib.util
import os

import jobs
import outcome
import traceread

EXIT = 3  # what every program ends with: an exit code of its own must come through
ENVIRONMENT = {
    # JAX would take three quarters of the memory; other tests run beside it.
    "jax": {"XLA_PYTHON_CLIENT_MEM_FRACTION": "0.05"},
    "async_pool": {"PYTORCH_CUDA_ALLOC_CONF": "backend:cudaMallocAsync"},
}
MODULE = {"cupy": "cupy", "jax": "jax", "compile": "torch", "async_pool": "torch"}


def needs(name):
    if importlib.util.find_spec(MODULE[name]) is None:
        raise outcome.Skip(f"{MODULE[name]} is not installed")


def check(out, arguments):
    name, = arguments
    needs(name)
    command = jobs.python(f"smoke_{name}.py")
    environment = {**os.environ, **ENVIRONMENT.get(name, {})}
    pattern, stem = jobs.work(f"smoke_{name}.%p.mtrace"), jobs.work(f"smoke_{name}.")
    jobs.remove(*jobs.matching(f"smoke_{name}.", ".mtrace"))
    bare = jobs.run(command, environment, stem + "bare.log")
    out.equal(bare[0], EXIT, f"exit code of the bare program ({bare[2].strip()[-300:]})")
    # Without the launcher, as a user may: stderr must then be the program's own too.
    traced = jobs.run(command, jobs.preloaded(pattern, environment), stem + "traced.log")
    out.equal(traced[0], bare[0], "exit code, traced against bare")
    out.equal(traced[1], bare[1], "stdout, traced against bare")
    out.check("memtrace" not in traced[2], f"the recorder complains: {traced[2][-300:]}")
    traces = jobs.matching(f"smoke_{name}.", ".mtrace")
    out.check(bool(traces), "no trace was written")
    kinds = {}
    for path in traces:
        for event in traceread.events(path):
            kinds[event["event"]] = kinds.get(event["event"], 0) + 1
    out.check(kinds.get("launch", 0) + kinds.get("graph_launch", 0) > 0, "no launch was recorded")
    out.check(kinds.get("alloc", 0) + kinds.get("map", 0) > 0, "no driver memory was recorded")
    if name == "async_pool":  # the allocator stands aside: tensors are the driver's own
        out.check(kinds.get("alloc", 0) >= 20, "tensors are missing among the driver's allocations")
        out.equal(kinds.get("block_alloc", 0), 0, "blocks of a caching allocator")
    for path in traces:
        counts = {row["key"]: row["value"] for row in traceread.table(path, "summary")}
        out.equal(counts["graph_launches_unknown"], 0, "launches of unknown graphs")
        out.equal(counts["graphs_partial"], 0, "graphs that could not be looked at")
    out.equal(kinds.get("lost", 0), 0, "records of lost events")
    out.figures = {"traces": len(traces), "kinds": kinds}
    out.headline = (f"{sum(kinds.values())} events, {kinds.get('launch', 0)} launches, "
                    f"output and exit code unchanged")


if __name__ == "__main__":
    outcome.main(check)
