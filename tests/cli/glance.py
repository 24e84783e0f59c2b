#!/usr/bin/env python3
"""Whether the screen of a long trace, which looks closely at some iterations, says what the screen
beside all tables says, which looks at all of them.

usage: glance.py FOLDER_OF_TOOLS BENCH_TRACE
"""
import os
import re
import subprocess
import sys
import tempfile

ANALYZE = os.path.abspath(os.path.join(sys.argv[1], "memtrace-analyze"))
BENCH_TRACE = os.path.abspath(sys.argv[2])
NEAR = 0.05
UNITS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}


def screen(*arguments):
    """Lines of the screen by their labels."""
    done = subprocess.run([ANALYZE, *arguments], capture_output=True, text=True, check=True)
    return dict(re.findall(r"^  (\w+) +(.*)$", done.stdout, re.M))


def quantiles(line):
    """Times on the line about gaps, in ns, and of how many iterations they are."""
    found = re.match(r"half below ([\d.]+) (\w+), 99 % below ([\d.]+) (\w+) "
                     r"(?:between accesses|in ([\d,]+) iterations);", line)
    half, half_unit, most, most_unit, iterations = found.groups()
    return (float(half) * UNITS[half_unit], float(most) * UNITS[most_unit],
            int(iterations.replace(",", "")) if iterations else None)


def is_near(one, other):
    return abs(one - other) <= NEAR * other


def compare(some, every):
    """What is wrong, a line each."""
    if list(some) != list(every):
        yield f"other lines: {list(some)}, {list(every)}"
    for label in every:
        if label != "gaps" and some.get(label) != every[label]:
            yield f"{label}: {some.get(label)!r} for {every[label]!r}"
    half, most, iterations = quantiles(some["gaps"])
    all_half, all_most, all_iterations = quantiles(every["gaps"])
    if not is_near(half, all_half) or not is_near(most, all_most):
        yield f"gaps: {some['gaps']!r} for {every['gaps']!r}"
    if all_iterations is not None or iterations is None or not 10 < iterations < 100:
        yield f"looked closely at {iterations} iterations, and at {all_iterations}"


def main():
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for noise in ("0", "3"):
            path = os.path.join(folder, "long.mtrace")
            subprocess.run([BENCH_TRACE, "write", path, "300", noise], check=True,
                           stdout=subprocess.DEVNULL)
            some, every = screen(path), screen("--csv", os.path.join(folder, "tables"), path)
            for line in compare(some, every):
                print(f"noise {noise}: {line}")
                wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
