#!/usr/bin/env python3
"""A program of nvcc on the simulated runtime, recorded, against what it says it did.

usage: check_nvcc.py NVCC SOURCE SHIM DUMP FOLDER. Exit 77 where nvcc is not of the runtime's
version.
MT_SIM names the folder of the simulated libraries.
"""
import json
import os
import re
import shutil
import subprocess
import sys

SKIPPED = 77


def compile_program(nvcc, source, program, flags):
    version = subprocess.run([nvcc, "--version"], capture_output=True, text=True, check=False)
    if not re.search(r"release 13\.", version.stdout):
        print(f"skipped: {nvcc} is not of CUDA 13, whose runtime is simulated")
        sys.exit(SKIPPED)
    subprocess.run([nvcc, "-arch=sm_90", "--no-compress", "-cudart", "shared", *flags, "-o",
                    program, source], check=True)


def record(program, shim, trace):
    """What the program printed."""
    environment = dict(os.environ, LD_LIBRARY_PATH=os.environ["MT_SIM"], LD_PRELOAD=shim,
                       MEMTRACE_OUTPUT=trace)
    done = subprocess.run([program], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == "", done.stderr
    return done.stdout.splitlines()


def short_name(mangled):
    """add of _Z3addPfPKfi; what is not of this kind stays."""
    match = re.match(r"_Z(\d+)(\w+)", mangled)
    return match[2][:int(match[1])] if match else mangled


def line_of(event):
    """An event in the words of the program, None for those it does not speak of."""
    kind = event["event"]
    if kind in ("alloc", "host_alloc"):
        return f"{kind} {event['address']} {event['size']}"
    if kind in ("free", "host_free"):
        return f"{kind} {event['address']}"
    if kind == "copy":
        return f"copy {event['destination']} {event['size']}"
    if kind == "set":
        return f"set {event['address']} {event['width'] * event['height']}"
    if kind == "alloc_failed":
        return f"alloc_failed {event['size']}"
    if kind == "launch":
        words = " ".join(word["address"] for word in event["words"])
        return f"launch {short_name(event['text'])} {words}"
    return None


def recorded(dump, trace):
    done = subprocess.run([dump, trace, "--format", "jsonl"], capture_output=True, text=True,
                          check=True)
    events = (json.loads(line) for line in done.stdout.splitlines())
    return [line for line in map(line_of, events) if line]


def main(nvcc, source, shim, dump, folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    program, trace = os.path.join(folder, "program"), os.path.join(folder, "t.mtrace")
    for flags in ([], ["-default-stream", "per-thread"]):
        compile_program(nvcc, source, program, flags)
        said = record(program, shim, trace)
        found = recorded(dump, trace)
        for number, (one, other) in enumerate(zip(said, found)):
            if one != other:
                sys.exit(f"event {number}: done was {one}, recorded is {other}")
        if len(said) != len(found) or len(said) < 10:
            sys.exit(f"{len(said)} events done, {len(found)} recorded:\n" + "\n".join(found))
        os.remove(trace)
    print("ok")


if __name__ == "__main__":
    main(*sys.argv[1:])
