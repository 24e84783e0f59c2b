#!/usr/bin/env python3
"""What stacks cost a training job, beside torch's own memory history: the turns of pairs.py with
stacks left out, of Python, and of both kinds.

usage: stackpairs.py resnet50|gpt        PAIRS, ROUNDS, STEPS, CORES as of pairs.py
"""
import statistics

import outcome
import pairs

MODES = ("bare", "traced_none", "traced_python", "traced_both", "history", "history_all")
PYTHON_LIMIT = 1.01  # of the steps traced without stacks
BOTH_LIMIT = 1.10    # of bare steps


def over(rows, mode, base):
    return statistics.median(row[mode] / row[base] for row in rows)


def check(out, arguments):
    model, = arguments
    number, rounds = pairs.setting("PAIRS", 12), pairs.setting("ROUNDS", 1)
    steps, rows = pairs.setting("STEPS", 30), []
    for turn in range(rounds):
        share = number // rounds + (turn < number % rounds)
        rows += pairs.one_round(out, model, MODES, turn, share, steps, "stacks")
    python, both = over(rows, "traced_python", "traced_none"), over(rows, "traced_both", "bare")
    out.figures = {"steps": steps, "python_over_none": python, "both_over_bare": both,
                   **pairs.summarize(rows, MODES), "rows": rows}
    out.check(python <= PYTHON_LIMIT,
              f"with Python stacks x{python:.4f} of without, the limit is {PYTHON_LIMIT}")
    out.check(both <= BOTH_LIMIT, f"with both x{both:.4f} of bare, the limit is {BOTH_LIMIT}")
    out.headline = (f"Python x{python:.4f} of none; of bare: " + ", ".join(
        f"{mode} x{over(rows, mode, 'bare'):.3f}" for mode in MODES[1:]))


if __name__ == "__main__":
    outcome.main(check)
