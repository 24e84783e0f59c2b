#!/usr/bin/env python3
"""Allocations on small stacks and beside holes: the job goes on, and its stacks are recorded.

usage: odd_stacks.py SHIM SIMCUDA DUMP PROGRAM FOLDER LIBRARY LIBRARY FAKE-PYTHON ANALYZE
"""
import os
import sys

from native_stacks import Job

# Bytes of the job's stack that recording may take, where it begins and with an allocation.
BEGIN_BYTES, EVENT_BYTES = 4096, 4096

# What an interpreter says of itself, and why its frames are not read.
FAKES = {
    "3.14.0 free-threading build (main, Jan 1 2026) [GCC]": "a free-threaded build",
    "3.13.1 experimental free-threading build (main)": "a free-threaded build",
    "3.99.0 (main)": "an unknown version", "4.0.0": "an unknown version", "": "an unknown version",
    **{f"3.{minor}.0 (main)": "its frames do not look as they should" for minor in range(8, 16)},
}


def survives(job, what, frames):
    """Whether the job came through, each allocation with at least so many frames."""
    job.run(job.program, what)
    depths = [len(stack) for stack in job.stacks()]
    print(f"{what}: stacks of {depths} frames")
    return bool(depths) and min(depths) >= frames


def reloaded(job, libraries):
    """Two libraries, one after the other at the same place, from which another way leads out: both
    are on the stack by their own name, and what lies outside of them is the same."""
    if job.run(job.program, "reload", *libraries).strip() != "1":
        print("reload: the libraries came to lie at different places; nothing to see")
        return True
    modules = {event["id"]: os.path.basename(event["text"])
               for event in job.events("--kind=module")}
    frames = {event["id"]: event for event in job.events("--kind=frame")}
    found = []
    for event in job.events("--kind=alloc"):
        stack, at = [], event["stack"]
        while at:
            stack.append((modules[frames[at]["module"]], frames[at]["where"]))
            at = frames[at]["caller"]
        found.append(stack)
    print("reload:", found)
    names = [stack[0][0] for stack in found]
    return (names == [os.path.basename(name) for name in libraries] and len(found[0]) > 3
            and found[0][1:] == found[1][1:] and found[0][0][1] == found[1][0][1])


def threads(job):
    """Threads come and go and take over what others kept: stacks are as deep as sizes say."""
    job.run(job.program, "threads")
    sizes = [event["size"] for event in job.events("--kind=alloc")]
    stacks = job.stacks()
    beyond = {len(stack) - size // 256 for size, stack in zip(sizes, stacks)}
    within = {len(set(stack)) for stack in stacks}
    print(f"threads: {len(stacks)} stacks of {len(set(sizes))} depths, "
          f"{beyond} frames beyond these")
    return len(stacks) == 20 * 6 * 60 and len(beyond) == 1 and max(within) <= 6


def fakes(job, library, analyze):
    """Interpreters that are not what they seem: Python's frames are off, and it is said why."""
    wrong = 0
    for version, reason in FAKES.items():
        job.run(job.program, "signal", MEMTRACE_STACKS="auto", FAKE_PYTHON=version,
                LD_PRELOAD=f"{job.settings['LD_PRELOAD']}:{library}")
        facts = {pair["key"]: pair["value"] for pair in job.events("--meta")}
        story = job.run(analyze, "--explain", job.trace, LD_PRELOAD="")
        if (facts.get("stacks_python_off") != reason
                or f"  stacks     none of Python: {reason}\n" not in story):
            wrong += 1
            print(story, f"{version!r}: {facts.get('stacks_python_off')!r}, expected {reason!r}")
    print(f"{len(FAKES)} that are no interpreters to be read, {wrong} wrong")
    return wrong


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
    job, libraries, fake = Job(*arguments[:5]), arguments[5:7], arguments[7:]
    os.makedirs(job.folder, exist_ok=True)
    sound = [survives(job, "hole", 2), survives(job, "thread", 2), survives(job, "signal", 3),
             reloaded(job, libraries), threads(job)]
    return int(not all(sound) or depths(job) + fakes(job, *fake) > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
