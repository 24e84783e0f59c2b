#!/usr/bin/env python3
"""Run the benchmarks that need no GPU and print a table, or write it into results.csv.

    python3 tests/bench/bench.py BUILDDIR [--write] [NAME...]

Names: hooks, cold, stacks, trace, analyze, import, heaptrack; on request large, huge, instructions.
What is compared is run in turn (A B A B) in the same call; a row gives the median and range over
the rounds. Of the analysis *_events is by the time of one processor, with no other one at hand, so
"a second and core"; *_clock is by the clock with all processors at hand, of which a second one
reads ahead, and others on the machine slow it down; *_spent is by the time of all processors in the
same runs. --write renews what benchdocs.py makes of the rows as well. Hook costs are differences of
a traced and a bare run of the same loop on the simulated device, so its own cost is subtracted.
cold: the same where other code and data ran before each call (cold.c), and what one call touches
(coldlines.py). instructions: what the analysis executes (valgrind's callgrind), a figure that no
other work on the machine changes.
"""
import csv
import datetime
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import benchdocs
import coldlines

HERE = os.path.dirname(os.path.abspath(__file__))
RESULTS = os.path.join(HERE, "results.csv")
FIELDS = ["name", "unit", "median", "low", "high", "limit", "rounds", "date", "machine"]


class Bench:
    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.rows = []
        self.scratch = tempfile.mkdtemp(prefix="memtrace-bench-")

    def path(self, *parts):
        return os.path.join(self.build, *parts)

    def row(self, name, unit, values, limit=""):
        self.rows.append({
            "name": name, "unit": unit, "median": f"{statistics.median(values):.3g}",
            "low": f"{min(values):.3g}", "high": f"{max(values):.3g}", "limit": limit,
            "rounds": len(values), "date": datetime.date.today().isoformat(),
            "machine": machine()})
        print("{name:34} {median:>9} {unit:10} ({low} to {high}, {rounds} rounds) {limit}".format(
            **self.rows[-1]), flush=True)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        names = [line.split(":")[1].strip() for line in info if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()} x{os.cpu_count()}"


def run(command, **kwargs):
    """Output lines of the form "name value" as a dict of floats."""
    done = subprocess.run(command, check=True, capture_output=True, text=True, **kwargs)
    return {name: float(value) for name, value in
            (line.split() for line in done.stdout.splitlines() if len(line.split()) == 2)}


def one_processor():
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def measured(command, alone=False):
    """Processor seconds (user and system), seconds by the clock, and peak MiB of a command whose
    output is thrown away; `alone`: on one processor."""
    start = time.monotonic()
    with open(os.devnull, "w", encoding="utf-8") as null:
        child = subprocess.Popen(command, stdout=null, stderr=null,
                                 preexec_fn=one_processor if alone else None)
        _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{command}: status {status}")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - start, usage.ru_maxrss / 1024


def environments(bench, stacks="none"):
    """Of a program on the simulated device, bare and recorded."""
    bare = dict(os.environ, LD_LIBRARY_PATH=bench.path("tests", "simcuda"))
    bare.pop("LD_PRELOAD", None)
    traced = dict(bare, LD_PRELOAD=bench.path("src", "shim", "libmemtrace.so"), MEMTRACE_FORCE="1",
                  MEMTRACE_OUTPUT=os.path.join(bench.scratch, "hooks.mtrace"),
                  MEMTRACE_STACKS=stacks)
    return bare, traced


def hooks(bench):
    bare, traced = environments(bench)
    limits = {"launch": "<= 50", "alloc_free": "<= 40", "block": "<= 40", "range": "<= 40"}
    for threads in (1, 8):
        added = {name: [] for name in limits}
        for _ in range(9):
            program = [bench.path("tests", "bench", "bench-hooks"), str(threads), "20"]
            before, after = run(program, env=bare), run(program, env=traced)
            for name, values in added.items():
                values.append(after[name] - before[name])
        for name, values in added.items():
            bench.row(f"hook_{name}_{threads}_threads", "ns/call", values, limits[name])


COLD = ("launch", "launch_ex", "launch_large", "alloc_free", "block")


def cold(bench):
    bare, traced = environments(bench)
    program = [bench.path("tests", "bench", "bench-cold"), "150"]
    added = {name: [] for name in COLD}
    for _ in range(15):
        before, after = run(program, env=bare), run(program, env=traced)
        for name, values in added.items():
            values.append(after[name] - before[name])
    for name, values in added.items():
        bench.row(f"hook_{name}_cold", "ns/call", values)
    if not shutil.which("valgrind"):
        print("valgrind: not installed (apt-get install valgrind), lines are not counted")
        return
    for kind, figures in coldlines.count(bench.build):
        for what, value in zip(coldlines.FIGURES, figures):
            bench.row(f"hook_{kind.replace(' ', '_')}_{what}", "lines" if what in coldlines.LINES
                      else what, [value])


def peak_kib(command, environment):
    """The most memory that a program had, which it prints."""
    return int(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout)


def stacks(bench):
    """What a stack adds to the report of a block, below as many frames as the name says; the last
    of 128 stacks that take turns."""
    library = bench.path("tests", "bench", "libstackcost.so")
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stackcost.py")
    python = [sys.executable, script, library, "25"]
    native = [bench.path("tests", "bench", "bench-stacks"), "26"]
    many = [native[0], "11", "7"]
    libunwind, theirs = bench.path("tests", "bench", "bench-unwind"), []
    for row, program, limit in (("python_25_frames", python, "<= 100"),
                                ("native_30_frames", native, "<= 1000"),
                                ("native_30_frames_of_128", many, "<= 1000")):
        added, name = [], row.partition("_")[0]
        for _ in range(5):
            without = run(program, env=environments(bench)[1])[name]
            added.append(run(program, env=environments(bench, name)[1])[name] - without)
            if program is native and os.path.exists(libunwind):
                theirs.append(run([libunwind, native[1]])["libunwind"])
        bench.row(f"stack_{row}", "ns/call", added, limit)
    if theirs:
        bench.row("stack_libunwind_30_frames", "ns/call", theirs)
    else:
        print("libunwind: not installed (apt-get install libunwind-dev), left out")
    many = [bench.path("tests", "stacks", "native-program"), "100000"]
    bare, once, often = (peak_kib([*many, rounds], environments(bench, kind)[1])
                         for rounds, kind in (("1", "none"), ("1", "native"), ("100", "native")))
    bench.row("stack_memory", "bytes/stack", [(once - bare) * 1024 / 1e5], "<= 1024")
    bench.row("stack_soak_10M_growth", "MiB", [(often - once) / 1024], "<= 20")
    path = os.path.join(bench.scratch, "training.mtrace")
    write = [bench.path("tests", "bench", "bench-trace"), "write", path, "500", "0", "6", "65536"]
    plain, told = run(write), run(write + ["5000"])
    bench.row("stack_bytes_added", "bytes/event",
              [told["bytes_per_event"] - plain["bytes_per_event"]], "<= 0.2")


def trace(bench):
    path = os.path.join(bench.scratch, "training.mtrace")
    writes, reads, leans = [], [], []
    for _ in range(5):
        writes.append(run([bench.path("tests", "bench", "bench-trace"), "write", path, "500"]))
        reads.append(run([bench.path("tests", "bench", "bench-trace"), "read", path]))
        leans.append(run([bench.path("tests", "bench", "bench-trace"), "lean", path]))
    bench.row("trace_periodic", "bytes/event", [w["bytes_per_event"] for w in writes], "<= 1.5")
    bench.row("trace_read", "Mevents/s", [r["read_meps"] for r in reads])
    bench.row("trace_read_lean", "Mevents/s", [r["read_meps"] for r in leans], ">= 66")
    noisy = run([bench.path("tests", "bench", "bench-trace"), "write", path, "500", "20"])
    bench.row("trace_with_irregular_blocks", "bytes/event", [noisy["bytes_per_event"]])


# What is asked for, from little to much: who holds memory and when it was most, which is what
# heaptrack_print tells; what kernels touch; the screen; all tables as CSV.
QUESTIONS = {
    "sites": lambda tables: ["--table=sites"],
    "replay": lambda tables: ["--table=kernels"],
    "summary": lambda tables: [],
    "csv": lambda tables: ["-q", "--csv", tables],
}


def analyze(bench, iterations=2500, rounds=5, name="analyze", questions=tuple(QUESTIONS)):
    path = os.path.join(bench.scratch, "analyze.mtrace")
    tables = os.path.join(bench.scratch, "tables")
    events = run([bench.path("tests", "bench", "bench-trace"), "write", path,
                  str(iterations)])["events"]
    os.makedirs(tables, exist_ok=True)
    for question in questions:
        program = [bench.path("tools", "memtrace-analyze"), *QUESTIONS[question](tables), path]
        alone, free = zip(*[(measured(program, True), measured(program)) for _ in range(rounds)])
        title = f"{name}_{question}_{events / 1e6:.0f}M"
        for suffix, limit, seconds in (("events", ">= 10", [cpu for cpu, _, _ in alone]),
                                       ("clock", "", [clock for _, clock, _ in free]),
                                       ("spent", "", [cpu for cpu, _, _ in free])):
            bench.row(f"{title}_{suffix}", "Mevents/s", [events / s / 1e6 for s in seconds], limit)
        bench.row(f"{title}_memory", "MiB", [peak for _, _, peak in free], "<= 1024")
    os.remove(path)
    shutil.rmtree(tables)


def instructions(bench):
    """Of two traces, the larger twice as long: what each further event takes, and what the rest."""
    if not shutil.which("valgrind"):
        print("instructions: valgrind is not installed, left out")
        return
    tables = os.path.join(bench.scratch, "tables")
    os.makedirs(tables, exist_ok=True)
    for question, arguments in QUESTIONS.items():
        events, executed = [], []
        for iterations in (500, 1000):
            path = os.path.join(bench.scratch, f"{iterations}.mtrace")
            events.append(run([bench.path("tests", "bench", "bench-trace"), "write", path,
                               str(iterations)])["events"])
            done = subprocess.run(
                ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                 bench.path("tools", "memtrace-analyze"), *arguments(tables), path],
                check=True, capture_output=True, text=True)
            executed.append(int(re.search(r"Collected : (\d+)", done.stderr)[1]))
        more = (executed[1] - executed[0]) / (events[1] - events[0])
        bench.row(f"analyze_{question}_instructions", "instructions/event", [more])
        bench.row(f"analyze_{question}_instructions_once", "M instructions",
                  [(executed[0] - more * events[0]) / 1e6])
    shutil.rmtree(tables)


def write_log(path, iterations):
    """A log as memtrace-import reads it, every iteration alike; its rows."""
    def block(i):
        return 0x7f0000000000 + i % 20 * 0x200000
    rows, time_ns = [], 0
    for i in range(20):
        rows.append(f"{time_ns + 500 * i},alloc,{block(i):#x},{(i + 1) * 65536},0,\n")
    for i in range(180):
        rows.append(f"{time_ns + 10000 + i // 3 * 2000},{'write' if i % 3 == 2 else 'read'},"
                    f"{block(i * 7):#x},65536,7,gemm_{i // 3 % 40}\n")
    for i in range(20):
        rows.append(f"{time_ns + 140000 + 300 * i},free,{block(i):#x},,0,\n")
    period = [row.split(",", 1) for row in rows]
    with open(path, "w", encoding="ascii") as log:
        log.write("time_ns,op,address,size_bytes,stream,by\n")
        for i in range(iterations):
            log.writelines(f"{int(at) + i * 150000},{rest}" for at, rest in period)
    return iterations * len(rows)


def imports(bench):
    log, trace_path = (os.path.join(bench.scratch, name) for name in ("a.csv", "a.mtrace"))
    rows = write_log(log, 10000)
    program = [bench.path("tools", "memtrace-import"), "csv", log, "-f", "-o", trace_path]
    results = [measured(program) for _ in range(5)]
    bench.row("import_csv", "Mrows/s", [rows / cpu / 1e6 for cpu, _, _ in results])
    bench.row("import_csv_memory", "MiB", [peak for _, _, peak in results])
    os.remove(log)


def large(bench):
    analyze(bench, iterations=25000, rounds=1)


def huge(bench):
    """A billion events; takes some eight minutes and a GB of disk."""
    analyze(bench, iterations=245000, rounds=1, questions=("summary",))


PAIRS = r"""
#include <stdlib.h>
#include <string.h>
static void *volatile sink;
static __attribute__((noinline)) void deep(int depth, long n)
{
    if (depth > 0) {
        deep(depth - 1, n);
        __asm__ volatile("");
        return;
    }
    for (long i = 0; i < n; i++) {
        sink = malloc(16 + i % 512);
        free(sink);
    }
}
int main(int c, char **v) { deep(20, c > 1 ? atol(v[1]) : 1000); return 0; }
"""


def heaptrack(bench):
    """What heaptrack_print takes for a program of allocations and frees at depth 20, and, in turn
    with it, memtrace-analyze: for a training job of as many events, launches among them
    (training_*), and for the same allocations and frees as blocks (pairs_*). On one processor by
    its time, and with all at hand by the clock (*_clock)."""
    if not shutil.which("heaptrack") or not shutil.which("heaptrack_print"):
        print("heaptrack: not installed (apt-get install heaptrack), left out")
        return
    source, program = (os.path.join(bench.scratch, name) for name in ("pairs.c", "pairs"))
    with open(source, "w", encoding="utf-8") as file:
        file.write(PAIRS)
    subprocess.run(["cc", "-O1", "-o", program, source], check=True)
    paths = {name: os.path.join(bench.scratch, name + ".mtrace") for name in ("training", "pairs")}
    writer = bench.path("tests", "bench", "bench-trace")
    events = run([writer, "write", paths["training"], "2500"])["events"]
    run([writer, "pairs", paths["pairs"], str(int(events / 2))])
    subprocess.run(["heaptrack", "-o", os.path.join(bench.scratch, "pairs.heap"), program,
                    str(int(events / 2))], check=True, capture_output=True, cwd=bench.scratch)
    heap = [name for name in os.listdir(bench.scratch) if name.startswith("pairs.heap")][0]
    programs = {f"{trace}_{question}": [bench.path("tools", "memtrace-analyze"),
                                        *QUESTIONS[question](None), paths[trace]]
                for trace, question in (name.split("_") for name, _ in benchdocs.AGAINST)}
    programs["heaptrack_print"] = ["heaptrack_print", "-f", os.path.join(bench.scratch, heap)]
    speeds = {(name, suffix): [] for name in programs for suffix in ("", "_clock")}
    for _ in range(7):
        for name, command in programs.items():
            speeds[name, ""].append(events / measured(command, True)[0] / 1e6)
            speeds[name, "_clock"].append(events / measured(command)[1] / 1e6)
    for (name, suffix), values in speeds.items():
        bench.row(f"same_{name}{suffix}", "Mevents/s", values)
    for (name, suffix), values in speeds.items():
        if name != "heaptrack_print":
            theirs = speeds["heaptrack_print", suffix]
            bench.row(f"{name}_over_heaptrack{suffix}", "ratio",
                      [a / b for a, b in zip(values, theirs)], ">= 1")


def write(rows):
    """Replace the rows of the same names, keep the others."""
    old = []
    if os.path.exists(RESULTS):
        with open(RESULTS, encoding="utf-8", newline="") as file:
            old = list(csv.DictReader(file))
    new = {row["name"] for row in rows}
    with open(RESULTS, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted([row for row in old if row["name"] not in new] + rows,
                                key=lambda row: row["name"]))


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    arguments = [a for a in sys.argv[2:] if a != "--write"]
    bench = Bench(sys.argv[1])
    known = {"hooks": hooks, "cold": cold, "stacks": stacks, "trace": trace, "analyze": analyze,
             "heaptrack": heaptrack, "import": imports, "large": large, "huge": huge,
             "instructions": instructions}
    start = time.time()
    try:
        for name in arguments or ["hooks", "cold", "stacks", "trace", "analyze",
                                  "import", "heaptrack"]:
            known[name](bench)
    finally:
        shutil.rmtree(bench.scratch, ignore_errors=True)
    if "--write" in sys.argv:
        write(bench.rows)
        benchdocs.write()
    print(f"{time.time() - start:.0f} s")


if __name__ == "__main__":
    main()
