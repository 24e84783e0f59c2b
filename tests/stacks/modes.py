#!/usr/bin/env python3
"""What each setting records: --stacks in all its words, --launch-stacks; of requests that succeed
and fail, from all kinds of threads and from sub-interpreters.

usage: modes.py SHIM SIMCUDA DUMP STRAYS
"""
import json
import os
import subprocess
import sys
import tempfile

from python_stacks import DEPTH, FREE, HERE, interpreters, read

KINDS = {"alloc": "size", "alloc_failed": "size", "block_oom": "size", "block_alloc": "size"}


class Stacks:
    """Of a trace: {what it is called: (native frames as (library, address), Python's)}."""

    def __init__(self, events):
        self.codes, self.modules, self.frames, self.found = {}, {0: "?"}, {}, {}
        self.stacks = set()
        for event in events:
            self.take(event)

    def take(self, event):
        kind = event["event"]
        if kind == "code":
            self.codes[event["id"]] = [event["text"], event["detail"]]
        elif kind == "module":
            self.modules[event["id"]] = event["text"]
        elif kind == "frame":
            self.frames[event["id"]] = event
        elif kind == "launch":
            self.found["launch"] = self.split(event["stack"])
        elif kind in KINDS:
            name = "alloc" if kind == "alloc_failed" else kind
            self.found[f"{name} {event['size']}"] = self.split(event["stack"])

    def split(self, at):
        native, python = [], []
        while at:
            frame = self.frames[at]
            if frame["code"]:
                python.append([*self.codes[frame["code"]], frame["where"]])
            else:
                assert not python, "a native frame below one of Python"
                native.append((self.modules[frame["module"]], frame["where"]))
            at = frame["caller"]
        return native, python


def is_interpreters(library):
    return os.path.basename(library).startswith(("python", "libpython"))


def wrong_with(mode, what, frames, found):
    native, python = found
    has_python = mode in ("auto", "python", "both") and frames is not None
    want = frames[:DEPTH - len(native)] if has_python else []
    if python != want:
        return f"{what}: Python's frames are {python[:3]}..., expected {want[:3]}..."
    if bool(native) != (mode in ("native", "both")):
        return f"{what}: {len(native)} native frames"
    if mode == "both" and frames is not None and any(is_interpreters(lib) for lib, _ in native):
        return f"{what}: native frames of the interpreter above Python's: {native}"
    if mode == "native" and frames is not None and not any(is_interpreters(lib)
                                                           for lib, _ in native):
        return f"{what}: none of the interpreter's frames: {native}"
    return None


def check(version, program, mode, launches, paths):
    shim, simcuda, dump, strays = paths
    with tempfile.TemporaryDirectory() as folder:
        trace, told = os.path.join(folder, "x.mtrace"), os.path.join(folder, "x.json")
        environment = {**os.environ, "LD_PRELOAD": shim, "LD_LIBRARY_PATH": simcuda,
                       "MEMTRACE_OUTPUT": trace, "MEMTRACE_STACKS": mode,
                       "MEMTRACE_STACK_DEPTH": str(DEPTH), "MEMTRACE_LAUNCH_STACKS": str(launches)}
        subprocess.run([program, os.path.join(HERE, "modes_program.py"), strays, told], check=True,
                       env=environment, timeout=120)
        found = Stacks(read(dump, trace)[0]).found
        with open(told, encoding="utf-8") as file:
            expected = json.load(file)
    if version.endswith(FREE):  # of which no frames of Python are read
        expected = {what: None for what in expected}
        mode = {"auto": "native"}.get(mode, mode)
    wrong = [f"{what} is not in the trace" for what in expected if what not in found]
    for what, frames in expected.items():
        silent = mode == "none" or (what == "launch" and not launches)
        if what not in found:
            continue
        if silent and found[what] != ([], []):
            wrong.append(f"{what}: has a stack")
        elif not silent:
            wrong.append(wrong_with(mode, what, frames, found[what]))
    return [line for line in wrong if line]


def main(*paths):
    failed = 0
    versions = sorted(interpreters().items())
    runs = [(*version, mode, 1) for version in versions for mode in ("auto", "both")]
    runs += [("", sys.executable, mode, 1) for mode in ("none", "python", "native")]
    runs += [("", sys.executable, "auto", 0)]
    for version, program, mode, launches in runs:
        wrong = check(version, program, mode, launches, paths)
        failed += bool(wrong)
        print(f"{mode}, launches {launches}, {program}: {'WRONG' if wrong else 'as expected'}")
        for line in wrong[:5]:
            print("   " + line)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
