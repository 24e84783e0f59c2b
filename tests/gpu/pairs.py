#!/usr/bin/env python3
"""Overhead: a traced and a bare training process take turns of some steps, and so do processes
traced with other stacks, and processes with torch's own memory history.

usage: pairs.py resnet50|gpt    PAIRS=10 ROUNDS=2 STEPS=40 TURNS=10 WARM=1 CORES=4
                                 MODES=bare,traced,...

That fits a run of all tests; for figures that are worth printing PAIRS=20 ROUNDS=4, alone, and a
run more with the modes history and history_all.

Every round starts one process a mode: two processes of one program differ too, by where their
memory came to lie, so there are several rounds. While one runs its turn the others wait for a
line on stdin. A pair's STEPS are run in TURNS turns by each mode, one mode after the other, so
that start-up, warm-up and whatever slows the machine for a second hit all modes alike. The order
of the modes is drawn anew for each turn, so that none always follows the same one. `control` is a
second bare process: its ratio to the first says how much this scheme itself scatters. A turn
begins with WARM steps that are not counted: a process that others made wait finds its caches, the
GPU's queue and the processor's clock cold, which a job does not that runs by itself. Turns end
with one synchronisation; between them there is a pause in which the recorder's own thread can
finish. All processes share the same CORES processors, and the threads that launch (the main one
and autograd's) the first of them: on a virtual machine the same program runs up to 1.4 times
slower on one processor than on another, which would be taken for a difference between the modes.
"""
import json
import os
import random
import statistics
import subprocess
import time

import jobs
import outcome

LIMIT = {"resnet50": 1.02, "gpt": 1.05}  # traced as by default, of bare steps
PYTHON_LIMIT = 1.01  # with Python stacks, which is the default here, of steps without stacks
BOTH_LIMIT = 1.10    # with Python and native stacks, of bare steps
PAUSE = 0.01
MODES = "bare,traced,control,traced_none,traced_both"
ARGUMENTS = {
    "bare": [], "traced": [], "control": [], "traced_none": [], "traced_both": [],
    "history": ["--observer", "history"], "history_all": ["--observer", "history_all"],
}
SETTINGS = {f"traced_{kind}": {"MEMTRACE_STACKS": kind} for kind in ("none", "both")}


def setting(name, default):
    return type(default)(os.environ.get(name, default))


def siblings(core, root="/sys/devices/system/cpu"):
    """What the processors of one physical core have in common; unknown: every one is alone."""
    try:
        with open(f"{root}/cpu{core}/topology/thread_siblings_list", encoding="ascii") as file:
            return file.read()
    except OSError:
        return core


def cores():
    """CORES processors, of as many physical cores if there are: a recorder's thread that shared a
    core with the one that launches would slow it, which the scheduler avoids when it can."""
    there = sorted(os.sched_getaffinity(0))
    there = there[min(2, len(there) - 1):]
    alone = list({siblings(core): core for core in reversed(there)}.values())[::-1]
    shared = [core for core in there if core not in alone]
    return (alone + shared)[:setting("CORES", 4)]


def pinned():
    return ["taskset", "-c", ",".join(map(str, cores()))]


def one_core():
    """Where the launching threads run; the others keep away from it, if there is another."""
    return ["--core", str(cores()[0])] if len(cores()) > 1 else []


class Worker:
    """A training process that waits for its turn."""

    def __init__(self, model, mode, stem):
        self.mode, self.trace = mode, f"{stem}.{mode}.mtrace"
        command = jobs.python(f"train_{model}.py", "--serve", *one_core(), *ARGUMENTS[mode])
        if mode.startswith("traced"):
            jobs.remove(self.trace)
            command = jobs.launched(self.trace, command)
        command = [*pinned(), *command]
        self.log = open(f"{stem}.{mode}.log", "w", encoding="utf-8")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log, text=True,
                                        env={**os.environ, **SETTINGS.get(mode, {})})

    def answer(self):
        for line in self.process.stdout:
            if line.startswith("@ "):
                return line[2:].strip()
            self.log.write(line)
        raise RuntimeError(f"the {self.mode} process ended early; see {self.log.name}")

    def turn(self, steps):
        """Run so many steps; ms."""
        self.process.stdin.write(f"steps {steps}\n")
        self.process.stdin.flush()
        return int(self.answer()) / 1e6

    def warm_turn(self, steps, warm):
        """Run so many steps after others that are not counted; ms."""
        if warm:
            self.turn(warm)
        return self.turn(steps)

    def end(self):
        self.process.stdin.close()
        status = self.process.wait()
        self.log.close()
        return status


def shares(steps, turns):
    """[steps of a turn], as even as they can be."""
    return [steps * (turn + 1) // turns - steps * turn // turns for turn in range(turns)]


def take_turns(workers, pairs, steps, turns, warm=0):
    """[{mode: ms a step}], one a pair."""
    rows, order = [], random.Random(len(workers))
    for _ in range(pairs):
        row = dict.fromkeys((worker.mode for worker in workers), 0.0)
        for share in shares(steps, turns):
            for worker in order.sample(workers, len(workers)):
                row[worker.mode] += worker.warm_turn(share, warm)
                time.sleep(PAUSE)
        rows.append({mode: spent / steps for mode, spent in row.items()})
    return rows


def one_round(out, model, modes, number, pairs, shape):
    stem = jobs.work(f"overhead_{model}.{number}")
    workers = [Worker(model, mode, stem) for mode in modes]
    try:
        for worker in workers:
            worker.answer()
        for worker in workers:  # one turn each that is not counted: clocks and caches settle
            worker.turn(shape[0])
        rows = take_turns(workers, pairs, *shape)
        for worker in workers:
            out.equal(worker.end(), 0, f"exit code of the {worker.mode} process")
    finally:
        for worker in workers:
            worker.process.kill()
    return rows


def ratios(rows, mode, base="bare"):
    return [row[mode] / row[base] for row in rows]


def spread(values):
    low, middle, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    return {"median": statistics.median(values), "p25": low, "p75": high,
            "min": min(values), "max": max(values)}


def summarize(rows, modes):
    figures = {"pairs": len(rows), "modes": {}}
    for mode in modes:
        figures["modes"][mode] = {"ms": spread([row[mode] for row in rows])}
        if mode != "bare":
            figures["modes"][mode]["ratio"] = spread(ratios(rows, mode))
    return figures


def check_ratio(out, rows, mode, base, limit):
    """The median of mode / base over the pairs, if both took part."""
    if mode not in rows[0] or base not in rows[0]:
        return None
    median = statistics.median(ratios(rows, mode, base))
    out.check(median <= limit, f"{mode} x{median:.4f} of {base}, the limit is {limit}")
    return median


def check(out, arguments):
    model, = arguments
    modes = setting("MODES", MODES).split(",")
    pairs, rounds = setting("PAIRS", 10), setting("ROUNDS", 2)
    steps, turns, warm = setting("STEPS", 40), setting("TURNS", 10), setting("WARM", 1)
    rows = []
    for number in range(rounds):
        share = pairs // rounds + (number < pairs % rounds)
        rows += one_round(out, model, modes, number, share, (steps, turns, warm))
    with open(jobs.work(f"overhead_{model}.rows.json"), "w", encoding="utf-8") as file:
        json.dump(rows, file)
    out.check(len(rows) >= 10, f"{len(rows)} pairs; ten are the least that count")
    traced = check_ratio(out, rows, "traced", "bare", LIMIT[model])
    python = check_ratio(out, rows, "traced", "traced_none", PYTHON_LIMIT)
    check_ratio(out, rows, "traced_both", "bare", BOTH_LIMIT)
    out.figures = {"steps": steps, "turns": turns, "warm": warm, "rounds": rounds,
                   "limit": LIMIT[model], "python_over_none": python, **summarize(rows, modes),
                   "rows": rows}
    out.headline = f"x{traced:.4f} ({len(rows)} pairs of {steps}); " + ", ".join(
        f"{mode} x{statistics.median(ratios(rows, mode)):.3f}" for mode in modes[2:])


if __name__ == "__main__":
    outcome.main(check)
