#!/usr/bin/env python3
"""Allocations on small stacks and beside holes: the job goes on, and its stacks are recorded.

usage: odd_stacks.py SHIM SIMCUDA DUMP PROGRAM FOLDER
"""
import os
import sys

from native_stacks import Job

# Bytes of the job's stack that recording may take, where it begins and with an allocation.
BEGIN_BYTES, EVENT_BYTES = 4096, 4096


def survives(job, what, frames):
    """Whether the job came through, each allocation with at least so many frames."""
    job.run(job.program, what)
    depths = [len(stack) for stack in job.stacks()]
    print(f"{what}: stacks of {depths} frames")
    return bool(depths) and min(depths) >= frames


def depths(job):
    bare = [int(n) for n in job.run(job.program, "depth", LD_PRELOAD="").split()]
    wrong = 0
    for stacks in ("none", "native"):
        taken = [int(n) for n in job.run(job.program, "depth", MEMTRACE_STACKS=stacks).split()]
        added = [a - b for a, b in zip(taken, bare)]
        print(f"stacks {stacks}: recording takes {added[0]} bytes of stack to begin, "
              f"{added[1]} and {added[2]} for an allocation")
        wrong += added[0] > BEGIN_BYTES or max(added[1:]) > EVENT_BYTES
    return wrong


def main(*arguments):
    job = Job(*arguments)
    os.makedirs(job.folder, exist_ok=True)
    sound = [survives(job, "hole", 2), survives(job, "thread", 2), survives(job, "signal", 3)]
    return int(not all(sound) or depths(job) > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
