#!/usr/bin/env python3
"""A program on an older CUDA runtime than the toolkit's: the trace holds exactly its events.

usage: old_runtime.py PACKAGE VERSION      a package of PyPI that holds the runtime's library

The package is taken from a wheel in .debs, else fetched by pip; where neither can be had the test
is skipped.
"""
import glob
import os
import shutil
import subprocess
import sys
import zipfile

import jobs
import known_calls
import outcome
import traceread


def wheel(package, version):
    """The path of the package's wheel."""
    names = f"{package.replace('-', '_')}-{version}-*.whl"
    found = glob.glob(os.path.join(".debs", names))
    if found:
        return found[0]
    folder = jobs.work("wheels")
    done = subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
                           "--dest", folder, f"{package}=={version}"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)
    found = glob.glob(os.path.join(folder, names))
    if not found:
        raise outcome.Skip(f"{package} {version} cannot be had: {done.stderr.strip()[-200:]}")
    return found[0]


def library(package, version):
    folder = jobs.work(f"{package}-{version}")
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(wheel(package, version)) as archive:
        archive.extractall(folder)
    found, = glob.glob(os.path.join(folder, "**", "libcudart.so.*"), recursive=True)
    return os.path.abspath(found)


def compiled(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr[-800:]}")


def build(stem):
    """(program, fat binary). Not compressed: an old runtime need not know how to undo it."""
    program, fatbin = stem + ".program", stem + ".fatbin"
    compiled(["gcc", "-O1", "-o", program, jobs.script("runtimes/old_runtime.c"), "-ldl"])
    compiled([known_calls.nvcc(), "-fatbin", "--no-compress", "-o", fatbin,
              jobs.script("runtimes/old_kernel.cu")])
    return program, fatbin


def check(out, arguments):
    package, version = arguments
    stem = jobs.work(f"old_runtime_{version}")
    runtime = library(package, version)
    program, fatbin = build(stem)
    printed = known_calls.record(out, [program, runtime, fatbin], stem)
    if not printed:
        return
    stdout, stderr = printed
    mine = [known_calls.line(event)
            for event in traceread.events(stem + ".mtrace", *known_calls.KINDS)]
    out.none(known_calls.differences(mine, stdout.splitlines()), version)
    told = next((line for line in stderr.splitlines() if line.startswith("version ")), "")
    out.figures = {"events": len(mine), "runtime": told.removeprefix("version ")}
    out.headline = f"runtime {out.figures['runtime']}: {len(mine)} events, exact"


if __name__ == "__main__":
    outcome.main(check)
