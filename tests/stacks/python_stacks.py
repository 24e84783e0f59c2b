#!/usr/bin/env python3
"""Stacks in traces of Python programs are those that Python names: file, function and line of each
frame, for every interpreter that is found. usage: python_stacks.py SHIM SIMCUDA DUMP

Interpreters are this one, python3.8 and later on the PATH, and those of pyenv. Of a free-threaded
one (python3.13t) no frames are read, and the trace says so.
"""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
DEPTH = 64
FREE = "t"  # behind the version of a free-threaded interpreter
ABOUT = f"""
import ctypes, sys, sysconfig
kind = "{FREE}" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
print(sys.version.split()[0] + kind)
"""


def interpreters():
    """{version: program}; of the same version one is enough."""
    programs = [sys.executable, shutil.which("python3")]
    programs += [shutil.which(f"python3.{minor}{kind}") for minor in range(8, 16)
                 for kind in ("", "t")]
    programs += ["/usr/bin/python3"] + sorted(
        glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python3")))
    found = {}
    for program in filter(None, programs):
        told = subprocess.run([program, "-c", ABOUT], capture_output=True, text=True)
        version = told.stdout.strip()
        if told.returncode == 0 and tuple(map(int, version.split(".")[:2])) >= (3, 8):
            found.setdefault(version, program)
    return found


def record(program, folder, shim, simcuda, **settings):
    """Path of a trace, and what the program expects in it."""
    trace, expected = os.path.join(folder, "x.mtrace"), os.path.join(folder, "x.json")
    environment = {**os.environ, "LD_PRELOAD": shim, "LD_LIBRARY_PATH": simcuda,
                   "MEMTRACE_OUTPUT": trace, "PYTHONUTF8": "1", **settings}
    subprocess.run([program, os.path.join(HERE, "python_program.py"), expected], check=True,
                   env=environment, timeout=120)
    with open(expected, encoding="utf-8") as file:
        return trace, json.load(file)


def read(dump, trace):
    """Events and facts of a trace."""
    def lines(*options):
        text = subprocess.run([dump, "--format=jsonl", *options, trace], check=True,
                              stdout=subprocess.PIPE).stdout
        return [json.loads(line) for line in text.splitlines()]
    return lines(), {pair["key"]: pair["value"] for pair in lines("--meta")}


def stacks(events):
    """{size: [[file, name, line], ...]} of the allocations."""
    codes, frames, found = {}, {0: None}, {}
    for event in events:
        if event["event"] == "code":
            codes[event["id"]] = event
        elif event["event"] == "frame":
            frames[event["id"]] = event
        elif event["event"] == "alloc":
            stack, at = [], event["stack"]
            while at:
                frame = frames[at]
                code = codes.get(frame["code"], {"text": "?", "detail": "native"})
                stack.append([code["text"], code["detail"], frame["where"]])
                at = frame["caller"]
            found[event["size"]] = stack
    return found


def compare(expected, found):
    """Lines about what differs."""
    for size, frames in expected.items():
        want, got = frames[:DEPTH], found.get(int(size))
        if got != want:
            yield f"allocation of {size} bytes:"
            for i in range(max(len(want), len(got or []))):
                left = want[i] if i < len(want) else None
                right = got[i] if got and i < len(got) else None
                if left != right:
                    yield f"   frame {i}: Python says {left}, the trace {right}"
            return


def wrong_with(expected, found, facts):
    wrong = list(compare(expected, found))
    wrong += [f"{key}: {facts[key]}" for key in ("stacks_python_off", "stacks_lost")
              if key in facts]
    if facts.get("stacks_python_checked") != "1":
        wrong.append("the frames were not compared with what the interpreter says")
    return wrong


def wrong_if_free(expected, found, facts):
    """The job goes on, its allocations are recorded, and it is said why they have no frames."""
    wrong = list(compare({size: [] for size in expected}, found))
    if facts.get("stacks_python_off") != "a free-threaded build":
        wrong.append(f"stacks_python_off: {facts.get('stacks_python_off')}")
    return wrong


def check(version, program, shim, simcuda, dump):
    with tempfile.TemporaryDirectory() as folder:
        trace, expected = record(program, folder, shim, simcuda, MEMTRACE_STACKS="python",
                                 MEMTRACE_STACK_DEPTH=str(DEPTH))
        events, facts = read(dump, trace)
    judge = wrong_if_free if version.endswith(FREE) else wrong_with
    wrong = judge(expected, stacks(events), facts)
    if facts.get("python_version") != version.rstrip(FREE):
        wrong.append(f"the trace names Python {facts.get('python_version')}")
    print(f"{version}: {len(expected)} allocations, {'as expected' if not wrong else 'WRONG'}")
    for line in wrong[:20]:
        print("   " + line)
    return bool(wrong)


def main(shim, simcuda, dump):
    found = interpreters()
    return any([check(version, program, shim, simcuda, dump)
                for version, program in sorted(found.items())]) or not found


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
