#!/usr/bin/env python3
"""Iterations that the analyzer finds, against the steps that the training program counted.

usage: rhythm.py resnet50|gpt|moe|accumulate|evaluate|epochs|switch|decode|images

The program writes when each step began and ended; the analyzer does not see that. As many
iterations must be found as steps were run, each must begin within a step of its own, and, from one
of them to the next, at the same kernel: the same number of launches behind the step's begin where
steps are alike, the same kernel where they are not. An evaluation belongs to no iteration.

Of a decode loop the iteration is the request: what is kept of its tokens grows until it is over,
and input is copied once for it. The tokens have to be in table rhythm, as a part.
"""
import collections
import os

import jobs
import outcome
import traceread

STEPS = 40
LOOPS = {**dict.fromkeys(("moe", "accumulate", "evaluate", "epochs", "switch"), "train_loops.py"),
         **dict.fromkeys(("decode", "images"), "infer_loops.py")}
EVALUATE_EVERY = 10
TOKENS = 32  # that infer_loops.py draws behind the first one of each request


def read_marks(path, start):
    """[(begin, end)] of every step in the trace's own time."""
    with open(path, encoding="utf-8") as file:
        rows = [tuple(map(int, line.split())) for line in file if line.endswith("\n")]
    return [(begin - start, end - start) for _, begin, end in rows]


def step_of(marks, time):
    """The step that a time lies in or before; a few events may come before the mark."""
    for number, (begin, end) in enumerate(marks):
        before = marks[number - 1][1] if number else begin - 10 ** 9
        if before <= time < end:
            return number
    return None


def first_launch(launches, time, begin):
    """(how many launches behind the step's begin, which kernel) comes first at or after a time."""
    since = [launch for launch in launches if launch["time_ns"] >= begin]
    for number, launch in enumerate(since):
        if launch["time_ns"] >= time:
            return number, launch.get("kernel")
    return None


def share_of_most(values):
    """How many of them have the most frequent value."""
    return collections.Counter(values).most_common(1)[0][1] / len(values) if values else 0


def compare(out, name, marks, iterations, launches):
    """Also used by the self-test: everything that needs no GPU."""
    steps = [step_of(marks, row["start_ns"]) for row in iterations]
    out.equal(len(iterations), len(marks), "iterations found, steps run")
    out.check(None not in steps, f"iterations outside of every step: {steps.count(None)}")
    out.equal(len(set(steps)), len(steps), "steps in which an iteration begins")
    places = [first_launch(launches, row["start_ns"], marks[step][0])
              for row, step in zip(iterations, steps) if step is not None]
    places = [place for place in places[1:] if place]
    number = share_of_most([place[0] for place in places])
    kernel = share_of_most([place[1] for place in places])
    out.check(kernel >= 0.95, f"only {kernel:.2f} of the iterations begin with the same kernel")
    if name != "moe":
        out.check(number >= 0.95,
                  f"only {number:.2f} of the iterations begin as far behind the step's begin")
    if name in ("evaluate", "epochs"):
        overlong = [row for row, step in zip(iterations, steps)
                    if step is not None and (step + 1) % EVALUATE_EVERY == 0
                    and row["events"] > 1.2 * iterations[len(iterations) // 2]["events"]]
        out.equal(len(overlong), 0, "iterations that hold an evaluation")
    begin = sum(place[0] == 0 for place in places) / max(1, len(places))
    return {"same_kernel": kernel, "same_distance": number, "at_the_begin": begin}


def tokens_told(out, levels):
    """Whether a level is that of the tokens: the first one may be drawn by other kernels."""
    inside = [float(row["per_iteration"]) for row in levels if row["place"] == "part"]
    return out.check(any(TOKENS - 0.5 <= beats <= TOKENS + 1.5 for beats in inside),
                     f"no level has {TOKENS} or {TOKENS + 1} beats in an iteration: {inside}")


def check(out, arguments):
    name, = arguments
    stem = jobs.work(f"rhythm_{name}")
    trace, marks_file = stem + ".mtrace", stem + ".marks"
    jobs.remove(trace, marks_file)
    program = (LOOPS[name], "--loop", name) if name in LOOPS else (f"train_{name}.py",)
    size = ("--batch", 8, "--image", 64) if name == "resnet50" else ()
    status, _, stderr = jobs.run(jobs.launched(trace, jobs.python(
        program[0], *program[1:], "--steps", STEPS, "--marks", marks_file, *size)),
        dict(os.environ), stem + ".log")
    out.equal(status, 0, f"exit code ({stderr.strip()[-300:]})")
    marks = read_marks(marks_file, traceread.start_ns(trace))
    out.equal(len(marks), STEPS, "steps that were marked")
    iterations = traceread.table(trace, "iterations")
    launches = list(traceread.events(trace, "launch"))
    out.figures = compare(out, name, marks, iterations, launches)
    steady = sum(row["steady"] for row in iterations)
    rhythm = traceread.table(trace, "rhythm")
    if name == "decode":
        tokens_told(out, rhythm)
    levels = [row for row in rhythm if row["is_iteration"]]
    exact = float(levels[0]["exact_share"]) if levels else 0
    warmup = levels[0]["warmup"] if levels else 0
    out.figures.update({"steps": len(marks), "iterations": len(iterations), "steady": steady,
                        "warmup": warmup, "exact_share": exact})
    out.headline = (f"{len(iterations)} iterations in {len(marks)} steps, warm-up {warmup}, "
                    f"{100 * exact:.1f} % exact, {100 * out.figures['same_kernel']:.0f} % begin "
                    "with the same kernel, "
                    f"{100 * out.figures['at_the_begin']:.0f} % with the step's first")


if __name__ == "__main__":
    outcome.main(check)
