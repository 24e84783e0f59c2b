#!/usr/bin/env python3
"""Real traces of GPU training jobs: their tables as expected, their blocks as PyTorch saw them.

usage: real.py TOOLDIR [--renew]

For each MODEL.mtrace in tests/golden/real: memtrace-analyze writes the tables in MODEL/ to the
byte; memtrace-dump shows the blocks and launches that MODEL.json.gz says, which is PyTorch's own
record of the run (tests/gpu/golden_candidate.py makes both). --renew rewrites the tables, to be
read in the diff.
"""
import csv
import gzip
import io
import json
import os
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "real")
EMULATOR = shlex.split(os.environ.get("MESON_EXE_WRAPPER", ""))  # of another machine's programs


def tool(folder, name, *arguments):
    command = [*EMULATOR, os.path.join(os.path.abspath(folder), name), *arguments]
    return subprocess.run(command, cwd=HERE, check=True, capture_output=True, text=True).stdout


def differences(model, got):
    """Lines about each table that is not as expected."""
    expected = os.path.join(HERE, model)
    if sorted(os.listdir(got)) != sorted(os.listdir(expected)):
        yield f"{model}: tables {sorted(os.listdir(got))}"
        return
    for name in sorted(os.listdir(expected)):
        with open(os.path.join(expected, name), encoding="utf-8") as left, \
             open(os.path.join(got, name), encoding="utf-8") as right:
            for number, (want, have) in enumerate(zip(left, right), 1):
                if want != have:
                    yield f"{model}/{name}:{number}: expected {want.strip()}, got {have.strip()}"
                    break
            else:
                if left.read() != right.read():
                    yield f"{model}/{name}: the lengths differ"


def events(folder, model, kinds):
    text = tool(folder, "memtrace-dump", "--format", "csv", "--kind", kinds, model + ".mtrace")
    return list(csv.DictReader(io.StringIO(text)))


def blocks_differ(folder, model, torch):
    """PyTorch's record ends with a snapshot, the trace with the process: the rest must be frees."""
    ours = [[row["event"].removeprefix("block_"), int(row["address"], 0), int(row["size"])]
            for row in events(folder, model, "block_alloc,block_free")]
    theirs = torch["blocks"]
    if not theirs or ours[:len(theirs)] != theirs:
        yield f"{model}: the blocks are not PyTorch's"
    if any(what != "free" for what, _, _ in ours[len(theirs):]):
        yield f"{model}: blocks after PyTorch's snapshot"
    now = peak = 0
    for what, _, size in ours:
        now += size if what == "alloc" else -size
        peak = max(peak, now)
    if peak != torch["max_allocated"]:
        yield f"{model}: at most {peak} bytes, PyTorch says {torch['max_allocated']}"


def launches_differ(folder, model, torch):
    """Launches of each profiled step; marks are its begin and end in the trace's time."""
    times = [int(row["time_ns"]) for row in events(folder, model, "launch")]
    for step, begin, end in torch["marks_ns"]:
        wanted = torch["launches_per_step"].get(str(step))
        found = sum(begin <= time < end for time in times)
        if wanted is not None and found != wanted:
            yield f"{model}: {found} launches in step {step}, the profiler counted {wanted}"


def cut_differs(folder, model):
    """Of the first half of the file all that can be read is read, and counted."""
    with open(os.path.join(HERE, model + ".mtrace"), "rb") as file:
        whole = file.read()
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, "cut.mtrace")
        with open(path, "wb") as file:
            file.write(whole[:len(whole) // 2])
        tools = [[*EMULATOR, os.path.join(os.path.abspath(folder), name)]
                 for name in ("memtrace-analyze", "memtrace-dump")]
        summary = subprocess.run([*tools[0], "--table", "summary", "--format", "csv", path],
                                 capture_output=True, text=True)
        dump = subprocess.run([*tools[1], "--format", "csv", path], capture_output=True, text=True)
    facts = {row["key"]: row["value"] for row in csv.DictReader(io.StringIO(summary.stdout))}
    read = len(dump.stdout.splitlines()) - 1
    if summary.returncode != 1 or dump.returncode != 1:
        yield f"{model}, cut: exit codes {summary.returncode} and {dump.returncode}"
    if read < 1 or int(facts["events_read"]) != read:
        yield f"{model}, cut: {facts['events_read']} events read, the dump has {read}"


def check(folder, model, renew):
    with gzip.open(os.path.join(HERE, model + ".json.gz"), "rt", encoding="utf-8") as file:
        torch = json.load(file)
    yield from blocks_differ(folder, model, torch)
    yield from launches_differ(folder, model, torch)
    yield from cut_differs(folder, model)
    with tempfile.TemporaryDirectory() as got:
        target = os.path.join(HERE, model) if renew else got
        tool(folder, "memtrace-analyze", "-q", "--csv", target, model + ".mtrace")
        if not renew:
            yield from differences(model, got)


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    models = sorted(name[:-7] for name in os.listdir(HERE) if name.endswith(".mtrace"))
    wrong = [line for model in models for line in check(sys.argv[1], model, "--renew" in sys.argv)]
    print("\n".join(wrong) if wrong else f"{len(models)} real traces as expected")
    return 1 if wrong or not models else 0


if __name__ == "__main__":
    sys.exit(main())
