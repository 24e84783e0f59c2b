#!/usr/bin/env python3
"""Iterations found in traces of real jobs, against the steps that these counted themselves.

usage: steps.py BUILD [STEM...]

For each STEM.mtrace beside a STEM.marks (all in tests/rhythm/real, if none is named), as left by
tests/gpu/rhythm.py: as many iterations as steps, each of which begins with the first launch of its
step. BUILD is the build folder. Prints a line for each; exit 1 if one is not so.
"""
import glob
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "gpu"))

import outcome  # noqa: E402
import rhythm  # noqa: E402
import traceread  # noqa: E402


def judge(stem):
    """(all is right, a line that says so or what is not)"""
    trace, name = stem + ".mtrace", os.path.basename(stem).removeprefix("rhythm_")
    marks = rhythm.read_marks(stem + ".marks", traceread.start_ns(trace))
    iterations = traceread.table(trace, "iterations")
    out = outcome.Outcome()
    found = rhythm.compare(out, name, marks, iterations, list(traceread.events(trace, "launch")))
    out.check(found["at_the_begin"] >= 0.95, "iterations begin elsewhere than steps do")
    levels = [row for row in traceread.table(trace, "rhythm") if row["is_iteration"]]
    warmup = levels[0]["warmup"] if levels else 0
    line = (f"{name}: {len(iterations)} iterations of {len(marks)}, warm-up {warmup}, "
            f"{100 * found['at_the_begin']:.0f} % begin with the step's first launch, "
            f"{100 * found['same_kernel']:.0f} % with the same kernel")
    return not out.failures, "; ".join([line, *out.failures])


def main(arguments):
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    traceread.BUILD = arguments[0]
    stems = arguments[1:] or [path[:-len(".mtrace")] for path in
                              sorted(glob.glob(os.path.join(HERE, "real", "*.mtrace")))]
    results = [judge(stem) for stem in stems]
    for good, line in results:
        print("ok:" if good else "not ok:", line)
    return 0 if results and all(good for good, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
