#!/usr/bin/env python3
"""The steps of examples/jax, some of them under jax.profiler, and what JAX's allocator says at the
end.

usage: jaxrecord.py FACTS.json
"""
import glob
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..",
                                "examples", "jax"))
import jax  # noqa: E402
import network  # noqa: E402
import numpy  # noqa: E402

WARMUP, STEPS = 10, 8


def kernels_of(folder):
    """({line of a GPU's plane: events}, kernels). Lines of streams hold what ran; others sum up."""
    lines, kernels = {}, 0
    for path in glob.glob(os.path.join(folder, "**", "*.xplane.pb"), recursive=True):
        for plane in jax.profiler.ProfileData.from_file(path).planes:
            if "/device:GPU" not in plane.name:
                continue
            for line in plane.lines:
                names = [event.name for event in line.events]
                lines[f"{plane.name} {line.name}"] = len(names)
                if line.name.startswith("Stream"):
                    kernels += sum(not name.lower().startswith(("memcpy", "memset"))
                                   for name in names)
    return lines, kernels


def run(state, random, steps):
    for _ in range(steps):
        state, value = network.step(state, *network.batch(random))
    jax.block_until_ready((state, value))
    return state


def main(path):
    state, random = network.build(), numpy.random.default_rng(0)
    state = run(state, random, WARMUP)
    folder = path + ".profile"
    with jax.profiler.trace(folder):
        begin = time.monotonic_ns()
        state = run(state, random, STEPS)
        end = time.monotonic_ns()
    lines, kernels = kernels_of(folder)
    stats = jax.devices()[0].memory_stats() or {}
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"begin": begin, "end": end, "kernels": kernels, "lines": lines, "steps": STEPS,
                   "now": time.monotonic_ns(), "stats": stats}, file)


main(sys.argv[1])
