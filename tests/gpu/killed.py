#!/usr/bin/env python3
"""SIGKILL in the middle of training: everything that was complete is in the trace.

usage: killed.py resnet50|gpt       VICTIMS=4 SEED=...

A first run, not killed, says what every step does: its launches, and how often it allocates and
frees blocks of which size. A victim writes a mark after each step, is killed at a random moment,
and its trace must tell the same of every step up to its last mark; what follows must fit into the
next step. Addresses differ from process to process and are only checked within one; so does the
order in which autocast drops its copies: order is only compared where there is no autocast.
"""
import bisect
import collections
import os
import random
import subprocess
import threading
import time

import compare
import equality
import jobs
import outcome
import traceread

REFERENCE_STEPS = 120
SMALL = {"resnet50": ["--batch", 8, "--image", 64], "gpt": ["--layers", 3, "--batch", 2]}
ORDERED = {"resnet50"}
START_LIMIT = 90  # seconds until the first steps
LONGEST = 1.0     # seconds of training before the kill, at most
READABLE = (0, 1)  # a killed trace may be reported as a problem in the input


def command(model, steps, marks):
    return jobs.python(f"train_{model}.py", "--steps", steps, "--marks", marks, *SMALL[model])


def lines(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().count("\n")
    except FileNotFoundError:
        return 0


class Story:
    """What a trace tells: blocks as (action, size), launch times, and marks in the trace's time."""

    def __init__(self, trace, marks):
        events = list(traceread.events(trace, "block_alloc", "block_free", "launch",
                                       accept=READABLE))
        self.marks = equality.read_marks(marks, traceread.start_ns(trace))
        self.launches = [e["time_ns"] for e in events if e["event"] == "launch"]
        self.times = [e["time_ns"] for e in events if e["event"] in equality.SHORT]
        self.blocks = [(equality.SHORT[e["event"]], e["address"], e["size"]) for e in events
                       if e["event"] in equality.SHORT]

    def shapes(self):
        return [(action, size) for action, _, size in self.blocks]

    def launches_by_step(self):
        return compare.per_step(self.launches, self.marks)

    def shapes_by_step(self):
        """How often each (action, size) comes until each step's end, since the one before; last,
        what comes after the last mark."""
        shapes, place, parts = self.shapes(), 0, []
        for _, _, end in self.marks:
            stop = bisect.bisect_right(self.times, end)
            parts.append(collections.Counter(shapes[place:stop]))
            place = stop
        return parts + [collections.Counter(shapes[place:])]


def pairing(blocks):
    """Every free names a live block with its size."""
    live, problems = {}, []
    for number, (action, address, size) in enumerate(blocks):
        if action == "alloc":
            if address in live:
                problems.append(f"block event {number}: {address:#x} is given out twice")
            live[address] = size
        elif live.pop(address, None) != size:
            problems.append(f"block event {number}: {address:#x} freed, not live with that size")
    return problems[:3]


class Victim(threading.Thread):
    """Trains until it is killed, `delay` seconds after its second step."""

    def __init__(self, model, stem, delay):
        super().__init__()
        self.model, self.delay, self.log = model, delay, stem + ".log"
        self.trace, self.marks = stem + ".mtrace", stem + ".marks"
        self.status = None

    def run(self):
        jobs.remove(self.trace, self.marks)
        with open(self.log, "w", encoding="utf-8") as log:
            process = subprocess.Popen(
                command(self.model, 1_000_000, self.marks), env=jobs.preloaded(self.trace),
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        limit = time.monotonic() + START_LIMIT
        while lines(self.marks) < 2 and process.poll() is None and time.monotonic() < limit:
            time.sleep(0.01)
        time.sleep(self.delay)
        process.kill()
        self.status = process.wait()


def first_difference(mine, whole):
    for number, (a, b) in enumerate(zip(mine, whole)):
        if a != b:
            return [f"block event {number} is {a}, {b} in the whole run"]
    return []


def against(story, reference, ordered):
    """(problems, completed steps compared)"""
    problems = pairing(story.blocks)
    usual, counted = reference.launches_by_step(), story.launches_by_step()
    for step, launches in counted.items():
        if step in usual and launches != usual[step]:
            problems.append(f"step {step}: {launches} launches, {usual[step]} in the whole run")
    mine, whole = story.shapes_by_step(), reference.shapes_by_step()
    steps = min(len(mine), len(whole)) - 1
    for step in range(steps):
        if mine[step] != whole[step]:
            odd = (mine[step] - whole[step]) + (whole[step] - mine[step])
            problems.append(f"step {step}: other blocks than in the whole run: {dict(odd)}")
    if len(mine) < len(whole) and mine[-1] - whole[steps]:
        problems.append(f"after the last mark: {dict(mine[-1] - whole[steps])} too many")
    if ordered:
        problems += first_difference(story.shapes(), reference.shapes())
    return problems[:6], steps


def train_whole(out, model, stem):
    trace, marks = stem + "whole.mtrace", stem + "whole.marks"
    jobs.remove(trace, marks)
    status, _, stderr = jobs.run(jobs.launched(trace, command(model, REFERENCE_STEPS, marks)),
                                 log=stem + "whole.log")
    out.equal(status, 0, f"exit code of the whole run ({stderr.strip()[-300:]})")
    return trace, marks


def check_victim(out, victim, name, reference):
    out.equal(victim.status, -9, f"{name}: its exit status")
    story = Story(victim.trace, victim.marks)
    problems, steps = against(story, reference, victim.model in ORDERED)
    out.none(problems, f"{name}, killed {victim.delay:.3f} s in")
    out.check(steps >= 2, f"{name}: only {steps} completed steps were compared")
    return {"delay_s": round(victim.delay, 3), "steps_compared": steps,
            "blocks": len(story.blocks), "launches": len(story.launches)}


def check(out, arguments):
    model, = arguments
    seed = int(os.environ.get("SEED", time.time_ns() % 1_000_000))
    chance = random.Random(seed)
    print(f"SEED={seed}")
    stem = jobs.work(f"killed_{model}.")
    victims = [Victim(model, f"{stem}{number}", chance.uniform(0, LONGEST))
               for number in range(int(os.environ.get("VICTIMS", 4)))]
    for victim in victims:
        victim.start()
    reference = Story(*train_whole(out, model, stem))
    for victim in victims:
        victim.join()
    out.figures = {"seed": seed, "victims": [
        check_victim(out, victim, f"victim {number}", reference)
        for number, victim in enumerate(victims)]}
    steps = sum(found["steps_compared"] for found in out.figures["victims"])
    out.headline = f"{len(victims)} kills, {steps} whole steps compared"


if __name__ == "__main__":
    outcome.main(check)
