#!/usr/bin/env python3
"""SIGKILL in the middle of training: everything that was complete is in the trace.

usage: killed.py resnet50|gpt       VICTIMS=4 SEED=...

A first run, not killed, says what every step does: its launches, and the action and size of every
block in order. A victim writes a mark after each step, is killed at a random moment, and its trace
must tell the same story up to its last mark, and no other one after it. Addresses may differ from
process to process and are only checked within one.
"""
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
        self.launches = [e["time_ns"] for e in events if e["kind"] == "launch"]
        self.times = [e["time_ns"] for e in events if e["kind"] in equality.SHORT]
        self.blocks = [(equality.SHORT[e["kind"]], e["address"], e["size"]) for e in events
                       if e["kind"] in equality.SHORT]

    def shapes(self):
        return [(action, size) for action, _, size in self.blocks]

    def by_step(self):
        return compare.per_step(self.launches, self.marks)

    def blocks_until(self, step):
        """How many block events lie before the end of a step."""
        end = dict((number, end) for number, _, end in self.marks)[step]
        return sum(time <= end for time in self.times)


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


def against(story, reference):
    """(problems, completed steps compared)"""
    problems = pairing(story.blocks)
    usual, counted = reference.by_step(), story.by_step()
    for step, launches in counted.items():
        if step in usual and launches != usual[step]:
            problems.append(f"step {step}: {launches} launches, {usual[step]} in the whole run")
    mine, whole = story.shapes(), reference.shapes()
    common = min(len(mine), len(whole))
    for number in range(common):
        if mine[number] != whole[number]:
            problems.append(f"block event {number} is {mine[number]}, {whole[number]} in the "
                            "whole run")
            break
    last = min(max(counted, default=-1), max(usual))
    if last >= 0 and story.blocks_until(last) != reference.blocks_until(last):
        problems.append(f"{story.blocks_until(last)} block events until step {last} ended, "
                        f"{reference.blocks_until(last)} in the whole run")
    return problems[:6], last + 1


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
    problems, steps = against(story, reference)
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
    out.headline = (f"{len(victims)} kills, "
                    f"{sum(v['steps_compared'] for v in out.figures['victims'])} whole steps, "
                    "none incomplete")


if __name__ == "__main__":
    outcome.main(check)
