#!/usr/bin/env python3
"""A job on the simulated device, recorded with native stacks: every function and line of the job's
own code is the one that addr2line tells. usage: stack_names.py TOOLDIR JOB SIMCUDA
"""
import csv
import io
import os
import subprocess
import sys
import tempfile


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


def frames_of(tools, trace):
    """frame_id -> [(function, file, line)], address; of native frames in the job itself."""
    text = run(os.path.join(tools, "memtrace-analyze"), "--table=frames", "--format=csv", trace)
    frames = {}
    for row in csv.DictReader(io.StringIO(text)):
        if row["kind"] == "native" and row["file"]:
            lines = frames.setdefault(row["frame_id"], (row["module"], row["module_address"], []))
            lines[2].append((row["function"], os.path.basename(row["file"]), row["line"]))
    return frames.values()


def reference(module, address):
    lines = run("addr2line", "-i", "-f", "-C", "-e", module,
                f"{int(address, 16) - 1:#x}").splitlines()
    places = [line.split(" ")[0].rpartition(":") for line in lines[1::2]]
    return [(function, os.path.basename(file), line)
            for function, (file, _, line) in zip(lines[::2], places)]


def main(tools, job, simcuda):
    with tempfile.TemporaryDirectory() as folder:
        trace = os.path.join(folder, "job.mtrace")
        run(os.path.join(tools, "memtrace"), "-q", "-o", trace, "--stacks=native", "--", job,
            "-s", "3", env={**os.environ, "LD_LIBRARY_PATH": simcuda})
        frames = [f for f in frames_of(tools, trace) if f[0] == os.path.realpath(job)]
    wrong = 0
    for module, address, lines in frames:
        expected = reference(module, address)
        if lines != expected:
            wrong += 1
            print(f"{address}: {lines}, addr2line says {expected}")
    known = {function for _, _, lines in frames for function, _, _ in lines}
    print(f"{len(frames)} frames, {wrong} wrong; functions: {' '.join(sorted(known))}")
    return wrong > 0 or not {"main", "driver_alloc"} <= known


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
