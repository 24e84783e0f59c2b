#!/usr/bin/env python3
"""Count what one call of each hook touches: lines of 64 bytes and pages of 4 KiB, of code, of data
read and of data written.

    python3 tests/bench/coldlines.py BUILDDIR

A call where a framework ran before it waits for each of them (bench-cold), so this is what makes a
hook cheap in a real job; the figures are the same in every run. valgrind's tool lackey tells the
accesses; those that follow an instruction of the recorder count, whatever they touch. Of five calls
the least is taken: the others may have met the unusual, such as a page that is new.
"""
import os
import re
import subprocess
import sys
import tempfile

# The kinds of calls of bench-cold, in its order, by the hooks that each consists of.
REPORT = "_ZN3c1027reportMemoryUsageToProfilerEPvlmmNS_6DeviceE"
KINDS = (("launch", ["cuLaunchKernel"]), ("launch_ex", ["cuLaunchKernelEx"]),
         ("launch_large", ["cuLaunchKernelEx"]), ("alloc_free", ["cuMemAlloc_v2", "cuMemFree_v2"]),
         ("block", [REPORT, REPORT]))
CALLS = 5
LINES = ("code", "read", "written")
FIGURES = ("instructions", *LINES, "pages")


def symbols(library):
    """Addresses of the hooks, and where the code ends."""
    names = {name for _, hooks in KINDS for name in hooks}
    text = subprocess.run(["nm", "-D", "--defined-only", library], check=True,
                          capture_output=True, text=True).stdout
    found = {line.split()[2]: int(line.split()[0], 16) for line in text.splitlines()}
    headers = subprocess.run(["readelf", "-SW", library], check=True, capture_output=True,
                             text=True).stdout
    code = re.search(r" \.text\s+PROGBITS\s+(\w+) \w+ (\w+)", headers)
    start = int(code[1], 16)
    return {found[name]: name for name in names}, start, start + int(code[2], 16)


class Call:
    def __init__(self):
        self.lines = {"I": set(), "L": set(), "S": set()}
        self.instructions = 0

    def add(self, kind, address, size):
        self.instructions += kind == "I"
        for what in ("L", "S") if kind == "M" else (kind,):
            self.lines[what].update(range(address // 64, (address + size - 1) // 64 + 1))

    def figures(self):
        read = self.lines["L"] - self.lines["S"]
        pages = {line // 64 for lines in self.lines.values() for line in lines}
        return (self.instructions, len(self.lines["I"]), len(read), len(self.lines["S"]),
                len(pages))


def calls_of(output, entries, start, end):
    """The calls of hooks, in order, each a (name, Call)."""
    base, calls, inside = None, [], False
    for line in output:
        if line.startswith("base "):
            base = int(line.split()[1], 16)
        if base is None or line[:1] not in " I" or "," not in line:
            continue
        kind, place = line[:2].strip() or line[1:2], line[2:].strip()
        address, size = int(place.split(",")[0], 16), int(place.split(",")[1])
        if kind == "I":
            inside = base + start <= address < base + end
            if address - base in entries:
                calls.append((entries[address - base], Call()))
        if inside and calls:
            calls[-1][1].add(kind, address, size)
    return calls


def trace(build):
    library = os.path.join(build, "src", "shim", "libmemtrace.so")
    with tempfile.TemporaryDirectory(prefix="memtrace-lines-") as scratch:
        environment = dict(
            os.environ, LD_LIBRARY_PATH=os.path.join(build, "tests", "simcuda"),
            LD_PRELOAD=library, MEMTRACE_FORCE="1", MEMTRACE_STACKS="none",
            MEMTRACE_OUTPUT=os.path.join(scratch, "lines.mtrace"))
        program = os.path.join(build, "tests", "bench", "bench-cold")
        with subprocess.Popen(["valgrind", "--tool=lackey", "--trace-mem=yes", "--log-fd=1",
                               program, "--count"], env=environment, stdout=subprocess.PIPE,
                              text=True) as child:
            calls = calls_of(child.stdout, *symbols(library))
    if child.returncode:
        raise SystemExit(f"{program}: status {child.returncode}")
    return calls


def count(build):
    """Of each kind of call its least figures, a call."""
    calls, position = trace(os.path.abspath(build)), 0
    for kind, hooks in KINDS:
        found = {}
        for _ in range(CALLS):
            for i, hook in enumerate(hooks):
                name, call = calls[position]
                if name != hook:
                    raise SystemExit(f"{kind}: {hook} was expected and {name} was called")
                found.setdefault(i, []).append(call.figures())
                position += 1
        for i, hook in enumerate(hooks):
            yield (f"{kind} {('alloc', 'free')[i]}" if len(hooks) > 1 else kind), min(found[i])


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    print(f"{'call':18}" + "".join(f"{name:>14}" for name in FIGURES))
    for kind, figures in count(sys.argv[1]):
        print(f"{kind:18}" + "".join(f"{figure:14}" for figure in figures))


if __name__ == "__main__":
    main()
