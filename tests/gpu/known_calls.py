#!/usr/bin/env python3
"""A plain CUDA program with known numbers of calls: the trace holds exactly those events.

usage: known_calls.py static|shared     (which CUDA runtime the program is linked with)
"""
import os
import shutil
import subprocess

import jobs
import outcome
import traceread

FIELDS = {
    "alloc": ("address", "size"), "free": ("address",), "alloc_failed": ("size",),
    "host_alloc": ("address", "size"), "host_free": ("address",), "reserve": ("address", "size"),
    "unreserve": ("address", "size"), "create": ("size",), "release": (),
    "map": ("address", "size"), "unmap": ("address", "size"), "graph_launch": (),
    "graph": ("nodes", "flags"), "graph_update": ("first", "nodes", "state"), "graph_end": (),
    "copy": ("destination", "source", "size"),
    "copy_rect": ("destination", "source", "width", "height", "depth"),
    "set": ("address", "width", "height"),
}
HEX = {"address", "destination", "source"}
KINDS = (*FIELDS, "launch")
# MT_LAUNCH_* of src/event/event.h
CAPTURED, NODE, MAYBE = 1, 8, 16


def nvcc():
    found = shutil.which("nvcc") or os.path.join(
        os.environ.get("CUDA_HOME", "/usr/local/cuda"), "bin", "nvcc")
    if not os.path.exists(found):
        raise outcome.Skip("no nvcc")
    return found


def build(runtime, source="known_calls"):
    program = jobs.work(f"{source}_{runtime}")
    more = ["-DBY_DLSYM", "-ldl"] if runtime == "shared" else libcuda()
    # No -arch: the oldest PTX that this nvcc knows runs on whatever GPU is there.
    command = [nvcc(), "-O1", "-cudart", runtime, "-o", program, jobs.script(source + ".cu"),
               *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr[-800:]}")
    return program


def toolkit():
    return os.path.dirname(os.path.dirname(os.path.realpath(nvcc())))


def libcuda():
    """What links the driver: the toolkit's stub, else the driver itself."""
    for place in ("lib64", "lib", "targets/x86_64-linux/lib"):
        stubs = os.path.join(toolkit(), place, "stubs")
        if os.path.exists(os.path.join(stubs, "libcuda.so")):
            return ["-L" + stubs, "-lcuda"]
    return ["-l:libcuda.so.1"]


def library_path():
    """Where a program with the shared runtime finds it."""
    return os.pathsep.join([os.environ.get("LD_LIBRARY_PATH", ""),
                            os.path.join(toolkit(), "lib64"),
                            os.path.join(toolkit(), "lib")]).strip(os.pathsep)


def launch_line(event):
    flags = event["flags"]
    what = ("maybe" if flags & MAYBE else "node" if flags & NODE
            else "captured" if flags & CAPTURED else "launch")
    name = event.get("text", "?")
    known = next((k for k in ("known_add", "known_boxed", "known_nothing") if k in name), name)
    words = [f"{word['offset']}:{word['address']:#x}" for word in event["words"]]
    return " ".join([what, known, *words])


def line(event, fields=None):
    """An event in the words of known_calls.cu. `fields`: others than FIELDS."""
    if event["event"] == "launch":
        return launch_line(event)
    names = (fields or FIELDS)[event["event"]]
    values = [hex(event[f]) if f in HEX else str(event[f]) for f in names]
    # What a graph does names the function that does it.
    node = ["node"] if event.get("api") == "cuGraphLaunch" else []
    return " ".join([*node, event["event"], *values])


def differences(mine, expected):
    problems = [f"event {number}: {a!r} in the trace, {b!r} by the program"
                for number, (a, b) in enumerate(zip(mine, expected)) if a != b][:5]
    if len(mine) != len(expected):
        problems.append(f"{len(mine)} events in the trace, {len(expected)} by the program")
    return problems


def check_host(out, trace, lines):
    """Page-locked memory is a level of table blocks: what the program says, with its copies."""
    said = [(int(words[1], 16), int(words[2])) for words in map(str.split, lines)
            if words[0] == "host_alloc"]
    rows = [row for row in traceread.table(trace, "blocks") if row["level"] == "host"]
    out.equal(sorted((row["address"], row["size_bytes"]) for row in rows), sorted(said),
              "table blocks: page-locked memory")
    out.equal({row["source"] for row in rows}, {"pinned", "registered"}, "where it comes from")
    first = {row["address"]: row for row in sorted(rows, key=lambda row: -row["birth_ns"])}
    out.check(first[said[0][0]]["reads"] >= 2 and first[said[1][0]]["writes"] >= 1,
              "copies from and to page-locked memory are its reads and writes")


def record(out, command, stem, environment=None):
    """Run a program that foretells its events, bare and then traced into STEM.mtrace. What it
    printed when traced, on stdout and stderr, or None if it does not even run bare."""
    trace = stem + ".mtrace"
    status, bare, stderr = jobs.run(command, environment)
    if not out.equal(status, 0, f"exit code of the bare program ({stderr.strip()})"):
        return None
    jobs.remove(trace)
    status, stdout, stderr = jobs.run(jobs.launched(trace, command), environment, stem + ".log")
    out.equal(status, 0, f"exit code of the traced program ({stderr.strip()})")
    out.equal(len(stdout.splitlines()), len(bare.splitlines()),
              "lines printed, traced against bare")
    return stdout, stderr


def runtime_environment():
    return {**os.environ, "LD_LIBRARY_PATH": library_path()}


def check(out, arguments):
    runtime, = arguments
    stem = jobs.work(f"known_calls_{runtime}")
    printed = record(out, [build(runtime)], stem, runtime_environment())
    if not printed:
        return
    expected = printed[0].splitlines()
    events = list(traceread.events(stem + ".mtrace", *KINDS))
    mine = [line(event) for event in events]
    out.none(differences(mine, expected), runtime)
    check_host(out, stem + ".mtrace", expected)
    out.figures = {"events": len(mine), "expected": len(expected),
                   "kinds": sorted({event["event"] for event in events}),
                   "apis": sorted({event["api"] for event in events if "api" in event})}
    out.headline = f"{len(mine)} of {len(expected)} events, exact"


if __name__ == "__main__":
    outcome.main(check)
